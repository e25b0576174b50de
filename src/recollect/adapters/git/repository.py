"""NoteRepository over libgit2: no git program is needed."""

import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from anyio import CapacityLimiter, fail_after, to_thread
from pydantic import SecretStr

from recollect.adapters.git.failures import translated_errors
from recollect.adapters.git.lease import Lease
from recollect.adapters.git.local import LocalRepository
from recollect.adapters.git.opening import open_local
from recollect.adapters.git.remote import Exchange, remote_of, set_remote, too_late
from recollect.adapters.git.steps import write_whole
from recollect.adapters.git.tenure import take
from recollect.ports.repository import Agreement, Commit, SkippedFile

T = TypeVar("T")

_MOST_CONNECTIONS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A repository's place.

    Attributes:
        path: The folder that is its work tree.
        prefix: The scope whose notes it holds, with all below.
        branch: The branch of a new repository; an existing one keeps its own.
        remote_url: Where it is pushed to; None: where git's configuration says, if anywhere.
        store: Whose notes it holds: no process of another store may use it at the same time.
    """

    path: Path
    prefix: str = ""
    branch: str = "main"
    remote_url: str | None = None
    store: str = ""


async def no_credential(remote_url: str) -> None:
    """For remotes that ask for none, or for an SSH key."""
    del remote_url


class GitNoteRepository:
    """One repository; its work runs in a worker thread, one piece after the other."""

    def __init__(
        self,
        place: Place,
        local: LocalRepository,
        credential: Callable[[str], Awaitable[SecretStr | None]],
        deadline_seconds: float,
    ) -> None:
        own = local.root / ".git" / "recollect"
        self._place = place
        self._local = local
        self._remote = remote_of(local.repository)
        self._credential = credential
        self._deadline_seconds = deadline_seconds
        self._lease = Lease(own / "lock", deadline_seconds)
        self._agreement = own / "agreement.json"
        self._one_thread = CapacityLimiter(1)
        self._connections = CapacityLimiter(_MOST_CONNECTIONS)

    @property
    def prefix(self) -> str:
        return self._place.prefix

    @property
    def branch(self) -> str:
        return self._local.branch

    @asynccontextmanager
    async def held(self) -> AsyncGenerator[None]:
        async with self._lease.held():
            await self._run(self._local.recover)
            await self._run(self._local.tidy)
            yield

    async def agreement(self) -> Agreement | None:
        return await self._run(self._read_agreement)

    async def agree(self, agreement: Agreement) -> None:
        content = json.dumps(asdict(agreement))
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
        work = partial(self._local.edited, paths, may_write=self._lease.is_held)
        return await self._run(work)

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

    @property
    def remote(self) -> str | None:
        return self._remote

    async def fetch(self) -> str | None:
        return await self._exchange(Exchange.fetch)

    async def push(self) -> None:
        await self._exchange(Exchange.push)

    async def merge_base(self, one: str, other: str) -> str | None:
        return await self._run(partial(self._local.merge_base, one, other))

    def _read_agreement(self) -> Agreement | None:
        try:
            told = json.loads(self._agreement.read_bytes())
            skipped = tuple(SkippedFile(**one) for one in told.pop("skipped", ()))
            others = tuple(told.pop("others", ()))
            agreement = Agreement(**told, skipped=skipped, others=others)
        except (FileNotFoundError, ValueError, TypeError):
            return None
        return agreement if self._local.holds(agreement.commit) else None

    async def _exchange(self, work: Callable[[Exchange], T]) -> T:
        """Talk to the remote, in a thread that is left to itself should it not end in time."""
        until = time.monotonic() + self._deadline_seconds
        try:
            with fail_after(self._deadline_seconds):
                exchange = Exchange(
                    root=self._local.root,
                    branch=self.branch,
                    remote=self._remote or "",
                    token=await self._credential(self._remote or ""),
                    until=until,
                )
                return await to_thread.run_sync(
                    exchange.run, work, limiter=self._connections, abandon_on_cancel=True
                )
        except TimeoutError as error:
            raise too_late() from error

    async def _run(self, work: Callable[[], T]) -> T:
        return await to_thread.run_sync(_translated, work, limiter=self._one_thread)


def _translated(work: Callable[[], T]) -> T:
    with translated_errors():
        return work()


async def open_repository(
    place: Place,
    *,
    credential: Callable[[str], Awaitable[SecretStr | None]] = no_credential,
    deadline_seconds: float,
) -> GitNoteRepository:
    """Open the repository at a place, or make it.

    Args:
        place: Where it is.
        credential: Gives the token for a remote's address; asked at every connection.
        deadline_seconds: How long to wait for other processes, and for the remote.

    Raises:
        ConfigError: The remote's address holds a password.
        Unavailable: The folder cannot be used, or another store uses it.
    """
    local = await to_thread.run_sync(_open, place)
    return GitNoteRepository(place, local, credential, deadline_seconds)


def _open(place: Place) -> LocalRepository:
    local = open_local(place.path, place.branch)
    take(local.root / ".git" / "recollect" / "store", place.store, local)
    with translated_errors():
        set_remote(local.repository, place.remote_url)
    return local
