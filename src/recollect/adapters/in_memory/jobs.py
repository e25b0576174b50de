"""JobQueue in a list."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from recollect.adapters.in_memory.tables import StoredJob, Tables, World
from recollect.domain.changes import NewJob
from recollect.ports import Job, JobCounts


def enqueue(tables: Tables, new: NewJob) -> None:
    """Add a job, unless its like already waits."""
    if _waiting_like(tables, new):
        return
    tables.last_job += 1
    job = Job(
        id=tables.last_job,
        queue=new.queue,
        payload=new.payload,
        dedupe_key=new.dedupe_key,
        order_key=new.order_key,
        token="",
        attempts=0,
    )
    tables.jobs.append(StoredJob(job, run_after=new.run_after))


class InMemoryJobQueue:
    """A JobQueue that is lost when the process ends."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def enqueue(self, tenant: str, job: NewJob) -> None:
        enqueue(self._world[tenant], job)

    async def lease(
        self, tenant: str, queue: str, duration: timedelta, now: datetime
    ) -> Job | None:
        waiting = [s for s in self._world[tenant].jobs if s.job.queue == queue and not s.dead]
        for place, stored in enumerate(waiting):
            earlier = {s.job.order_key for s in waiting[:place]} - {""}
            due = stored.run_after is None or stored.run_after <= now
            free = stored.leased_until is None or stored.leased_until <= now
            if due and free and stored.job.order_key not in earlier:
                attempts = stored.job.attempts + 1
                token = f"{stored.job.id}.{attempts}"
                stored.job = replace(stored.job, token=token, attempts=attempts)
                stored.leased_until = now + duration
                return stored.job
        return None

    async def complete(self, tenant: str, job: Job) -> None:
        tables = self._world[tenant]
        tables.jobs = [stored for stored in tables.jobs if not _holds(job, stored)]

    async def fail(self, tenant: str, job: Job, run_after: datetime | None) -> None:
        tables = self._world[tenant]
        for stored in [stored for stored in tables.jobs if _holds(job, stored)]:
            if run_after is not None:
                # If its like was enqueued meanwhile, this one stands for both.
                like = _waiting_like(tables, job)
                tables.jobs = [other for other in tables.jobs if other not in like]
            stored.job = replace(stored.job, token="")
            stored.leased_until = None
            stored.run_after = run_after
            stored.dead = run_after is None

    async def dead(self, tenant: str, queue: str) -> list[Job]:
        return [s.job for s in self._world[tenant].jobs if s.dead and s.job.queue == queue]

    async def counts(self, tenant: str) -> Mapping[str, JobCounts]:
        jobs = self._world[tenant].jobs
        dead = Counter(stored.job.queue for stored in jobs if stored.dead)
        return {
            queue: JobCounts(count - dead[queue], dead[queue])
            for queue, count in Counter(stored.job.queue for stored in jobs).items()
        }


def _waiting_like(tables: Tables, job: NewJob | Job) -> list[StoredJob]:
    """The waiting jobs with this one's queue and dedupe key."""
    return [
        stored
        for stored in tables.jobs
        if (stored.job.queue, stored.job.dedupe_key) == (job.queue, job.dedupe_key)
        and not stored.job.token
        and not stored.dead
    ]


def _holds(job: Job, stored: StoredJob) -> bool:
    """Whether this is the job as its holder knows it; nobody holds one without a token."""
    return job.token != "" and stored.job.token == job.token
