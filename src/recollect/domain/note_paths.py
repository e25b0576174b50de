"""Where notes lie as files: `global/<name>.md` and `projects/<scope>/<name>.md`."""

import unicodedata
from collections.abc import Collection

from recollect.domain.names import MAX_PARTS, check_name
from recollect.domain.scopes import RESERVED, ROOT, check_scope
from recollect.errors import InvalidRequest

SUFFIX = ".md"
MAX_PART_BYTES = 240
"""Most bytes of a file's or a folder's name: 255 less what temporary files add."""

_ROOT_FOLDER = "global"
_SCOPES_FOLDER = "projects"
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul"]
    + [f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"]
)


def path_of(scope: str, name: str) -> str:
    """The path of a note inside the repository, with `/`. Two notes may have the same."""
    folder = _ROOT_FOLDER if scope == ROOT else f"{_SCOPES_FOLDER}/{scope}"
    return f"{folder}/{name}{SUFFIX}"


def is_note_path(path: str) -> bool:
    """Whether a file at this path of the repository is a note: none of its parts is hidden."""
    folder, *parts = path.split("/")
    return (
        folder in (_ROOT_FOLDER, _SCOPES_FOLDER)
        and bool(parts)
        and path.endswith(SUFFIX)
        and not any(part.startswith(".") or not part for part in parts)
    )


def identities(path: str) -> tuple[tuple[str, str], ...]:
    """Each scope and name whose note lies at this path, the longest scope first; often just one.

    Which of several it is only the note's frontmatter says. None at all if the path is that of no
    note.
    """
    if not is_note_path(path):
        return ()
    folder, *parts = path.removesuffix(SUFFIX).split("/")
    if folder == _ROOT_FOLDER:
        pairs = [(ROOT, "/".join(parts))]
    else:
        cuts = range(len(parts) - 1, max(0, len(parts) - 1 - MAX_PARTS), -1)
        pairs = [("/".join(parts[:cut]), "/".join(parts[cut:])) for cut in cuts]
    return tuple((scope, name) for scope, name in pairs if _is_allowed(scope, name))


def check_identity(scope: str, name: str) -> None:
    """Refuse a scope or a name that the notes' format does not know.

    Reserved words pass as scopes: old repositories hold them.

    Raises:
        InvalidRequest: The scope or the name is against the rules.
    """
    check_name(name)
    if scope in RESERVED:
        return
    check_scope(scope)
    if ":" in scope:
        raise InvalidRequest("the scope of a note holds no ':'")


def check_portable(scope: str, name: str) -> None:
    """Refuse a new note whose file some system could not hold.

    Raises:
        InvalidRequest: The scope or the name is against the rules or reserved, or a part of it is
            the name of a device on Windows, too long, or a folder that ends with a dot.
    """
    check_scope(scope)
    check_identity(scope, name)
    for part in path_of(scope, name).split("/"):
        if part.split(".")[0].casefold() in _DEVICES:
            raise InvalidRequest(
                "a part of the scope or the name is the name of a device on Windows; change it"
            )
        if part.endswith("."):
            raise InvalidRequest("a part of the scope or the name ends with a dot; change it")
        if len(part.encode()) > MAX_PART_BYTES:
            raise InvalidRequest(
                f"a part of the scope or the name has more than {MAX_PART_BYTES} bytes, '.md' "
                "included; shorten it"
            )


def folded(path: str) -> str:
    """The same for paths that some file system takes for the same: by case or normal form.

    Also for some that none does (`ß` and `ss`): rather a name refused than a file overwritten.
    """
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", path).casefold())


class PathSet:
    """Paths, of which any other path that cannot lie beside them everywhere is quickly told.

    Two cannot if they are the same path to some file system, or one is a folder on the way to the
    other.
    """

    def __init__(self) -> None:
        self._paths: set[str] = set()
        self._alike: dict[str, set[str]] = {}
        self._below: dict[str, set[str]] = {}

    def replace(self, paths: Collection[str]) -> None:
        """Hold these paths and no others; only those that are different take time."""
        for path in self._paths.difference(paths):
            self._paths.remove(path)
            whole, folders = _folded_steps(path)
            self._alike[whole].remove(path)
            for folder in folders:
                self._below[folder].remove(path)
        for path in paths:
            if path not in self._paths:
                self.add(path)

    def add(self, path: str) -> None:
        """Hold one more."""
        self._paths.add(path)
        whole, folders = _folded_steps(path)
        self._alike.setdefault(whole, set()).add(path)
        for folder in folders:
            self._below.setdefault(folder, set()).add(path)

    def blocks(self, path: str) -> bool:
        """Whether another path is held that this one cannot lie beside."""
        whole, folders = _folded_steps(path)
        alike = self._alike.get(whole, frozenset[str]())
        return bool(
            alike - {path}
            or self._below.get(whole)
            or any(self._alike.get(folder) for folder in folders)
        )


def _folded_steps(path: str) -> tuple[str, list[str]]:
    """The path, and every folder on the way to it."""
    whole = folded(path)
    parts = whole.split("/")
    return whole, ["/".join(parts[:depth]) for depth in range(1, len(parts))]


def _is_allowed(scope: str, name: str) -> bool:
    try:
        check_identity(scope, name)
    except InvalidRequest:
        return False
    return True
