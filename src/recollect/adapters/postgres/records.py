"""The record store and the change log in the database."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from recollect.adapters.postgres.bulk import array
from recollect.adapters.postgres.commit import apply, replay
from recollect.adapters.postgres.counting import count_all
from recollect.adapters.postgres.database import Database
from recollect.adapters.postgres.rows import OUTLINE, SELECT, outlines, session_key, text_key
from recollect.adapters.postgres.selection import (
    PLACE,
    compile_chosen,
    compile_place,
    compile_selection,
)
from recollect.adapters.postgres.words import Stemmer
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
from recollect.domain.flat import memory_of
from recollect.domain.memory import Episode, Kind, Link, Memory, RegistryRecord
from recollect.domain.placing import past_revision
from recollect.domain.selection import Period, Position, Selection
from recollect.domain.serialisation import memory_from_json
from recollect.ports import Counts, Outline

_IN_SESSION = "where m.tenant = %s and m.kind = 'episode' and m.session_key = %s "
_FORGOTTEN = """
select distinct l.record_id from log l
where l.tenant = %s and l.verb = 'forget' and l.before_scope = %s and l.before_kind = any(%s)
and exists (select 1 from revision r where r.tenant = l.tenant and r.memory_id = l.record_id)
and not exists (select 1 from memory m where m.tenant = l.tenant and m.id = l.record_id)
"""
_RECORDED = """
select m.id, l.at, l.actor, l.verb from memory m
join revision r on r.tenant = m.tenant and r.memory_id = m.id and r.revision = m.revision
join log l on l.tenant = r.tenant and l.seq = r.seq
where m.tenant = %s and m.id = any(%s)
"""
_PAST = """
select r.revision, l.at, l.actor, l.verb, r.payload,
r.memory_id, l.before_scope, l.before_name, l.before_kind
from revision r join log l on l.tenant = r.tenant and l.seq = r.seq
left join memory m on m.tenant = r.tenant and m.id = r.memory_id
where r.tenant = %s and (r.memory_id, r.revision) > (%s, %s)
and m.revision is distinct from r.revision
order by r.memory_id, r.revision limit %s
"""


class PostgresRecordStore:
    """A RecordStore and ChangeLog, all tenants in one database."""

    def __init__(self, database: Database, stemmer: Stemmer) -> None:
        self._database = database
        self._stemmer = stemmer

    async def commit(self, tenant: str, batch: Batch) -> Receipt:
        return await self._database.write(tenant, lambda c: apply(c, tenant, batch, self._stemmer))

    async def replay(self, tenant: str, request: Idempotency) -> str | None:
        return await self._database.read(tenant, lambda c: replay(c, tenant, request))

    async def get(self, tenant: str, ids: Sequence[str]) -> list[Memory]:
        found = await self._memories(
            tenant, "where m.tenant = %s and m.id = any(%s::text[])", [tenant, array(ids)]
        )
        by_id = {memory.id: memory for memory in found}
        return [by_id[i] for i in ids if i in by_id]

    async def select(self, tenant: str, selection: Selection, ids: Sequence[str]) -> list[Memory]:
        chosen, values = compile_chosen(tenant, selection, ids)
        return await self._memories(tenant, chosen, values)

    async def outlines(
        self, tenant: str, selection: Selection, ids: Sequence[str]
    ) -> list[Outline]:
        chosen, values = compile_chosen(tenant, selection, ids)
        return outlines(await self._database.rows(tenant, OUTLINE + chosen, values))

    async def named(self, tenant: str, scope: str, name: str) -> Memory | None:
        found = await self._memories(
            tenant,
            "where m.tenant = %s and m.kind = 'note' and m.scope = %s and m.name = %s",
            [tenant, scope, name],
        )
        return found[0] if found else None

    async def with_external_ids(
        self, tenant: str, scope: str, session: str, external_ids: Sequence[str]
    ) -> list[Memory]:
        return await self._memories(
            tenant,
            f"{_IN_SESSION} and m.external_key = any(%s)",
            [tenant, session_key(scope, session), [text_key(i) for i in external_ids]],
        )

    async def browse(
        self,
        tenant: str,
        selection: Selection,
        after: Position | None,
        limit: int,
        offset: int = 0,
    ) -> list[Memory]:
        condition, values = compile_selection(tenant, selection)
        if after:
            condition = f"({PLACE}) > (%s, %s, %s, %s, %s) and {condition}"
            values = [*compile_place(after), *values]
        return await self._memories(
            tenant,
            f"where {condition} order by {PLACE} limit %s offset %s",
            [*values, limit, offset],
        )

    async def occurred(
        self, tenant: str, selection: Selection, period: Period, limit: int
    ) -> list[str]:
        condition, values = compile_selection(tenant, selection)
        rows = await self._database.rows(
            tenant,
            "select m.id from memory m where m.occurred_at >= %s and m.occurred_at < %s "  # noqa: S608
            f"and {condition} order by m.occurred_at desc, m.id desc limit %s",
            [period.start, period.end, *values, limit],
        )
        return [memory_id for (memory_id,) in rows]

    async def count(self, tenant: str, selection: Selection) -> int:
        condition, values = compile_selection(tenant, selection)
        [[count]] = await self._database.rows(
            tenant,
            f"select count(*) from memory m where {condition}",  # noqa: S608
            values,
        )
        return count

    async def neighbours(
        self, tenant: str, memory: Memory, before: int, after: int
    ) -> list[Memory]:
        if not isinstance(memory.detail, Episode):
            return []
        session = [tenant, session_key(memory.scope, memory.detail.session)]
        place = compile_place(Position.of(memory))[2:]
        order = "m.occurred_at {0}, m.position {0}, m.id {0}"
        here = "(m.occurred_at, m.position, m.id)"
        earlier = await self._memories(
            tenant,
            f"{_IN_SESSION} and {here} < (%s, %s, %s) order by {order.format('desc')} limit %s",
            [*session, *place, before],
        )
        later = await self._memories(
            tenant,
            f"{_IN_SESSION} and {here} > (%s, %s, %s) order by {order.format('asc')} limit %s",
            [*session, *place, after],
        )
        return [*reversed(earlier), *later]

    async def newest(self, tenant: str, scope: str, session: str, limit: int) -> list[Memory]:
        found = await self._memories(
            tenant,
            f"{_IN_SESSION} order by m.occurred_at desc, m.position desc, m.id desc limit %s",
            [tenant, session_key(scope, session), limit],
        )
        return found[::-1]

    async def placed_after(
        self, tenant: str, scope: str, session: str, position: int, limit: int
    ) -> list[Memory]:
        return await self._memories(
            tenant,
            f"{_IN_SESSION} and m.position > %s order by m.position limit %s",
            [tenant, session_key(scope, session), position, limit],
        )

    async def facts_called(self, tenant: str, external_ids: Sequence[str]) -> list[Memory]:
        return await self._memories(
            tenant,
            "where m.tenant = %s and m.kind = 'fact' and m.external_key = any(%s)",
            [tenant, [text_key(i) for i in external_ids]],
        )

    async def history(self, tenant: str, memory_id: str) -> list[Revision]:
        rows = await self._database.rows(
            tenant,
            "select r.revision, l.at, l.actor, l.verb, r.payload from revision r "
            "join log l on l.tenant = r.tenant and l.seq = r.seq "
            "where r.tenant = %s and r.memory_id = %s order by r.revision",
            [tenant, memory_id],
        )
        return [_revision(row) for row in rows]

    async def recorded(self, tenant: str, ids: Sequence[str]) -> Mapping[str, Recorded]:
        rows = await self._database.rows(tenant, _RECORDED, [tenant, list(ids)])
        return {id_: Recorded(at=at, actor=actor, verb=verb) for id_, at, actor, verb in rows}

    async def past(
        self, tenant: str, after: tuple[str, int] | None, limit: int
    ) -> list[KeepRevision]:
        asked = [tenant, *(after or ("", 0)), limit]
        rows = await self._database.rows(tenant, _PAST, asked)
        return [past_revision(row[5], _revision(row[:5]), row[6:]) for row in rows]

    async def forgotten(self, tenant: str, scope: str, kinds: Collection[Kind]) -> list[str]:
        asked = [tenant, scope, [kind.value for kind in kinds]]
        return [i for (i,) in await self._database.rows(tenant, _FORGOTTEN, asked)]

    async def links(self, tenant: str, ids: Sequence[str]) -> list[Link]:
        return await self._links(
            tenant, "from_id = any(%s::text[]) order by from_id, to_id, type", [array(ids)]
        )

    async def links_to(self, tenant: str, ids: Sequence[str]) -> list[Link]:
        return await self._links(
            tenant, "to_id = any(%s::text[]) order by from_id, to_id, type", [array(ids)]
        )

    async def links_touching(self, tenant: str, ids: Sequence[str], limit: int) -> list[Link]:
        return await self._links(
            tenant,
            "(from_id = any(%s::text[]) or to_id = any(%s::text[])) "
            "order by weight desc, from_id, to_id, type limit %s",
            [array(ids), array(ids), limit],
        )

    async def registry(self, tenant: str, record_type: str) -> list[RegistryRecord]:
        if not record_type:
            return await self._registry(tenant, "true order by type, id", [])
        return await self._registry(
            tenant, "type_key = %s order by type, id", [text_key(record_type)]
        )

    async def registered(
        self, tenant: str, record_type: str, ids: Sequence[str]
    ) -> list[RegistryRecord]:
        return await self._registry(
            tenant,
            "type_key = %s and id_key = any(%s)",
            [text_key(record_type), [text_key(i) for i in ids]],
        )

    async def counts(self, tenant: str, model: str) -> Counts:
        return await self._database.read(tenant, lambda c: count_all(c, tenant, model))

    async def tenants(self) -> list[str]:
        return await self._database.tenants()

    async def entries(self, tenant: str, after: int, limit: int) -> list[LogEntry]:
        rows = await self._database.rows(
            tenant,
            "select seq, at, actor, origin, verb, record_id, revision, before_scope, before_name, "
            "before_kind from log where tenant = %s and seq > %s order by seq limit %s",
            [tenant, after, limit],
        )
        return [
            LogEntry(
                seq=row[0],
                at=row[1],
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
        rows = await self._database.rows(tenant, "select seq from tenant where name = %s", [tenant])
        return rows[0][0] if rows else 0

    async def _links(self, tenant: str, where: str, values: Sequence[Any]) -> list[Link]:
        rows = await self._database.rows(
            tenant,
            f"select from_id, to_id, type, weight, metadata from link where tenant = %s and {where}",  # noqa: S608, E501
            [tenant, *values],
        )
        return [
            Link(from_id=a, to_id=b, type=t, weight=weight, metadata=metadata)
            for a, b, t, weight, metadata in rows
        ]

    async def _registry(
        self, tenant: str, where: str, values: Sequence[Any]
    ) -> list[RegistryRecord]:
        rows = await self._database.rows(
            tenant,
            "select type, id, content, updated_at, revision from registry "  # noqa: S608
            f"where tenant = %s and {where}",
            [tenant, *values],
        )
        return [
            RegistryRecord(type=t, id=i, content=content, updated_at=at, revision=revision)
            for t, i, content, at, revision in rows
        ]

    async def _memories(self, tenant: str, where: str, values: Sequence[Any]) -> list[Memory]:
        return [memory_of(row) for row in await self._database.rows(tenant, SELECT + where, values)]


def _revision(row: Sequence[Any]) -> Revision:
    revision, at, actor, verb, payload = row
    return Revision(
        revision=revision,
        recorded_at=at,
        actor=actor,
        verb=verb,
        memory=memory_from_json(json.loads(payload)) if payload else None,
    )
