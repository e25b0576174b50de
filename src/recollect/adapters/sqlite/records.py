"""The record store and the change log in the tenant's file."""

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from recollect.adapters.sqlite.commit import apply, replay
from recollect.adapters.sqlite.database import decoding
from recollect.adapters.sqlite.home import Home
from recollect.adapters.sqlite.rows import dump, keyed_outlines, marks, memories
from recollect.adapters.sqlite.selection import (
    PLACE,
    compile_chosen,
    compile_place,
    compile_scopes,
    compile_selection,
    compile_test,
)
from recollect.adapters.sqlite.times import from_micros, to_micros
from recollect.domain.changes import (
    Batch,
    Idempotency,
    KeepRevision,
    Key,
    LogEntry,
    Receipt,
    Recorded,
    Revision,
)
from recollect.domain.memory import Episode, Kind, Link, Memory, RegistryRecord
from recollect.domain.placing import past_revision
from recollect.domain.selection import Period, Position, Selection
from recollect.domain.serialisation import memory_from_json
from recollect.ports import Counts, Outline

_FORGOTTEN = """
select distinct record_id from log
where verb = 'forget' and before_scope = ?
and before_kind in (select value from json_each(?))
and exists (select 1 from revision where memory_id = record_id)
and not exists (select 1 from memory where id = record_id)
"""
_RECORDED = """
select m.id, l.at, l.actor, l.verb from memory m
join revision r on r.memory_id = m.id and r.revision = m.revision join log l on l.seq = r.seq
where m.id in (select value from json_each(?))
"""
_PAST = """
select r.revision, l.at, l.actor, l.verb, r.payload,
r.memory_id, l.before_scope, l.before_name, l.before_kind
from revision r join log l on l.seq = r.seq left join memory m on m.id = r.memory_id
where (r.memory_id, r.revision) > (?, ?) and m.revision is not r.revision
order by r.memory_id, r.revision limit ?
"""


