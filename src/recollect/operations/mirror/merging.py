"""Two commits' notes merged into one tree, note by note, by identity and not by path."""

from dataclasses import dataclass, field
from hashlib import sha256

from recollect.domain.merge import merge_notes
from recollect.domain.note_files import NoteFile, parse, render, rewrite
from recollect.domain.note_paths import SUFFIX, path_of
from recollect.errors import UnreadableNote
from recollect.operations.mirror.files import beside, contents_of, memory_id
from recollect.ports import KeptText, NoteRepository


@dataclass(slots=True)
class Merging:
    """What a commit lacks to hold both sides: files by path, None to be deleted.

    Attributes:
        conflicts: Notes of which both sides' bodies were kept.
        kept: Notes that one side deleted and the other changed, by scope and name.
    """

    notes: dict[str, bytes | None] = field(default_factory=dict[str, bytes | None])
    conflicts: list[KeptText] = field(default_factory=list[KeptText])
    kept: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


@dataclass(slots=True)
class _Tree:
    """A commit's notes: by identity those that can be read, and all files' bytes by path."""

    notes: dict[str, NoteFile] = field(default_factory=dict[str, NoteFile])
    paths: dict[str, str] = field(default_factory=dict[str, str])
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])

    def unreadable(self) -> set[str]:
        """Paths of the files that cannot be read as notes, or repeat another's identity."""
        return set(self.files) - set(self.paths.values())

    def file_of(self, identity: str) -> bytes | None:
        """The bytes of a note's file."""
        path = self.paths.get(identity)
        return None if path is None else self.files[path]


async def merged_trees(
    repository: NoteRepository, base: str | None, ours: str, theirs: str
) -> Merging:
    """What `ours` lacks to hold what both sides did since `base`. No line of text is lost."""
    before, mine, other = [await _tree(repository, c) for c in (base, ours, theirs)]
    merging = Merging()
    placed: dict[str, NoteFile] = {}
    for identity in sorted({*mine.notes, *other.notes}):
        merged = merge_notes(
            before.notes.get(identity), mine.notes.get(identity), other.notes.get(identity)
        )
        if merged.note is not None:
            if merged.deletion_undone:
                merging.kept.append((merged.note.scope, merged.note.name))
            _place(merged.note, merged.loser, placed, merging)
    wanted = {path: _bytes(note, mine, other) for path, note in placed.items()}
    for path in sorted(mine.unreadable() | other.unreadable()):
        _keep(path, before.files.get(path), mine, other, wanted)
    merging.notes = {p: content for p, content in wanted.items() if mine.files.get(p) != content}
    merging.notes |= {path: None for path in mine.files if path not in wanted}
    return merging


def _place(
    note: NoteFile, loser: NoteFile | None, placed: dict[str, NoteFile], merging: Merging
) -> None:
    """Put the note at its path, with what gives way to it beside; merge two of one path."""
    path = path_of(note.scope, note.name)
    if path in placed:
        met = merge_notes(None, placed[path], note)
        note = met.note or note
        loser = loser or met.loser
    placed[path] = note
    if loser is not None:
        kept = beside(note, loser)
        merging.conflicts.append(KeptText(scope=note.scope, name=note.name, beside=kept.name))
        placed[path_of(kept.scope, kept.name)] = kept


def _bytes(note: NoteFile, mine: _Tree, other: _Tree) -> bytes:
    """The note's file: as a side has it, if one says just that."""
    identity = memory_id(note.id)
    sides = [file for tree in (mine, other) if (file := tree.file_of(identity)) is not None]
    for file in sides:
        if parse(file) == note:
            return file
    return rewrite(sides[0], note) if sides else render(note)


def _keep(
    path: str, before: bytes | None, mine: _Tree, other: _Tree, wanted: dict[str, bytes]
) -> None:
    """Keep a file that cannot be read: whichever side changed it, or both beside each other."""
    ours = mine.files.get(path) if path in mine.unreadable() else None
    theirs = other.files.get(path) if path in other.unreadable() else None
    for file in (ours, theirs):
        if file is None or (file == before and ours != theirs):
            continue
        free = path
        if wanted.get(path, file) != file:
            digest = sha256(file).hexdigest()[:8]
            free = f"{path.removesuffix(SUFFIX)}.conflict-{digest}{SUFFIX}"
        wanted[free] = file


async def _tree(repository: NoteRepository, commit: str | None) -> _Tree:
    blobs = await repository.notes(commit)
    tree = _Tree(files=await contents_of(repository, blobs))
    for path in sorted(blobs):
        try:
            note = parse(tree.files[path])
        except UnreadableNote:
            continue
        identity = memory_id(note.id)
        if identity not in tree.notes:
            tree.notes[identity], tree.paths[identity] = note, path
    return tree
