"""Where notes lie as files: `global/<name>.md` and `projects/<scope>/<name>.md`."""

import unicodedata

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
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", path).casefold())


def collide(one: str, other: str) -> bool:
    """Whether files at the two paths cannot lie side by side everywhere.

    They are the same path to some file system, or one is a folder on the way to the other.
    """
    shorter, longer = sorted((folded(one), folded(other)), key=len)
    return longer == shorter or longer.startswith(f"{shorter}/")


def _is_allowed(scope: str, name: str) -> bool:
    try:
        check_identity(scope, name)
    except InvalidRequest:
        return False
    return True
