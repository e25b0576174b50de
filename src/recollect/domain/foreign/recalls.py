"""Rows of memory-mcp's log of recalls, in our terms."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from recollect.domain.feedback import (
    NO_DISTANCE,
    Confidence,
    Judgement,
    RecallLine,
    Verdict,
)
from recollect.domain.foreign.names import mapped_name, mapped_scope
from recollect.domain.scopes import ROOT
from recollect.errors import InvalidRequest

_GLOBAL = "global"
_OLD_PREFIX = "project:"
_MOST = 2**31


@dataclass(frozen=True, slots=True)
class ForeignLine:
    """One result of a recall elsewhere, and what was said of it, if anything."""

    recall_id: str
    at: datetime
    line: RecallLine
    judgement: Judgement | None


def line_of(row: Mapping[str, object], below: str = ROOT) -> ForeignLine:
    """What a row of `recall_events` says; columns that older logs lack may be missing.

    Args:
        row: Its columns.
        below: The scope below which the row's own goes.

    Raises:
        InvalidRequest: It cannot be understood; the message repeats nothing of it.
    """
    recall_id = _text(row, "recall_id")
    name = mapped_name(_text(row, "memory_name"))
    scope = _scope(_text(row, "scope"), below)
    line = RecallLine(
        rank=_rank(row), memory_id=None, scope=scope, name=name, distance=_distance(row)
    )
    return ForeignLine(recall_id, _time(row), line, _judgement(row, recall_id, line))


def _judgement(row: Mapping[str, object], recall_id: str, line: RecallLine) -> Judgement | None:
    if row.get("was_applied") is None:
        return None
    note = row.get("application_note")
    try:
        return Judgement(
            recall_id=recall_id,
            memory=line.name or "",
            scope=line.scope,
            verdict=Verdict(_text(row, "was_applied")),
            confidence=Confidence(row.get("confidence") or "medium"),
            application=note if isinstance(note, str) else None,
        )
    except ValueError:
        raise InvalidRequest("its verdict or confidence is none that we know") from None


def _text(row: Mapping[str, object], column: str) -> str:
    value = row.get(column)
    if not isinstance(value, str) or not value or "\0" in value:
        raise InvalidRequest(f"its {column} is no text")
    return value


def _scope(text: str, below: str) -> str:
    own = ROOT if text == _GLOBAL else text.removeprefix(_OLD_PREFIX)
    return mapped_scope("/".join(filter(None, (below, own))))


def _rank(row: Mapping[str, object]) -> int:
    rank = row.get("rank")
    if not isinstance(rank, int) or not 0 <= rank < _MOST:
        raise InvalidRequest("its rank is no number from 0")
    return rank


def _distance(row: Mapping[str, object]) -> float:
    distance = row.get("distance")
    if not isinstance(distance, int | float) or not NO_DISTANCE <= distance <= 2:  # noqa: PLR2004
        raise InvalidRequest("its distance is none")
    # An exact match may lie just below 0 by rounding.
    return NO_DISTANCE if distance == NO_DISTANCE else max(0.0, float(distance))


def _time(row: Mapping[str, object]) -> datetime:
    try:
        at = datetime.fromisoformat(_text(row, "returned_at"))
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidRequest("its returned_at is no time") from None
