"""The configuration of the memories that holds now, and changing it while the server runs."""

from collections.abc import Mapping

from recollect.domain.access import Right
from recollect.domain.changes import PutRecord
from recollect.domain.memory import JsonValue, RegistryRecord
from recollect.domain.scopes import ROOT
from recollect.errors import InvalidRequest, RevisionConflict
from recollect.operations.context import Context, commit, operation
from recollect.operations.memory_configuration import (
    EpisodicUpdate,
    MemoryConfiguration,
    SemanticUpdate,
    below,
)
from recollect.operations.request import Request, Result
from recollect.operations.retrying import retried
from recollect.ports import ResourceKind, find

RECORD = ("configuration", "memmachine")
"""Type and id of the registry record that keeps what was changed since the start."""

_STORES = ("auto", "vector_store", "pgvector", "neo4j")
"""What clients may be told of where facts are kept: it is our store."""
_BACKENDS = {
    "declarative": ("vector_graph_store",),
    "event": ("vector_store", "segment_store", "properties_schema"),
}
"""The fields that only one backend has."""
_NAMES = {
    "embedder": ResourceKind.EMBEDDER,
    "embedding_model": ResourceKind.EMBEDDER,
    "reranker": ResourceKind.RERANKER,
    "llm_model": ResourceKind.LANGUAGE_MODEL,
    "vector_graph_store": ResourceKind.DATABASE,
    "vector_store": ResourceKind.DATABASE,
    "segment_store": ResourceKind.DATABASE,
    "database": ResourceKind.DATABASE,
    "feature_store": ResourceKind.DATABASE,
    "vector_collection": ResourceKind.DATABASE,
}
"""The fields that name a resource, and of which kind."""
_OPENED_AT_START = {
    ResourceKind.EMBEDDER: ("episodic_memory.long_term_memory.embedder",),
    ResourceKind.LANGUAGE_MODEL: (
        "episodic_memory.short_term_memory.llm_model",
        "semantic_memory.llm_model",
    ),
}
"""The kinds of which one is in use until the process ends, and where it is named."""


class ReadConfiguration(Request):
    """Ask how conversations are remembered."""


class Configure(Request):
    """Change how conversations are remembered, for everybody and across restarts."""

    episodic_memory: EpisodicUpdate | None = None
    semantic_memory: SemanticUpdate | None = None

    def touches(self) -> tuple[str, ...]:
        """All scopes."""
        return (ROOT,)


class Configured(Result):
    """What was changed."""

    changed: list[str]
    """The values that are others now, such as `episodic_memory.enabled`."""


async def configuration_now(context: Context) -> MemoryConfiguration:
    """The configuration that holds now: what was configured, and what was changed since.

    For other operations: it asks for no right.
    """
    stored = await _overrides(context)
    return context.configuration.with_overrides(stored.content) if stored else context.configuration


@operation(Right.ADMIN)
async def read_configuration(context: Context, request: ReadConfiguration) -> MemoryConfiguration:
    """Tell how conversations are remembered."""
    del request
    return await configuration_now(context)


@operation(Right.ADMIN)
async def configure(context: Context, request: Configure) -> Configured:
    """Change how conversations are remembered; every process on this store sees it.

    Raises:
        InvalidRequest: A name is of no resource, or something cannot change while it runs.
    """
    wanted = _overrides_of(request)
    _check(context, wanted)
    # Somebody may change something else meanwhile.
    return await retried(lambda: _attempt(context, request, wanted), RevisionConflict)


async def _attempt(
    context: Context, request: Configure, wanted: Mapping[str, JsonValue]
) -> Configured:
    stored = await _overrides(context)
    before: Mapping[str, JsonValue] = stored.content if stored else {}
    now = context.configuration.with_overrides(before)
    changed = {path: value for path, value in wanted.items() if now.at(path) != value}
    if not changed:
        return Configured(changed=[])
    record_type, record_id = RECORD
    revision = stored.revision if stored else 0
    record = RegistryRecord(
        type=record_type,
        id=record_id,
        content={**before, **changed},
        updated_at=context.now(),
        revision=revision + 1,
    )
    put = PutRecord(record=record, expected_revision=revision)
    return await commit(context, request, Configured(changed=sorted(changed)), put)


async def _overrides(context: Context) -> RegistryRecord | None:
    record_type, record_id = RECORD
    found = await context.records.registered(context.tenant, record_type, [record_id])
    return found[0] if found else None


def _overrides_of(request: Configure) -> dict[str, JsonValue]:
    """The values asked for, by the path of each in the configuration."""
    wanted: dict[str, JsonValue] = {}
    if request.episodic_memory is not None:
        wanted |= below("episodic_memory", request.episodic_memory.values())
    if request.semantic_memory is not None:
        wanted |= below("semantic_memory", request.semantic_memory.values())
    return _without_other_backend(wanted) | wanted


def _without_other_backend(wanted: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Switching the backend clears what only the other one has."""
    start = "episodic_memory.long_term_memory."
    backend = wanted.get(f"{start}backend")
    return {
        start + field: None
        for other, fields in _BACKENDS.items()
        if backend not in (None, other)
        for field in fields
    }


def _check(context: Context, wanted: Mapping[str, JsonValue]) -> None:
    for path, value in wanted.items():
        field = path.rpartition(".")[2]
        if field in _NAMES and isinstance(value, str):
            check_resource(context, path, _NAMES[field], value)
        if field == "storage_backend":
            _check_store(path, str(value))


def check_resource(context: Context, path: str, kind: ResourceKind, name: str) -> None:
    """Check that what is chosen at this path can be had.

    Raises:
        InvalidRequest: There is no such resource, or it is another one than that in use.
    """
    if find(context.resources, kind, name) is None:
        known = ", ".join(resource.name for resource in context.resources.all(kind))
        raise InvalidRequest(f"{path}: no such resource; {kind.value} known: {known or 'none'}")
    if kind in _OPENED_AT_START and name.casefold() not in _in_use(context, _OPENED_AT_START[kind]):
        raise InvalidRequest(
            f"{path}: the one in use is chosen at the start; to change it, name the other one in "
            "the configuration file and start again"
        )


def _in_use(context: Context, paths: tuple[str, ...]) -> set[str]:
    named: list[str | None] = [context.configuration.at(path) for path in paths]
    return {name.casefold() for name in named if name is not None}


def _check_store(path: str, backend: str) -> None:
    if backend not in _STORES:
        raise InvalidRequest(f"{path}: must be one of {', '.join(_STORES)}")
