"""How a memory is shown."""

from datetime import datetime
from typing import Self

from pydantic import JsonValue

from recollect.domain.memory import Kind, Memory
from recollect.domain.serialisation import fields_of
from recollect.operations.request import Result


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
    occurred_at: datetime
    """When it happened."""
    created_at: datetime
    """When it was first stored."""
    updated_at: datetime
    """When this revision was stored."""
    revision: int
    importance: float | None
    expires_at: datetime | None
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
    valid_from: datetime | None = None
    valid_to: datetime | None = None

    @classmethod
    def of(cls, memory: Memory) -> Self:
        """The view of this memory."""
        return cls.model_validate(fields_of(memory))