class SqliteRecordStore:
    """A RecordStore and ChangeLog, one file per tenant."""

    def __init__(self, home: Home) -> None:
        self._home = home

    async def commit(self, tenant: str, batch: Batch) -> Receipt:
        database = await self._home.database(tenant)

        def work(connection: sqlite3.Connection) -> Receipt:
            receipt = apply(connection, batch)
            if any(entry.verb == "erase" for entry in receipt.entries):
                database.fold_soon()
            return receipt

        return await database.write(work)

    async def replay(self, tenant: str, request: Idempotency) -> str | None:
        database = await self._home.database(tenant)
        return await database.read(lambda c: replay(c, request))

    async def get(self, tenant: str, ids: Sequence[str]) -> list[Memory]:
        listed = "where m.id in (select value from json_each(?))"
        found = await self._memories(tenant, listed, [dump(list(ids))])
        by_id = {memory.id: memory for memory in found}
        return [by_id[i] for i in ids if i in by_id]

    async def select(self, tenant: str, selection: Selection, ids: Sequence[str]) -> list[Memory]:
        chosen, values = compile_chosen(selection, ids)
        return await self._memories(tenant, chosen, values)

    async def outlines(
        self, tenant: str, selection: Selection, ids: Sequence[str]
    ) -> list[Outline]:
        chosen, values = compile_chosen(selection, ids)
        database = await self._home.database(tenant)
        found = await database.read(lambda c: keyed_outlines(c, f"memory m {chosen}", values))
        return [outline for _, outline in found]

    async def named(self, tenant: str, scope: str, name: str) -> Memory | None:
        found = await self._memories(
            tenant, "where m.kind = 'note' and m.scope = ? and m.name = ?", [scope, name]
        )
        return found[0] if found else None

    async def with_external_ids(
        self, tenant: str, scope: str, session: str, external_ids: Sequence[str]
    ) -> list[Memory]:
        return await self._memories(
            tenant,
            "where m.kind = 'episode' and m.scope = ? and m.session = ? "
            f"and m.external_id in ({marks(external_ids)})",
            [scope, session, *external_ids],
        )

    async def browse(
        self,
        tenant: str,
        selection: Selection,
        after: Position | None,
        limit: int,
        offset: int = 0,
    ) -> list[Memory]:
        condition, values = compile_selection(selection)
        if after:
            condition = f"({PLACE}) > (?, ?, ?, ?, ?) and {condition}"
            values = [*compile_place(after), *values]
        return await self._memories(
            tenant, f"where {condition} order by {PLACE} limit ? offset ?", [*values, limit, offset]
        )

    async def occurred(
        self, tenant: str, selection: Selection, period: Period, limit: int
    ) -> list[str]:
        scopes, listed = compile_scopes(selection.scopes)
        condition, values = compile_test(selection)
        database = await self._home.database(tenant)
        # The scope by itself too: the index tells it, so only rows in reach are looked up.
        rows = await database.read(
            lambda c: c.execute(
                "select m.id from memory m where m.occurred_at >= ? and m.occurred_at < ? "  # noqa: S608
                f"and {scopes} is true and {condition} "
                "order by m.occurred_at desc, m.id desc limit ?",
                [to_micros(period.start), to_micros(period.end), *listed, *values, limit],
            ).fetchall()
        )
        return [memory_id for (memory_id,) in rows]

    async def count(self, tenant: str, selection: Selection) -> int:
        condition, values = compile_selection(selection)
        database = await self._home.database(tenant)
        return await database.read(
            lambda c: c.execute(
                f"select count(*) from memory m where {condition}",  # noqa: S608
                values,
            ).fetchone()[0]
        )

    async def neighbours(
        self, tenant: str, memory: Memory, before: int, after: int
    ) -> list[Memory]:
        if not isinstance(memory.detail, Episode):
            return []
        session = [memory.scope, memory.detail.session]
        place = compile_place(Position.of(memory))[2:]
        order = "m.occurred_at {0}, m.position {0}, m.id {0}"
        within = "where m.kind = 'episode' and m.scope = ? and m.session = ? and "
        here = "(m.occurred_at, m.position, m.id)"
        earlier = await self._memories(
            tenant,
            f"{within}{here} < (?, ?, ?) order by {order.format('desc')} limit ?",
            [*session, *place, before],
        )
        later = await self._memories(
            tenant,
            f"{within}{here} > (?, ?, ?) order by {order.format('asc')} limit ?",
            [*session, *place, after],
        )
        return [*reversed(earlier), *later]

    async def newest(self, tenant: str, scope: str, session: str, limit: int) -> list[Memory]:
        found = await self._memories(
            tenant,
            "where m.kind = 'episode' and m.scope = ? and m.session = ? "
            "order by m.occurred_at desc, m.position desc, m.id desc limit ?",
            [scope, session, limit],
        )
        return found[::-1]

    async def placed_after(
        self, tenant: str, scope: str, session: str, position: int, limit: int
    ) -> list[Memory]:
        return await self._memories(
            tenant,
            "where m.kind = 'episode' and m.scope = ? and m.session = ? and m.position > ? "
            "order by m.position limit ?",
            [scope, session, position, limit],
        )

    async def facts_called(self, tenant: str, external_ids: Sequence[str]) -> list[Memory]:
        return await self._memories(
            tenant,
            f"where m.kind = 'fact' and m.external_id in ({marks(external_ids)})",
            external_ids,
        )

    async def history(self, tenant: str, memory_id: str) -> list[Revision]:
        database = await self._home.database(tenant)
        rows = await database.read(
            lambda c: c.execute(
                "select r.revision, l.at, l.actor, l.verb, r.payload from revision r "
                "join log l on l.seq = r.seq where r.memory_id = ? order by r.revision",
                [memory_id],
            ).fetchall()
        )
        with decoding():
            return [_revision(row) for row in rows]

    async def recorded(self, tenant: str, ids: Sequence[str]) -> Mapping[str, Recorded]:
        database = await self._home.database(tenant)
        rows = await database.read(lambda c: c.execute(_RECORDED, [dump(list(ids))]).fetchall())
        return {
            id_: Recorded(at=from_micros(at), actor=actor, verb=verb)
            for id_, at, actor, verb in rows
        }

    async def past(
        self, tenant: str, after: tuple[str, int] | None, limit: int
    ) -> list[KeepRevision]:
        database = await self._home.database(tenant)
        asked = [*(after or ("", 0)), limit]
        rows = await database.read(lambda c: c.execute(_PAST, asked).fetchall())
        with decoding():
            return [past_revision(row[5], _revision(row[:5]), row[6:]) for row in rows]

    async def forgotten(self, tenant: str, scope: str, kinds: Collection[Kind]) -> list[str]:
        database = await self._home.database(tenant)
        rows = await database.read(
            lambda c: c.execute(_FORGOTTEN, [scope, dump(list(kinds))]).fetchall()
        )
        return [memory_id for (memory_id,) in rows]

    async def links(self, tenant: str, ids: Sequence[str]) -> list[Link]:
        return await self._links(
            tenant, f"from_id in ({marks(ids)}) order by from_id, to_id, type", ids
        )

    async def links_to(self, tenant: str, ids: Sequence[str]) -> list[Link]:
        return await self._links(
            tenant, f"to_id in ({marks(ids)}) order by from_id, to_id, type", ids
        )

    async def links_touching(self, tenant: str, ids: Sequence[str], limit: int) -> list[Link]:
        return await self._links(
            tenant,
            f"from_id in ({marks(ids)}) or to_id in ({marks(ids)}) "
            "order by weight desc, from_id, to_id, type limit ?",
            [*ids, *ids, limit],
        )

    async def registry(self, tenant: str, record_type: str) -> list[RegistryRecord]:
        return await self._registry(
            tenant, "where ? in ('', type) order by type, id", [record_type]
        )

    async def registered(
        self, tenant: str, record_type: str, ids: Sequence[str]
    ) -> list[RegistryRecord]:
        return await self._registry(
            tenant, f"where type = ? and id in ({marks(ids)})", [record_type, *ids]
        )

    async def _registry(
        self, tenant: str, where: str, values: Sequence[object]
    ) -> list[RegistryRecord]:
        database = await self._home.database(tenant)
        rows = await database.read(
            lambda c: c.execute(
                f"select type, id, content, updated_at, revision from registry {where}",  # noqa: S608
                values,
            ).fetchall()
        )
        with decoding():
            return [
                RegistryRecord(
                    type=t, id=i, content=json.loads(c), updated_at=from_micros(at), revision=r
                )
                for t, i, c, at, r in rows
            ]

    async def counts(self, tenant: str, model: str) -> Counts:
        database = await self._home.database(tenant)
        size_bytes = database.size_bytes()
        return await database.read(lambda c: _counts(c, model, size_bytes))

    async def tenants(self) -> list[str]:
        return [name for name in self._home.names() if await self.last_seq(name)]

    async def entries(self, tenant: str, after: int, limit: int) -> list[LogEntry]:
        database = await self._home.database(tenant)
        rows = await database.read(
            lambda c: c.execute(
                "select seq, at, actor, origin, verb, record_id, revision, before_scope, "
                "before_name, before_kind from log where seq > ? order by seq limit ?",
                [after, limit],
            ).fetchall()
        )
        with decoding():
            return [
                LogEntry(
                    seq=row[0],
                    at=from_micros(row[1]),
                    actor=row[2],
                    origin=row[3],
                    verb=row[4],
                    record_id=row[5],
                    revision=row[6],
                    before=Key(scope=row[7], name=row[8], kind=Kind(row[9])) if row[9] else None,
                )
                for row in rows
            ]

    async def last_seq(self, tenant: str) -> int:
        database = await self._home.database(tenant)
        return await database.read(
            lambda c: c.execute("select coalesce(max(seq), 0) from log").fetchone()[0]
        )

    async def _links(self, tenant: str, where: str, values: Sequence[object]) -> list[Link]:
        database = await self._home.database(tenant)
        rows = await database.read(
            lambda c: c.execute(
                f"select from_id, to_id, type, weight, metadata from link where {where}",  # noqa: S608
                values,
            ).fetchall()
        )
        with decoding():
            return [
                Link(from_id=a, to_id=b, type=t, weight=weight, metadata=json.loads(metadata))
                for a, b, t, weight, metadata in rows
            ]

    async def _memories(self, tenant: str, where: str, values: Sequence[object]) -> list[Memory]:
        database = await self._home.database(tenant)
        return await database.read(lambda c: memories(c, where, values))


def _revision(row: Sequence[Any]) -> Revision:
    revision, at, actor, verb, payload = row
    return Revision(
        revision=revision,
        recorded_at=from_micros(at),
        actor=actor,
        verb=verb,
        memory=memory_from_json(json.loads(payload)) if payload else None,
    )


def _counts(connection: sqlite3.Connection, model: str, size_bytes: int) -> Counts:
    def one(sql: str, *values: object) -> int:
        return connection.execute(sql, values).fetchone()[0]

    def table(column: str) -> dict[str, int]:
        return dict(
            connection.execute(
                f"select {column}, count(*) from memory where {column} is not null "  # noqa: S608
                f"group by {column} order by {column}"
            )
        )

    return Counts(
        by_kind=table("kind"),
        by_scope=table("scope"),
        by_model=table("embedded_by"),
        links=one("select count(*) from link"),
        revisions=one("select count(*) from revision"),
        last_seq=one("select coalesce(max(seq), 0) from log"),
        waiting=one("select count(*) from memory where embedded_by is not ?", model),
        size_bytes=size_bytes,
    )
