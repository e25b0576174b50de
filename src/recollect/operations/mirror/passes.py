"""One pass of the mirror: what people changed comes in, what the store changed goes out."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from recollect.errors import Conflict
from recollect.operations.context import Context
from recollect.operations.mirror.files import contents_of
from recollect.operations.mirror.incoming import ORIGIN, TakenIn, take_in
from recollect.operations.mirror.mounts import Mount
from recollect.operations.mirror.outgoing import (
    Touched,
    held_by_others,
    outgoing,
    touched_since,
)
from recollect.operations.mirror.skipped import notes_to_try_again, still_skipped
from recollect.ports import Agreement, NoteRepository, SkippedFile

ROUNDS = 5
"""How often people may edit between looking and writing before a pass gives up."""


@dataclass(slots=True)
class Passed:
    """What a pass did; `seq` is the newest change that the repository holds.

    Attributes:
        skipped: What could not be mirrored, in this pass or one before.
    """

    seq: int = 0
    taken: TakenIn = field(default_factory=TakenIn)
    skipped: list[SkippedFile] = field(default_factory=list[SkippedFile])


async def mirror(context: Context, mount: Mount, *, look: bool) -> Passed:
    """Bring the store and a repository to say the same, and note how far they do.

    Every step can be repeated: a pass that was killed is made good by the next one.

    Args:
        context: Of whoever runs the mirror; changes that come in bear their author's name.
        mount: The repository.
        look: Search the whole work tree for edits by hand; else only where something is written.

    Raises:
        Unavailable: The repository or the store is out of reach.
    """
    async with mount.repository.held():
        return await pass_held(context, mount, look=look)


async def pass_held(context: Context, mount: Mount, *, look: bool) -> Passed:
    """The same for a caller that holds the repository."""
    repository = mount.repository
    agreement = await _agreement(context, repository)
    agreed = await _common(repository, agreement)
    if agreement is not None and agreed != agreement.commit:
        agreement = None  # another branch, or history made anew: every note is compared
    passed = Passed()
    for _ in range(ROUNDS):
        head = await repository.head()
        if look or head != agreed:
            head = await _commit_by_hand(repository)
            if head is not None and head != agreed:
                author = await _as_author(context, repository, head)
                passed.taken.add(await take_in(author, mount, agreed, head))
                agreed = head
        touched = await _touched(context, mount, agreement, passed.taken)
        out = await outgoing(context, mount, head, touched)
        if out.notes:
            try:
                head = await repository.write(out.notes, out.message)
            except Conflict:
                look = True  # somebody's edit lies where we would write
                continue
            await mount.see(await repository.notes(head))
        still = await still_skipped(repository, agreement, head)
        passed.seq = touched.last_seq
        passed.skipped = [*still, *passed.taken.skipped, *out.skipped]
        if head is not None:
            await _agree(context, mount, agreement, head, passed)
        return passed
    raise Conflict("the notes are being edited faster than they can be read; retry")


async def _agreement(context: Context, repository: NoteRepository) -> Agreement | None:
    """The last agreement, if it is with this very store."""
    agreement = await repository.agreement()
    if agreement is None or agreement.mark == await _mark(context, agreement.seq):
        return agreement
    return None


async def _common(repository: NoteRepository, agreement: Agreement | None) -> str | None:
    """The newest commit on the way to HEAD with which the store agreed.

    What lies on another branch was not deleted because it is not on this one.
    """
    if agreement is None:
        return None
    head = await repository.head()
    if head is None or head == agreement.commit:
        return agreement.commit
    return await repository.merge_base(agreement.commit, head)


async def _agree(
    context: Context, mount: Mount, before: Agreement | None, head: str, passed: Passed
) -> None:
    now = Agreement(
        commit=head,
        seq=passed.seq,
        mark=before.mark if before else "",
        skipped=tuple(passed.skipped),
        others=mount.others,
    )
    if now != before:
        mark = await _mark(context, passed.seq)
        await mount.repository.agree(replace(now, mark=mark))


async def _mark(context: Context, seq: int) -> str:
    """What tells the store's change `seq` from that of another store."""
    if seq == 0:
        return ""
    entries = await context.log.entries(context.tenant, seq - 1, 1)
    return f"{entries[0].record_id} {entries[0].at.isoformat()}" if entries else "none"


async def _touched(
    context: Context, mount: Mount, agreement: Agreement | None, came: TakenIn
) -> Touched:
    """What the store changed since the agreement, and what came in so that it has to go out.

    Every note, if there is no agreement, or other repositories held other scopes then.
    """
    if agreement is None:
        touched = Touched(last_seq=await context.log.last_seq(context.tenant))
    else:
        touched = await touched_since(context, agreement.seq)
        touched.again = notes_to_try_again(agreement)
    if agreement is None or agreement.others != mount.others:
        touched.ids = None
        touched.astray |= await held_by_others(context, mount)
    else:
        came_in = came.ids | came.places.keys() | came.astray
        touched.ids = (touched.ids or set()) | came_in | touched.again
    touched.astray |= came.astray
    for note_id, paths in came.places.items():
        touched.places.setdefault(note_id, set()).update(paths)
    return touched


async def _commit_by_hand(repository: NoteRepository) -> str | None:
    """Commit what people left in the work tree, as it is; gives the new HEAD."""
    edited = await repository.edited(None)
    if not edited:
        return await repository.head()
    lying = {path: blob for path, blob in edited.items() if blob is not None}
    contents = await contents_of(repository, lying)
    notes = {path: contents.get(path) for path in edited}
    return await repository.write(notes, _message(notes), by_hand=True)


def _message(notes: Mapping[str, bytes | None]) -> str:
    lines = [
        f"{'delete' if content is None else 'save'} memory '{path.removesuffix('.md')}'"
        for path, content in notes.items()
    ]
    if len(lines) == 1:
        return f"chore: {lines[0]}\n\nEdited by hand.\n"
    listed = "".join(f"- {line}\n" for line in lines)
    return f"chore: {lines[0]} and {len(lines) - 1} more\n\nEdited by hand.\n\n{listed}"


async def _as_author(context: Context, repository: NoteRepository, head: str) -> Context:
    """The context in which changes are made that came with this commit."""
    author = (await repository.describe(head)).author
    principal = replace(context.principal, name=f"{ORIGIN}:{author}")
    return replace(context, principal=principal, origin=ORIGIN, mirror=None, idempotency_key=None)
