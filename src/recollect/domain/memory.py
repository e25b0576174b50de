"""What a memory is: one record, three kinds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias, assert_never

JsonValue: TypeAlias = (
    "bool | int | float | str | Sequence[JsonValue] | Mapping[str, JsonValue] | None"
)

MAX_CONTENT_BYTES = 1_048_576


class Kind(StrEnum):
    """The three kinds of memory."""

    NOTE = "note"
    EPISODE = "episode"
    FACT = "fact"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What a note adds: a name, unique in its scope."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """What an episode adds: who said it, to whom, and where in which session.

    Attributes:
        role: `user`, `assistant` or another word of the client's.
        position: Order of arrival within scope and session, from 0; ties of `occurred_at`
            are ordered by it.
    """

    producer: str
    produced_for: str | None = None
    role: str | None = None
    session: str = ""
    position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What a fact adds: where it is filed, and when it was true.

    Attributes:
        set_id: The set of its scope that it belongs to; '' is the scope's own.
        valid_from: True from then on, inclusive; None means since ever.
        valid_to: True until then, exclusive; None means it still is.
    """

    category: str
    tag: str
    feature: str
    set_id: str = ""
    valid_from: datetime | None = None
    valid_to: datetime | None = None


Detail: TypeAlias = Note | Episode | Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """One thing worth keeping. All datetimes are aware and in UTC, to the microsecond.

    Attributes:
        id: A UUID, version 7 unless imported; unique per tenant.
        external_id: What an import or a client called it; of episodes, unique in scope and session.
        occurred_at: When it happened in the world.
        created_at: When we first learned it.
        updated_at: When this revision was written.
        revision: Starts at 1 and grows by 1 with every change.
        importance: 0 to 1, or None when nobody said.
        expires_at: From then on it is in no answer; None means never.
    """

    id: str
    scope: str
    content: str
    detail: Detail
    occurred_at: datetime
    created_at: datetime
    updated_at: datetime
    revision: int = 1
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    source: str | None = None
    external_id: str | None = None
    importance: float | None = None
    expires_at: datetime | None = None

    @property
    def kind(self) -> Kind:
        """Which of the three kinds this is."""
        match self.detail:
            case Note():
                return Kind.NOTE
            case Episode():
                return Kind.EPISODE
            case Fact():
                return Kind.FACT
            case _:
                assert_never(self.detail)

    @property
    def name(self) -> str | None:
        """The note's name; None for the other kinds."""
        return self.detail.name if isinstance(self.detail, Note) else None


CITES = "cites"
"""The type of the links from a fact to the episodes that support it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One memory points at another; unique by from, to and type. A citation is a link."""

    from_id: str
    to_id: str
    type: str
    weight: float = 1.0
    metadata: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryRecord:
    """What is not a memory but must last: projects, sets, feedback, cursors of projections.

    Attributes:
        type: What it is; `(type, id)` is the key.
        revision: Starts at 1 and grows by 1 with every change.
    """

    type: str
    id: str
    content: Mapping[str, JsonValue]
    updated_at: datetime
    revision: int = 1
