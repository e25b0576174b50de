"""Reading the folders of other tools, and never what lies outside of them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISREG

from recollect.domain.foreign.notes import Refused, SourceFile
from recollect.domain.memory import MAX_CONTENT_BYTES

MAX_FILE_BYTES = 2 * MAX_CONTENT_BYTES
"""More than any note has, so that a note of the full length has room for its frontmatter."""


def source_file(path: Path) -> SourceFile:
    """A file that was named by itself. Raises OSError."""
    modified_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return SourceFile(
        path=path.name, origin=shown(path), content=path.read_bytes(), modified_at=modified_at
    )


def source_files(folder: Path, suffixes: Sequence[str]) -> Iterator[SourceFile | Refused]:
    """The files below the folder, in order of their paths; hidden ones are passed over.

    Args:
        folder: Where to begin.
        suffixes: What the names of notes end with; other files are refused.
    """
    root = folder.resolve()
    for path in _paths(folder):
        if isinstance(path, Refused):
            yield path
            continue
        try:
            problem = _problem(path, root, suffixes)
            if problem is None:
                yield replace(source_file(path), path=path.relative_to(folder).as_posix())
                continue
        except (OSError, RuntimeError, ValueError, OverflowError) as error:
            problem = _told(error)
        yield Refused(origin=shown(path), reason=problem)


def shown(path: Path) -> str:
    """The path as text that can be printed whatever bytes it holds."""
    return path.as_posix().encode("utf-8", "replace").decode()


def _paths(folder: Path) -> Iterator[Path | Refused]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        yield Refused(origin=shown(folder), reason=_told(error))
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from _paths(entry)
        else:
            yield entry


def _problem(path: Path, root: Path, suffixes: Sequence[str]) -> str | None:
    """Why the file is not read; None if it is."""
    if not path.resolve().is_relative_to(root):
        return "the link leads out of the folder"
    status = path.stat()
    wanted = {
        "it is no file": S_ISREG(status.st_mode),
        f"its name does not end with {' or '.join(suffixes)}": path.suffix in suffixes,
        "its name is not UTF-8": shown(path) == path.as_posix(),
        f"it has more than {MAX_CONTENT_BYTES} bytes": status.st_size <= MAX_FILE_BYTES,
    }
    return next((problem for problem, holds in wanted.items() if not holds), None)


def _told(error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) else None
    return f"it cannot be read: {reason or error}"
