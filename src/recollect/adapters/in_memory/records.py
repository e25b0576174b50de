"""RecordStore and ChangeLog in dictionaries."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import assert_never

from recollect.adapters.in_memory.jobs import enqueue
from recollect.adapters.in_memory.recalls import erase_lines
from recollect.adapters.in_memory.tables import Tables, World
from recollect.domain.changes import (
    REQUESTS_KEPT,
    Batch,
    Change,
    DropLink,
    DropRecord,
    Erase,
    Expect,
    ExpectLinks,
    Forget,
    Idempotency,
    Key,
    LogEntry,
    Put,
    PutLink,
    PutRecord,
    Receipt,
    Revision,
    Verb,
)
from recollect.domain.memory import Episode, JsonValue, Kind, Link, Memory, RegistryRecord
from recollect.domain.placing import expect, expect_links, key_of, nameless, placed, unique_key
from recollect.domain.searchable import passage_source
from recollect.domain.selection import Period, Position, Selection
from recollect.errors import AlreadyExists, IdempotencyMismatch, NotFound
from recollect.ports import Counts, Outline


class InMemoryRecordStore:
    """A RecordStore and ChangeLog that is lost when the process ends."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def commit(self, tenant: str, batch: Batch) -> Receipt:
        if batch.idempotency:
            first = await self.replay(tenant, batch.idempotency)
            if first is not None:
                return Receipt(replayed=first)
        tables = self._world[tenant].copy()
        entries = [entry for change in batch.changes for entry in _apply(tables, batch, change)]
        for made in batch.embedded:
            if made.memory_id in tables.memories:
                tables.vectors[made.memory_id] = made
        for job in batch.jobs:
            enqueue(tables, job)
        if batch.idempotency:
            tables.requests[batch.idempotency.key] = batch.idempotency
        self._world[tenant] = tables
        return Receipt(entries=tuple(entries))

    async def replay(self, tenant: str, request: Idempotency) -> str | None:
        first = self._world[tenant].requests.get(request.key)
        if first is None or first.at < request.at - REQUESTS_KEPT:
            return None
        if first.request != request.request:
            raise IdempotencyMismatch
        return first.response

    async def get(self, tenant: str, ids: Sequence[str]) -> list[Memory]:
        memories = self._world[tenant].memories
        return [memories[i] for i in ids if i in memories]

    async def select(self, tenant: str, selection: Selection, ids: Sequence[str]) -> list[Memory]:
        return [memory for memory in await self.get(tenant, ids) if selection.holds(memory)]

    async def outlines(
        self, tenant: str, selection: Selection, ids: Sequence[str]
    ) -> list[Outline]:
        return [Outline.of(memory) for memory in await self.select(tenant, selection, ids)]

    async def named(self, tenant: str, scope: str, name: str) -> Memory | None:
        memories = self._world[tenant].memories.values()
        return next((m for m in memories if (m.scope, m.name) == (scope, name)), None)

    async def with_external_ids(
        self, tenant: str, scope: str, session: str, external_ids: Sequence[str]
    ) -> list[Memory]:
        return [
            memory
            for memory in _session(self._world[tenant], scope, session)
            if memory.external_id in external_ids
        ]

    async def browse(
        self,
        tenant: str,
        selection: Selection,
        after: Position | None,
        limit: int,
        offset: int = 0,
    ) -> list[Memory]:
        selected = filter(selection.holds, self._world[tenant].memories.values())
        ordered = sorted(selected, key=Position.of)
        behind = [m for m in ordered if after is None or Position.of(m) > after]
        return behind[offset : offset + limit]

    async def occurred(
        self, tenant: str, selection: Selection, period: Period, limit: int
    ) -> list[str]:
        found = [
            (memory.occurred_at, memory.id)
            for memory in filter(selection.holds, self._world[tenant].memories.values())
            if period.start <= memory.occurred_at < period.end
        ]
        return [memory_id for _, memory_id in sorted(found, reverse=True)[:limit]]

    async def count(self, tenant: str, selection: Selection) -> int:
        return sum(map(selection.holds, self._world[tenant].memories.values()))

    async def neighbours(
        self, tenant: str, memory: Memory, before: int, after: int
    ) -> list[Memory]:
        if not isinstance(memory.detail, Episode):
            return []
        session = list(_session(self._world[tenant], memory.scope, memory.detail.session))
        session.sort(key=Position.of)
        here = Position.of(memory)
        earlier = [m for m in session if Position.of(m) < here]
        later = [m for m in session if Position.of(m) > here]
        return earlier[max(0, len(earlier) - before) :] + later[:after]

    async def newest(self, tenant: str, scope: str, session: str, limit: int) -> list[Memory]:
        found = sorted(_session(self._world[tenant], scope, session), key=Position.of)
        return found[max(0, len(found) - limit) :]

    async def placed_after(
        self, tenant: str, scope: str, session: str, position: int, limit: int
    ) -> list[Memory]:
        found = [(Position.of(m).place, m) for m in _session(self._world[tenant], scope, session)]
        behind = [(place, m) for place, m in found if place > position]
        return [m for _, m in sorted(behind, key=lambda pair: pair[0])][:limit]

    async def facts_called(self, tenant: str, external_ids: Sequence[str]) -> list[Memory]:
        return [
            memory
            for memory in self._world[tenant].memories.values()
            if memory.kind is Kind.FACT and memory.external_id in external_ids
        ]

    async def history(self, tenant: str, memory_id: str) -> list[Revision]:
        return list(self._world[tenant].revisions.get(memory_id, ()))

    async def forgotten(self, tenant: str, scope: str, kinds: Collection[Kind]) -> list[str]:
        tables = self._world[tenant]
        gone = {
            entry.record_id
            for entry in tables.log
            if entry.verb == "forget"
            and entry.before
            and entry.before.scope == scope
            and entry.before.kind in kinds
        }
        return [i for i in gone if i in tables.revisions and i not in tables.memories]

    async def links(self, tenant: str, ids: Sequence[str]) -> list[Link]:
        links = self._world[tenant].links
        return [links[key] for key in sorted(links) if key[0] in ids]

    async def links_to(self, tenant: str, ids: Sequence[str]) -> list[Link]:
        links = self._world[tenant].links
        return [links[key] for key in sorted(links) if key[1] in ids]

    async def links_touching(self, tenant: str, ids: Sequence[str], limit: int) -> list[Link]:
        links = self._world[tenant].links
        touching = [links[key] for key in sorted(links) if key[0] in ids or key[1] in ids]
        return sorted(touching, key=lambda link: -link.weight)[:limit]

    async def registry(self, tenant: str, record_type: str) -> list[RegistryRecord]:
        registry = self._world[tenant].registry
        return [registry[key] for key in sorted(registry) if record_type in ("", key[0])]

    async def registered(
        self, tenant: str, record_type: str, ids: Sequence[str]
    ) -> list[RegistryRecord]:
        registry = self._world[tenant].registry
        return [registry[record_type, i] for i in ids if (record_type, i) in registry]

    async def counts(self, tenant: str, model: str) -> Counts:
        tables = self._world[tenant]
        return Counts(
            by_kind=tables.by_kind(),
            by_scope=tables.by_scope(),
            by_model=tables.by_model(),
            links=len(tables.links),
            revisions=sum(map(len, tables.revisions.values())),
            last_seq=len(tables.log),
            waiting=len(waiting(tables, model)),
            size_bytes=0,
        )

    async def tenants(self) -> list[str]:
        return self._world.names()

    async def entries(self, tenant: str, after: int, limit: int) -> list[LogEntry]:
        return self._world[tenant].log[after : after + limit]

    async def last_seq(self, tenant: str) -> int:
        return len(self._world[tenant].log)


