"""Git's index file: what git last saw in the work tree, so that `git status` need not read it.

libgit2 can write it too, but takes 80 ms for one note among 10,000 and does not tell the times that
it keeps. The format is that of git's documentation, `gitformat-index`: versions 2 and 3.
"""

import hashlib
import os
import struct
import time
from bisect import bisect_left, insort
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from recollect.adapters.git.trees import FILE, GROUP_WRITABLE, Entry
from recollect.errors import Unavailable

_HEAD = struct.Struct(">4sLL")
_EXTENSION = struct.Struct(">4sL")
_TIME = struct.Struct(">LL")
_REST = struct.Struct(">6L")
_STAT = struct.Struct(">10L")
_COMPARED = struct.Struct(">6L")
_FLAGS = struct.Struct(">H")
_WORD = 0xFFFFFFFF
_SECOND_NS = 1_000_000_000
_ID_AT, _FLAGS_AT, _PATH_AT = 40, 60, 62
_MODIFIED = slice(8, 16)
# Compared: times, inode and size. The device changes when a volume is mounted anew.
_TIMES, _INODE, _SIZE = slice(0, 16), slice(20, 24), slice(36, 40)
_MOST_LENGTH = 0xFFF
_CHECKSUM_BYTES = 20
_OURS = Path("recollect/lock")
_PAUSE_SECONDS = 0.01

Seen = tuple[Entry, os.stat_result | None]


class DamagedIndex(Exception):
    """The file is no index; it has to be made anew from the tree."""


class Index:
    """The entries of the index file, by path and stage, each in its packed form."""

    def __init__(self, folder: Path, lock_seconds: float) -> None:
        self._path = folder / "index"
        self._lock = folder / "index.lock"
        self._temporary = folder / "recollect" / "index.tmp"
        self._lock_seconds = lock_seconds
        self._packed: dict[bytes, bytes] = {}
        self._keys: list[bytes] = []
        self._stamp: tuple[int, ...] | None = None
        self._time = _time(0)
        self._version = 2
        self._racy: set[bytes] = set()

    @property
    def stamp(self) -> tuple[int, ...] | None:
        """What changes whenever the file does; None while what is held is in no file."""
        return self._stamp

    def load(self) -> None:
        """Read the file, unless it is as it was.

        Raises:
            DamagedIndex: It is not there, or no index.
            Unavailable: It has a form that only a git program can read.
        """
        try:
            stamp = _stamp(self._path)
            if stamp == self._stamp:
                return
            self._hold(_parsed(self._path.read_bytes()), stamp[0])
        except FileNotFoundError as error:
            raise DamagedIndex from error
        self._stamp = stamp

    def replace(self, entries: Mapping[str, Entry]) -> None:
        """Forget all, and hold these entries as never seen in the work tree."""
        packed = {_key(path): _pack(path, entry, None) for path, entry in entries.items()}
        self._hold(packed, time_ns=0)
        self._racy.clear()
        self._stamp = None

    def blob(self, path: str, found: os.stat_result) -> str | None:
        """The blob that lies at the path, if by its times it is what git last saw there."""
        key = _key(path)
        packed = self._packed.get(key)
        if packed is None or key in self._racy:
            return None
        if packed[_TIMES] + packed[_INODE] + packed[_SIZE] != _pack_compared(found):
            return None
        return packed[_ID_AT:_FLAGS_AT].hex()

    def update(self, seen: Mapping[str, Seen | None]) -> None:
        """Note what lies in the work tree now; None: the path is not in the tree any more."""
        for path, what in seen.items():
            key = _key(path)
            for stage in range(1, 4):  # the sides of a merge that somebody left
                self._drop(_key(path, stage))
            self._drop(key) if what is None else self._put(key, _pack(path, *what))

    def write(self, since_ns: int, blob_now: Callable[[str], str | None]) -> None:
        """Replace the file; only while it is `locked`.

        What bears the time of the old file, or a later one, is looked at again: from now on its
        time would say that it is unchanged. (Git calls such entries racy.)

        Args:
            since_ns: When the work tree's files were first looked at: the time the file will bear.
            blob_now: The blob of what lies at a path.
        """
        self._settle(_time(since_ns), blob_now)
        content = _HEAD.pack(b"DIRC", self._version, len(self._keys))
        content += b"".join([self._packed[key] for key in self._keys])
        self._temporary.write_bytes(content + hashlib.sha1(content, usedforsecurity=False).digest())
        os.utime(self._temporary, ns=(since_ns, since_ns))
        self._temporary.replace(self._path)
        self._stamp = _stamp(self._path)
        self._time = _time(since_ns)

    @contextmanager
    def locked(self) -> Generator[int]:
        """Hold off git programs, by git's own lock file; gives the time of the file system.

        Raises:
            Unavailable: Another program holds it for too long.
        """
        self._lock_up()
        try:
            yield self._lock.lstat().st_mtime_ns
        finally:
            self._lock.unlink()

    def break_own_lock(self) -> None:
        """Remove the lock that a killed process of ours left."""
        with suppress(OSError):
            if self._lock.readlink() == _OURS:
                self._lock.unlink()

    def _lock_up(self) -> None:
        deadline = time.monotonic() + self._lock_seconds
        while True:
            try:
                # To git programs any file is a lock. A link says whose it is from its first moment.
                return self._lock.symlink_to(_OURS)
            except FileExistsError as error:
                if time.monotonic() > deadline:
                    raise Unavailable(
                        "another git program is at work in the repository of notes; if none runs, "
                        "remove .git/index.lock"
                    ) from error
            time.sleep(_PAUSE_SECONDS)

    def _hold(self, packed: dict[bytes, bytes], time_ns: int) -> None:
        self._packed, self._keys = packed, sorted(packed)
        self._time = _time(time_ns)
        self._version = 3 if any(entry[_FLAGS_AT] & 0x40 for entry in packed.values()) else 2
        self._racy = {key for key, entry in packed.items() if entry[_MODIFIED] >= self._time}

    def _put(self, key: bytes, packed: bytes) -> None:
        if key not in self._packed:
            insort(self._keys, key)
        self._packed[key] = packed
        self._racy.add(key)

    def _drop(self, key: bytes) -> None:
        if self._packed.pop(key, None) is not None:
            del self._keys[bisect_left(self._keys, key)]
            self._racy.discard(key)

    def _settle(self, since: bytes, blob_now: Callable[[str], str | None]) -> None:
        for key in [key for key in self._racy if self._packed[key][_MODIFIED] < since]:
            packed = self._packed[key]
            path = os.fsdecode(key[:-2])
            if blob_now(path) != packed[_ID_AT:_FLAGS_AT].hex():
                self._packed[key] = bytes(_STAT.size) + packed[_ID_AT:]
            self._racy.remove(key)


