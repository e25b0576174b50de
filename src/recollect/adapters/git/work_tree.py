"""The work tree: read and written without ever following a symbolic link."""

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from recollect.adapters.git.failures import Hidden, translated_errors
from recollect.adapters.git.paths import FOLDERS, is_note, may_be_checked_out
from recollect.domain.note_paths import SUFFIX
from recollect.errors import InvalidRequest

_LOOK = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
_LOOK_FOLDER = _LOOK | os.O_DIRECTORY
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_WRITERS = 8
_MOST_NAME_BYTES = 255
_NOT_THERE = frozenset({errno.ENOENT, errno.ENOTDIR})


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that is to be written; `must`, or else only if nothing is in the way.

    The content is asked for when it is written: all of them may be too much for the memory.
    """

    content: Callable[[], bytes]
    is_program: bool
    must: bool


@dataclass(frozen=True, slots=True)
class Scan:
    """The notes that lie in the work tree.

    Attributes:
        notes: What the file system says of each, by path.
        hidden: Paths below which nothing can be told.
    """

    notes: dict[str, os.stat_result] = field(default_factory=dict[str, os.stat_result])
    hidden: list[str] = field(default_factory=list[str])

    def tells(self, path: str) -> bool:
        """Whether the absence of the path from `notes` means that nothing lies there."""
        return not any(path == place or path.startswith(f"{place}/") for place in self.hidden)


class WorkTree:
    """The files of one folder, by relative path."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def scan(self) -> Scan:
        """Find every note."""
        scan = Scan()
        with self._folder([]) as root:
            for name in FOLDERS:
                _scan_folder(scan, root, name, name)
        return scan

    def stat(self, path: str) -> os.stat_result | None:
        """What the file system says of the regular file there; None when there is none.

        Raises:
            Hidden: A symbolic link or a special file is there or on the way.
        """
        *folders, name = path.split("/")
        try:
            with self._folder(folders) as folder:
                found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except OSError as error:
            if error.errno in _NOT_THERE:
                return None
            raise Hidden(path) from error
        if stat.S_ISREG(found.st_mode):
            return found
        if stat.S_ISDIR(found.st_mode):
            return None
        raise Hidden(path)

    def read(self, path: str) -> bytes | None:
        """The content of the regular file there; None when there is none.

        Raises:
            Hidden: It is none, or cannot be read.
        """
        *folders, name = path.split("/")
        try:
            with self._folder(folders) as folder:
                # Opening a pipe must not wait for its other end.
                file = os.open(name, _LOOK | os.O_NONBLOCK, dir_fd=folder)
                with os.fdopen(file, "rb") as opened:
                    if stat.S_ISREG(os.fstat(file).st_mode):
                        return opened.read()
        except OSError as error:
            if error.errno in _NOT_THERE or error.errno == errno.EISDIR:
                return None
            raise Hidden(path) from error
        raise Hidden(path)

    def put(self, files: Mapping[str, NewFile]) -> Iterator[tuple[str, os.stat_result | None]]:
        """Replace what lies at these paths, each atomically; folders that lack are made.

        Gives what the file system says of each new file; None if somebody else wrote meanwhile,
        or, unless it must be written, if something is in the way.
        """
        if len(files) <= 1:
            yield from ((path, self._put(path, file)) for path, file in files.items())
            return
        # Each waits for the disk; those that wait together are written together.
        with ThreadPoolExecutor(_WRITERS) as writers:
            found = writers.map(self._put, files.keys(), files.values())
            yield from zip(files, found, strict=True)

    def _put(self, path: str, file: NewFile) -> os.stat_result | None:
        *folders, name = path.split("/")
        temporary = temporary_name(name)
        try:
            with translated_errors(), self._folder(folders, create=True) as folder:
                with suppress(FileNotFoundError):  # left by a killed process
                    os.unlink(temporary, dir_fd=folder)
                try:
                    written = _write(folder, temporary, file)
                    os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
                except BaseException:
                    with suppress(OSError):
                        os.unlink(temporary, dir_fd=folder)
                    raise
                found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except InvalidRequest:
            if file.must:
                raise
            return None
        return found if _same(found, written) else None

    def remove(self, path: str) -> None:
        """Remove the file, if it is there, and the folders that are empty without it."""
        *folders, name = path.split("/")
        with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
            with self._folder(folders) as folder:
                os.unlink(name, dir_fd=folder)
            self._prune(folders)

    def clear(self, path: str) -> None:
        """Remove what a killed `put` left half-written beside the path."""
        *folders, name = path.split("/")
        with suppress(OSError), self._folder(folders) as folder:
            os.unlink(temporary_name(name), dir_fd=folder)

    def _prune(self, folders: list[str]) -> None:
        for depth in range(len(folders), 0, -1):
            try:
                with self._folder(folders[: depth - 1]) as folder:
                    os.rmdir(folders[depth - 1], dir_fd=folder)
            except OSError:
                return  # not empty

    @contextmanager
    def _folder(self, parts: list[str], *, create: bool = False) -> Generator[int]:
        """Open a folder, part by part, none of them a symbolic link."""
        opened = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in parts:
                inner = _open_folder(opened, part, create=create)
                os.close(opened)
                opened = inner
            yield opened
        finally:
            os.close(opened)


