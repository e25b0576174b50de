"""How a memory is shown."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import JsonValue, PlainSerializer

from recollect.domain.memory import Kind, Memory
from recollect.domain.serialisation import format_time, memory_to_json
from recollect.operations.request import Result

Time = Annotated[datetime, PlainSerializer(format_time, return_type=str, when_used="json")]


class Arm(Result):
    """Where an arm of the search ranked a memory, from 1, and the arm's own score."""

    rank: int | None
    """null when the arm did not find it by itself."""
    score: float


class MemoryView(Result):
    """A memory: what is common to all kinds, then what its kind adds (null for the others)."""

    id: str
    kind: Kind
    scope: str
    """'' is the root."""
    content: str
    tags: list[str]
    metadata: dict[str, JsonValue]
    source: str | None
    external_id: str | None
    occurred_at: Time
    """When it happened."""
    created_at: Time
    """When it was first stored."""
    updated_at: Time
    """When this revision was stored."""
    revision: int
    importance: float | None
    expires_at: Time | None
    name: str | None = None
    producer: str | None = None
    produced_for: str | None = None
    role: str | None = None
    session: str | None = None
    position: int | None = None
    category: str | None = None
    tag: str | None = None
    feature: str | None = None
    set_id: str | None = None
    valid_from: Time | None = None
    valid_to: Time | None = None

    @classmethod
    def of(cls, memory: Memory) -> Self:
        """The view of this memory."""
        return cls.model_validate(memory_to_json(memory))
