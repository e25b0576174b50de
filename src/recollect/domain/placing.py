"""Rules that every home of the records applies in its write transaction."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from recollect.domain.changes import UNPLACED, ExpectLinks, Key
from recollect.domain.memory import Episode, Memory, Note
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
