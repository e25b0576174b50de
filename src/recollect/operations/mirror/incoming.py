"""From the repository to the store: what people and other machines committed becomes changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from recollect.domain.changes import Change, Forget, Put, Verb
from recollect.domain.memory import MAX_CONTENT_BYTES, Memory
from recollect.domain.merge import merge_notes
from recollect.domain.note_files import NoteFile, adopt, parse
from recollect.domain.note_paths import identities
from recollect.domain.scopes import RESERVED
from recollect.errors import Conflict, InvalidRequest, NotFound, RecollectError, UnreadableNote
from recollect.operations.context import Context, store
from recollect.operations.embedding import BACKLOG, Embedding, embed_now
from recollect.operations.mirror.files import (
    OPENING,
    beside,
    file_of,
    memory_id,
    memory_of,
    place_of,
    says_same,
    stamp,
)
from recollect.ports import NoteRepository, SkippedFile

ORIGIN = "git"
"""The origin of every change that came from the repository."""

AT_ONCE = 50
"""More new notes than that are stored first and embedded in the background."""

ATTEMPTS = 3
"""How often a note may be written in the store while it is taken in."""

RESERVED_AS = "reserved/{}"
"""Where notes of an old repository go whose scope has become a word of queries."""


@dataclass(slots=True)
class TakenIn:
    """What taking in did.

    Attributes:
        ids: The memories whose files may have to be written anew.
        conflicts: Notes of which both sides' bodies were kept, by scope and name.
        skipped: Files that were left as they are.
        plain: Paths of files without frontmatter.
    """

    added: int = 0
    updated: int = 0
    removed: int = 0
    ids: set[str] = field(default_factory=set[str])
    conflicts: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    skipped: list[SkippedFile] = field(default_factory=list[SkippedFile])
    plain: set[str] = field(default_factory=set[str])

    def add(self, later: "TakenIn") -> None:
        """Count what was taken in later as well; of what was skipped, the latest look counts."""
        self.added += later.added
        self.updated += later.updated
        self.removed += later.removed
        self.ids |= later.ids
        self.conflicts += later.conflicts
        self.skipped = later.skipped


@dataclass(frozen=True, slots=True)
class _Found:
    """A note's file as it was when store and repository last agreed, and as it is."""

    path: str
    before: NoteFile | None
    now: NoteFile | None


async def take_in(
    context: Context, repository: NoteRepository, agreed: str | None, head: str
) -> TakenIn:
    """Make the store say what the commit `head` does, as seen from the commit `agreed`.

    What was changed in the store since then as well is merged; nothing that either side wrote is
    lost. Taking in the same commit again changes nothing.

    Args:
        context: Its principal is the author of the changes, its origin `ORIGIN`.
        repository: Held by the caller.
        agreed: None takes in everything, and removes nothing.
        head: The commit whose notes are taken in.
    """
    taken = TakenIn()
    found = await _changed(context, repository, agreed, head, taken)
    later = sum(f.before is None for f in found) > AT_ONCE
    for one in found:
        try:
            await _take_in_the_newest(context, one, taken, later=later)
        except (InvalidRequest, Conflict, NotFound) as error:
            taken.skipped.append(SkippedFile(path=one.path, reason=str(error)))
    return taken


async def _take_in_the_newest(
    context: Context, found: _Found, taken: TakenIn, *, later: bool
) -> None:
    """Take a note in, as often as somebody writes it in between."""
    for attempt in range(ATTEMPTS):
        try:
            await _take_in(context, found, taken, later=later)
        except (Conflict, NotFound):
            if attempt == ATTEMPTS - 1:
                raise
        else:
            return


async def _changed(
    context: Context, repository: NoteRepository, agreed: str | None, head: str, taken: TakenIn
) -> list[_Found]:
    """The notes whose files differ between the commits: the ones that are there, then the gone.

    A file that was moved counts as one, under its new path.
    """
    old, new = await repository.notes(agreed), await repository.notes(head)
    paths = [path for path in sorted({*old, *new}) if old.get(path) != new.get(path)]
    was = await _parsed(context, repository, {p: old[p] for p in paths if p in old}, None)
    now = await _parsed(context, repository, {p: new[p] for p in paths if p in new}, taken)
    unreadable = {path for path in paths if path in new and path not in now}
    was_by_id = {memory_id(file.id): file for file in was.values()}
    added = sorted({memory_id(file.id) for path, file in now.items() if path not in was})
    places = {m.id: place_of(m) for m in await context.records.get(context.tenant, added)}
    found: list[_Found] = []
    seen: set[str] = set()
    for path, file in now.items():
        note = file
        if path in taken.plain:
            # Plain Markdown in a note's place is its new text; its file is to become a note's.
            note = replace(was[path], body=file.body) if path in was else file
            taken.ids.add(memory_id(note.id))
        elif memory_id(file.id) in seen or (
            path not in was and places.get(memory_id(file.id), path) in new.keys() - {path}
        ):
            # A copy of another file: a note of its own, called as its path says.
            note = _called_as(replace(file, id=memory_id(f"{file.id} {path}")), path)
        elif path not in old and memory_id(file.id) in was_by_id:
            note = _called_as(file, path)
        own_id = memory_id(note.id)
        seen.add(own_id)
        found.append(_Found(path, was_by_id.get(own_id), note))
    for path, file in was.items():
        if memory_id(file.id) not in seen and path not in unreadable:
            found.append(_Found(path, file, None))
    return found


