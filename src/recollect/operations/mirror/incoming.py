"""From the repository to the store: what people and other machines committed becomes changes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from recollect.domain.changes import Change, Forget, Put, Verb
from recollect.domain.memory import Memory
from recollect.domain.merge import merge_notes
from recollect.domain.note_files import NoteFile
from recollect.domain.note_paths import identities, path_of
from recollect.errors import Conflict, InvalidRequest, NotFound
from recollect.operations.context import Context, store
from recollect.operations.embedding import BACKLOG, embed_now
from recollect.operations.mirror.differences import Found, differences
from recollect.operations.mirror.files import (
    beside,
    file_of,
    memory_id,
    memory_of,
    place_of,
    says_same,
)
from recollect.operations.mirror.mounts import Mount
from recollect.ports import KeptText, SkippedFile

ORIGIN = "git"
"""The origin of every change that came from the repository."""

AT_ONCE = 50
"""More new notes than that are stored many at once, and embedded in the background."""

PORTION = 200
"""How many of them share a transaction: waiting for the disk took most of the time."""

ATTEMPTS = 3
"""How often a note may be written in the store while it is taken in."""


@dataclass(slots=True)
class TakenIn:
    """What taking in did.

    Attributes:
        ids: The memories whose files may have to be written anew.
        places: Where files lie of those, if not where they belong.
        astray: Those whose files may lie anywhere.
        conflicts: Notes of which both sides' bodies were kept.
        kept: Notes that were deleted there and changed here, by scope and name.
        skipped: Files that were left as they are.
    """

    added: int = 0
    updated: int = 0
    removed: int = 0
    ids: set[str] = field(default_factory=set[str])
    places: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    astray: set[str] = field(default_factory=set[str])
    conflicts: list[KeptText] = field(default_factory=list[KeptText])
    kept: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    skipped: list[SkippedFile] = field(default_factory=list[SkippedFile])

    def add(self, later: "TakenIn") -> None:
        """Count what was taken in later as well; of a file that was skipped, the latest look."""
        self.added += later.added
        self.updated += later.updated
        self.removed += later.removed
        self.ids |= later.ids
        self.astray |= later.astray
        for note_id, paths in later.places.items():
            self.places.setdefault(note_id, set()).update(paths)
        self.conflicts += later.conflicts
        self.kept += later.kept
        again = {skipped.path for skipped in later.skipped}
        self.skipped = [s for s in self.skipped if s.path not in again] + later.skipped


async def take_in(context: Context, mount: Mount, agreed: str | None, head: str) -> TakenIn:
    """Make the store say what the commit `head` does, as seen from the commit `agreed`.

    What was changed in the store since then as well is merged; nothing that either side wrote is
    lost. Taking in the same commit again changes nothing.

    Args:
        context: Its principal is the author of the changes, its origin `ORIGIN`.
        mount: Its repository is held by the caller.
        agreed: None takes in everything, and removes nothing.
        head: The commit whose notes are taken in.
    """
    found = await differences(context, mount.repository, agreed, head)
    taken = TakenIn(skipped=found.skipped, ids=found.reread)
    for path in found.uncovered:
        taken.astray |= {memory.id for memory in await _lying_at(context, path)}
    held: list[Found] = []
    for one in found.notes:
        if one.now is not None and not mount.owns(one.now.scope):
            _leave(one, taken)
            continue
        held.append(one)
        if one.now is not None and one.path != path_of(one.now.scope, one.now.name):
            taken.places.setdefault(one.id, set()).add(one.path)
    notes = await _in_order(context, mount, held)
    if sum(one.before is None for one in notes) > AT_ONCE:
        notes = await _store_new(context, notes, taken)
    for one in notes:
        try:
            await _take_in_the_newest(context, one, taken)
        except (InvalidRequest, Conflict, NotFound) as error:
            taken.skipped.append(SkippedFile(path=one.path, reason=str(error)))
            taken.astray.add(one.id)
    return taken


def _leave(stray: Found, taken: TakenIn) -> None:
    """Leave a file alone that names a scope which another repository holds.

    Whoever may write to one repository is not to change what lies in the others.
    """
    reason = "this repository does not hold its scope; move the note with `recollect move`"
    taken.skipped.append(SkippedFile(path=stray.path, reason=reason))
    taken.ids.add(stray.id)  # its own file may have gone


async def _lying_at(context: Context, path: str) -> list[Memory]:
    """The notes whose file is to lie at this path."""
    named = [await context.records.named(context.tenant, *place) for place in identities(path)]
    return [memory for memory in named if memory is not None]


async def _in_order(context: Context, mount: Mount, notes: Sequence[Found]) -> list[Found]:
    """The notes, each behind the one that leaves its place to it, unless they go round.

    Not those that are gone because they moved to another repository.
    """
    stored = await context.records.get(context.tenant, [one.id for one in notes])
    elsewhere = {memory.id for memory in stored if not mount.owns(memory.scope)}
    notes = [one for one in notes if one.now is not None or one.id not in elsewhere]
    by_id = {one.id: one for one in notes}
    holders = {place_of(memory): memory.id for memory in stored}
    ordered: dict[str, Found] = {}
    for one in notes:
        waiting: list[Found] = []
        first: Found | None = one
        while first is not None and first not in waiting and first.id not in ordered:
            waiting.append(first)
            place = path_of(first.now.scope, first.now.name) if first.now is not None else None
            first = by_id.get(holders.get(place or "", ""))
        ordered |= {one.id: one for one in reversed(waiting)}
    return list(ordered.values())


async def _store_new(context: Context, notes: Sequence[Found], taken: TakenIn) -> list[Found]:
    """Store the notes that are new beyond doubt, in portions; gives the others.

    Of such a note the store knows neither the id nor the place, and no other file claims either.
    """
    claims = Counter(path_of(one.now.scope, one.now.name) for one in notes if one.now)
    stored = await context.records.get(context.tenant, [one.id for one in notes])
    known = {memory.id for memory in stored}
    left: list[Found] = []
    new: list[tuple[Found, NoteFile]] = []
    for one in notes:
        path = path_of(one.now.scope, one.now.name) if one.now else ""
        if (
            one.now
            and one.id not in known
            and claims[path] == 1
            and not await _lying_at(context, path)
        ):
            new.append((one, one.now))
        else:
            left.append(one)
    for start in range(0, len(new), PORTION):
        portion = new[start : start + PORTION]
        try:
            await _store_portion(context, portion, taken)
        except (InvalidRequest, Conflict, NotFound):
            left += [one for one, _ in portion]  # one by one, so that the wrong one harms no other
    return left


async def _store_portion(
    context: Context, portion: Sequence[tuple[Found, NoteFile]], taken: TakenIn
) -> None:
    memories = [memory_of(file, None, context.now()) for _, file in portion]
    puts = [Put(memory=memory, expected_revision=0, verb="import") for memory in memories]
    await store(context, *puts, jobs=(BACKLOG,))
    for (one, file), memory in zip(portion, memories, strict=True):
        _note(taken, one, file, None, memory)


async def _take_in_the_newest(context: Context, found: Found, taken: TakenIn) -> None:
    """Take a note in, as often as somebody writes it in between."""
    for attempt in range(ATTEMPTS):
        try:
            await _take_in(context, found, taken)
        except (Conflict, NotFound):
            if attempt == ATTEMPTS - 1:
                raise
        else:
            return


async def _take_in(context: Context, found: Found, taken: TakenIn) -> None:
    ours, now = await _ours(context, found), found.now
    if now is None:
        await _remove(context, found, ours, taken)
        return
    if ours is not None and await _is_taken(context, now, ours):
        reason = "another note has the place that it names; it stays where it was"
        taken.skipped.append(SkippedFile(path=found.path, reason=reason))
        taken.ids.add(ours.id)
        now = replace(now, scope=ours.scope, name=ours.name or "")
    if ours is not None and says_same(now, ours):
        return
    if ours is not None and (found.before is None or not says_same(found.before, ours)):
        await _merge(context, found, ours, now, taken)
        return
    after = memory_of(now, ours, context.now())
    await _put(context, [after], ours)
    _note(taken, found, now, ours, after)


async def _is_taken(context: Context, file: NoteFile, ours: Memory) -> bool:
    """Whether another note lies where this one, which both sides know, is to move to."""
    path = path_of(file.scope, file.name)
    if memory_id(file.id) != ours.id or path == place_of(ours):
        return False
    return any(memory.id != ours.id for memory in await _lying_at(context, path))


async def _ours(context: Context, found: Found) -> Memory | None:
    """The note in the store that the file is about: by its id, else by its name or its place."""
    by_id = await context.records.get(context.tenant, [found.id])
    if by_id or found.now is None:
        return by_id[0] if by_id else None
    place = found.now.scope, found.now.name
    named = await context.records.named(context.tenant, *place)
    return named or next(iter(await _lying_at(context, path_of(*place))), None)


async def _remove(context: Context, found: Found, ours: Memory | None, taken: TakenIn) -> None:
    """Forget what was deleted there, unless it was changed here since: an edit outlives it."""
    if ours is None:
        return
    if found.before is None or not says_same(found.before, ours):
        taken.ids.add(ours.id)
        taken.kept.append((ours.scope, ours.name or ""))
        return
    await store(context, Forget(id=ours.id, expected_revision=ours.revision))
    taken.removed += 1


async def _merge(
    context: Context, found: Found, ours: Memory, theirs: NoteFile, taken: TakenIn
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
        kept = beside(merged.note, merged.loser)
        told = KeptText(scope=kept.scope, name=merged.note.name, beside=kept.name)
        taken.conflicts.append(told)
        if await context.records.named(context.tenant, kept.scope, kept.name) is None:
            steps.append(memory_of(kept, None, now))
    await _put(context, steps, ours)
    taken.updated += bool(steps)
    taken.ids |= {ours.id, own_id, *(memory.id for memory in steps)}
    taken.places.setdefault(own_id, set()).add(found.path)


async def _put(context: Context, memories: Sequence[Memory], before: Memory | None) -> None:
    """Store the memories in order; what had their name under another id is forgotten."""
    if not memories:
        return
    embedding = await embed_now(context, [memories[-1]])
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


def _note(
    taken: TakenIn, found: Found, file: NoteFile, before: Memory | None, after: Memory
) -> None:
    """Count what was stored; what its file does not say is to be written there."""
    if before is None:
        taken.added += 1
    else:
        taken.updated += 1
    if found.path != place_of(after) or not says_same(file, after):
        taken.ids.add(after.id)
