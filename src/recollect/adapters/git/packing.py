"""Loose objects are packed now and then: a thousand small commits would else fill a disk.

Every commit writes the folder that it changes anew, which for 10,000 notes in one folder is 240 kB;
packed, 60 MB of such commits become 1 MB.
"""

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from pygit2 import OdbBackendPack, Oid, Repository
from pygit2.packbuilder import PackBuilder

from recollect.adapters.git.durable import Disk

MOST_LOOSE = 1_000
MOST_PACKS = 20
_MOST_BYTES = 5_000_000
"""Packs above that are not packed again."""

_COUNT = struct.Struct(">L")
_COUNT_AT, _IDS_AT = 8 + 255 * 4, 8 + 256 * 4
_ID_BYTES = 20
_PLAIN = frozenset({".idx", ".pack", ".rev"})


class Packing:
    """Packs a repository's objects; only for whoever holds it.

    A file goes when every object of it is on disk in a pack that stays: who reads meanwhile finds
    it there.
    """

    def __init__(self, root: Path, disk: Disk) -> None:
        self._root = root
        self._objects = root / ".git" / "objects"
        self._disk = disk

    def pack(self, *, most_loose: int = MOST_LOOSE, most_packs: int = MOST_PACKS) -> None:
        """Pack loose objects, and small packs, if there are more than that."""
        # Other files there were left by a killed process before they had their names.
        found = self._objects.glob(f"??/{'[0-9a-f]' * 38}")
        loose = {path.parent.name + path.name: path for path in found}
        if len(loose) > most_loose:
            self._write_pack(loose)
            packed = OdbBackendPack(str(self._objects))
            _remove(path for name, path in loose.items() if packed.exists(name))
        packs = list(self._small_packs())
        if len(packs) > most_packs:
            together = {name for pack in packs for name in _ids(pack)}
            made = self._write_pack(together)
            if made is not None and together <= set(_ids(made)):
                _remove(file for pack in packs for file in _files_of(pack))

    def _write_pack(self, names: Iterable[str]) -> Path | None:
        """Write a pack of these objects, to the disk; gives its index, None if it was there."""

        def choose(builder: PackBuilder) -> None:
            for name in names:
                builder.add(Oid(hex=name))

        before = set(self._packs())
        Repository(str(self._root)).pack(None, choose, 1)
        with self._disk.flushing((), packs=True):
            return next(iter(set(self._packs()) - before), None)

    def _packs(self) -> Iterator[Path]:
        return (self._objects / "pack").glob("pack-*.idx")

    def _small_packs(self) -> Iterator[Path]:
        """Those of which nothing depends but their objects."""
        if (self._objects / "pack" / "multi-pack-index").exists():
            return
        for pack in self._packs():
            small = pack.with_suffix(".pack").stat().st_size <= _MOST_BYTES
            if small and {file.suffix for file in _files_of(pack)} <= _PLAIN:
                yield pack


def _files_of(pack: Path) -> list[Path]:
    """Its index before all: without, nobody looks for the rest."""
    return sorted(pack.parent.glob(f"{pack.stem}.*"))


def _ids(pack: Path) -> Iterator[str]:
    """The objects that a pack's index lists (`gitformat-pack`, version 2)."""
    content = pack.read_bytes()
    (count,) = _COUNT.unpack_from(content, _COUNT_AT)
    for at in range(_IDS_AT, _IDS_AT + count * _ID_BYTES, _ID_BYTES):
        yield content[at : at + _ID_BYTES].hex()


def _remove(files: Iterable[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)
