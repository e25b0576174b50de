"""Git's trees: read, compared and built, folder by folder."""

import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import NamedTuple

from pygit2 import Oid, Repository, Tree
from pygit2.enums import ObjectType

from recollect.adapters.git.paths import DEEPEST, is_note
from recollect.errors import InvalidRequest, Unavailable

FILE = 0o100644
PROGRAM = 0o100755
FOLDER = 0o040000
GROUP_WRITABLE = 0o100664  # in old repositories
REGULAR = frozenset({FILE, PROGRAM, GROUP_WRITABLE})

_MOST_KEPT = 200_000  # entries: some 30 MB
_LINE = re.compile(rb"(\d+) ([^\0]+)\0(.{20})", re.DOTALL)


class Entry(NamedTuple):
    """What a tree says of one name; `id` in hex."""

    mode: int
    id: str

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file: no folder, symbolic link or submodule."""
        return self.mode in REGULAR


Folder = Mapping[str, Entry]
Files = Mapping[str, Entry | None]
Change = tuple[Entry | None, Entry | None]


class Trees:
    """The trees and files of one repository, the trees that were used last kept.

    Attributes:
        unflushed: Objects that were written and may not be on disk yet.
    """

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._kept: OrderedDict[str, Folder] = OrderedDict()
        self._kept_entries = 0
        self._reading = Lock()
        self.unflushed: set[str] = set()
        self._noted: tuple[str | None, Mapping[str, str]] = (None, {})

    def folder(self, tree: str | None) -> Folder:
        """What one tree holds, without what is below its folders."""
        if tree is None:
            return {}
        if tree not in self._kept:
            _, content = self._repository.odb.read(tree)
            self._keep(tree, _parsed(content))
        self._kept.move_to_end(tree)
        return self._kept[tree]

    def _keep(self, tree: str, folder: Folder) -> None:
        if tree not in self._kept:
            self._kept[tree] = folder
            self._kept_entries += len(folder)
        while self._kept_entries > _MOST_KEPT and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._kept_entries -= len(oldest)

    def content(self, blob: str) -> bytes:
        """The content of a file; from any thread."""
        with self._reading:
            kind, content = self._repository.odb.read(blob)
        if kind != ObjectType.BLOB:
            raise Unavailable(f"the object {blob} of the repository of notes is no file")
        return content

    def stored(self, content: bytes) -> Entry:
        """Write a file's content."""
        blob = str(self._repository.create_blob(content))
        self.unflushed.add(blob)
        return Entry(FILE, blob)

    def entry(self, tree: str | None, path: str) -> Entry | None:
        """What lies at a path; None for nothing, and for a folder."""
        return _leaf(self._found(tree, path))

    def has_room(self, tree: str | None, path: str) -> bool:
        """Whether a file may be put at a path: no folder is there, and no file on the way."""
        parts = path.split("/")
        above = ("/".join(parts[:depth]) for depth in range(1, len(parts)))
        return not _below(self._found(tree, path)) and not any(
            self.entry(tree, place) for place in above
        )

    def _found(self, tree: str | None, path: str) -> Entry | None:
        *folders, name = path.split("/")
        for part in folders:
            tree = _below(self.folder(tree).get(part))
            if tree is None:
                return None
        return self.folder(tree).get(name)

    def files(self, tree: str | None, prefix: str = "") -> Iterator[tuple[str, Entry]]:
        """Every entry below a tree that is no folder, with its path, but for absurd depths."""
        if prefix.count("/") > DEEPEST:
            return
        for name, entry in self.folder(tree).items():
            if entry.mode == FOLDER:
                yield from self.files(entry.id, f"{prefix}{name}/")
            else:
                yield prefix + name, entry

    def notes(self, tree: str | None) -> Mapping[str, str]:
        """The blob of every note, as what changed since the tree that was asked for before."""
        before, notes = self._noted
        if tree != before:
            # Of 10,000 notes all take 100 ms to find, a changed one 2.
            found = dict(notes)
            for path, (_, new) in self.changes(before, tree).items():
                if new is not None and new.is_file and is_note(path):
                    found[path] = new.id
                else:
                    found.pop(path, None)
            self._noted = (tree, found)
        return self._noted[1]

    def changes(self, old: str | None, new: str | None, prefix: str = "") -> dict[str, Change]:
        """What differs between two trees, by path; folders are told by what is in them."""
        if old == new or prefix.count("/") > DEEPEST:
            return {}
        before, after = self.folder(old), self.folder(new)
        names = [name for name, entry in after.items() if before.get(name) != entry]
        names += [name for name in before if name not in after]
        found: dict[str, Change] = {}
        for name in names:
            one, other = before.get(name), after.get(name)
            path = prefix + name
            found |= self.changes(_below(one), _below(other), f"{path}/")
            if _leaf(one) != _leaf(other):
                found[path] = (_leaf(one), _leaf(other))
        return found

    def built(self, tree: str | None, files: Files) -> str:
        """Write the tree that results when these files are put or, for None, taken away.

        Only the folders that change are written. Emptied folders go.

        Raises:
            InvalidRequest: A file is where a folder must be, or the other way round.
        """
        return self._built(tree, files) or str(self._repository.TreeBuilder().write())

    def _built(self, tree: str | None, files: Files) -> str | None:
        after = dict(self.folder(tree))
        builder = self._repository.TreeBuilder(*self._object(tree))
        here, below = _by_folder(files)
        for name in here.keys() | below.keys():
            entry = self._entry_after(after.get(name), name, here, below)
            if entry is not None:
                after[name] = entry
                builder.insert(name, Oid(hex=entry.id), entry.mode)
            elif after.pop(name, None) is not None:
                builder.remove(name)
        if not after:
            return None
        built = str(builder.write())
        self.unflushed.add(built)
        self._keep(built, after)
        return built

    def _entry_after(
        self, old: Entry | None, name: str, here: Files, below: Mapping[str, Files]
    ) -> Entry | None:
        folder = _below(old)
        if name in below:
            folder = self._built(folder, below[name])
        leaf = here.get(name, _leaf(old))
        if folder is not None and leaf is not None:
            raise InvalidRequest(f"{name!r} cannot be both a file and a folder of notes")
        return leaf if folder is None else Entry(FOLDER, folder)

    def _object(self, tree: str | None) -> tuple[Tree, ...]:
        if tree is None:
            return ()
        return (self._repository[tree].peel(Tree),)


def _parsed(content: bytes) -> Folder:
    return {
        line[2].decode("utf-8", "surrogateescape"): Entry(int(line[1], 8), line[3].hex())
        for line in _LINE.finditer(content)
    }


def _by_folder(files: Files) -> tuple[dict[str, Entry | None], dict[str, dict[str, Entry | None]]]:
    here: dict[str, Entry | None] = {}
    below: dict[str, dict[str, Entry | None]] = {}
    for path, entry in files.items():
        name, slash, rest = path.partition("/")
        if slash:
            below.setdefault(name, {})[rest] = entry
        else:
            here[name] = entry
    return here, below


def _below(entry: Entry | None) -> str | None:
    return entry.id if entry is not None and entry.mode == FOLDER else None


def _leaf(entry: Entry | None) -> Entry | None:
    return None if entry is None or entry.mode == FOLDER else entry