async def _parsed(
    context: Context, repository: NoteRepository, blobs: Mapping[str, str], taken: TakenIn | None
) -> dict[str, NoteFile]:
    """The notes of these files by path; the others are noted as skipped."""
    parsed: dict[str, NoteFile] = {}
    contents = await repository.read(list(blobs.values()))
    for path, content in zip(blobs, contents, strict=True):
        try:
            parsed[path] = _read(context, path, content)
            if taken is not None and not content.startswith(OPENING):
                taken.plain.add(path)
        except RecollectError as error:
            if taken is not None:
                taken.skipped.append(SkippedFile(path=path, reason=str(error)))
    return parsed


def _read(context: Context, path: str, content: bytes) -> NoteFile:
    if len(content) > MAX_CONTENT_BYTES:
        raise UnreadableNote(f"it has more than {MAX_CONTENT_BYTES} bytes")
    if content.startswith(OPENING):
        file = parse(content)
        if file.scope in RESERVED:
            return replace(file, scope=RESERVED_AS.format(file.scope))
        return file
    # The same path gives the same id, however often it is looked at, in every clone.
    return adopt(path, content, stamp(context.now()), memory_id(path))


def _called_as(file: NoteFile, path: str) -> NoteFile:
    """The note with the scope and name of its path, unless the path can mean its own."""
    named = identities(path)
    if not named or (file.scope, file.name) in named:
        return file
    scope, name = named[0]
    return replace(file, scope=scope, name=name)


async def _take_in(context: Context, found: _Found, taken: TakenIn, *, later: bool) -> None:
    ours = await _ours(context, found)
    if found.now is None:
        await _remove(context, found, ours, taken)
        return
    if ours is not None and says_same(found.now, ours):
        return
    if ours is None or (found.before is not None and says_same(found.before, ours)):
        await _put(context, [memory_of(found.now, ours, context.now())], ours, later=later)
        _count(taken, ours)
        after = memory_of(found.now, ours, context.now())
        if found.path != place_of(after) or not says_same(found.now, after):
            taken.ids.add(after.id)
        return
    await _merge(context, found, ours, found.now, taken)


async def _ours(context: Context, found: _Found) -> Memory | None:
    """The note in the store that the file is about: by its id, else by its name."""
    file = found.now or found.before
    if file is None:
        return None
    by_id = await context.records.get(context.tenant, [memory_id(file.id)])
    if by_id or found.now is None:
        return by_id[0] if by_id else None
    return await context.records.named(context.tenant, file.scope, file.name)


async def _remove(context: Context, found: _Found, ours: Memory | None, taken: TakenIn) -> None:
    """Forget what was deleted there, unless it was changed here since: an edit outlives it."""
    if ours is None:
        return
    if found.before is None or not says_same(found.before, ours):
        taken.ids.add(ours.id)
        return
    await store(context, Forget(id=ours.id, expected_revision=ours.revision))
    taken.removed += 1


async def _merge(
    context: Context, found: _Found, ours: Memory, theirs: NoteFile, taken: TakenIn
) -> None:
    """Both sides changed it. A body that gives way stays a revision, and a note of its own."""
    now = context.now()
    merged = merge_notes(found.before, file_of(ours, theirs), theirs)
    if merged.note is None:
        return
    # Of two notes of one name, made apart, the repository says which identity lasts.
    own_id = memory_id(theirs.id)
    last = ours if own_id == ours.id else None
    steps: list[Memory] = []
    if merged.loser is not None and merged.loser.body == theirs.body:
        last = memory_of(theirs, last, now)
        steps.append(last)
    after = memory_of(replace(merged.note, id=theirs.id), last, now)
    if last is None or not says_same(file_of(after, theirs), last):
        steps.append(after)
    if merged.loser is not None:
        taken.conflicts.append((after.scope, after.name or ""))
        kept = beside(merged.note, merged.loser)
        if await context.records.named(context.tenant, kept.scope, kept.name) is None:
            steps.append(memory_of(kept, None, now))
    await _put(context, steps, ours)
    taken.updated += bool(steps)
    taken.ids |= {ours.id, own_id, *(memory.id for memory in steps)}


async def _put(
    context: Context, memories: Sequence[Memory], before: Memory | None, *, later: bool = False
) -> None:
    """Store the memories in order; what had their name under another id is forgotten."""
    if not memories:
        return
    embedding = Embedding((), (BACKLOG,), ()) if later else await embed_now(context, [memories[-1]])
    changes: list[Change] = [
        Put(memory=memory, expected_revision=memory.revision - 1, verb=_verb(memory, before))
        for memory in memories
    ]
    if before is not None and all(memory.id != before.id for memory in memories):
        changes.insert(0, Forget(id=before.id, expected_revision=before.revision))
    jobs = (BACKLOG,) if len(memories) > 1 else embedding.jobs
    await store(context, *changes, embedded=embedding.embedded, jobs=jobs)


def _verb(memory: Memory, before: Memory | None) -> Verb:
    if before is None or memory.id != before.id:
        return "import"
    same_place = (memory.scope, memory.name) == (before.scope, before.name)
    return "edit" if same_place else "move"


def _count(taken: TakenIn, ours: Memory | None) -> None:
    if ours is None:
        taken.added += 1
    else:
        taken.updated += 1
