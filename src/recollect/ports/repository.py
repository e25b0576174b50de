"""The git repository that notes are mirrored to, as a role."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from recollect.errors import RecollectError


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedFile:
    """A file that holds no note that could be taken in, or a note that can be no file; and why.

    Attributes:
        note_id: Of the note that can be no file.
    """

    path: str
    reason: str
    note_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Up to where a repository and the record store say the same.

    Attributes:
        commit: The commit whose notes are in the store.
        seq: The newest change of the store that the commit holds; 0 for none.
        mark: Tells the store's change `seq` from that of any other store.
        skipped: What they do not say the same of.
        others: The scopes below the repository's own that other repositories held.
    """

    commit: str
    seq: int
    mark: str
    skipped: tuple[SkippedFile, ...] = ()
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """Who made a commit, when, and what it says."""

    id: str
    author: str
    at: datetime
    message: str


class NoteRepository(Protocol):
    """A git repository of Markdown files with a work tree that people edit.

    Paths are relative, joined by `/`, and name notes: Markdown files below `global/` and
    `projects/`, no part of them beginning with a dot, no part of them a symbolic link. All other
    files are left alone and kept through every commit. Nothing outside the work tree is ever read
    or written. Blobs are named by git's ids.
    """

    @property
    def prefix(self) -> str:
        """The scope whose notes it holds, with all below; '' holds what no other one does."""
        ...

    @property
    def branch(self) -> str:
        """The branch that is written, fetched and pushed."""
        ...

    def held(self) -> AbstractAsyncContextManager[None]:
        """Hold the one lease on the repository across processes; it ends with the process.

        On entry, what a killed process left half-written in the work tree is put right, so that it
        is not taken for an edit by hand.

        Raises:
            Unavailable: Somebody else holds it for longer than the deadline.
        """
        ...

    async def agreement(self) -> Agreement | None:
        """Return the last agreement; None when there is none, or its commit is gone."""
        ...

    async def agree(self, agreement: Agreement) -> None:
        """Keep the agreement, beside the repository's objects, atomically."""
        ...

    async def head(self) -> str | None:
        """Return the branch's newest commit; None before the first.

        Raises:
            Unavailable: The work tree shows another branch.
        """
        ...

    async def describe(self, commit: str) -> Commit:
        """Return who made it and when."""
        ...

    async def notes(self, commit: str | None) -> Mapping[str, str]:
        """Return the blob of each note's path in a commit's tree; none for None."""
        ...

    async def read(self, blobs: Sequence[str]) -> list[bytes]:
        """Return the content of each blob."""
        ...

    async def edited(self, paths: Sequence[str] | None) -> Mapping[str, str | None]:
        """Return which of these notes (None: of all) lie otherwise in the work tree than in HEAD.

        By path the blob of what lies there, kept as an object; None for what was deleted there.
        Where a symbolic link, a special file or an unreadable one is or leads to, nothing is told.
        Touches neither work tree nor branch.
        """
        ...

    async def write(
        self,
        notes: Mapping[str, bytes | None],
        message: str,
        *,
        by_hand: bool = False,
        merged: str | None = None,
    ) -> str:
        """Make the branch and the work tree hold these notes, None deleting one; gives the commit.

        The commit follows HEAD, and `merged` as its second parent; what both did to files that are
        no notes is merged by lines, or else ours stays and theirs is kept beside it, under a name
        that ends with `.theirs`. If nothing changes, it is HEAD
        itself. What lies in the work tree at other paths is not touched. Git's configured identity
        is the author, else ours. A kill at any moment leaves either the old or the new commit, and
        what lies in the work tree is put right by the next holder. Only for a holder.

        Args:
            notes: Content by path.
            message: The whole message.
            by_hand: The work tree holds them already: it is only committed.
            merged: A commit that this one merges.

        Raises:
            InvalidRequest: A path names no note or leads through a symbolic link, or a file is in
                the way.
            Conflict: One of the notes was edited by hand, or somebody else committed meanwhile.
                Nothing was changed.
            StorageFull, Unavailable: It cannot be written.
        """
        ...

    async def advance(self, commit: str) -> None:
        """Move the branch and the work tree forward to a descendant of HEAD (fast-forward).

        Links and submodules of the commit are not put into the work tree; a file that is no note
        and was edited by hand stays as it is. Only for a holder.

        Raises:
            Conflict: It is no descendant, or a note that it changes was edited by hand.
            InvalidRequest, StorageFull, Unavailable: As `write`.
        """
        ...

    @property
    def remote(self) -> str | None:
        """Where it is pushed to, without any credential; None when it has no remote."""
        ...

    async def fetch(self) -> str | None:
        """Fetch the remote's branch; gives its newest commit, None when it does not exist there.

        Raises:
            Unavailable: The remote is out of reach, too slow, or refuses the credential.
        """
        ...

    async def push(self) -> None:
        """Push the branch.

        Raises:
            RemoteMoved: The remote's branch is not an ancestor.
            Unavailable: As `fetch`.
        """
        ...

    async def merge_base(self, one: str, other: str) -> str | None:
        """Return the best common ancestor; None for unrelated histories."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptText:
    """A note whose text both sides changed: the newer one stands, the older is a note beside it.

    Attributes:
        beside: The name of the note that holds the older text, in the same scope.
    """

    scope: str
    name: str
    beside: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What a repository exchanged with its remote.

    Attributes:
        label: `default`, or the scope whose notes it holds.
        pull: `skipped`, `no-remote`, `up-to-date`, `fast-forward` or `merged (N conflicts
            resolved)`.
        added, updated, removed: Notes of the store that what was pulled changed.
        conflicts: Notes of which both sides' bodies were kept.
        kept: Notes that one side deleted and the other changed, by scope and name: they stay.
        pull_problem: Why fetching or merging failed; nothing was pushed then.
        push_problem: Why pushing failed.
    """

    label: str
    branch: str
    pull: str = "skipped"
    added: int = 0
    updated: int = 0
    removed: int = 0
    conflicts: tuple[KeptText, ...] = ()
    kept: tuple[tuple[str, str], ...] = ()
    pull_problem: RecollectError | None = None
    push_problem: RecollectError | None = None

    @property
    def problem(self) -> RecollectError | None:
        """Why it failed; None when it did not."""
        return self.pull_problem or self.push_problem


class Mirror(Protocol):
    """Follows the change log and brings notes into their repositories, and back."""

    async def check_place(self, scope: str, name: str, own_id: str = "") -> None:
        """Refuse a place in which a note's file could not lie beside the others everywhere.

        Args:
            scope: Where the note is to be.
            name: What it is to be called.
            own_id: Its id, if it moves: its own file is not in its way.

        Raises:
            InvalidRequest: Some file system cannot hold it.
            AlreadyExists: Another note's file is in its place, or differs in case alone.
        """
        ...

    async def reached(self, tenant: str, seq: int) -> bool:
        """Wait until the repositories hold everything up to `seq`, for a second at most.

        At once False while they cannot be written at all; what they lack follows later.
        """
        ...

    async def sync(self, *, pull: bool) -> list[Exchange]:
        """Exchange notes with every remote; one that fails does not stop the others."""
        ...

    def skipped(self) -> list[SkippedFile]:
        """Return what could not be mirrored when it was last tried, either way."""
        ...
