"""From the store to the repository: notes that were changed become files and a commit."""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from recollect.domain.memory import Kind, Memory
from recollect.domain.note_files import NoteFile, parse, render, rewrite
from recollect.domain.note_paths import PathSet, check_portable, identities, path_of
from recollect.domain.scopes import Look
from recollect.errors import InvalidRequest, UnreadableNote
from recollect.operations.context import Context
from recollect.operations.mirror.files import (
    contents_of,
    file_of,
    memory_id,
    note_at,
    place_of,
    says_same,
)
from recollect.operations.mirror.mounts import Mount
from recollect.operations.selecting import of_kinds
from recollect.ports import NoteRepository, SkippedFile

_OF_OTHERS = frozenset({"ingest", "learn", "correct", "link", "record"})

PORTION = 1000
"""How many lines of the log are read at once."""


@dataclass(frozen=True, slots=True)
class _Line:
    """What a commit does to one note, for its message."""

    verb: str
    name: str
    scope: str
    moved_from: str | None = None

    def __str__(self) -> str:
        if self.moved_from is not None:
            return f"move memory '{self.moved_from}' → '{self.name}'"
        return f"{self.verb} memory '{self.name}'"


@dataclass(slots=True)
class Outgoing:
    """What the repository lacks: files by path, None to be deleted; and what cannot be a file.

    Attributes:
        lines: What is done, by the note's id.
        kept_back: Ids of the notes that cannot be files where they are to be.
    """

    notes: dict[str, bytes | None] = field(default_factory=dict[str, bytes | None])
    lines: dict[str, _Line] = field(default_factory=dict[str, _Line])
    skipped: list[SkippedFile] = field(default_factory=list[SkippedFile])
    kept_back: set[str] = field(default_factory=set[str])

    @property
    def message(self) -> str:
        """The commit's message: what is done to which note, each with its scope."""
        lines = list(self.lines.values())
        first = f"chore: {lines[0]}"
        if len(lines) == 1:
            return f"{first}\n\nScope: {lines[0].scope or 'global'}\n"
        body = "".join(f"- {line} (scope {line.scope or 'global'})\n" for line in lines)
        return f"{first} and {len(lines) - 1} more\n\n{body}"

    def keep_back(self, note_id: str, path: str, reason: str) -> None:
        """Leave the note where it lies, if anywhere."""
        self.kept_back.add(note_id)
        self.skipped.append(SkippedFile(path=path, reason=reason, note_id=note_id))


@dataclass(slots=True)
class Touched:
    """The notes that may differ from their files, and where they were before.

    Attributes:
        ids: None for every note of the store.
        places: Where their files were before a change, by the note's id.
        astray: Those of which the log no longer says where their files may be.
        again: Those that could be no file before.
    """

    ids: set[str] | None = field(default_factory=set[str])
    places: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    astray: set[str] = field(default_factory=set[str])
    again: set[str] = field(default_factory=set[str])
    last_seq: int = 0


async def touched_since(context: Context, seq: int) -> Touched:
    """The notes that the log names after `seq`."""
    touched = Touched(last_seq=seq)
    ids: set[str] = set()
    is_more = True
    while is_more:
        entries = await context.log.entries(context.tenant, touched.last_seq, PORTION)
        is_more = len(entries) == PORTION
        for entry in entries:
            touched.last_seq = entry.seq
            before = entry.before
            if before is not None and before.kind is not Kind.NOTE:
                continue
            if entry.verb in _OF_OTHERS:
                continue
            ids.add(entry.record_id)
            if entry.verb == "erase":
                touched.astray.add(entry.record_id)
            if before is not None and before.name is not None:
                path = path_of(before.scope, before.name)
                touched.places.setdefault(entry.record_id, set()).add(path)
    touched.ids = ids
    return touched


async def outgoing(context: Context, mount: Mount, head: str | None, touched: Touched) -> Outgoing:
    """What to write so that the files of the touched notes say what the store says."""
    repository = mount.repository
    there = await repository.notes(head)
    await mount.see(there)
    new = PathSet()
    out = Outgoing()
    memories = await _notes(context, mount, touched.ids)
    wanted = {memory.id: place_of(memory) for memory in memories}
    taken = set(wanted.values())
    olds = await _old_places(repository, there, touched, wanted)
    contents = await _contents(repository, there, {*wanted.values(), *olds})
    holders = await _holders(context, contents)
    for memory in memories:
        path = wanted[memory.id]
        held = holders.setdefault(path, memory.id) != memory.id
        if held or (path not in there and (mount.files.paths.blocks(path) or new.blocks(path))):
            reason = "another note's file is in the way, or its path differs in case alone"
            out.keep_back(memory.id, path, reason)
            continue
        new.add(path)
        _save(memory, path, contents, olds, out)
    if came_free := touched.again & out.lines.keys():
        contents = await _contents(repository, there, set(there))
        olds |= _old_files(contents, came_free, wanted)
    for path, note_id in olds.items():
        if path not in taken and note_id not in out.kept_back:
            out.notes[path] = None
            out.lines.setdefault(note_id, _deletion(contents[path], path))
    return out


