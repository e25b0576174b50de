"""Conditions that requests share, as filters."""

from collections.abc import Iterable
from datetime import datetime

from recollect.domain.filters import (
    TAGS,
    And,
    Comparison,
    Filter,
    In,
    IsNull,
    Operator,
    Or,
    RecordField,
    all_of,
)
from recollect.domain.memory import Kind

_KIND = RecordField("kind")


def of_kinds(kinds: tuple[Kind, ...]) -> Filter | None:
    """Lets these kinds through; None for all."""
    return In(_KIND, tuple(kind.value for kind in kinds)) if kinds else None


def tagged(tags: Iterable[str]) -> Filter | None:
    """Lets through what has all of these tags."""
    return all_of(Comparison(TAGS, Operator.EQ, tag) for tag in tags)


def unexpired(now: datetime) -> Filter:
    """Keeps out what has expired."""
    return _absent_or("expires_at", Operator.GT, now)


def happened(after: datetime | None, before: datetime | None) -> Filter | None:
    """Lets through what happened at or after the one and before the other."""
    occurred_at = RecordField("occurred_at")
    return all_of(
        Comparison(occurred_at, operator, time)
        for operator, time in ((Operator.GE, after), (Operator.LT, before))
        if time is not None
    )


def known_by(time: datetime) -> Filter:
    """Keeps out what was not known yet."""
    return Comparison(RecordField("created_at"), Operator.LE, time)


def true_at(time: datetime) -> Filter:
    """Keeps out facts that were not true at that time."""
    valid = And(
        (
            _absent_or("valid_from", Operator.LE, time),
            _absent_or("valid_to", Operator.GT, time),
        )
    )
    return Or((Comparison(_KIND, Operator.NE, Kind.FACT.value), valid))


def _absent_or(name: str, operator: Operator, time: datetime) -> Filter:
    field = RecordField(name)
    return Or((IsNull(field), Comparison(field, operator, time)))
