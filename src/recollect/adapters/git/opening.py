"""A repository is opened as it is, or made."""

import os
from pathlib import Path

from filelock import FileLock
from pygit2 import init_repository, settings

from recollect.adapters.git.failures import translated_errors
from recollect.adapters.git.local import LocalRepository
from recollect.errors import Unavailable

DERIVED = ".memory-mcp-index/"
_BEGIN_SECONDS = 30

# Else libgit2 keeps whole packs in memory, once they are read.
settings.mwindow_size = 1_048_576
settings.mwindow_mapped_limit = 16 * 1_048_576


def open_local(path: Path, branch: str) -> LocalRepository:
    """Open the repository whose work tree is this folder; what lacks is made.

    An existing repository is taken as it is, with the branch that it shows.

    Raises:
        Unavailable: The folder cannot be used; the message says why and what to do.
    """
    with translated_errors():
        _make_folder(path)
        root = path.resolve()
        _check_owner(root)
        git = root / ".git"
        if git.is_symlink() or (git.exists() and not git.is_dir()):
            raise Unavailable(
                f"{git} is not a folder: linked work trees and submodules cannot hold notes; "
                "choose another folder"
            )
        git.mkdir(mode=0o700, exist_ok=True)
        (git / "recollect").mkdir(mode=0o700, exist_ok=True)
        if not (git / "HEAD").exists():
            _begin(root, branch)
        return LocalRepository(root, _branch(git, root))


def _begin(root: Path, branch: str) -> None:
    """Make the repository, if no other process does so meanwhile.

    Its first commit holds the file that keeps a derived index out, unless there is such a file.
    """
    git = root / ".git"
    with FileLock(
        git / "recollect" / "lock", mode=0o600, timeout=_BEGIN_SECONDS, fallback_to_soft=False
    ):
        if (git / "HEAD").exists():
            return
        init_repository(str(root), initial_head=branch)
        files: dict[str, bytes] = {}
        ignore = root / ".gitignore"
        if not os.path.lexists(ignore):
            files[ignore.name] = f"{DERIVED}\n".encode()
            ignore.write_bytes(files[ignore.name])
            ignore.chmod(0o600)
        LocalRepository(root, branch).begin(files, "chore: init repository")


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise Unavailable(
            f"the folder {path} for the repository of notes cannot be made ({error.strerror}); "
            "check the permissions of the folder above it, or choose another"
        ) from error
    else:
        path.chmod(0o700)
    if not path.is_dir():
        raise Unavailable(f"{path} is not a folder, so no repository of notes can be made in it")


def _check_owner(root: Path) -> None:
    owner = root.stat().st_uid
    if owner != os.geteuid():
        raise Unavailable(
            f"the folder {root} of the repository of notes belongs to another user "
            f"({owner}, not {os.geteuid()}); run the server as that user, or change the owner"
        )


def _branch(git: Path, root: Path) -> str:
    """The branch that HEAD shows."""
    prefix = "ref: refs/heads/"
    head = (git / "HEAD").read_text(encoding="utf-8").strip()
    if not head.startswith(prefix):
        raise Unavailable(
            f"the repository of notes {root} shows a commit and no branch; run `git switch` in it"
        )
    return head.removeprefix(prefix)
