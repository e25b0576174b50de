"""NoteRepository in dictionaries: the readable specification."""

import hashlib
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from anyio import Lock, fail_after

from recollect.domain.note_paths import is_note_path
from recollect.errors import (
    Conflict,
    InvalidRequest,
    RecollectError,
    RemoteMoved,
    Unavailable,
)
from recollect.ports.repository import Agreement, Commit


@dataclass(frozen=True, slots=True)
class StoredCommit:
    """A commit, the blob of each path, and what it follows."""

    told: Commit
    tree: dict[str, str]
    parents: tuple[str, ...]


@dataclass(kw_only=True, eq=False)
class InMemoryNoteRepository:
    """A repository that is lost when the process ends.

    Attributes:
        remote_repository: What stands for the remote.
        work_tree: What people see and edit; files that are no notes may lie there too.
        blobs: Content by blob.
        commits: Every commit that was made or fetched.
        tip: The branch's newest commit.
        deadline_seconds: How long to wait for the lease.
        now: The time of new commits.
    """

    prefix: str = ""
    branch: str = "main"
    remote_repository: "InMemoryNoteRepository | None" = None
    work_tree: dict[str, bytes] = field(default_factory=dict[str, bytes])
    blobs: dict[str, bytes] = field(default_factory=dict[str, bytes])
    commits: dict[str, StoredCommit] = field(default_factory=dict[str, StoredCommit])
    tip: str | None = None
    deadline_seconds: float = 5.0
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def __post_init__(self) -> None:
        self._agreement: Agreement | None = None
        self._lease = Lock()

    @asynccontextmanager
    async def held(self) -> AsyncGenerator[None]:
        try:
            with fail_after(self.deadline_seconds):
                await self._lease.acquire()
        except TimeoutError as error:
            raise Unavailable("the repository of notes is held for too long; retry") from error
        try:
            yield
        finally:
            self._lease.release()

    async def agreement(self) -> Agreement | None:
        known = self._agreement
        return known if known is not None and known.commit in self.commits else None

    async def agree(self, agreement: Agreement) -> None:
        self._agreement = agreement

    async def head(self) -> str | None:
        return self.tip

    async def describe(self, commit: str) -> Commit:
        return self._commit(commit).told

    async def notes(self, commit: str | None) -> Mapping[str, str]:
        return dict(self._tree(commit))

    async def read(self, blobs: Sequence[str]) -> list[bytes]:
        return [self.blobs[blob] for blob in blobs]

    async def edited(self, paths: Sequence[str] | None) -> Mapping[str, str | None]:
        tree = self._tree(self.tip)
        asked = self.work_tree.keys() | tree.keys() if paths is None else paths
        lying = {
            path: self._keep(self.work_tree[path]) if path in self.work_tree else None
            for path in asked
            if is_note_path(path)
        }
        return {path: blob for path, blob in lying.items() if blob != tree.get(path)}

    async def write(
        self,
        notes: Mapping[str, bytes | None],
        message: str,
        *,
        by_hand: bool = False,
        merged: str | None = None,
    ) -> str:
        self._check_held()
        tree = dict(self._tree(self.tip))
        for path, content in notes.items():
            tree[path] = self._keep(content) if content is not None else ""
        tree = {path: blob for path, blob in tree.items() if blob}
        _check_paths(notes, tree)
        if not by_hand:
            self._check_out(notes.keys(), tree)
        if tree == self._tree(self.tip) and merged is None and self.tip is not None:
            return self.tip
        parents = tuple(parent for parent in (self.tip, merged) if parent)
        self.tip = self._make(tree, message, parents)
        return self.tip

    async def advance(self, commit: str) -> None:
        self._check_held()
        if self.tip is not None and self.tip not in self._ancestors(commit):
            raise Conflict("the branch cannot be moved forward: the commit does not follow it")
        old, new = self._tree(self.tip), self._tree(commit)
        changed = {path for path in old.keys() | new.keys() if old.get(path) != new.get(path)}
        self._check_out(changed, new)
        self.tip = commit

    @property
    def remote(self) -> str | None:
        return "memory:" if self.remote_repository else None

    async def fetch(self) -> str | None:
        theirs = self._reached_remote()
        self.blobs |= theirs.blobs
        self.commits |= theirs.commits
        return theirs.tip

    async def push(self) -> None:
        theirs = self._reached_remote()
        if self.tip is None:
            return
        if theirs.tip is not None and theirs.tip not in self._ancestors(self.tip):
            raise RemoteMoved("somebody pushed to the remote meanwhile; fetch, merge, push again")
        theirs.blobs |= self.blobs
        theirs.commits |= self.commits
        theirs.tip = self.tip

    async def merge_base(self, one: str, other: str) -> str | None:
        common = self._ancestors(one) & self._ancestors(other)
        best = [c for c in common if not any(c in self._ancestors(d) for d in common - {c})]
        return max(best, default=None)

    def _reached_remote(self) -> "InMemoryNoteRepository":
        if self.remote_repository is None:
            raise Unavailable("the repository of notes has no remote; set one")
        return self.remote_repository

    def _check_held(self) -> None:
        if not self._lease.locked():
            raise RecollectError("the repository of notes is changed without being held")

    def _check_out(self, paths: Iterable[str], tree: Mapping[str, str]) -> None:
        """Put into the work tree what a tree says of these paths, all or nothing."""
        before = self._tree(self.tip)
        for path in paths:
            lying = _blob(self.work_tree[path]) if path in self.work_tree else None
            if lying not in (before.get(path), tree.get(path)):
                raise Conflict(f"{path!r} was edited by hand; commit that first")
        for path in paths:
            self.work_tree.pop(path, None)
            if path in tree:
                self.work_tree[path] = self.blobs[tree[path]]

    def _make(self, tree: dict[str, str], message: str, parents: tuple[str, ...]) -> str:
        at = self.now().replace(microsecond=0)
        text = f"{sorted(tree.items())} {parents} {at} {message}"
        made = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        told = Commit(id=made, author="recollect", at=at, message=message)
        self.commits[made] = StoredCommit(told, tree, parents)
        return made

    def _keep(self, content: bytes) -> str:
        blob = _blob(content)
        self.blobs[blob] = content
        return blob

    def _commit(self, commit: str) -> StoredCommit:
        if commit not in self.commits:
            raise Unavailable(f"the repository of notes lacks the object {commit}")
        return self.commits[commit]

    def _tree(self, commit: str | None) -> Mapping[str, str]:
        return {} if commit is None else self._commit(commit).tree

    def _ancestors(self, commit: str) -> set[str]:
        """The commit and all before it."""
        found: set[str] = set()
        waiting = [commit]
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting.extend(self._commit(one).parents)
        return found


def _blob(content: bytes) -> str:
    """The name that git gives to this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _check_paths(notes: Mapping[str, bytes | None], tree: Mapping[str, str]) -> None:
    for path in notes:
        if not is_note_path(path):
            raise InvalidRequest(f"{path!r} names no note")
        parts = path.split("/")
        above = {"/".join(parts[:depth]) for depth in range(1, len(parts))}
        if path in tree and not above.isdisjoint(tree):
            raise InvalidRequest(f"a file is in the way of {path!r}")
        if path in tree and any(other.startswith(f"{path}/") for other in tree):
            raise InvalidRequest(f"a folder is in the way of {path!r}")
