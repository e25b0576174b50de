"""What the settings offer by name, and how conversations are remembered with it."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from recollect.app.resources import NamedResources, Offer
from recollect.domain.access import LOCAL_TENANT
from recollect.domain.memory import JsonValue
from recollect.errors import InvalidRequest
from recollect.operations import (
    EpisodicMemory,
    LongTermMemory,
    MemoryConfiguration,
    SemanticMemory,
    ShortTermMemory,
)
from recollect.operations.memory_configuration import MESSAGE_CAPACITY
from recollect.ports import Embedder, Maintenance, Reranker, Resource, ResourceKind
from recollect.settings import (
    Configuration,
    IdentityRerankerSettings,
    ModelSettings,
    NamedResource,
    RerankerSettings,
    Settings,
    model_settings,
    reranker_settings,
    resource_from,
)

EMBEDDER = "default_embedder"
RERANKER = "default_reranker"
DATABASE = "default_database"
LANGUAGE_MODEL = "default_model"
"""The names of what there is when no configuration file names another."""

_PROVIDERS = {"minilm": "sentence-transformer", "hashing": "hashing", "openai": "openai"}


@dataclass(frozen=True, slots=True, kw_only=True)
class InUse:
    """What this process runs with, and how it tries what it does not.

    Attributes:
        try_model: Asks the model of these settings once; raises if it does not answer.
        reranker_of: The reranker of these settings.
    """

    settings: Settings
    embedder: Embedder
    maintenance: Maintenance
    try_model: Callable[[ModelSettings], Awaitable[None]]
    reranker_of: Callable[[RerankerSettings, Embedder], Reranker]


def memory_configuration(settings: Settings) -> MemoryConfiguration:
    """How conversations are remembered, before anybody changed it."""
    if (configured := settings.configured) is not None:
        return _configured_memory(configured)
    language_model = LANGUAGE_MODEL if settings.language_model else None
    return MemoryConfiguration(
        episodic_memory=EpisodicMemory(
            long_term_memory=LongTermMemory(
                backend="event",
                embedder=EMBEDDER,
                reranker=RERANKER,
                vector_store=DATABASE,
                segment_store=DATABASE,
                properties_schema={},
            ),
            short_term_memory=ShortTermMemory(llm_model=language_model),
        ),
        semantic_memory=SemanticMemory(
            database=DATABASE, embedding_model=EMBEDDER, llm_model=language_model
        ),
    )


def _configured_memory(configured: Configuration) -> MemoryConfiguration:
    episodic, semantic = configured.sections.episodic_memory, configured.sections.semantic_memory
    long, short = episodic.long_term_memory, episodic.short_term_memory
    embedder = configured.embedder.name if configured.embedder else EMBEDDER
    return MemoryConfiguration(
        episodic_memory=EpisodicMemory(
            long_term_memory=LongTermMemory(
                backend=long.backend or "declarative",
                embedder=embedder,
                reranker=long.reranker or None,
                vector_graph_store=long.vector_graph_store,
                vector_store=long.vector_store,
                segment_store=long.segment_store,
                properties_schema=long.properties_schema,
                enabled=episodic.long_term_memory_enabled,
            ),
            short_term_memory=ShortTermMemory(
                llm_model=short.llm_model,
                message_capacity=short.message_capacity or MESSAGE_CAPACITY,
                enabled=episodic.short_term_memory_enabled,
            ),
            enabled=episodic.enabled,
        ),
        semantic_memory=SemanticMemory(
            enabled=semantic.enabled,
            database=semantic.database or DATABASE,
            storage_backend=semantic.storage_backend,
            feature_store=semantic.feature_store,
            vector_collection=semantic.vector_collection,
            vector_dimensions=semantic.vector_dimensions,
            llm_model=semantic.llm_model,
            embedding_model=semantic.embedding_model or embedder,
            ingestion_trigger_messages=semantic.ingestion_trigger_messages,
            ingestion_trigger_age_seconds=max(
                1, int(semantic.ingestion_trigger_age.total_seconds())
            ),
            org_categories=configured.sections.prompt.default_org_categories,
            project_categories=configured.sections.prompt.default_project_categories,
            user_categories=configured.sections.prompt.default_user_categories,
        ),
    )


def named_resources(in_use: InUse) -> NamedResources:
    """The resources that there are, by name; every kind but language models has one at least."""
    configured = in_use.settings.configured
    offers = [_offer(in_use, resource) for resource in configured.resources] if configured else []
    kinds = {offer.resource.kind for offer in offers}
    offers += [offer for offer in _defaults(in_use) if offer.resource.kind not in kinds]
    return NamedResources(offers, partial(_added, in_use))


def _defaults(in_use: InUse) -> Iterator[Offer]:
    yield _embedder(in_use, EMBEDDER, _PROVIDERS[in_use.settings.embedder.kind])
    chosen = in_use.settings.reranker or IdentityRerankerSettings()
    yield _reranker(in_use, RERANKER, chosen.kind, chosen)
    if (model := in_use.settings.language_model) is not None:
        yield _model(in_use, ResourceKind.LANGUAGE_MODEL, LANGUAGE_MODEL, model.kind, model)
    yield _database(in_use, DATABASE, in_use.settings.store.kind)


def _offer(in_use: InUse, resource: NamedResource) -> Offer:
    kind, name = ResourceKind(resource.kind), resource.name
    configured = in_use.settings.configured
    match kind:
        case ResourceKind.EMBEDDER if configured and configured.embedder == resource:
            return _embedder(in_use, name, resource.provider)
        case ResourceKind.EMBEDDER | ResourceKind.LANGUAGE_MODEL:
            return _model(in_use, kind, name, resource.provider, model_settings(resource))
        case ResourceKind.DATABASE:
            return _database(in_use, name, resource.provider)
        case ResourceKind.RERANKER if configured:
            settings = reranker_settings(configured, resource)
            return _reranker(in_use, name, resource.provider, settings)
        case ResourceKind.RERANKER:
            raise InvalidRequest("rerankers cannot be added while the server runs")


def _model(
    in_use: InUse, kind: ResourceKind, name: str, provider: str, settings: ModelSettings
) -> Offer:
    return Offer(
        resource=Resource(kind=kind, name=name, provider=provider),
        trial=partial(in_use.try_model, settings),
    )


def _reranker(in_use: InUse, name: str, provider: str, settings: RerankerSettings) -> Offer:
    reranker = in_use.reranker_of(settings, in_use.embedder)
    return Offer(
        resource=Resource(kind=ResourceKind.RERANKER, name=name, provider=provider, status="ready"),
        trial=partial(reranker.scores, "ready?", ["ready"]),
        reranker=None if settings.kind == "identity" else reranker,
    )


def _embedder(in_use: InUse, name: str, provider: str) -> Offer:
    return Offer(
        resource=Resource(kind=ResourceKind.EMBEDDER, name=name, provider=provider),
        trial=partial(in_use.embedder.embed, ["ready?"], purpose="query"),
        problem=lambda: in_use.embedder.problem,
    )


def _database(in_use: InUse, name: str, provider: str) -> Offer:
    return Offer(
        resource=Resource(kind=ResourceKind.DATABASE, name=name, provider=provider, status="ready"),
        trial=partial(in_use.maintenance.ping, LOCAL_TENANT),
    )


def _added(
    in_use: InUse, kind: ResourceKind, name: str, provider: str, config: Mapping[str, JsonValue]
) -> Offer:
    resource, problems = resource_from(kind.value, name, provider, config)
    if resource is None:
        raise InvalidRequest("; ".join(problems))
    return _offer(in_use, resource)
