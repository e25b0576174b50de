"""NoteRepository over libgit2: no git program is needed."""

import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from recollect.adapters.git.failures import translated_errors
from recollect.adapters.git.lease import Lease
from recollect.adapters.git.local import LocalRepository
from recollect.adapters.git.opening import open_local
from recollect.adapters.git.steps import write_whole
from recollect.ports.repository import Agreement, Commit

T = TypeVar("T")


class GitNoteRepository:
    """One repository; its work runs in a worker thread, one piece after the other."""

    def __init__(self, local: LocalRepository, *, prefix: str, deadline_seconds: float) -> None:
        own = local.root / ".git" / "recollect"
        self._local = local
        self._prefix = prefix
        self._lease = Lease(own / "lock", deadline_seconds)
        self._agreement = own / "agreement.json"
        self._one_thread = CapacityLimiter(1)

    @property
    def prefix(self) -> str:
        return self._prefix

    @property
    def branch(self) -> str:
        return self._local.branch

    @asynccontextmanager
    async def held(self) -> AsyncGenerator[None]:
        async with self._lease.held():
            await self._run(self._local.recover)
            yield

    async def agreement(self) -> Agreement | None:
        return await self._run(self._read_agreement)

    async def agree(self, agreement: Agreement) -> None:
        content = json.dumps(
            {"commit": agreement.commit, "seq": agreement.seq, "mark": agreement.mark}
        )
        await self._run(partial(write_whole, self._agreement, content.encode()))

    async def head(self) -> str | None:
        return await self._run(self._local.head)

    async def describe(self, commit: str) -> Commit:
        return await self._run(partial(self._local.describe, commit))

    async def notes(self, commit: str | None) -> Mapping[str, str]:
        return await self._run(partial(self._local.notes, commit))

    async def read(self, blobs: Sequence[str]) -> list[bytes]:
        return await self._run(partial(self._local.read, blobs))

    async def edited(self, paths: Sequence[str] | None) -> Mapping[str, str | None]:
        return await self._run(partial(self._local.edited, paths))

    async def write(
        self,
        notes: Mapping[str, bytes | None],
        message: str,
        *,
        by_hand: bool = False,
        merged: str | None = None,
    ) -> str:
        self._lease.check_held()
        work = partial(self._local.write, notes, message, by_hand=by_hand, merged=merged)
        return await self._run(work)

    async def advance(self, commit: str) -> None:
        self._lease.check_held()
        await self._run(partial(self._local.advance, commit))

    async def merge_base(self, one: str, other: str) -> str | None:
        return await self._run(partial(self._local.merge_base, one, other))

    def _read_agreement(self) -> Agreement | None:
        try:
            told = json.loads(self._agreement.read_bytes())
            agreement = Agreement(**told)
        except (FileNotFoundError, ValueError, TypeError):
            return None
        return agreement if self._local.holds(agreement.commit) else None

    async def _run(self, work: Callable[[], T]) -> T:
        return await to_thread.run_sync(_translated, work, limiter=self._one_thread)


def _translated(work: Callable[[], T]) -> T:
    with translated_errors():
        return work()


async def open_repository(
    path: Path, *, prefix: str, branch: str, deadline_seconds: float
) -> GitNoteRepository:
    """Open the repository in a folder, or make it.

    Args:
        path: The work tree.
        prefix: The scope whose notes it holds, with all below.
        branch: The branch of a new repository; an existing one keeps its own.
        deadline_seconds: How long to wait for other processes, and for the remote.

    Raises:
        Unavailable: The folder cannot be used.
    """
    local = await to_thread.run_sync(open_local, path, branch)
    return GitNoteRepository(local, prefix=prefix, deadline_seconds=deadline_seconds)
