"""Applying a batch of changes inside one write transaction."""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from recollect.adapters.postgres.bulk import Insert
from recollect.adapters.postgres.database import Cursor
from recollect.adapters.postgres.jobs import insert_jobs
from recollect.adapters.postgres.loading import hold_tenant, load
from recollect.adapters.postgres.postings import Change as TextChange
from recollect.adapters.postgres.postings import change_texts
from recollect.adapters.postgres.recalls import erase_lines
from recollect.adapters.postgres.rows import INSERT, dump, to_row
from recollect.adapters.postgres.touched import Before, Stored, Touched
from recollect.adapters.postgres.vectors import insert_vectors
from recollect.adapters.postgres.words import Stemmer
from recollect.domain.changes import (
    REQUESTS_KEPT,
    Batch,
    Embedded,
    Idempotency,
    LogEntry,
    Receipt,
)
from recollect.domain.memory import JsonValue
from recollect.domain.serialisation import CODEC, memory_to_json
from recollect.errors import IdempotencyMismatch

_LOG = Insert(
    "log",
    {
        "seq": "bigint", "at": "timestamptz", "actor": "text", "origin": "text",
        "verb": "text", "record_id": "text", "revision": "bigint", "before_scope": "text",
        "before_name": "text", "before_kind": "text",
    },
)  # fmt: skip
_REVISION = Insert(
    "revision",
    {
        "memory_id": "text", "revision": "bigint", "seq": "bigint",
        "codec": "text", "payload": "text",
    },
)  # fmt: skip
_LINK = """
insert into link (tenant, from_id, to_id, type, weight, metadata) values (%s, %s, %s, %s, %s, %s)
on conflict (tenant, from_id, to_id, type_key)
do update set weight = excluded.weight, metadata = excluded.metadata
"""
_DROP_LINK = "delete from link where tenant = %s and from_id = %s and to_id = %s and type = %s"
_DROP_LINKS = (
    "delete from link where tenant = %s and from_id = any(%s)",
    "delete from link where tenant = %s and to_id = any(%s)",
)
_RECORD = """
insert into registry (tenant, type, id, content, updated_at, revision)
values (%s, %s, %s, %s, %s, %s) on conflict (tenant, type_key, id_key) do update
set content = excluded.content, updated_at = excluded.updated_at, revision = excluded.revision
"""
_DROP_RECORD = """
delete from registry where tenant = %s and type_key = md5(%s) and id_key = md5(%s)
"""


async def apply(cursor: Cursor, tenant: str, batch: Batch, stemmer: Stemmer) -> Receipt:
    """Apply the batch; the caller's transaction makes it all or nothing."""
    seq = await hold_tenant(cursor, tenant)
    if batch.idempotency:
        first = await replay(cursor, tenant, batch.idempotency)
        if first is not None:
            return Receipt(replayed=first)
    before = await load(cursor, tenant, seq, batch.changes)
    touched = Touched(before, batch)
    entries = tuple(entry for change in batch.changes for entry in touched.apply(change))
    await _Writing(cursor, tenant, before, touched).write(batch.embedded, stemmer)
    await insert_jobs(cursor, tenant, batch.jobs)
    if batch.idempotency:
        await _remember_request(cursor, tenant, batch.idempotency)
    return Receipt(entries=entries)


