"""The job queue in the database."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from recollect.adapters.postgres.database import Cursor, Database
from recollect.adapters.postgres.loading import hold_tenant
from recollect.adapters.postgres.rows import dump
from recollect.domain.changes import NewJob
from recollect.ports import Job, JobCounts

_AT_ONCE = datetime(1, 1, 1, tzinfo=UTC)
_INSERT = """
insert into job (tenant, queue, dedupe_key, order_key, payload, run_after)
values (%s, %s, %s, %s, %s, %s) on conflict do nothing
"""
# The oldest due job whose order key has no older job still to be done; one that somebody else is
# about to take is passed over.
_LEASE = """
update job set token = %s, leased_until = %s, attempts = attempts + 1
where tenant = %s and id = (
    select j.id from job j
    where j.tenant = %s and j.queue = %s and not j.dead and j.run_after <= %s
    and (j.token is null or j.leased_until <= %s)
    and not exists (
        select 1 from job o
        where o.tenant = j.tenant and o.queue = j.queue and not o.dead
        and o.order_key = j.order_key and o.order_key <> '' and o.id < j.id
    )
    order by j.id limit 1 for update skip locked
)
returning id, queue, payload, dedupe_key, order_key, token, attempts
"""
# If its like was enqueued meanwhile, the one that is given back stands for both.
_DROP_LIKE = """
delete from job o using job j
where j.tenant = %s and j.id = %s and j.token = %s
and o.tenant = j.tenant and o.queue = j.queue and o.dedupe_key = j.dedupe_key
and o.token is null and not o.dead
"""
_GIVE_BACK = """
update job set token = null, leased_until = null, run_after = coalesce(%s, run_after), dead = %s
where tenant = %s and id = %s and token = %s
"""
_DEAD = """
select id, queue, payload, dedupe_key, order_key, '', attempts from job
where tenant = %s and queue = %s and dead order by id
"""
_COUNTS = """
select queue, count(*) filter (where not dead), count(*) filter (where dead) from job
where tenant = %s group by queue
"""


async def insert_jobs(cursor: Cursor, tenant: str, jobs: Sequence[NewJob]) -> None:
    """Add jobs inside the caller's transaction, which holds the tenant; their likes wait already.

    The tenant is held so that a job with a lower number is never seen later than one with a
    higher: else of two that share an order key the younger might begin first.
    """
    if jobs:
        await cursor.executemany(
            _INSERT,
            [
                [
                    tenant,
                    j.queue,
                    j.dedupe_key,
                    j.order_key,
                    dump(j.payload),
                    j.run_after or _AT_ONCE,
                ]
                for j in jobs
            ],
        )


class PostgresJobQueue:
    """A JobQueue that any number of processes share."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def enqueue(self, tenant: str, job: NewJob) -> None:
        async def work(cursor: Cursor) -> None:
            await hold_tenant(cursor, tenant)
            await insert_jobs(cursor, tenant, [job])

        await self._database.write(tenant, work)

    async def lease(
        self, tenant: str, queue: str, duration: timedelta, now: datetime
    ) -> Job | None:
        token = secrets.token_hex(8)

        async def work(cursor: Cursor) -> Job | None:
            await cursor.execute(_LEASE, [token, now + duration, tenant, tenant, queue, now, now])
            row = await cursor.fetchone()
            return _job(row) if row else None

        return await self._database.write(tenant, work)

    async def complete(self, tenant: str, job: Job) -> None:
        async def work(cursor: Cursor) -> None:
            await cursor.execute(
                "delete from job where tenant = %s and id = %s and token = %s",
                [tenant, job.id, job.token],
            )

        await self._database.write(tenant, work)

    async def fail(self, tenant: str, job: Job, run_after: datetime | None) -> None:
        async def work(cursor: Cursor) -> None:
            await hold_tenant(cursor, tenant)
            mine = [tenant, job.id, job.token]
            if run_after:
                await cursor.execute(_DROP_LIKE, mine)
            await cursor.execute(_GIVE_BACK, [run_after, run_after is None, *mine])

        await self._database.write(tenant, work)

    async def dead(self, tenant: str, queue: str) -> list[Job]:
        return [_job(row) for row in await self._database.rows(tenant, _DEAD, [tenant, queue])]

    async def counts(self, tenant: str) -> Mapping[str, JobCounts]:
        rows = await self._database.rows(tenant, _COUNTS, [tenant])
        return {queue: JobCounts(waiting, dead) for queue, waiting, dead in rows}


def _job(row: Sequence[Any]) -> Job:
    return Job(
        id=row[0],
        queue=row[1],
        payload=row[2],
        dedupe_key=row[3],
        order_key=row[4],
        token=row[5],
        attempts=row[6],
    )
