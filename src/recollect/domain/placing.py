"""Rules that every home of the records applies in its write transaction."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from recollect.domain.changes import (
    UNPLACED,
    ExpectLinks,
    KeepRevision,
    Key,
    Put,
    Recorded,
    Revision,
)
from recollect.domain.memory import Episode, Kind, Memory, Note
from recollect.errors import AlreadyExists, Conflict, NotFound, RevisionConflict


def placed(memory: Memory, next_position: Callable[[str, str], int]) -> Memory:
    """The memory, an unplaced episode put at the end of its session.

    Args:
        memory: What is about to be stored.
        next_position: The first free position of a scope and session.
    """
    match memory.detail:
        case Episode(position=position, session=session) as episode if position == UNPLACED:
            place = next_position(memory.scope, session)
            return replace(memory, detail=replace(episode, position=place))
        case _:
            return memory


def expect(reference: str, expected: int, found: int) -> None:
    """Check that a record is at the revision that a change expects; 0 stands for absent.

    Raises:
        AlreadyExists, NotFound, RevisionConflict: It is not.
    """
    if expected == found:
        return
    if expected == 0:
        raise AlreadyExists(f"{reference} exists already")
    if found == 0:
        raise NotFound(reference)
    raise RevisionConflict(reference, expected, found)


def expect_past(change: KeepRevision, stored: Memory | None, *, is_kept: bool) -> None:
    """Check that a revision is of a memory's past, and missing there.

    Args:
        change: What is to be added.
        stored: The memory as it is now, if it is there.
        is_kept: Whether the memory has a revision of this number.

    Raises:
        AlreadyExists: It has.
        Conflict: The memory is older than the revision.
    """
    number = change.revision.revision
    if is_kept:
        raise AlreadyExists(f"{change.memory_id} has a revision {number} already")
    if stored is not None and stored.revision <= number:
        raise Conflict(
            f"{change.memory_id} is stored at revision {stored.revision}, older than {number}"
        )


def expect_links(change: ExpectLinks, found: Iterable[str]) -> None:
    """Check that the links that end at a memory start where a change expects.

    Raises:
        Conflict: They do not.
    """
    if frozenset(found) != change.from_ids:
        raise Conflict(f"what is linked to {change.to_id} changed in between; retry")


def unique_key(memory: Memory) -> tuple[str, ...] | None:
    """What no other memory may share with this one: a note's place, an episode's client's id."""
    match memory.detail:
        case Note(name=name):
            return (memory.scope, name)
        case Episode(session=session) if memory.external_id is not None:
            return (memory.scope, session, memory.external_id)
        case _:
            return None


def taken(memory: Memory) -> AlreadyExists:
    """What to raise when another memory has what must be unique of this one."""
    match memory.detail:
        case Note(name=name):
            told = f"there is a note {name!r} in the scope {memory.scope!r} already"
        case Episode(session=session):
            told = f"the session {session!r} has a message with this id already"
        case _:
            told = f"there is a memory {memory.id} already"
    return AlreadyExists(told)


def key_of(memory: Memory | None) -> Key | None:
    """Where the memory is filed, for the log; None if there is none."""
    return Key(scope=memory.scope, name=memory.name, kind=memory.kind) if memory else None


def nameless(memory: Memory | None) -> Key | None:
    """The same for a memory that is erased: a name may hold words of the text."""
    return Key(scope=memory.scope, name=None, kind=memory.kind) if memory else None


def past_revision(memory_id: str, revision: Revision, filed: Sequence[str | None]) -> KeepRevision:
    """The change that brings a revision back; `filed` are scope, name and kind before it."""
    scope, name, kind = filed
    if revision.memory is not None or kind is None:
        return KeepRevision(memory_id=memory_id, revision=revision)
    before = Key(scope=scope or "", name=name, kind=Kind(kind))
    return KeepRevision(memory_id=memory_id, revision=revision, before=before)


def numbered(change: Put, memory: Memory, last: int) -> tuple[Memory, Recorded | None]:
    """The memory, its number above all that were used, and how it was recorded elsewhere.

    Args:
        change: What is to be stored.
        memory: Its memory, placed.
        last: The last revision that is kept of it; 0 if there is none.
    """
    if memory.revision > last:
        return memory, change.recorded
    return replace(memory, revision=last + 1), None
