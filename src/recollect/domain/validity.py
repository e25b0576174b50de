"""What a memory said at another time: as it was true then, and as it was known then."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from recollect.domain.changes import Revision
from recollect.domain.memory import Fact, Memory


def as_of(revisions: Sequence[Revision], valid_at: datetime, known_at: datetime) -> Memory | None:
    """What a memory said of the time `valid_at`, as far as it was known at `known_at`.

    Revisions recorded later than `known_at` are as if they were never written: one is recorded
    at its `updated_at`, the first at its `created_at`. Of a note or an episode the newest one
    known then counts. A revision of a fact says what is true from its `valid_from` on, over
    all older ones: so a change leaves the old value true before it, and an error that is mended
    under the same `valid_from` was never true. One that repeats the text of the revision before
    while that held only mends its time, and stands in its place.

    Args:
        revisions: Of one memory, oldest first.
        valid_at: The time that is asked about.
        known_at: The time at which one might have asked.

    Returns:
        The revision; of a fact `valid_to` is where a newer one known then begins, if that is
        earlier. None if the memory was not known, already forgotten or not true.
    """
    until: datetime | None = None
    newer: Memory | None = None
    for revision, recorded_at in _recorded(revisions):
        memory = revision.memory
        if recorded_at > known_at:
            continue
        if memory is None:
            return None
        if not isinstance(memory.detail, Fact):
            return memory
        if newer is None or not _mends(newer, memory):
            if _begun(memory.detail, valid_at):
                shown = replace(memory, detail=_ended(memory.detail, until))
                return shown if is_true(shown, valid_at) else None
            until = _earlier(until, memory.detail.valid_from)
        newer = memory
    return None


def is_true(memory: Memory, at: datetime) -> bool:
    """Whether a fact was true then; of what is no fact always."""
    fact = memory.detail
    if not isinstance(fact, Fact):
        return True
    return _begun(fact, at) and (fact.valid_to is None or at < fact.valid_to)


def _recorded(revisions: Sequence[Revision]) -> list[tuple[Revision, datetime]]:
    """Each revision with the time from which on it was known, newest first."""
    times = [r.memory.updated_at if r.memory else r.recorded_at for r in revisions]
    if revisions and (first := revisions[0].memory):
        times[0] = first.created_at
    return list(zip(revisions, times, strict=True))[::-1]


def _mends(newer: Memory, older: Memory) -> bool:
    """Whether the newer revision only says better when the same was true.

    The same text from a time on at which the older one did not hold is another period.
    """
    fact = newer.detail
    if newer.content != older.content or not isinstance(fact, Fact):
        return False
    return fact.valid_from is None or is_true(older, fact.valid_from)


def _begun(fact: Fact, at: datetime) -> bool:
    return fact.valid_from is None or fact.valid_from <= at


def _ended(fact: Fact, until: datetime | None) -> Fact:
    return replace(fact, valid_to=_earlier(fact.valid_to, until))


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    """The earlier of two ends; None is never."""
    return min((time for time in (one, other) if time is not None), default=None)