async def replay(cursor: Cursor, tenant: str, request: Idempotency) -> str | None:
    """The first answer to this request; None if its key is new.

    Raises:
        IdempotencyMismatch: The key belongs to another request.
    """
    await cursor.execute(
        "select request, response from idempotency where tenant = %s and key = %s and at >= %s",
        [tenant, request.key, request.at - REQUESTS_KEPT],
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    if row[0] != request.request:
        raise IdempotencyMismatch
    return row[1]


async def _remember_request(cursor: Cursor, tenant: str, request: Idempotency) -> None:
    await cursor.execute(
        "delete from idempotency where tenant = %s and at < %s",
        [tenant, request.at - REQUESTS_KEPT],
    )
    await cursor.execute(
        "insert into idempotency values (%s, %s, %s, %s, %s)",
        [tenant, request.key, request.request, request.response, request.at],
    )


class _Writing:
    """Brings the tables from before to after."""

    def __init__(self, cursor: Cursor, tenant: str, before: Before, touched: Touched) -> None:
        self._cursor = cursor
        self._tenant = tenant
        self._before = before
        self._touched = touched
        self._old = {
            i: stored
            for i, stored in before.memories.items()
            if i in touched.put or i in touched.removed
        }

    async def write(self, embedded: Sequence[Embedded], stemmer: Stemmer) -> None:
        """Write everything; the order matters to what is erased."""
        made = {e.memory_id: e for e in embedded if e.memory_id in self._touched.put}
        new = await self._keyed()
        await self._erase()
        await self._write_memories(new, made)
        await change_texts(self._cursor, self._tenant, self._text_changes(new), stemmer)
        await self._write_log()
        await self._write_links()
        await self._write_registry()
        if self._touched.log:
            await self._cursor.execute(
                "update tenant set seq = %s where name = %s", [self._touched.seq, self._tenant]
            )

    async def _keyed(self) -> dict[str, Stored]:
        """The memories that were put, each with the key of its row; new keys grow."""
        put = {i: s for i, s in self._touched.memories.items() if i in self._touched.put}
        fresh = [i for i, stored in put.items() if not stored.key]
        if fresh:
            await self._cursor.execute(
                "select nextval('memory_key') from generate_series(1, %s)", [len(fresh)]
            )
            keys = sorted(key for (key,) in await self._cursor.fetchall())
            put |= {i: replace(put[i], key=key) for i, key in zip(fresh, keys, strict=True)}
        return put

    async def _erase(self) -> None:
        """Delete what is not to outlive the erased memories, while the log knows their names."""
        erased = sorted(self._touched.erased)
        if not erased:
            return
        await erase_lines(self._cursor, self._tenant, erased, self._touched.places)
        values = [self._tenant, erased]
        await self._cursor.execute(
            "delete from revision where tenant = %s and memory_id = any(%s)", values
        )
        await self._cursor.execute(
            "update log set before_name = null "
            "where tenant = %s and record_id = any(%s) and before_name is not null",
            values,
        )
        await self._forget_answers(erased)

    async def _forget_answers(self, erased: Sequence[str]) -> None:
        await self._cursor.execute(
            "select key, response from idempotency where tenant = %s", [self._tenant]
        )
        naming = [
            key
            for key, response in await self._cursor.fetchall()
            if not erased_in(response, set(erased)).isdisjoint(erased)
        ]
        await self._cursor.execute(
            "delete from idempotency where tenant = %s and key = any(%s)", [self._tenant, naming]
        )

    async def _write_memories(
        self, new: Mapping[str, Stored], made: Mapping[str, Embedded]
    ) -> None:
        tenant, cursor = self._tenant, self._cursor
        gone = sorted(self._touched.removed)
        if gone:
            # Two statements, each served by an index.
            for statement in _DROP_LINKS:
                await cursor.execute(statement, [tenant, gone])
        if self._old:
            # Changed rows too: put in one by one, they might have each other's names meanwhile.
            keys = [stored.key for stored in self._old.values()]
            await cursor.execute(
                "delete from memory where tenant = %s and key = any(%s)", [tenant, keys]
            )
            stale = [s.key for i, s in self._old.items() if i in made or not _keeps(new.get(i), s)]
            await cursor.execute(
                "delete from passage where tenant = %s and memory_key = any(%s)", [tenant, stale]
            )
        await INSERT.run(
            cursor,
            tenant,
            ([s.key, _embedded_by(s, made.get(i)), *to_row(s.memory)] for i, s in new.items()),
        )
        await insert_vectors(
            cursor, tenant, [(new[i].key, new[i].memory, e) for i, e in made.items()]
        )

    def _text_changes(self, new: Mapping[str, Stored]) -> Iterable[TextChange]:
        for memory_id in {**self._old, **new}:
            old, now = self._old.get(memory_id), new.get(memory_id)
            yield TextChange(
                (old.key, old.memory) if old else None, (now.key, now.memory) if now else None
            )

    async def _write_log(self) -> None:
        await _LOG.run(self._cursor, self._tenant, map(self._line, self._touched.log))
        await _REVISION.run(
            self._cursor,
            self._tenant,
            (
                [
                    memory_id,
                    revision.revision,
                    seq,
                    CODEC,
                    dump(memory_to_json(revision.memory)) if revision.memory else None,
                ]
                for memory_id, seq, revision in self._touched.revisions
            ),
        )

    def _line(self, entry: LogEntry) -> list[object]:
        key = entry.before
        return [
            entry.seq,
            entry.at,
            entry.actor,
            entry.origin,
            entry.verb,
            entry.record_id,
            entry.revision,
            *([key.scope, key.name, key.kind.value] if key else [None, None, None]),
        ]

    async def _write_links(self) -> None:
        for (from_id, to_id, link_type), link in self._touched.links.items():
            key = [self._tenant, from_id, to_id, link_type]
            if link is None:
                await self._cursor.execute(_DROP_LINK, key)
            else:
                await self._cursor.execute(_LINK, [*key, link.weight, dump(link.metadata)])

    async def _write_registry(self) -> None:
        for (record_type, record_id), record in self._touched.registry.items():
            key = [self._tenant, record_type, record_id]
            if record is None:
                await self._cursor.execute(_DROP_RECORD, key)
            else:
                content = dump(record.content)
                values = [*key, content, record.updated_at, record.revision]
                await self._cursor.execute(_RECORD, values)


def _keeps(now: Stored | None, before: Stored) -> bool:
    return now is not None and now.key == before.key and now.vectors_kept


def _embedded_by(stored: Stored, made: Embedded | None) -> str | None:
    if made:
        return made.model if made.complete else None
    return stored.embedded_by


def erased_in(response: str, ids: set[str]) -> set[str]:
    """Which of these ids are values of a kept answer; one that is no JSON has none."""
    with suppress(ValueError):
        return ids & set(_texts(json.loads(response)))
    return set()


def _texts(value: JsonValue) -> Iterable[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for member in value.values():
                yield from _texts(member)
        case Sequence():
            for item in value:
                yield from _texts(item)
        case _:
            return
