"""How a request names one memory: by its id, or by scope and name."""

from typing import Self

from pydantic import model_validator

from recollect.domain.memory import Memory
from recollect.operations.context import Context
from recollect.operations.request import MemoryId, Name, Request, Scope


class Reference(Request):
    """Names one memory, by `id` or by `scope` and `name`."""

    id: MemoryId | None = None
    scope: Scope = ""
    name: Name | None = None

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.id is None) == (self.name is None):
            raise ValueError("name the memory by its id, or by scope and name")
        return self


async def find(context: Context, reference: Reference) -> Memory:
    """The memory that the request names; raises NotFound."""
    if reference.id is not None:
        return await context.get(reference.id)
    return await context.get_named(reference.scope, reference.name or "")
