"""What differs between two commits, note by note: which file is whose, whatever paths say."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from recollect.domain.note_files import NoteFile, has_frontmatter
from recollect.domain.note_paths import identities, path_of
from recollect.errors import UnreadableNote
from recollect.operations.context import Context
from recollect.operations.mirror.files import contents_of, memory_id, note_at, place_of
from recollect.ports import NoteRepository, SkippedFile


@dataclass(frozen=True, slots=True)
class Found:
    """A note's file as it was in the older commit, and as it is in the newer one."""

    id: str
    path: str
    before: NoteFile | None
    now: NoteFile | None


@dataclass(slots=True)
class Differences:
    """What one commit says otherwise than another.

    Attributes:
        notes: The notes that are there, then the gone. One that was moved counts as one, under its
            new path.
        skipped: Files of the newer commit that hold no note that could be read.
        reread: Ids of the notes whose file says otherwise, or is plain Markdown.
        uncovered: Paths where the older commit has a file that cannot be read.
    """

    notes: list[Found] = field(default_factory=list[Found])
    skipped: list[SkippedFile] = field(default_factory=list[SkippedFile])
    reread: set[str] = field(default_factory=set[str])
    uncovered: set[str] = field(default_factory=set[str])


@dataclass(frozen=True, slots=True)
class _Side:
    """The files of a commit that the other one lacks or has otherwise, parsed if they can be."""

    notes: dict[str, NoteFile] = field(default_factory=dict[str, NoteFile])
    plain: set[str] = field(default_factory=set[str])
    unreadable: dict[str, str] = field(default_factory=dict[str, str])


async def differences(
    context: Context, repository: NoteRepository, old: str | None, new: str
) -> Differences:
    """What the commit `new` says otherwise than `old`; None stands for one without notes."""
    there, here = await repository.notes(old), await repository.notes(new)
    paths = [path for path in sorted({*there, *here}) if there.get(path) != here.get(path)]
    was = await _parsed(context, repository, {p: there[p] for p in paths if p in there})
    now = await _parsed(context, repository, {p: here[p] for p in paths if p in here})
    same = {path: blob for path, blob in here.items() if there.get(path) == blob}
    taken = await _lying_elsewhere(context, repository, now.notes, same)
    found = Differences(
        skipped=[SkippedFile(path=p, reason=reason) for p, reason in now.unreadable.items()],
        uncovered=set(was.unreadable),
    )
    _identify(was, now, taken, found)
    return found


def _identify(was: _Side, now: _Side, taken: set[str], found: Differences) -> None:
    """Say which note each file holds.

    Args:
        was: The older files.
        now: The newer files.
        taken: Ids of notes that lie elsewhere, unchanged. Whatever else bears one is a copy.
        found: Where to.
    """
    was_by_id = {memory_id(file.id): file for file in was.notes.values()}
    seen = set(taken)
    for path in sorted(now.notes, key=lambda path: _claim(path, was, now)):
        file, before = now.notes[path], was.notes.get(path)
        if path in now.plain and before is not None and memory_id(before.id) not in seen:
            # Plain Markdown in a note's place is its new text; its file is to become a note's.
            file = replace(before, body=file.body)
        own_id = memory_id(file.id)
        if own_id in seen:
            file = _called_as(replace(file, id=_free_id(own_id, path, seen)), path)
        elif own_id in was_by_id and not _stays(path, was, file):
            file = _called_as(file, path)
        own_id = memory_id(file.id)
        seen.add(own_id)
        if path in now.plain or file != now.notes[path]:
            found.reread.add(own_id)
        found.notes.append(Found(own_id, path, was_by_id.get(own_id), file))
    gone = (
        Found(memory_id(file.id), path, file, None)
        for path, file in was.notes.items()
        if memory_id(file.id) not in seen and path not in now.unreadable
    )
    found.notes.extend(gone)


def _claim(path: str, was: _Side, now: _Side) -> tuple[bool, bool, bool, str]:
    """Of files that bear the same id, which one has it: the least by this order."""
    file = now.notes[path]
    astray = path != path_of(file.scope, file.name)
    return path in now.plain, not _stays(path, was, file), astray, path


def _stays(path: str, was: _Side, file: NoteFile) -> bool:
    return path in was.notes and memory_id(was.notes[path].id) == memory_id(file.id)


def _free_id(own_id: str, path: str, seen: set[str]) -> str:
    """The id of a copy: the same in every clone."""
    while own_id in seen:
        own_id = memory_id(f"{own_id} {path}")
    return own_id


async def _lying_elsewhere(
    context: Context,
    repository: NoteRepository,
    now: Mapping[str, NoteFile],
    same: Mapping[str, str],
) -> set[str]:
    """Ids of these notes that lie in an unchanged file as well."""
    ids = sorted({memory_id(file.id) for file in now.values()})
    places = {place_of(m) for m in await context.records.get(context.tenant, ids)}
    places |= {path_of(file.scope, file.name) for file in now.values()}
    unchanged = await _parsed(context, repository, {p: same[p] for p in places if p in same})
    return {memory_id(file.id) for file in unchanged.notes.values()}


async def _parsed(context: Context, repository: NoteRepository, blobs: Mapping[str, str]) -> _Side:
    side = _Side()
    for path, content in (await contents_of(repository, blobs)).items():
        try:
            side.notes[path] = note_at(path, content, context.now())
        except UnreadableNote as error:
            side.unreadable[path] = str(error)
        else:
            if not has_frontmatter(content):
                side.plain.add(path)
    return side


def _called_as(file: NoteFile, path: str) -> NoteFile:
    """The note with the scope and name of its path, unless the path can mean its own."""
    named = identities(path)
    if not named or (file.scope, file.name) in named:
        return file
    scope, name = named[0]
    return replace(file, scope=scope, name=name)
