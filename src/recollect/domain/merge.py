"""Notes merged by content: what two sides did to a common base, in one note.

Nothing depends on which side is called ours: two clones that merge the same get the same.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeVar

from recollect.domain.names import MAX_NAME_BYTES
from recollect.domain.note_files import NoteFile, nanoseconds, render
from recollect.domain.note_paths import SUFFIX
from recollect.domain.text_merge import merge_text

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteMerge:
    """What became of a note that two sides changed.

    Attributes:
        note: The merged note; None if it is deleted.
        loser: The older note, whose body is not in the merged one because the two contradict each
            other; the caller keeps it, as a note of its own under `conflict_name`.
        deletion_undone: Whether one side deleted the note and the other one's edit kept it.
    """

    note: NoteFile | None
    loser: NoteFile | None = None
    deletion_undone: bool = False


_BLANK = NoteFile(id="", name="", created_at="", updated_at="", body="")


@dataclass(frozen=True, slots=True)
class _Sides:
    """What two notes were made from, a blank one if from nothing, and the notes by age."""

    base: NoteFile
    older: NoteFile
    newer: NoteFile

    def changed(self, field: Callable[[NoteFile], object]) -> list[NoteFile]:
        """The sides that changed the field, the newer one last; if none did, the newer one."""
        before = field(self.base)
        return [n for n in (self.older, self.newer) if field(n) != before] or [self.newer]

    def newest(self, field: Callable[[NoteFile], T]) -> T:
        """The field as the side has it that alone changed it, or else changed it last."""
        return field(self.changed(field)[-1])


def merge_notes(base: NoteFile | None, ours: NoteFile | None, theirs: NoteFile | None) -> NoteMerge:
    """The note with the changes of both sides; None stands for a note that is not there.

    A field that one side changed is that side's; one that both changed is the newer side's, by
    `updated_at` and then by bytes. Of times of update the later counts, of ids that were given
    on both sides the one created first. Tags are merged one by one. An edit outweighs a deletion.
    """
    if ours is None or theirs is None:
        return _with_deletion(base, ours or theirs)
    sides = _Sides(base or _BLANK, *sorted((ours, theirs), key=_age))
    body = _body(sides)
    first = min(sides.changed(_identity), key=lambda n: (nanoseconds(n.created_at), _identity(n)))
    last = max(
        sides.changed(lambda n: n.updated_at),
        key=lambda n: (nanoseconds(n.updated_at), n.updated_at),
    )
    scope, name = sides.newest(lambda n: (n.scope, n.name))
    note = NoteFile(
        id=first.id,
        name=name,
        tags=_tags(sides),
        scope=scope,
        created_at=first.created_at,
        updated_at=last.updated_at,
        source=sides.newest(lambda n: n.source),
        body=sides.newer.body if body is None else body,
        extra=_extra(sides),
    )
    return NoteMerge(note=note, loser=sides.older if body is None else None)


def conflict_name(name: str, loser: NoteFile) -> str:
    """The name under which the loser of a conflict is kept: the same in every clone.

    A name too long to grow loses its end.
    """
    ending = f".conflict-{sha256(loser.body.encode()).hexdigest()[:8]}"
    room = MAX_NAME_BYTES - len(SUFFIX) - len(ending)
    return name.encode()[:room].decode(errors="ignore").rstrip("/") + ending


def _with_deletion(base: NoteFile | None, left: NoteFile | None) -> NoteMerge:
    if left is None or left == base:
        return NoteMerge(note=None)
    return NoteMerge(note=left, deletion_undone=base is not None)


def _age(note: NoteFile) -> tuple[int, bytes]:
    return nanoseconds(note.updated_at), render(note)


def _identity(note: NoteFile) -> tuple[str, str]:
    return note.id, note.created_at


def _body(sides: _Sides) -> str | None:
    """None if the bodies contradict each other."""
    merged = merge_text(sides.base.body, sides.older.body, sides.newer.body)
    return None if merged is None else merged.lstrip("\n")


def _tags(sides: _Sides) -> tuple[str, ...]:
    """What both have or one added, in the order of the base, the newer side, the older side."""
    older, newer = sides.older.tags, sides.newer.tags
    if older == newer or len(sides.changed(lambda n: n.tags)) == 1:
        return sides.newest(lambda n: n.tags)
    kept = [tag for tag in sides.base.tags if tag in older and tag in newer]
    added = [tag for tag in (*newer, *older) if tag not in sides.base.tags]
    return tuple(dict.fromkeys([*kept, *added]))


def _extra(sides: _Sides) -> dict[str, str]:
    merged: dict[str, str] = {}
    for key in (*sides.newer.extra, *sides.older.extra):
        entry = sides.newest(lambda n, key=key: n.extra.get(key))
        if entry:
            merged[key] = entry
    return merged
