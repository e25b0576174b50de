"""The log of recalls in the tenant's file."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from recollect.adapters.sqlite.home import Home
from recollect.adapters.sqlite.rows import dump
from recollect.adapters.sqlite.selection import compile_scopes
from recollect.adapters.sqlite.times import to_micros
from recollect.domain.feedback import BUCKETS, Acceptance, Judgement, NotedRecall, Tally
from recollect.domain.scopes import ScopeSet

# What was erased has no revisions; its name must not come back with a recall noted late.
_ADD_LINE = """
insert or ignore into recalled
select key, :rank, :memory, :scope, :name, :distance, :arms, null, null, null from recall
where id = :recall
and (:memory is null or exists (select 1 from revision where memory_id = :memory))
"""
_JUDGE = """
update recalled as m set verdict = ?, confidence = ?, application = ?
where verdict is null and recall_key = (select key from recall where id = ?)
and ? in (memory_id, name) and scope = coalesce(?, scope)
"""
# A line without an id is known by the places that the memory was ever filed at.
_ERASE = (
    "delete from recalled where memory_id = :memory",
    """
    delete from recalled where memory_id is null and (scope, name) in (
        select before_scope, before_name from log
        where record_id = :memory and before_name is not null
        union select scope, name from memory where id = :memory
    )
    """,
)
_TALLY = """
count(*), count(*) filter (where verdict = 'applied'), count(*) filter (where verdict = 'maybe'),
count(*) filter (where verdict = 'not_applied')
"""
_BUCKET = f"min(cast(m.distance * {BUCKETS} as integer), {BUCKETS - 1})"


def erase_lines(connection: sqlite3.Connection, memory_id: str) -> None:
    """Delete every line about a memory; call it while the log still knows its names."""
    for statement in _ERASE:
        connection.execute(statement, {"memory": memory_id})


class SqliteRecallLog:
    """A RecallLog in the tenant's file."""

    def __init__(self, home: Home) -> None:
        self._home = home

    async def note(self, tenant: str, recall: NotedRecall) -> None:
        await self.add(tenant, [recall])

    async def add(self, tenant: str, recalls: Sequence[NotedRecall]) -> int:
        database = await self._home.database(tenant)
        return await database.write(lambda c: sum(_add(c, recall) for recall in recalls))

    async def judge(
        self, tenant: str, scopes: ScopeSet, judgements: Sequence[Judgement]
    ) -> list[int]:
        database = await self._home.database(tenant)
        return await database.write(lambda c: [_judge(c, scopes, j) for j in judgements])

    async def tally(self, tenant: str, scopes: ScopeSet) -> Acceptance:
        database = await self._home.database(tenant)
        return await database.read(lambda c: _acceptance(c, scopes))

    async def prune(self, tenant: str, before: datetime, limit: int) -> int:
        database = await self._home.database(tenant)
        return await database.write(lambda c: _prune(c, to_micros(before), limit))


def _add(connection: sqlite3.Connection, recall: NotedRecall) -> int:
    connection.execute(
        "insert or ignore into recall values (null, ?, ?, ?)",
        [recall.id, to_micros(recall.at), recall.principal],
    )
    lines = (
        {
            "recall": recall.id,
            "rank": line.rank,
            "memory": line.memory_id,
            "scope": line.scope,
            "name": line.name,
            "distance": line.distance,
            "arms": dump(dict(line.arms)),
        }
        for line in recall.lines
    )
    return connection.executemany(_ADD_LINE, lines).rowcount if recall.lines else 0


def _judge(connection: sqlite3.Connection, scopes: ScopeSet, judgement: Judgement) -> int:
    condition, values = compile_scopes(scopes)
    return connection.execute(
        f"{_JUDGE} and {condition}",
        [
            judgement.verdict,
            judgement.confidence,
            judgement.application,
            judgement.recall_id,
            judgement.memory,
            judgement.scope,
            *values,
        ],
    ).rowcount


def _acceptance(connection: sqlite3.Connection, scopes: ScopeSet) -> Acceptance:
    condition, values = compile_scopes(scopes)

    def tallies(key: str, source: str = "recalled m", only: str = "1") -> Mapping[Any, Tally]:
        rows = connection.execute(
            f"select {key}, {_TALLY} from {source} where {condition} and {only} "  # noqa: S608
            "group by 1 order by 1",
            values,
        )
        return {
            group: Tally(total=total, applied=applied, maybe=maybe, not_applied=not_applied)
            for group, total, applied, maybe, not_applied in rows
        }

    (recalls,) = connection.execute(
        f"select count(distinct recall_key) from recalled m where {condition}",  # noqa: S608
        values,
    ).fetchone()
    return Acceptance(
        recalls=recalls,
        by_bucket=tallies(_BUCKET, only="m.distance >= 0"),
        by_rank=tallies("m.rank"),
        by_arm=tallies("arm.key", "recalled m, json_each(m.arms) arm"),
    )


def _prune(connection: sqlite3.Connection, before: int, limit: int) -> int:
    keys = [
        key
        for (key,) in connection.execute(
            "select key from recall where at < ? order by at limit ?", [before, limit]
        )
    ]
    for statement in (
        "delete from recalled where recall_key in (select value from json_each(?))",
        "delete from recall where key in (select value from json_each(?))",
    ):
        connection.execute(statement, [json.dumps(keys)])
    return len(keys)
