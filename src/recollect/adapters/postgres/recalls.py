"""The log of recalls in the database."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from recollect.adapters.postgres.bulk import array
from recollect.adapters.postgres.database import Cursor, Database
from recollect.adapters.postgres.loading import hold_tenant
from recollect.adapters.postgres.rows import dump
from recollect.adapters.postgres.selection import compile_scopes
from recollect.domain.feedback import BUCKETS, Acceptance, Judgement, NotedRecall, Tally
from recollect.domain.scopes import ScopeSet

_ADD = """
insert into recall (tenant, id, at, principal)
select %s, id, at::timestamptz, principal
from unnest(%s::text[], %s::text[], %s::text[]) as new (id, at, principal) on conflict do nothing
"""
# What was erased has no revisions; its name must not come back with a recall noted late.
_ADD_LINES = """
insert into recalled (tenant, recall_key, rank, memory_id, scope, name, distance, arms)
select r.tenant, r.key, rank, memory_id, scope, name, distance::float8, arms::json
from unnest(%s::text[], %s::integer[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
as line (recall_id, rank, memory_id, scope, name, distance, arms)
join recall r on r.tenant = %s and r.id = line.recall_id
where memory_id is null or exists (
    select 1 from revision v where v.tenant = r.tenant and v.memory_id = line.memory_id
)
on conflict do nothing
"""
_JUDGE = """
update recalled as m set verdict = %s, confidence = %s, application = %s
where tenant = %s and verdict is null
and recall_key = (select key from recall where tenant = %s and id = %s)
and %s in (memory_id, name) and scope = coalesce(%s, scope)
"""
_ERASE = "delete from recalled where tenant = %s and memory_id = any(%s)"
# A line without an id is known by the places that the memory was ever filed at.
_ERASE_PLACES = """
delete from recalled r where r.tenant = %s and r.memory_id is null and (r.scope, r.name) in (
    select before_scope, before_name from log
    where tenant = %s and record_id = any(%s) and before_name is not null
    union select scope, name from memory where tenant = %s and id = any(%s)
    union select * from unnest(%s::text[], %s::text[])
)
"""
_TALLY = """
count(*), count(*) filter (where verdict = 'applied'), count(*) filter (where verdict = 'maybe'),
count(*) filter (where verdict = 'not_applied')
"""
_BUCKET = f"least(trunc(m.distance * {BUCKETS})::integer, {BUCKETS - 1})"
_OLDEST = "select key from recall where tenant = %s and at < %s order by at limit %s"


async def erase_lines(
    cursor: Cursor, tenant: str, ids: Sequence[str], places: Collection[tuple[str, str]]
) -> None:
    """Delete every line about these memories; call it while the log still knows their names."""
    await cursor.execute(_ERASE, [tenant, ids])
    scopes, names = [scope for scope, _ in places], [name for _, name in places]
    await cursor.execute(_ERASE_PLACES, [tenant, tenant, ids, tenant, ids, scopes, names])


class PostgresRecallLog:
    """A RecallLog in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(self, tenant: str, recall: NotedRecall) -> None:
        await self.add(tenant, [recall])

    async def add(self, tenant: str, recalls: Sequence[NotedRecall]) -> int:
        async def work(cursor: Cursor) -> int:
            # So that nothing is erased between looking for its revisions and the commit.
            await hold_tenant(cursor, tenant)
            return await _add(cursor, tenant, recalls)

        return await self._database.write(tenant, work) if recalls else 0

    async def judge(
        self, tenant: str, scopes: ScopeSet, judgements: Sequence[Judgement]
    ) -> list[int]:
        async def work(cursor: Cursor) -> list[int]:
            return [await _judge(cursor, tenant, scopes, j) for j in judgements]

        return await self._database.write(tenant, work)

    async def tally(self, tenant: str, scopes: ScopeSet) -> Acceptance:
        return await self._database.read(tenant, lambda c: _acceptance(c, tenant, scopes))

    async def prune(self, tenant: str, before: datetime, limit: int) -> int:
        async def work(cursor: Cursor) -> int:
            await cursor.execute(_OLDEST, [tenant, before, limit])
            keys = [key for (key,) in await cursor.fetchall()]
            for table, column in (("recalled", "recall_key"), ("recall", "key")):
                await cursor.execute(
                    f"delete from {table} where tenant = %s and {column} = any(%s)".encode(),  # noqa: S608
                    [tenant, keys],
                )
            return len(keys)

        return await self._database.write(tenant, work)


async def _add(cursor: Cursor, tenant: str, recalls: Sequence[NotedRecall]) -> int:
    rows = [(recall.id, recall.at, recall.principal) for recall in recalls]
    await cursor.execute(_ADD, [tenant, *map(array, zip(*rows, strict=True))])
    lines = [
        (recall.id, li.rank, li.memory_id, li.scope, li.name, li.distance, dump(dict(li.arms)))
        for recall in recalls
        for li in recall.lines
    ]
    if not lines:
        return 0
    await cursor.execute(_ADD_LINES, [*map(array, zip(*lines, strict=True)), tenant])
    return cursor.rowcount


async def _judge(cursor: Cursor, tenant: str, scopes: ScopeSet, judgement: Judgement) -> int:
    condition, values = compile_scopes(scopes)
    await cursor.execute(
        f"{_JUDGE} and {condition}".encode(),
        [
            judgement.verdict.value,
            judgement.confidence.value,
            judgement.application,
            tenant,
            tenant,
            judgement.recall_id,
            judgement.memory,
            judgement.scope,
            *values,
        ],
    )
    return cursor.rowcount


async def _acceptance(cursor: Cursor, tenant: str, scopes: ScopeSet) -> Acceptance:
    condition, values = compile_scopes(scopes)

    async def tallies(
        key: str, source: str = "recalled m", only: str = "true"
    ) -> Mapping[Any, Tally]:
        statement = (
            f"select {key}, {_TALLY} from {source} where m.tenant = %s and {condition} and {only} "  # noqa: S608
            "group by 1 order by 1"
        )
        await cursor.execute(statement.encode(), [tenant, *values])
        return {
            group: Tally(total=total, applied=applied, maybe=maybe, not_applied=not_applied)
            for group, total, applied, maybe, not_applied in await cursor.fetchall()
        }

    await cursor.execute(
        f"select count(distinct recall_key) from recalled m where m.tenant = %s and {condition}".encode(),  # noqa: S608, E501
        [tenant, *values],
    )
    row = await cursor.fetchone()
    return Acceptance(
        recalls=row[0] if row else 0,
        by_bucket=await tallies(_BUCKET, only="m.distance >= 0"),
        by_rank=await tallies("m.rank"),
        by_arm=await tallies("arm.key", "recalled m, json_each(m.arms) arm"),
    )