async def _holders(context: Context, contents: Mapping[str, bytes]) -> dict[str, str]:
    """The note, by the path of its file, that is not to leave its place."""
    lying = {path: memory_id(file.id) for path, b in contents.items() if (file := _read(b))}
    memories = await context.records.get(context.tenant, sorted(set(lying.values())))
    return {place_of(m): m.id for m in memories if m.name and lying.get(place_of(m)) == m.id}


def _save(
    memory: Memory,
    path: str,
    contents: Mapping[str, bytes],
    olds: Mapping[str, str],
    out: Outgoing,
) -> None:
    there = contents.get(path)
    if (reason := _obstacle(memory, path, there)) is not None:
        out.keep_back(memory.id, path, reason)
        return
    old = next((old for old, i in olds.items() if i == memory.id), None)
    before = contents.get(old or "")
    content = _file(memory, before if there is None else there)
    if content != there:
        out.notes[path] = content
        moved_from = None if old is None else _name_at(old, _read(before))
        out.lines[memory.id] = _Line("save", memory.name or "", memory.scope, moved_from)


def _name_at(path: str, file: NoteFile | None) -> str | None:
    """The name of a note that lies there: a person who renames it leaves its file where it is."""
    if file is not None and path == path_of(file.scope, file.name):
        return file.name
    return next((name for _, name in identities(path)), None)


def _obstacle(memory: Memory, path: str, there: bytes | None) -> str | None:
    """Why the note cannot be written at its place."""
    try:
        check_portable(memory.scope, memory.name or "")
        if there is not None:
            note_at(path, there, memory.updated_at)
    except InvalidRequest as error:
        return str(error)
    except UnreadableNote as error:
        return f"the file that is there cannot be read: {error}"
    return None


def _file(memory: Memory, old: bytes | None) -> bytes:
    """The bytes for the note: those that are there, as far as they say the same."""
    there = _read(old)
    if old is None or there is None or memory_id(there.id) != memory.id:
        return render(file_of(memory))
    if says_same(there, memory):
        return old
    return rewrite(old, file_of(memory, there))


def _read(content: bytes | None) -> NoteFile | None:
    if content is None:
        return None
    try:
        return parse(content)
    except UnreadableNote:
        return None


def _deletion(content: bytes, path: str) -> _Line:
    gone = _read(content)
    return _Line("delete", gone.name, gone.scope) if gone else _Line("delete", path, "")


async def held_by_others(context: Context, mount: Mount) -> set[str]:
    """Ids of the notes below the repository's scope that other repositories hold."""
    if not mount.others:
        return set()
    found = await _notes_below(context, mount, None)
    return {memory.id for memory in found if not mount.owns(memory.scope)}


async def _notes(context: Context, mount: Mount, ids: Iterable[str] | None) -> list[Memory]:
    """The notes of the store that the repository holds: of these ids, or all."""
    found = await _notes_below(context, mount, ids)
    return [memory for memory in found if mount.owns(memory.scope)]


async def _notes_below(context: Context, mount: Mount, ids: Iterable[str] | None) -> list[Memory]:
    notes = context.selection(mount.repository.prefix, Look.SUBTREE, of_kinds((Kind.NOTE,)))
    if ids is not None:
        return await context.records.select(context.tenant, notes, sorted(ids))
    return await context.records.browse(context.tenant, notes, None, sys.maxsize)


async def _old_places(
    repository: NoteRepository,
    there: Mapping[str, str],
    touched: Touched,
    wanted: Mapping[str, str],
) -> dict[str, str]:
    """Paths where files of touched notes still lie that are no more to, with the note's id."""
    paths = {path for paths in touched.places.values() for path in paths}
    contents = await _contents(repository, there, set(there) if touched.astray else paths)
    return _old_files(contents, touched.places.keys() | touched.astray, wanted)


def _old_files(
    contents: Mapping[str, bytes], ids: set[str], wanted: Mapping[str, str]
) -> dict[str, str]:
    """The paths of those files that hold one of these notes where it is not wanted."""
    files = {path: file for path, content in contents.items() if (file := _read(content))}
    return {
        path: note_id
        for path, file in files.items()
        if (note_id := memory_id(file.id)) in ids and path != wanted.get(note_id)
    }


async def _contents(
    repository: NoteRepository, there: Mapping[str, str], paths: set[str]
) -> dict[str, bytes]:
    return await contents_of(repository, {p: there[p] for p in sorted(paths) if p in there})
