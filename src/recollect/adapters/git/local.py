"""One repository on this machine: its commits, its index and its work tree, without any waiting."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import structlog
from pygit2 import Commit as GitCommit
from pygit2 import GitError, Oid, Repository, Signature

from recollect.adapters.git.checkout import Checkout
from recollect.adapters.git.durable import Disk
from recollect.adapters.git.others import brought
from recollect.adapters.git.packing import Packing
from recollect.adapters.git.paths import check_notes
from recollect.adapters.git.steps import Marker, Step
from recollect.adapters.git.trees import Change, Entry, Trees
from recollect.errors import Conflict, RecollectError, Unavailable
from recollect.ports.repository import Commit

NAME, ADDRESS = "recollect", "recollect@local"
log = structlog.get_logger()

_COMMITS_BETWEEN_TIDYING = 200
_OLD_LOCK_SECONDS = 1.0
_PAUSE_SECONDS = 0.02


class LocalRepository:
    """What `NoteRepository` promises of one machine, for one thread at a time."""

    def __init__(self, root: Path, branch: str) -> None:
        self.root = root
        self.branch = branch
        self.repository = Repository(str(root))
        self._trees = Trees(self.repository)
        self._checkout = Checkout(root, self._trees)
        self._sound: str | None = None
        self._disk = Disk(root / ".git")
        self._packing = Packing(root, self._disk)
        self._commits_until_tidy = 0
        self._marker = Marker(root / ".git" / "recollect" / "step.json")

    def head(self) -> str | None:
        """The branch's newest commit.

        Raises:
            Unavailable: Somebody checked out something else.
        """
        if self.repository.references["HEAD"].target != self._reference:
            raise Unavailable(
                f"the work tree of the repository of notes does not show the branch {self.branch} "
                f"any more; run `git switch {self.branch}` in it"
            )
        found = self.repository.references.get(self._reference)
        return str(found.target) if found else None

    def describe(self, commit: str) -> Commit:
        """Who made it and when."""
        found = self._commit(commit)
        return Commit(
            id=commit,
            author=found.author.raw_name.decode("utf-8", "replace"),
            at=_moment(found.author.time),
            message=found.raw_message.decode("utf-8", "replace"),
        )

    def holds(self, commit: str) -> bool:
        """Whether the commit and all its notes can be read; looked at in full but once."""
        try:
            if commit != self._sound:
                for blob in self.notes(commit).values():
                    self.repository.odb.read_header(blob)
                self._sound = commit
            return self.repository.odb.exists(commit)
        except (KeyError, ValueError, GitError):
            return False

    def notes(self, commit: str | None) -> Mapping[str, str]:
        """The blob of every note of a commit."""
        return self._trees.notes(self._tree(commit))

    def read(self, blobs: Sequence[str]) -> list[bytes]:
        """The content of each blob."""
        return [self._trees.content(blob) for blob in blobs]

    def merge_base(self, one: str, other: str) -> str | None:
        """The best common ancestor."""
        found = self.repository.merge_base(Oid(hex=one), Oid(hex=other))
        return str(found) if found else None

    def edited(self, paths: Sequence[str] | None, *, may_write: bool) -> dict[str, str | None]:
        """The notes that lie otherwise in the work tree than in HEAD, kept as objects.

        A holder `may_write` into the index what need not be read again.
        """
        tree = self._tree(self.head())
        edited, unchanged = self._checkout.edited(tree, paths)
        if may_write:
            self._checkout.note_unchanged(tree, unchanged)
        return {
            path: None if content is None else self._trees.stored(content).id
            for path, content in edited.items()
        }

    def write(
        self, notes: Mapping[str, bytes | None], message: str, *, by_hand: bool, merged: str | None
    ) -> str:
        """Commit the notes, and put them into the work tree."""
        check_notes(notes)
        head = self.head()
        tree = self._tree(head)
        files = self._brought(head, merged)
        for path, content in notes.items():
            files[path] = None if content is None else self._trees.stored(content)
        parents = [parent for parent in (head, merged) if parent]
        commit = self._committed(files, message, parents, self._author())
        changes = {path: (self._trees.entry(tree, path), entry) for path, entry in files.items()}
        step = Step(parent=head, commit=commit, by_hand=by_hand, changes=changes)
        self._take(step, foreign=merged is not None)
        return commit

    def advance(self, commit: str) -> None:
        """Move forward to a descendant of HEAD."""
        head = self.head()
        if commit == head:
            return
        if head and not self.repository.descendant_of(Oid(hex=commit), Oid(hex=head)):
            raise Conflict("the branch cannot be moved forward: the commit does not follow it")
        changes = self._trees.changes(self._tree(head), self._tree(commit))
        step = Step(parent=head, commit=commit, by_hand=False, changes=changes)
        self._take(step, foreign=True)

    def begin(self, files: Mapping[str, bytes], message: str) -> None:
        """Make the first commit of a new repository, of files that the work tree holds."""
        stored = {path: self._trees.stored(content) for path, content in files.items()}
        commit = self._committed(stored, message, [], _our_signature())
        changes: dict[str, Change] = {path: (None, entry) for path, entry in stored.items()}
        self._take(Step(parent=None, commit=commit, by_hand=True, changes=changes))

    def recover(self) -> None:
        """End the step that a killed process left: go on if the branch has its commit, else back.

        What lies in the work tree and belongs to neither side was edited since, and stays.
        """
        self._checkout.break_own_lock()
        step = self._marker.read()
        if step is None:
            return
        self._break_reference_lock(step.commit)
        self._checkout.clear(step.changes)
        tree = self._tree(self.head())
        now = {path: self._trees.entry(tree, path) for path in step.changes}
        self._checkout.move(tree, step.changes, now, by_hand=step.by_hand, strict=False)
        self._marker.remove()

    def tidy(self) -> None:
        """Pack objects now and then; only for a holder."""
        if self._commits_until_tidy <= 0:
            self._commits_until_tidy = _COMMITS_BETWEEN_TIDYING
            try:
                self._packing.pack()
            except (GitError, OSError, KeyError) as error:  # it only saves space
                log.warning("git_packing_failed", problem=type(error).__name__)

    def _take(self, step: Step, *, foreign: bool = False) -> None:
        """Move index, work tree and branch, or none of them; `foreign`: to what was fetched."""
        self._marker.write(step)
        try:
            entries = {path: new for path, (_, new) in step.changes.items()}
            written = {*self._trees.unflushed, step.commit}
            with self._disk.flushing(written, packs=foreign):
                self._checkout.move(
                    self._tree(step.parent), step.changes, entries, by_hand=step.by_hand
                )
            self._trees.unflushed.clear()
            self._move_branch(step)
            self._sound = step.commit
            self._commits_until_tidy -= 1
        except BaseException:
            with suppress(
                RecollectError, OSError, GitError, KeyError
            ):  # the next holder tries again
                self.recover()
            raise
        self._marker.remove()

    def _brought(self, head: str | None, merged: str | None) -> dict[str, Entry | None]:
        """What a merged commit does to files that are no notes."""
        if merged is None:
            return {}
        base = self.merge_base(head, merged) if head else None
        return brought(self._trees, self._tree(base), self._tree(head), str(self._tree(merged)))

    def _committed(
        self,
        files: Mapping[str, Entry | None],
        message: str,
        parents: Sequence[str],
        author: Signature,
    ) -> str:
        """Write the commit, with the branch left where it is; the parent itself if it says it."""
        tree = self._tree(parents[0]) if parents else None
        built = self._trees.built(tree, files)
        if built == tree and len(parents) == 1:
            return parents[0]
        ids = [Oid(hex=parent) for parent in parents]
        made = self.repository.create_commit(None, author, author, message, Oid(hex=built), ids)
        return str(made)

    def _move_branch(self, step: Step) -> None:
        """Compare and swap: only from where the step began."""
        if step.commit == step.parent == self.head():
            return
        try:
            if step.parent is None:
                self.repository.references.create(self._reference, Oid(hex=step.commit))
                return
            branch = self.repository.references[self._reference]
            if str(branch.target) == step.parent:
                branch.set_target(Oid(hex=step.commit), "recollect")
                return
        except (GitError, ValueError):
            if self.head() == step.parent:
                raise
        raise Conflict("somebody else committed to the repository of notes meanwhile; try again")

    def _break_reference_lock(self, commit: str) -> None:
        """Remove git's lock of the branch if a killed process of ours left it.

        Such a lock names the new commit; an empty one that stays is nobody's: git programs hold
        it for the blink of an eye.
        """
        lock = self.root / ".git" / f"{self._reference}.lock"
        deadline = time.monotonic() + _OLD_LOCK_SECONDS
        with suppress(FileNotFoundError):
            while lock.read_text().strip() != commit:
                if time.monotonic() > deadline:
                    if not lock.read_bytes():
                        break
                    return
                time.sleep(_PAUSE_SECONDS)
            lock.unlink()

    def _tree(self, commit: str | None) -> str | None:
        return None if commit is None else str(self._commit(commit).tree_id)

    def _commit(self, commit: str) -> GitCommit:
        return self.repository[commit].peel(GitCommit)

    def _author(self) -> Signature:
        try:
            return self.repository.default_signature
        except (KeyError, ValueError, GitError):  # git knows no name here
            return _our_signature()

    @property
    def _reference(self) -> str:
        return f"refs/heads/{self.branch}"


def _our_signature() -> Signature:
    return Signature(NAME, ADDRESS)


def _moment(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):  # anything may stand in a commit
        return datetime.fromtimestamp(0, UTC)
