"""What is done beside requests: jobs, and keeping a home of the records healthy."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, Protocol

from recollect.domain.changes import NewJob
from recollect.domain.memory import JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job that somebody holds. Its first fields are those of `NewJob`.

    Attributes:
        token: The lease's token; only its holder may complete or fail the job.
        attempts: How often it was leased, this time included.
    """

    id: int
    queue: str
    payload: Mapping[str, JsonValue]
    dedupe_key: str
    order_key: str
    token: str
    attempts: int


class JobCounts(NamedTuple):
    """How many jobs of a queue are still to be done, and how many were given up."""

    waiting: int
    dead: int


class JobQueue(Protocol):
    """Jobs with leases. They are enqueued here, or in the transaction of `RecordStore.commit`."""

    async def enqueue(self, tenant: str, job: NewJob) -> None:
        """Add a job, unless one with its queue and dedupe key already waits."""
        ...

    async def lease(
        self, tenant: str, queue: str, duration: timedelta, now: datetime
    ) -> Job | None:
        """Take the oldest job that is due and that nobody holds; None when there is none."""
        ...

    async def complete(self, tenant: str, job: Job) -> None:
        """Remove a job that is done; does nothing if the lease was lost."""
        ...

    async def fail(self, tenant: str, job: Job, run_after: datetime | None) -> None:
        """Give a job back to run again at `run_after`; None puts it among the dead letters."""
        ...

    async def dead(self, tenant: str, queue: str) -> list[Job]:
        """Return the jobs that were given up, oldest first."""
        ...

    async def counts(self, tenant: str) -> Mapping[str, JobCounts]:
        """Return how many jobs each queue holds; queues without any are left out."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A place where a projection differs from the records, and whether it was mended."""

    projection: Literal["text", "vectors"]
    memory_id: str
    problem: str
    repaired: bool


class Maintenance(Protocol):
    """What keeps one home of the records healthy."""

    async def check(self, tenant: str, *, repair: bool) -> list[Fault]:
        """Compare every projection with the records; with `repair`, make it true again.

        Vectors found wrong are dropped and the memory waits to be embedded anew.
        """
        ...

    async def rebuild(self, tenant: str) -> int:
        """Drop and rebuild the text index and drop all vectors; returns how many memories wait."""
        ...

    async def backup(self, tenant: str, target: str) -> int:
        """Write a consistent copy to a new file while others read and write; returns its bytes.

        Raises:
            AlreadyExists: There is a file of that name.
            InvalidRequest: Its folder does not exist, or the store is not one to be copied so.
            StorageFull, StoreUnavailable: It cannot be written; nothing is left of it.
        """
        ...

    async def ping(self, tenant: str) -> None:
        """Raise StoreUnavailable unless the tenant's records can be read and written now."""
        ...
