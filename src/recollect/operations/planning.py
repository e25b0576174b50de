"""Deciding what each record of an import would change, before anything is stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from recollect.domain.changes import (
    KeepRevision,
    Put,
    PutLink,
    PutRecord,
    Recorded,
    Revision,
    Verb,
)
from recollect.domain.foreign.revising import revised
from recollect.domain.memory import Episode, Link, Memory, Note, RegistryRecord
from recollect.domain.placing import expect_past, unique_key
from recollect.errors import AlreadyExists, NotFound
from recollect.operations.context import Context
from recollect.operations.lines import Current, Foreign, Record


@dataclass(frozen=True, slots=True)
class Step:
    """A change that an import makes.

    Attributes:
        replaces: Whether something with this id is stored already.
    """

    change: Put | KeepRevision | PutLink | PutRecord
    replaces: bool


class Plan:
    """Decides record by record, as if those decided before were stored already."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._puts: dict[str, Put] = {}
        self._pasts: dict[str, dict[int, Memory | None]] = {}
        self._owners: dict[tuple[str, ...], str] = {}
        self._links: dict[tuple[str, str, str], Link] = {}
        self._records: dict[tuple[str, str], RegistryRecord] = {}

    def clear(self) -> None:
        """Look at the store alone again."""
        for decided in (self._puts, self._pasts, self._owners, self._links, self._records):
            decided.clear()

    async def step(self, record: Record) -> Step | None:
        """What storing the record changes; None if it is there already.

        Raises:
            Conflict: It contradicts what is stored.
            NotFound: It, or what it links, is out of reach.
        """
        match record:
            case Foreign(memory=memory):
                return await self._adopt(memory)
            case Current(memory=memory, recorded=recorded):
                return await self._update(memory, recorded)
            case KeepRevision():
                return await self._keep(record)
            case Link() as link:
                return await self._link(link)
            case RegistryRecord():
                return await self._record(record)

    async def _update(self, memory: Memory, recorded: Recorded | None) -> Step | None:
        """Store a revision that is newer than what is here."""
        stored = await self._stored(memory.id)
        if stored is not None and not _differs(memory, stored):
            return None
        return await self._put(memory, stored, "import", recorded)

    async def _adopt(self, given: Memory) -> Step | None:
        """Store another tool's memory under a revision of ours."""
        history = await self._history(given.id)
        seen = [revision.memory for revision in history if revision.memory is not None]
        if seen and not self._context.principal.scopes.covers(seen[-1].scope):
            raise NotFound(given.id)
        memory = revised(given, history)
        if memory is None:
            return None
        return await self._put(memory, history[-1].memory if history else None, "adopt")

    async def _history(self, memory_id: str) -> list[Revision]:
        """The memory's revisions, the one that is decided last."""
        history = await self._context.records.history(self._context.tenant, memory_id)
        put = self._puts.get(memory_id)
        if put is None:
            return history
        decided = Revision(
            revision=put.memory.revision,
            recorded_at=self._context.now(),
            actor=self._context.principal.name,
            verb=put.verb,
            memory=put.memory,
        )
        return [*history, decided]

    async def _keep(self, change: KeepRevision) -> Step | None:
        """Add a revision to a memory's past, unless it is there."""
        stored = await self._stored(change.memory_id)
        number, memory = change.revision.revision, change.revision.memory
        past = self._pasts.get(change.memory_id)
        if past is None:
            history = await self._history(change.memory_id)
            past = {revision.revision: revision.memory for revision in history}
            self._require_reach(change.memory_id, past)
            self._pasts[change.memory_id] = past
        if number in past and past[number] == memory:
            return None
        expect_past(change, stored, is_kept=number in past)
        past[number] = memory
        return Step(change, replaces=False)

    def _require_reach(self, memory_id: str, past: Mapping[int, Memory | None]) -> None:
        """Raise NotFound if the memory was last where the principal does not see it."""
        seen = [memory for _, memory in sorted(past.items()) if memory is not None]
        if seen and not self._context.principal.scopes.covers(seen[-1].scope):
            raise NotFound(memory_id)

    async def _put(
        self,
        memory: Memory,
        stored: Memory | None,
        verb: Verb,
        recorded: Recorded | None = None,
    ) -> Step:
        if stored is not None and stored.revision >= memory.revision:
            raise AlreadyExists(f"{memory.id} is stored with other fields at this revision")
        await self._require_unique(memory)
        expected = stored.revision if stored else 0
        put = Put(memory=memory, expected_revision=expected, verb=verb, recorded=recorded)
        self._pasts.get(memory.id, {})[memory.revision] = memory
        self._puts[memory.id] = put
        if key := unique_key(memory):
            self._owners[key] = memory.id
        return Step(put, stored is not None)

    async def _require_unique(self, memory: Memory) -> None:
        """Raise AlreadyExists if another memory bears the name or the client's id of this one."""
        key = unique_key(memory)
        if key is None:
            return
        owner = self._owners.get(key) or await self._stored_owner(memory)
        if owner in (None, memory.id):
            return
        moved = self._puts.get(owner)
        if moved is None or unique_key(moved.memory) == key:
            raise AlreadyExists(f"there is another memory {key[-1]!r} in this place already")

    async def _stored_owner(self, memory: Memory) -> str | None:
        records, tenant = self._context.records, self._context.tenant
        match memory.detail:
            case Note(name=name):
                found = await records.named(tenant, memory.scope, name)
                return found.id if found else None
            case Episode(session=session):
                ids = [memory.external_id or ""]
                said = await records.with_external_ids(tenant, memory.scope, session, ids)
                return said[0].id if said else None
            case _:
                return None

    async def _link(self, link: Link) -> Step | None:
        for end in (link.from_id, link.to_id):
            if await self._stored(end) is None:
                raise NotFound(end)
        key = _key(link)
        known = self._links.get(key) or next(
            (
                stored
                for stored in await self._context.records.links(self._context.tenant, [key[0]])
                if _key(stored) == key
            ),
            None,
        )
        self._links[key] = link
        return None if known == link else Step(PutLink(link=link), known is not None)

    async def _record(self, record: RegistryRecord) -> Step | None:
        key = (record.type, record.id)
        stored = self._records.get(key) or next(
            (
                stored
                for stored in await self._context.records.registry(
                    self._context.tenant, record.type
                )
                if stored.id == record.id
            ),
            None,
        )
        if stored is not None and not _differs(record, stored):
            return None
        if stored is not None and stored.revision >= record.revision:
            raise AlreadyExists(f"{record.id} is stored with other fields at this revision")
        self._records[key] = record
        expected = stored.revision if stored else 0
        return Step(PutRecord(record=record, expected_revision=expected), stored is not None)

    async def _stored(self, memory_id: str) -> Memory | None:
        """The memory with this id, decided or stored; raises NotFound if it is out of reach."""
        if memory_id in self._puts:
            return self._puts[memory_id].memory
        found = await self._context.records.get(self._context.tenant, [memory_id])
        if not found:
            return None
        if not self._context.principal.scopes.covers(found[0].scope):
            raise NotFound(memory_id)
        return found[0]


_Revised: TypeAlias = Memory | RegistryRecord


def _differs(given: _Revised, stored: _Revised) -> bool:
    """Whether the given revision is newer than the stored one, or another one of its number."""
    return given.revision > stored.revision or (
        given.revision == stored.revision and given != stored
    )


def _key(link: Link) -> tuple[str, str, str]:
    return (link.from_id, link.to_id, link.type)
