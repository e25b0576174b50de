"""Which of the configured resources a project asks for, and what it gets."""

from typing import Annotated

from pydantic import Field

from recollect.operations.configure import check_resource, configuration_now
from recollect.operations.context import Context
from recollect.operations.memory_configuration import Backend, PropertyType
from recollect.operations.request import Label, Request
from recollect.ports import ResourceKind

MAX_PROPERTIES = 1000


class ProjectConfig(Request):
    """The resources that a project asks for, in MemMachine's terms.

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


async def resolved(context: Context, asked: ProjectConfig) -> ProjectConfig:
    """What a project gets that asks for this; stores of the other backend are left empty.

    Raises:
        InvalidRequest: The server has no such embedder or reranker.
    """
    for kind, name in (
        (ResourceKind.EMBEDDER, asked.embedder),
        (ResourceKind.RERANKER, asked.reranker),
    ):
        if name:
            check_resource(context, kind.value.removesuffix("s"), kind, name)
    episodic = (await configuration_now(context)).episodic_memory
    if not episodic.enabled:
        return ProjectConfig()
    usual = episodic.long_term_memory.model_dump(exclude={"enabled"})
    given = asked.model_dump()
    config = ProjectConfig.model_validate(
        {name: given[name] or usual[name] or given[name] for name in given}
    )
    if config.backend == "event":
        return config.model_copy(update={"vector_graph_store": ""})
    return config.model_copy(update={"vector_store": "", "segment_store": ""})
