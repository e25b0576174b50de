"""What the settings offer by name, and how conversations are remembered with it."""

from collections.abc import Mapping
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
)
from recollect.ports import Embedder, Maintenance, Resource, ResourceKind
from recollect.settings import Settings

EMBEDDER = "default_embedder"
RERANKER = "default_reranker"
DATABASE = "default_database"
"""The names of what there is without a configuration file."""

_PROVIDERS = {"minilm": "sentence-transformer", "hashing": "hashing", "openai": "openai"}


def memory_configuration(settings: Settings) -> MemoryConfiguration:
    """How conversations are remembered, before anybody changed it."""
    del settings
    return MemoryConfiguration(
        episodic_memory=EpisodicMemory(
            long_term_memory=LongTermMemory(
                backend="event",
                embedder=EMBEDDER,
                reranker=RERANKER,
                vector_store=DATABASE,
                segment_store=DATABASE,
                properties_schema={},
            )
        ),
        semantic_memory=SemanticMemory(database=DATABASE, embedding_model=EMBEDDER),
    )


def named_resources(
    settings: Settings, embedder: Embedder, maintenance: Maintenance
) -> NamedResources:
    """The resources that there are, by name."""
    chosen = _PROVIDERS[settings.embedder.kind]
    return NamedResources(
        [
            Offer(
                resource=Resource(kind=ResourceKind.EMBEDDER, name=EMBEDDER, provider=chosen),
                trial=partial(embedder.embed, ["ready?"], purpose="query"),
                problem=lambda: embedder.problem,
            ),
            _always_there(ResourceKind.RERANKER, RERANKER, "identity"),
            Offer(
                resource=Resource(
                    kind=ResourceKind.DATABASE, name=DATABASE, provider="sqlite", status="ready"
                ),
                trial=partial(maintenance.ping, LOCAL_TENANT),
            ),
        ],
        _offer,
    )


async def _nothing() -> None:
    return


def _always_there(kind: ResourceKind, name: str, provider: str) -> Offer:
    return Offer(
        resource=Resource(kind=kind, name=name, provider=provider, status="ready"),
        trial=_nothing,
    )


def _offer(kind: ResourceKind, name: str, provider: str, config: Mapping[str, JsonValue]) -> Offer:
    del name, config
    raise InvalidRequest(f"{kind.value} of {provider} are not built yet")
