"""Which paths of a repository name notes, and which of them may be put into a work tree."""

import re
import unicodedata
from collections.abc import Iterable

from recollect.domain.note_paths import is_note_path
from recollect.errors import InvalidRequest

FOLDERS = ("global", "projects")
DEEPEST = 100
"""Folders in folders beyond that are nobody's notes, but might be an attack."""

_MOST_PART_BYTES = 255
_SURROGATE = re.compile("[\ud800-\udfff]")
_ASK_TWICE = re.compile(r"[^\x01-\x7f]|git~|//|(?:^|/)\.|^/|/$|^$", re.IGNORECASE)
_GIT = re.compile(r"\.git|git~\d+")


def is_note(path: str) -> bool:
    """Whether the path names a note that can lie in a work tree."""
    return is_note_path(path) and may_be_checked_out(path)


def check_notes(paths: Iterable[str]) -> None:
    """Check that every path names a note.

    Raises:
        InvalidRequest: One does not.
    """
    for path in paths:
        if not is_note(path):
            raise InvalidRequest(
                f"{path!r} names no note: a note is a Markdown file below global/ or projects/, "
                "and no part of its path begins with a dot"
            )


def may_be_checked_out(path: str) -> bool:
    """Whether a file of a foreign commit may be written at this path of the work tree.

    Not where it would leave the work tree, nor where any file system would take a part of it for
    `.git` (case, trailing dots, short names, code points that are not drawn).
    """
    if path.count("/") > DEEPEST:
        return False
    if len(path) <= _MOST_PART_BYTES and not _ASK_TWICE.search(path):
        return True
    return not _SURROGATE.search(path) and all(map(_is_harmless, path.split("/")))


def _is_harmless(part: str) -> bool:
    if part in {"", ".", ".."} or "\0" in part or len(part.encode()) > _MOST_PART_BYTES:
        return False
    drawn = "".join(c for c in part if unicodedata.category(c) != "Cf")
    return not _GIT.fullmatch(drawn.rstrip(" .").casefold())