def temporary_name(name: str) -> str:
    """How a file is called until it is complete."""
    temporary = f".{name}.tmp"
    if len(temporary.encode()) > _MOST_NAME_BYTES:
        return f".{hashlib.sha256(name.encode()).hexdigest()}.tmp"
    return temporary


def _open_folder(parent: int, name: str, *, create: bool) -> int:
    try:
        return os.open(name, _LOOK_FOLDER, dir_fd=parent)
    except FileNotFoundError:
        if not create:
            raise
    except NotADirectoryError as error:
        if stat.S_ISLNK(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from error
        raise
    with suppress(FileExistsError):  # made by another writer
        os.mkdir(name, 0o700, dir_fd=parent)
    folder = os.open(name, _LOOK_FOLDER, dir_fd=parent)
    os.fchmod(folder, 0o700)
    return folder


def _write(folder: int, name: str, new: NewFile) -> os.stat_result:
    file = os.open(name, _NEW, 0o600, dir_fd=folder)
    with os.fdopen(file, "wb") as opened:
        os.fchmod(file, 0o700 if new.is_program else 0o600)
        opened.write(new.content())
        opened.flush()
        # A note that a power failure tore would be taken for an edit by hand.
        os.fsync(file)
        return os.fstat(file)


def _same(one: os.stat_result, other: os.stat_result) -> bool:
    """Whether it is the same file with the same content; renaming changes only the change time."""
    return (one.st_ino, one.st_size, one.st_mtime_ns) == (
        other.st_ino,
        other.st_size,
        other.st_mtime_ns,
    )


def _scan_folder(scan: Scan, parent: int, name: str, path: str) -> None:
    try:
        folder = os.open(name, _LOOK_FOLDER, dir_fd=parent)
    except FileNotFoundError:
        return
    except OSError:
        scan.hidden.append(path)
        return
    try:
        for inner in os.listdir(folder):  # noqa: PTH208  (of an open folder)
            if not inner.startswith("."):
                _scan_entry(scan, folder, inner, f"{path}/{inner}")
    except OSError:
        scan.hidden.append(path)
    finally:
        os.close(folder)


def _scan_entry(scan: Scan, folder: int, name: str, path: str) -> None:
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return
    if stat.S_ISDIR(found.st_mode):
        if may_be_checked_out(path):
            _scan_folder(scan, folder, name, path)
    elif not stat.S_ISREG(found.st_mode):
        scan.hidden.append(path)
    # The folders have been asked; to ask everything of 10,000 paths takes 20 ms.
    elif path.endswith(SUFFIX) and (path.isascii() or is_note(path)):
        scan.notes[path] = found