def waiting(tables: Tables, model: str) -> list[Memory]:
    """The memories without complete vectors of the model, oldest first."""
    return [
        memory
        for memory in tables.memories.values()
        if not ((made := tables.embedded(memory.id, model)) and made.complete)
    ]


def _apply(tables: Tables, batch: Batch, change: Change) -> list[LogEntry]:
    match change:
        case Put():
            return [_put(tables, batch, change)]
        case Forget():
            return [_forget(tables, batch, change)]
        case Erase():
            return [_erase(tables, batch, change.id)]
        case PutLink() | DropLink() | ExpectLinks():
            return _link(tables, batch, change)
        case PutRecord() | DropRecord() | Expect():
            return _record(tables, batch, change)
        case _:
            assert_never(change)


def _link(tables: Tables, batch: Batch, change: PutLink | DropLink | ExpectLinks) -> list[LogEntry]:
    if isinstance(change, ExpectLinks):
        there = (key for key in tables.links if key[1:] == (change.to_id, change.type))
        expect_links(change, (from_id for from_id, _, _ in there))
        return []
    ends = change.link if isinstance(change, PutLink) else change
    key = (ends.from_id, ends.to_id, ends.type)
    if isinstance(change, PutLink):
        for end in key[:2]:
            if end not in tables.memories:
                raise NotFound(end)
        tables.links[key] = change.link
    elif not tables.links.pop(key, None):
        return []
    return [_log(tables, batch, "link", (f"{ends.from_id}>{ends.to_id}:{ends.type}", 0))]


