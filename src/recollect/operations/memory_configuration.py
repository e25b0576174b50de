"""How conversations are remembered, in MemMachine's terms: one value, and what changes of it."""

from collections.abc import Mapping
from functools import reduce
from typing import Annotated, Any, Literal, TypeVar

from pydantic import ConfigDict, Field

from recollect.domain.memory import JsonValue
from recollect.operations.request import Request, Result

R = TypeVar("R", bound=Result)

Backend = Literal["declarative", "event"]
PropertyType = Literal["bool", "int", "float", "str", "datetime"]
Positive = Annotated[int, Field(gt=0)]
MESSAGE_CAPACITY = 64_000
"""MemMachine's own, in characters of content."""


class LongTermMemory(Result):
    """How older episodes are found."""

    backend: Backend | None = None
    embedder: str | None = None
    reranker: str | None = None
    vector_graph_store: str | None = None
    vector_store: str | None = None
    segment_store: str | None = None
    properties_schema: dict[str, PropertyType] | None = None
    enabled: bool = True


class ShortTermMemory(Result):
    """What of a session's newest messages is at hand."""

    llm_model: str | None = None
    message_capacity: int | None = MESSAGE_CAPACITY
    """Characters of the newest messages' content, and of the summary."""
    enabled: bool = True


class EpisodicMemory(Result):
    """What is remembered of conversations, word by word."""

    long_term_memory: LongTermMemory = LongTermMemory()
    short_term_memory: ShortTermMemory = ShortTermMemory()
    enabled: bool = True

    @property
    def searches_long_term(self) -> bool:
        """Whether older episodes are found at all."""
        return self.enabled and self.long_term_memory.enabled

    @property
    def searches_short_term(self) -> bool:
        """Whether a session's newest messages are at hand at all."""
        return self.enabled and self.short_term_memory.enabled


class SemanticMemory(Result):
    """What is known as facts; what is excluded is in no answer."""

    enabled: bool = True
    database: str | None = None
    storage_backend: str | None = "auto"
    feature_store: str | None = None
    vector_collection: str | None = None
    vector_dimensions: int | None = Field(default=None, exclude=True)
    llm_model: str | None = None
    embedding_model: str | None = None
    ingestion_trigger_messages: Positive = Field(default=5, exclude=True)
    ingestion_trigger_age_seconds: Positive = Field(default=300, exclude=True)
    org_categories: tuple[str, ...] = Field(default=(), exclude=True)
    project_categories: tuple[str, ...] = Field(default=("profile_prompt",), exclude=True)
    user_categories: tuple[str, ...] = Field(default=(), exclude=True)
    """The templates of the categories that sets of a kind have from the start."""


class MemoryConfiguration(Result):
    """All of it."""

    episodic_memory: EpisodicMemory = EpisodicMemory()
    semantic_memory: SemanticMemory = SemanticMemory()

    def with_overrides(self, overrides: Mapping[str, JsonValue]) -> "MemoryConfiguration":
        """This with other values at paths such as `episodic_memory.enabled`.

        Paths that lead nowhere are left out: an older version has written them.
        """
        return _overridden(self, overrides)

    def at(self, path: str) -> Any:
        """The value at a path."""
        return reduce(getattr, path.split("."), self)


def _overridden(value: R, overrides: Mapping[str, JsonValue]) -> R:
    changed = dict(value)
    for name, before in value:
        if name in overrides:
            changed[name] = overrides[name]
        elif isinstance(before, Result):
            start = f"{name}."
            below = {k[len(start) :]: v for k, v in overrides.items() if k.startswith(start)}
            changed[name] = _overridden(before, below)
    return type(value).model_validate(changed)


class Update(Request):
    """Only what is given changes; what MemMachine's clients send besides is ignored."""

    model_config = ConfigDict(extra="ignore")

    def values(self) -> dict[str, JsonValue]:
        """What is given, by the path of each value in its part of the configuration."""
        return self.model_dump(exclude_none=True)


class LongTermUpdate(Update):
    """Changes of the long-term memory."""

    backend: Backend | None = None
    embedder: str | None = None
    reranker: str | None = None
    vector_graph_store: str | None = None
    vector_store: str | None = None
    segment_store: str | None = None
    properties_schema: dict[str, PropertyType] | None = None


class ShortTermUpdate(Update):
    """Changes of the short-term memory."""

    llm_model: str | None = None
    message_capacity: Positive | None = None


class EpisodicUpdate(Update):
    """Changes of the episodic memory."""

    long_term_memory: LongTermUpdate | None = None
    short_term_memory: ShortTermUpdate | None = None
    long_term_memory_enabled: bool | None = None
    short_term_memory_enabled: bool | None = None
    enabled: bool | None = None

    def values(self) -> dict[str, JsonValue]:
        """As above; a switch of a part lies in that part."""
        given: dict[str, JsonValue] = {
            "enabled": self.enabled,
            "long_term_memory.enabled": self.long_term_memory_enabled,
            "short_term_memory.enabled": self.short_term_memory_enabled,
        }
        if self.long_term_memory is not None:
            given |= below("long_term_memory", self.long_term_memory.values())
        if self.short_term_memory is not None:
            given |= below("short_term_memory", self.short_term_memory.values())
        return {path: value for path, value in given.items() if value is not None}


class SemanticUpdate(Update):
    """Changes of the semantic memory."""

    enabled: bool | None = None
    database: str | None = None
    storage_backend: str | None = None
    feature_store: str | None = None
    vector_collection: str | None = None
    vector_dimensions: Positive | None = None
    llm_model: str | None = None
    embedding_model: str | None = None
    ingestion_trigger_messages: Positive | None = None
    ingestion_trigger_age_seconds: Positive | None = None


def below(part: str, values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The values with their paths as seen from above that part."""
    return {f"{part}.{path}": value for path, value in values.items()}
