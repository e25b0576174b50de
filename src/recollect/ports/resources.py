"""The models and databases that this process knows by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol, TypeAlias

from recollect.domain.memory import JsonValue
from recollect.ports.models import Reranker


class ResourceKind(StrEnum):
    """What a resource is, as a configuration file heads its section."""

    EMBEDDER = "embedders"
    LANGUAGE_MODEL = "language_models"
    RERANKER = "rerankers"
    DATABASE = "databases"


ResourceStatus: TypeAlias = Literal["ready", "failed", "pending"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """Something that requests may name.

    Attributes:
        name: As it was declared; two names that differ in upper and lower case only are one.
        provider: Who offers it, in MemMachine's words.
        status: Pending until it was tried.
        problem: Why it failed, without any secret; None unless it did.
    """

    kind: ResourceKind
    name: str
    provider: str
    status: ResourceStatus = "pending"
    problem: str | None = None


class Resources(Protocol):
    """The resources of this process: those that were configured, then those added since."""

    def all(self, kind: ResourceKind) -> list[Resource]:
        """Return the resources of a kind, in the order they were declared."""
        ...

    async def add(
        self, kind: ResourceKind, name: str, provider: str, config: Mapping[str, JsonValue]
    ) -> Resource:
        """Try a new resource and keep it, ready or failed, until the process ends.

        Raises:
            InvalidRequest: The provider or its configuration is wrong; no value is repeated.
            AlreadyExists: The name is taken.
        """
        ...

    def reranker(self, name: str) -> Reranker | None:
        """Return the reranker of this name; None if it leaves the order as it is, or is none."""
        ...

    def remove(self, kind: ResourceKind, name: str) -> None:
        """Forget a resource that was added.

        Raises:
            NotFound: There is none of this name.
            Conflict: It was configured at the start.
        """
        ...

    async def retry(self, kind: ResourceKind, name: str) -> Resource:
        """Try a resource again.

        Raises:
            NotFound: There is none of this name.
        """
        ...


def find(resources: Resources, kind: ResourceKind, name: str) -> Resource | None:
    """The resource of this name, in whichever case it is written."""
    wanted = name.casefold()
    return next((r for r in resources.all(kind) if r.name.casefold() == wanted), None)