def _record(
    tables: Tables, batch: Batch, change: PutRecord | DropRecord | Expect
) -> list[LogEntry]:
    target = change.record if isinstance(change, PutRecord) else change
    name = f"{target.type}:{target.id}"
    found = tables.registry.get((target.type, target.id))
    if isinstance(change, PutRecord):
        expect(name, change.expected_revision, found.revision if found else 0)
        tables.registry[target.type, target.id] = change.record
        return [_log(tables, batch, "record", (name, change.record.revision))]
    if isinstance(change, Expect):
        expect(name, change.revision, found.revision if found else 0)
    if isinstance(change, Expect) or not found:
        return []
    del tables.registry[target.type, target.id]
    return [_log(tables, batch, "record", (name, found.revision + 1))]


def _put(tables: Tables, batch: Batch, change: Put) -> LogEntry:
    before = tables.memories.get(change.memory.id)
    expect(change.memory.id, change.expected_revision, before.revision if before else 0)
    memory = placed(change.memory, partial(_next_position, tables))
    _refuse_taken(tables, memory)
    kept = tables.revisions.setdefault(memory.id, [])
    last = kept[-1].revision if kept else 0
    memory = replace(memory, revision=max(memory.revision, last + 1))
    if before is None or passage_source(before) != passage_source(memory):
        tables.vectors.pop(memory.id, None)
    tables.memories[memory.id] = memory
    entry = _log(tables, batch, change.verb, (memory.id, memory.revision), key_of(before))
    kept.append(_revision(entry, memory))
    return entry


def _refuse_taken(tables: Tables, memory: Memory) -> None:
    """Raise AlreadyExists if another memory has what must be unique of this one."""
    key = unique_key(memory)
    if key and any(
        unique_key(other) == key for other in tables.memories.values() if other.id != memory.id
    ):
        raise AlreadyExists("another memory has this name or id already")


def _forget(tables: Tables, batch: Batch, change: Forget) -> LogEntry:
    before = tables.memories.get(change.id)
    if before is None:
        raise NotFound(change.id)
    if change.expected_revision is not None:
        expect(change.id, change.expected_revision, before.revision)
    _remove(tables, change.id)
    entry = _log(tables, batch, "forget", (change.id, before.revision + 1), key_of(before))
    tables.revisions[change.id].append(_revision(entry, None))
    return entry


def _erase(tables: Tables, batch: Batch, memory_id: str) -> LogEntry:
    if memory_id not in tables.revisions:
        raise NotFound(memory_id)
    before = tables.memories.get(memory_id)
    last = tables.revisions.pop(memory_id)[-1].revision
    erase_lines(tables, memory_id)
    _remove(tables, memory_id)
    tables.requests = {
        key: kept
        for key, kept in tables.requests.items()
        if not _mentions(_parsed(kept.response), memory_id)
    }
    tables.log = [
        replace(e, before=replace(e.before, name=None)) if e.before and e.record_id == memory_id
        else e
        for e in tables.log
    ]  # fmt: skip
    return _log(tables, batch, "erase", (memory_id, last + 1), nameless(before))


def _parsed(response: str) -> JsonValue:
    """The values of a kept answer; one that is no JSON, such as an empty one, has none."""
    with suppress(ValueError):
        return json.loads(response)
    return None


def _mentions(value: JsonValue, memory_id: str) -> bool:
    """Whether the memory's id is one of the values."""
    match value:
        case Mapping():
            return any(_mentions(member, memory_id) for member in value.values())
        case Sequence() if not isinstance(value, str):
            return any(_mentions(item, memory_id) for item in value)
        case _:
            return value == memory_id


def _remove(tables: Tables, memory_id: str) -> None:
    tables.memories.pop(memory_id, None)
    tables.vectors.pop(memory_id, None)
    tables.links = {key: link for key, link in tables.links.items() if memory_id not in key[:2]}


def _log(
    tables: Tables,
    batch: Batch,
    verb: Verb,
    written: tuple[str, int],
    before: Key | None = None,
) -> LogEntry:
    record_id, revision = written
    entry = LogEntry(
        seq=len(tables.log) + 1,
        at=batch.at,
        actor=batch.actor,
        origin=batch.origin,
        verb=verb,
        record_id=record_id,
        revision=revision,
        before=before,
    )
    tables.log.append(entry)
    return entry


def _revision(entry: LogEntry, memory: Memory | None) -> Revision:
    return Revision(
        revision=entry.revision,
        recorded_at=entry.at,
        actor=entry.actor,
        verb=entry.verb,
        memory=memory,
    )


def _session(tables: Tables, scope: str, session: str) -> Iterator[Memory]:
    for memory in tables.memories.values():
        detail = memory.detail
        if isinstance(detail, Episode) and (memory.scope, detail.session) == (scope, session):
            yield memory


def _next_position(tables: Tables, scope: str, session: str) -> int:
    positions = [
        memory.detail.position
        for memory in _session(tables, scope, session)
        if isinstance(memory.detail, Episode)
    ]
    return max(positions, default=-1) + 1
