"""RecordStore and ChangeLog in dictionaries."""

from collections.abc import Collection, Mapping, Sequence

from recollect.adapters.in_memory.commit import apply, session_of
from recollect.adapters.in_memory.jobs import enqueue
from recollect.adapters.in_memory.tables import Tables, World
from recollect.domain.changes import (
    REQUESTS_KEPT,
    Batch,
    Idempotency,
    KeepRevision,
    LogEntry,
    Receipt,
    Recorded,
    Revision,
)
from recollect.domain.memory import Episode, Kind, Link, Memory, RegistryRecord
from recollect.domain.selection import Period, Position, Selection
from recollect.errors import IdempotencyMismatch
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
        entries = [entry for change in batch.changes for entry in apply(tables, batch, change)]
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
            for memory in session_of(self._world[tenant], scope, session)
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
        session = list(session_of(self._world[tenant], memory.scope, memory.detail.session))
        session.sort(key=Position.of)
        here = Position.of(memory)
        earlier = [m for m in session if Position.of(m) < here]
        later = [m for m in session if Position.of(m) > here]
        return earlier[max(0, len(earlier) - before) :] + later[:after]

    async def newest(self, tenant: str, scope: str, session: str, limit: int) -> list[Memory]:
        found = sorted(session_of(self._world[tenant], scope, session), key=Position.of)
        return found[max(0, len(found) - limit) :]

    async def placed_after(
        self, tenant: str, scope: str, session: str, position: int, limit: int
    ) -> list[Memory]:
        found = [(Position.of(m).place, m) for m in session_of(self._world[tenant], scope, session)]
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

    async def recorded(self, tenant: str, ids: Sequence[str]) -> Mapping[str, Recorded]:
        tables = self._world[tenant]
        return {i: tables.revisions[i][-1].recorded for i in ids if i in tables.memories}

    async def past(
        self, tenant: str, after: tuple[str, int] | None, limit: int
    ) -> list[KeepRevision]:
        tables = self._world[tenant]
        filed = {(e.record_id, e.revision): e.before for e in tables.log if e.verb == "forget"}
        found = [
            KeepRevision(memory_id=i, revision=r, before=filed.get((i, r.revision)))
            for i, revisions in sorted(tables.revisions.items())
            for r in (revisions[:-1] if i in tables.memories else revisions)
        ]
        return [k for k in found if (k.memory_id, k.revision.revision) > (after or ("", 0))][:limit]

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