def _key(path: str, stage: int = 0) -> bytes:
    return os.fsencode(path) + bytes((0, stage))


def _time(ns: int) -> bytes:
    """A time as the index holds it; the bytes sort as the times do."""
    return _TIME.pack(ns // _SECOND_NS & _WORD, ns % _SECOND_NS)


def _stamp(path: Path) -> tuple[int, ...]:
    found = path.stat()
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def _pack(path: str, entry: Entry, found: os.stat_result | None) -> bytes:
    raw = os.fsencode(path)
    mode = FILE if entry.mode == GROUP_WRITABLE else entry.mode
    seen = _pack_stat(found, mode) if found else _STAT.pack(*(0,) * 6, mode, 0, 0, 0)
    length = _FLAGS.pack(min(len(raw), _MOST_LENGTH))
    return (packed := seen + bytes.fromhex(entry.id) + length + raw) + bytes(8 - len(packed) % 8)


def _pack_stat(found: os.stat_result, mode: int) -> bytes:
    return (
        _time(found.st_ctime_ns)
        + _time(found.st_mtime_ns)
        + _REST.pack(
            found.st_dev & _WORD,
            found.st_ino & _WORD,
            mode,
            found.st_uid & _WORD,
            found.st_gid & _WORD,
            found.st_size & _WORD,
        )
    )


def _pack_compared(found: os.stat_result) -> bytes:
    changed, modified = found.st_ctime_ns, found.st_mtime_ns
    return _COMPARED.pack(
        changed // _SECOND_NS & _WORD,
        changed % _SECOND_NS,
        modified // _SECOND_NS & _WORD,
        modified % _SECOND_NS,
        found.st_ino & _WORD,
        found.st_size & _WORD,
    )


def _parsed(content: bytes) -> dict[bytes, bytes]:
    try:
        return _entries(content)
    except (struct.error, ValueError, IndexError) as error:
        raise DamagedIndex from error


def _entries(content: bytes) -> dict[bytes, bytes]:
    checksum = content[-_CHECKSUM_BYTES:]
    if not any(checksum):
        pass  # git may be told to save the time of it
    elif hashlib.sha1(content[:-_CHECKSUM_BYTES], usedforsecurity=False).digest() != checksum:
        raise DamagedIndex
    signature, version, count = _HEAD.unpack_from(content)
    if signature != b"DIRC":
        raise DamagedIndex
    if version not in {2, 3}:
        raise Unavailable(
            f"the repository of notes has an index of version {version}, which is not known here; "
            "run `git update-index --index-version 2` in it"
        )
    packed: dict[bytes, bytes] = {}
    at = _HEAD.size
    for _ in range(count):
        extended, stage = content[at + _FLAGS_AT] & 0x40, content[at + _FLAGS_AT] >> 4 & 3
        start = at + _PATH_AT + (2 if extended else 0)
        end = content.index(0, start)
        after = at + (end - at + 8) // 8 * 8
        packed[content[start:end] + bytes((0, stage))] = content[at:after]
        at = after
    _check_extensions(content, at)
    return packed


def _check_extensions(content: bytes, at: int) -> None:
    """Refuse what may not be ignored; the rest only speeds git up, and is made again by it."""
    while at < len(content) - _CHECKSUM_BYTES:
        name, size = _EXTENSION.unpack_from(content, at)
        if name[:1].islower():
            raise Unavailable(
                "the repository of notes has a split or sparse index, which is not known here; run "
                "`git update-index --no-split-index` and `git sparse-checkout disable` in it"
            )
        at += _EXTENSION.size + size
