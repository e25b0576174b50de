"""What lies in a repository of notes, told without any code of ours."""

from pathlib import Path

from pygit2 import Blob, Repository, Tree
from pygit2.enums import FileStatus


def committed_notes(repository: Path) -> dict[str, bytes]:
    """The files of the newest commit on `main`, by path."""
    opened = Repository(str(repository))
    return dict(_files(opened.references["refs/heads/main"].peel(Tree), ""))


def _files(tree: Tree, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in tree:
        path = f"{prefix}{entry.name}"
        if isinstance(entry, Tree):
            found += _files(entry, f"{path}/")
        elif isinstance(entry, Blob) and path.endswith(".md"):
            found.append((path, entry.data))
    return found


def unclean(work_tree: Path) -> list[str]:
    """What `git status` would name, ignored files too."""
    status = Repository(str(work_tree)).status(untracked_files="all", ignored=True)
    return [path for path, flags in status.items() if flags != FileStatus.CURRENT]


def commit_messages(work_tree: Path) -> list[str]:
    """The message of every commit, the newest first."""
    opened = Repository(str(work_tree))
    return [commit.message for commit in opened.walk(opened.head.target)]


def lying_notes(work_tree: Path) -> dict[str, bytes]:
    """The files that lie in the work tree, by path: half-written ones too."""
    return {
        str(path.relative_to(work_tree)): path.read_bytes()
        for folder in ("global", "projects")
        for path in (work_tree / folder).rglob("*")
        if path.is_file()
    }
