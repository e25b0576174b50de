"""The work tree and its index, held against a tree of the repository."""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from recollect.adapters.git.failures import Hidden
from recollect.adapters.git.index import DamagedIndex, Index, Seen
from recollect.adapters.git.paths import is_note, may_be_checked_out
from recollect.adapters.git.trees import PROGRAM, Change, Entry, Files, Trees
from recollect.adapters.git.work_tree import NewFile, Scan, WorkTree
from recollect.errors import Conflict, Unavailable

_LOCK_SECONDS = 5.0
_MOST_READ_AGAIN = 100
Contents = dict[str, bytes | None]
Stamp = tuple[int, int, int, int]


class Checkout:
    """What of a tree lies in the work tree: regular files. Links and submodules do not."""

    def __init__(self, root: Path, trees: Trees) -> None:
        self._trees = trees
        self._work_tree = WorkTree(root)
        self._index = Index(root / ".git", _LOCK_SECONDS)
        self._settled: dict[str, Stamp] = {}
        self._settled_by: tuple[object, ...] = ()

    def edited(
        self, tree: str | None, paths: Iterable[str] | None
    ) -> tuple[Contents, Sequence[str]]:
        """Which notes lie otherwise in the work tree than in the tree, and what lies there.

        Also which do not, but had to be read to tell.
        """
        self._load_index(tree)
        committed = self._trees.notes(tree)
        if paths is not None:
            return self._edited_among(filter(is_note, paths), committed), ()
        scan = self._work_tree.scan()
        gone = [path for path in committed if path not in scan.notes and scan.tells(path)]
        suspects = self._suspects(tree, scan, committed)
        edited = self._edited_among(suspects, committed)
        unchanged = [path for path in suspects if path in committed and path not in edited]
        return dict.fromkeys(gone) | edited, unchanged

    def _suspects(
        self, tree: str | None, scan: Scan, committed: Mapping[str, str]
    ) -> Sequence[str]:
        """The notes that may lie otherwise than in the tree, by the index.

        What it said of a file lasts while tree, index and file stay as they are: most looks find
        them so, and to ask it of 10,000 files takes 25 ms.
        """
        settled_by = tree, self._index.stamp
        if settled_by != self._settled_by:
            self._settled, self._settled_by = {}, settled_by
        suspects: list[str] = []
        for path, found in scan.notes.items():
            stamp = found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size
            if self._settled.get(path) == stamp:
                continue
            if self._index.blob(path, found) == committed.get(path, ""):
                self._settled[path] = stamp
            else:
                suspects.append(path)
        return suspects

    def move(
        self,
        tree: str | None,
        changes: Mapping[str, Change],
        entries: Files,
        *,
        by_hand: bool = False,
        strict: bool = True,
    ) -> None:
        """Make work tree and index hold entries.

        Args:
            tree: What the work tree shows, should the index be lost.
            changes: What may lie there; whatever else does was edited by hand, and stays.
            entries: What shall lie at each of these paths.
            by_hand: The work tree is left as it is.
            strict: Whether an edit of a note by hand, or something in its way, is an error. Other
                files do without: they must not keep notes from being exchanged.

        Raises:
            Conflict: A file was edited by hand.
            Hidden, OSError: Something is in the way.
        """
        with self._index.locked() as since_ns:
            self._load_index(tree)
            if by_hand:
                seen = {path: self._as_it_lies(path, entry) for path, entry in entries.items()}
            else:
                seen = self._laid(changes, entries, strict=strict)
            self._index.update(seen)
            self._index.write(since_ns, self._hashed)

    def break_own_lock(self) -> None:
        """Remove the lock of the index that a killed process of ours left."""
        self._index.break_own_lock()

    def clear(self, paths: Iterable[str]) -> None:
        """Remove the files that a killed process half wrote."""
        for path in filter(may_be_checked_out, paths):
            self._work_tree.clear(path)

    def _edited_among(self, paths: Iterable[str], committed: Mapping[str, str]) -> Contents:
        edited: Contents = {}
        for path in paths:
            with suppress(Hidden):
                if self._lying(path) == committed.get(path):
                    continue
                content = self._work_tree.read(path)
                if content is not None or path in committed:
                    edited[path] = content
        return edited

    def note_unchanged(self, tree: str | None, paths: Sequence[str]) -> None:
        """Note in the index what was only read because its times are others, as in a copy."""
        if len(paths) > _MOST_READ_AGAIN:
            with suppress(Unavailable):  # a git program is at work; next time, then
                self.move(
                    tree, {}, {path: self._trees.entry(tree, path) for path in paths}, by_hand=True
                )

    def _as_it_lies(self, path: str, entry: Entry | None) -> Seen | None:
        if entry is None:
            return None
        with suppress(Hidden):
            found = self._work_tree.stat(path)
            if self._hashed(path) == entry.id:
                return entry, found
        return entry, None

    def _laid(
        self, changes: Mapping[str, Change], entries: Files, *, strict: bool
    ) -> dict[str, Seen | None]:
        seen: dict[str, Seen | None] = {}
        new: dict[str, NewFile] = {}
        # What is deleted makes room: a file for a folder, a folder for a file.
        for path in sorted(entries, key=lambda path: entries[path] is not None):
            entry = entries[path]
            must = strict and is_note(path)
            try:
                found = self._lay(path, entry, changes[path], must=must)
            except (Conflict, Hidden):
                if must:
                    raise
                found = None
            if isinstance(found, NewFile):
                new[path] = found
            else:
                seen[path] = entry and (entry, found)
        for path, found in self._work_tree.put(new):
            entry = entries[path]
            seen[path] = entry and (entry, found)
        return seen

    def _lay(
        self, path: str, entry: Entry | None, change: Change, *, must: bool
    ) -> os.stat_result | NewFile | None:
        """Remove what has to go; else gives what lies there, or what has to be put there."""
        sides = [_blob(side) for side in change]
        if not any(sides) or not may_be_checked_out(path):
            return None
        lying = self._lying(path)
        if lying not in sides:
            raise Conflict(f"{path!r} was edited by hand; commit that first")
        wanted = _blob(entry)
        if entry is None or wanted is None:
            self._work_tree.remove(path)
            return None
        if lying == wanted:
            return self._work_tree.stat(path)
        content = partial(self._trees.content, wanted)
        return NewFile(content, is_program=entry.mode == PROGRAM, must=must)

    def _lying(self, path: str) -> str | None:
        """The blob of what lies at a path."""
        found = self._work_tree.stat(path)
        if found is None:
            return None
        return self._index.blob(path, found) or _hash(self._work_tree.read(path))

    def _hashed(self, path: str) -> str | None:
        """The same, without asking the index, and without telling what cannot be read."""
        try:
            return _hash(self._work_tree.read(path))
        except Hidden:
            return None

    def _load_index(self, tree: str | None) -> None:
        try:
            self._index.load()
        except DamagedIndex:
            self._index.replace(dict(self._trees.files(tree)))


def _blob(entry: Entry | None) -> str | None:
    return entry.id if entry is not None and entry.is_file else None


def _hash(content: bytes | None) -> str | None:
    """The name that git gives to this content."""
    if content is None:
        return None
    named = hashlib.sha1(b"blob %d\0" % len(content), usedforsecurity=False)
    named.update(content)
    return named.hexdigest()
