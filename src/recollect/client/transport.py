"""How a client's requests reach the operations: the one thing that differs between clients."""

from collections.abc import AsyncGenerator, AsyncIterable
from typing import Protocol, TypeVar

from recollect.operations import Imported, Operation, Request, Result

Q = TypeVar("Q", bound=Request)
R = TypeVar("R", bound=Result)


class Transport(Protocol):
    """Carries requests to operations, in this process or elsewhere.

    Every method raises the operations' own errors, and Unavailable when nothing answers.
    """

    async def run(self, operation: Operation[Q, R], request: Q) -> R:
        """Have the operation carry the request out, once."""
        ...

    def export(self) -> AsyncGenerator[str]:
        """Every record as lines of JSON, each with its line end; the format's name first."""
        ...

    async def import_lines(self, lines: AsyncIterable[str], *, dry_run: bool = False) -> Imported:
        """Store what an export gave, or tell what would be stored; a line's end may be missing."""
        ...

    async def aclose(self) -> None:
        """Let go of what it holds; may be called twice."""
        ...
