"""The job queue in the tenant's file."""

import json
import secrets
import sqlite3
from collections.abc import Mapping
from datetime import datetime, timedelta

from recollect.adapters.sqlite.home import Home
from recollect.adapters.sqlite.rows import dump
from recollect.adapters.sqlite.times import to_micros
from recollect.domain.changes import NewJob
from recollect.domain.memory import JsonValue
from recollect.ports import Job, JobCounts

# The oldest due job whose order key has no older job still to be done.
_LEASE = """
update job set token = ?, leased_until = ?, attempts = attempts + 1
where id = (
    select id from job j
    where queue = ? and dead = 0 and run_after <= ? and (token is null or leased_until <= ?)
    and not exists (
        select 1 from job o
        where o.queue = j.queue and o.dead = 0 and o.order_key = j.order_key
        and o.order_key <> '' and o.id < j.id
    )
    order by id limit 1
)
returning id, queue, payload, dedupe_key, order_key, token, attempts
"""


def enqueue(connection: sqlite3.Connection, job: NewJob) -> None:
    """Add a job inside the caller's transaction, unless its like already waits."""
    connection.execute(
        "insert or ignore into job (queue, dedupe_key, order_key, payload, run_after) "
        "values (?, ?, ?, ?, ?)",
        [
            job.queue,
            job.dedupe_key,
            job.order_key,
            dump(job.payload),
            to_micros(job.run_after) if job.run_after else 0,
        ],
    )


class SqliteJobQueue:
    """A JobQueue in the tenant's file."""

    def __init__(self, home: Home) -> None:
        self._home = home

    async def enqueue(self, tenant: str, job: NewJob) -> None:
        database = await self._home.database(tenant)
        await database.write(lambda connection: enqueue(connection, job))

    async def lease(
        self, tenant: str, queue: str, duration: timedelta, now: datetime
    ) -> Job | None:
        at, until, token = to_micros(now), to_micros(now + duration), secrets.token_hex(8)
        database = await self._home.database(tenant)
        row = await database.write(
            lambda c: c.execute(_LEASE, [token, until, queue, at, at]).fetchone()
        )
        return _job(row) if row else None

    async def complete(self, tenant: str, job: Job) -> None:
        database = await self._home.database(tenant)
        await database.write(
            lambda c: c.execute("delete from job where id = ? and token = ?", [job.id, job.token])
        )

    async def fail(self, tenant: str, job: Job, run_after: datetime | None) -> None:
        def give_back(connection: sqlite3.Connection) -> None:
            # If its like was enqueued meanwhile, this one stands for both.
            connection.execute(
                "update or replace job set token = null, leased_until = null, "
                "run_after = coalesce(?, run_after), dead = ? where id = ? and token = ?",
                [to_micros(run_after) if run_after else None, not run_after, job.id, job.token],
            )

        database = await self._home.database(tenant)
        await database.write(give_back)

    async def dead(self, tenant: str, queue: str) -> list[Job]:
        database = await self._home.database(tenant)
        rows = await database.read(
            lambda c: c.execute(
                "select id, queue, payload, dedupe_key, order_key, '', attempts from job "
                "where queue = ? and dead = 1 order by id",
                [queue],
            ).fetchall()
        )
        return [_job(row) for row in rows]

    async def counts(self, tenant: str) -> Mapping[str, JobCounts]:
        database = await self._home.database(tenant)
        rows = await database.read(
            lambda c: c.execute(
                "select queue, sum(1 - dead), sum(dead) from job group by queue"
            ).fetchall()
        )
        return {queue: JobCounts(waiting, dead) for queue, waiting, dead in rows}


def _job(row: tuple[int, str, str, str, str, str, int]) -> Job:
    payload: Mapping[str, JsonValue] = json.loads(row[2])
    return Job(
        id=row[0],
        queue=row[1],
        payload=payload,
        dedupe_key=row[3],
        order_key=row[4],
        token=row[5],
        attempts=row[6],
    )
