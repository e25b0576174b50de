"""What recalls gave and what became of it: the values that statistics are made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

_PREFIX = "r_"

BUCKETS = 20
"""How many parts of equal width the distances from 0 to 1 are counted in."""

NO_DISTANCE = -1.0
"""Stands for the distance of what was not found by meaning."""


class Verdict(StrEnum):
    """What became of a recalled memory."""

    APPLIED = "applied"
    MAYBE = "maybe"
    NOT_APPLIED = "not_applied"


class Confidence(StrEnum):
    """How sure somebody is of a verdict."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallLine:
    """One result of a recall, as it was then.

    Attributes:
        rank: Its place in the answer, from 0.
        memory_id: None if it was recalled elsewhere and is not known here.
        name: A note's.
        distance: Cosine distance, 0 to 2; NO_DISTANCE when it was not found by meaning.
        arms: Where each arm that found it ranked it, from 1.
    """

    rank: int
    memory_id: str | None
    scope: str
    name: str | None
    distance: float
    arms: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True, kw_only=True)
class NotedRecall:
    """A recall that was answered; the question is not kept.

    Attributes:
        principal: Who asked; None if it was asked elsewhere.
    """

    id: str
    at: datetime
    principal: str | None
    lines: tuple[RecallLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What somebody says became of a memory that a recall gave.

    Attributes:
        memory: Its id, or its name when it was recalled.
        scope: Its scope then; None means every memory of that name.
        application: What it was used for, in the user's words: never logged.
    """

    recall_id: str
    memory: str
    verdict: Verdict
    scope: str | None = None
    confidence: Confidence = Confidence.MEDIUM
    application: str | None = None

    def is_about(self, recall_id: str, line: RecallLine) -> bool:
        """Whether this line is meant."""
        return (
            self.recall_id == recall_id
            and self.memory in (line.memory_id, line.name)
            and self.scope in (None, line.scope)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many results there were, and how many got each verdict."""

    total: int
    applied: int
    maybe: int
    not_applied: int

    @property
    def unknown(self) -> int:
        """How many got no verdict."""
        return self.total - self.applied - self.maybe - self.not_applied


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """How the results of recalls fared; keys without results are left out.

    Attributes:
        recalls: How many recalls they are of.
        by_bucket: By distance, as `bucket_of` counts.
        by_rank: By place in the answer, from 0.
        by_arm: By the arms that found them; one found by two counts for both.
    """

    recalls: int
    by_bucket: Mapping[int, Tally]
    by_rank: Mapping[int, Tally]
    by_arm: Mapping[str, Tally]


def bucket_of(distance: float) -> int | None:
    """Which part the distance lies in, from 0; the last holds all beyond; None without one."""
    return None if distance < 0 else min(int(distance * BUCKETS), BUCKETS - 1)


def id_of_recall(made: str) -> str:
    """The id of a recall, of a UUID of version 7 that was made for it."""
    return _PREFIX + made.replace("-", "")


def recalled_at(recall_id: str) -> datetime | None:
    """When a recall with this id was answered, by the server's clock; None for others' ids."""
    if not recall_id.startswith(_PREFIX):
        return None
    try:
        made = UUID(recall_id.removeprefix(_PREFIX))
    except ValueError:
        return None
    return datetime.fromtimestamp((made.int >> 80) / 1000, UTC) if made.version == 7 else None  # noqa: PLR2004
