"""A note of the store as a file of the repository, and the other way round."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid5

from recollect.domain.memory import MAX_CONTENT_BYTES, Memory, Note
from recollect.domain.merge import conflict_name
from recollect.domain.note_files import NoteFile, adopt, has_frontmatter, instant, parse
from recollect.domain.note_paths import path_of
from recollect.domain.scopes import RESERVED
from recollect.errors import UnreadableNote
from recollect.ports import NoteRepository

FOREIGN_IDS = UUID("6f1c1a0e-8f0b-5b52-9d0e-0d6a3c6a7f21")
"""The namespace of ids made for files whose own id is no UUID."""

RESERVED_AS = "reserved/{}"
"""Where notes of an old repository go whose scope has become a word of queries."""


def note_at(path: str, content: bytes, now: datetime) -> NoteFile:
    """The note that a file holds, plain Markdown too.

    Raises:
        UnreadableNote: It holds none; the message says why.
    """
    if len(content) > MAX_CONTENT_BYTES:
        raise UnreadableNote(f"it has more than {MAX_CONTENT_BYTES} bytes")
    if has_frontmatter(content):
        file = parse(content)
        if file.scope in RESERVED:
            return replace(file, scope=RESERVED_AS.format(file.scope))
        return file
    # The same path gives the same id, however often it is looked at, in every clone.
    return adopt(path, content, stamp(now), memory_id(path))


async def contents_of(repository: NoteRepository, blobs: Mapping[str, str]) -> dict[str, bytes]:
    """The content of each file by its path, of blobs by path."""
    contents = await repository.read(list(blobs.values()))
    return dict(zip(blobs, contents, strict=True))


def memory_id(file_id: str) -> str:
    """The memory's id for what a file calls itself: the same, if it is a UUID."""
    try:
        return str(UUID(file_id))
    except ValueError:
        return str(uuid5(FOREIGN_IDS, file_id))


def file_of(memory: Memory, now_there: NoteFile | None = None) -> NoteFile:
    """The file of a note; what the file that is there says in other words stays as it is."""
    foreign = memory.external_id
    own_id = foreign if foreign and memory_id(foreign) == memory.id else memory.id
    created_at, updated_at = stamp(memory.created_at), stamp(memory.updated_at)
    made = NoteFile(
        id=own_id,
        name=memory.name or "",
        tags=memory.tags,
        scope=memory.scope,
        created_at=created_at,
        updated_at=updated_at,
        source=memory.source,
        body=body_of(memory),
    )
    if now_there is None:
        return made
    return replace(
        made,
        id=now_there.id if memory_id(now_there.id) == memory.id else made.id,
        created_at=_kept(now_there.created_at, memory.created_at, created_at),
        updated_at=now_there.updated_at
        if says_same(now_there, memory)
        else _kept(now_there.updated_at, memory.updated_at, updated_at),
        extra=now_there.extra,
    )


def memory_of(file: NoteFile, before: Memory | None, now: datetime) -> Memory:
    """The memory that the file describes: a new one, or the next revision of the one before.

    What a file cannot say, such as metadata, stays as it was.
    """
    updated_at = instant(file.updated_at)
    if before is None:
        own_id = memory_id(file.id)
        return Memory(
            id=own_id,
            scope=file.scope,
            content=file.body,
            detail=Note(name=file.name),
            occurred_at=instant(file.created_at),
            created_at=instant(file.created_at),
            updated_at=updated_at,
            tags=file.tags,
            source=file.source,
            external_id=None if own_id == file.id else file.id,
        )
    return replace(
        before,
        scope=file.scope,
        content=before.content if body_of(before) == file.body else file.body,
        detail=Note(name=file.name),
        created_at=instant(file.created_at),
        # A hand seldom writes down the time of its edit.
        updated_at=updated_at if updated_at > before.updated_at else now,
        revision=before.revision + 1,
        tags=file.tags,
        source=file.source,
    )


def says_same(file: NoteFile, memory: Memory) -> bool:
    """Whether the file says of the note what the store does; when it was changed apart."""
    return (
        memory_id(file.id) == memory.id
        and (file.scope, file.name) == (memory.scope, memory.name)
        and file.tags == memory.tags
        and file.source == memory.source
        and instant(file.created_at) == memory.created_at
        and file.body == body_of(memory)
    )


def place_of(memory: Memory) -> str:
    """The path of a note's file."""
    return path_of(memory.scope, memory.name or "")


def beside(note: NoteFile, loser: NoteFile) -> NoteFile:
    """The note that keeps a body which gave way in a merge: the same in every clone."""
    name = conflict_name(note.name, loser)
    own_id = memory_id(f"{memory_id(note.id)} {name}")
    return replace(loser, id=own_id, scope=note.scope, name=name)


def body_of(memory: Memory) -> str:
    """The content as a file can hold it: blank lines at its beginning do not last."""
    return memory.content.lstrip("\n")


def stamp(time: datetime) -> str:
    """The time as files spell it."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _kept(there: str, time: datetime, otherwise: str) -> str:
    """The spelling that is there, if it means the same time: it may be finer than ours."""
    return there if instant(there) == time else otherwise
