"""What a project of conversations asks for, and what the server has."""

from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from recollect.errors import InvalidRequest
from recollect.operations.request import Label, Request

MAX_PROPERTIES = 1000

Backend: TypeAlias = Literal["declarative", "event"]
PropertyType: TypeAlias = Literal["bool", "int", "float", "str", "datetime"]


class ProjectConfig(Request):
    """The configured resources that a project asks for, in MemMachine's terms.

    An empty name, and no backend, leave the choice to the server.
    """

    backend: Backend | None = None
    embedder: Label = ""
    reranker: Label = ""
    vector_graph_store: Label = ""
    """Only of the backend `declarative`."""
    vector_store: Label = ""
    """Only of the backend `event`, as is the segment store."""
    segment_store: Label = ""
    properties_schema: Annotated[dict[Label, PropertyType], Field(max_length=MAX_PROPERTIES)] = (
        Field(default_factory=dict)
    )
    """The metadata that filters may name, each with its type; any if empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """The names that the configuration gives to models, and what projects get by default."""

    embedders: frozenset[str] = frozenset()
    rerankers: frozenset[str] = frozenset()
    language_models: frozenset[str] = frozenset()
    project: ProjectConfig = field(default_factory=lambda: ProjectConfig(backend="event"))

    def resolved(self, asked: ProjectConfig) -> ProjectConfig:
        """What a project gets that asks for this; stores of the other backend are left empty.

        Raises:
            InvalidRequest: No embedder or reranker has that name.
        """
        require_known("embedder", asked.embedder, self.embedders)
        require_known("reranker", asked.reranker, self.rerankers)
        given = {name: value for name, value in asked.model_dump().items() if value}
        resolved = self.project.model_copy(update=given)
        if resolved.backend == "event":
            return resolved.model_copy(update={"vector_graph_store": ""})
        return resolved.model_copy(update={"vector_store": "", "segment_store": ""})


def require_known(resource: str, name: str | None, known: frozenset[str]) -> None:
    """Check that a resource is configured under this name; '' and None ask for none.

    Raises:
        InvalidRequest: It is not; the message lists those that are.
    """
    if name and name not in known:
        have = ", ".join(sorted(known)) or "none"
        raise InvalidRequest(f"no {resource} has the name {name!r}; configured: {have}")
