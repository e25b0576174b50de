"""What keeps the records: the store and the log of its changes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from recollect.domain.changes import (
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


class Outline(NamedTuple):
    """What ranking asks of a memory; cheaper to make than the memory, of which few are needed.

    Attributes:
        producer, session: None for what is no episode.
        position: 0 for what is no episode.
        indexed: The number by which the store's index of vectors knows it; 0 if that has none of
            it, or goes by ids.
        linked: False if no link touches it; a store that would have to look for that says True.
    """

    id: str
    scope: str
    kind: Kind
    content: str
    occurred_at: datetime
    producer: str | None
    session: str | None
    position: int
    indexed: int = 0
    linked: bool = True

    @classmethod
    def of(cls, memory: Memory) -> "Outline":
        """The outline of this memory."""
        episode = memory.detail if isinstance(memory.detail, Episode) else None
        return cls(
            memory.id,
            memory.scope,
            memory.kind,
            memory.content,
            memory.occurred_at,
            episode.producer if episode else None,
            episode.session if episode else None,
            episode.position if episode else 0,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much a tenant holds.

    Attributes:
        by_model: How many memories have complete vectors of each model.
        waiting: How many lack complete vectors of the model in use.
    """

    by_kind: Mapping[str, int]
    by_scope: Mapping[str, int]
    by_model: Mapping[str, int]
    links: int
    revisions: int
    last_seq: int
    waiting: int
    size_bytes: int


class RecordStore(Protocol):
    """The system of record: memories, links, registry records, their revisions."""

    async def commit(self, tenant: str, batch: Batch) -> Receipt:
        """Apply every change of the batch in order, or none of them, in one transaction.

        An unplaced episode is put at the end of its session; a memory whose id has a history
        continues its revisions; a forgotten one loses its links. A revision of the past comes with
        the time, actor and verb that it brings.
        Writes a revision and a log line per change and keeps the text index, and the vectors
        handed in, true to the records in the same transaction. If the batch carries an
        idempotency key that was used before with the same request, nothing is applied and the
        receipt is the first one, marked `replayed`. The vectors handed in replace the memory's
        others, of whichever model.

        Raises:
            RevisionConflict: A record is not at the revision that a change expects.
            AlreadyExists: A new memory's id, or its name in its scope, is taken.
            Conflict: The links of a memory are not those that a change expects; or it is older
                than a revision of its past.
            NotFound: A change names a memory that is not there.
            IdempotencyMismatch: The key was used with another request.
            StorageFull: The disk is full; nothing was written.
            StoreUnavailable: The store cannot be written; nothing was written.
        """
        ...

    async def replay(self, tenant: str, request: Idempotency) -> str | None:
        """Return the first answer to a request already carried out; None if its key is new.

        Raises:
            IdempotencyMismatch: The key was used with another request.
        """
        ...

    async def get(self, tenant: str, ids: Sequence[str]) -> list[Memory]:
        """Return the memories with these ids, in the order asked; missing ones are left out."""
        ...

    async def select(self, tenant: str, selection: Selection, ids: Sequence[str]) -> list[Memory]:
        """Return those of the memories with these ids that are selected, in any order."""
        ...

    async def outlines(
        self, tenant: str, selection: Selection, ids: Sequence[str]
    ) -> list[Outline]:
        """Return the outlines of those memories that `select` would return, in any order."""
        ...

    async def named(self, tenant: str, scope: str, name: str) -> Memory | None:
        """Return the note with this name in exactly this scope."""
        ...

    async def with_external_ids(
        self, tenant: str, scope: str, session: str, external_ids: Sequence[str]
    ) -> list[Memory]:
        """Return the episodes of a session that a client gave these ids, in any order."""
        ...

    async def browse(
        self,
        tenant: str,
        selection: Selection,
        after: Position | None,
        limit: int,
        offset: int = 0,
    ) -> list[Memory]:
        """Return up to `limit` selected memories behind `after`, ordered by `Position`.

        So many as `offset` says are passed over: for faces that count pages; slow in deep ones.

        The order is scope, then name (None as the empty string), then occurred_at, then
        position in the session, then id; text compares by code point.
        """
        ...

    async def occurred(
        self, tenant: str, selection: Selection, period: Period, limit: int
    ) -> list[str]:
        """Return the ids of up to `limit` selected memories that occurred in the period.

        The newest come first; ties go to the greater id.
        """
        ...

    async def count(self, tenant: str, selection: Selection) -> int:
        """Return how many memories are selected."""
        ...

    async def neighbours(
        self, tenant: str, memory: Memory, before: int, after: int
    ) -> list[Memory]:
        """Return the episodes around one in its session, itself left out, in their order."""
        ...

    async def newest(self, tenant: str, scope: str, session: str, limit: int) -> list[Memory]:
        """Return the newest `limit` episodes of a session, in their order."""
        ...

    async def placed_after(
        self, tenant: str, scope: str, session: str, position: int, limit: int
    ) -> list[Memory]:
        """Return up to `limit` episodes of a session behind a position, ordered by position."""
        ...

    async def facts_called(self, tenant: str, external_ids: Sequence[str]) -> list[Memory]:
        """Return the facts that have these external ids, in any order."""
        ...

    async def history(self, tenant: str, memory_id: str) -> list[Revision]:
        """Return every kept revision of a memory, oldest first; of a forgotten one too."""
        ...

    async def recorded(self, tenant: str, ids: Sequence[str]) -> Mapping[str, Recorded]:
        """Return, by id, how the newest revision of each of these memories was made."""
        ...

    async def past(
        self, tenant: str, after: tuple[str, int] | None, limit: int
    ) -> list[KeepRevision]:
        """Return up to `limit` revisions behind the id and number `after`, in their order.

        Of a memory that is there all but the newest, of a forgotten one all; as the changes that
        would bring them back.
        """
        ...

    async def forgotten(self, tenant: str, scope: str, kinds: Collection[Kind]) -> list[str]:
        """Return the ids of what was forgotten in exactly this scope and can still be erased.

        In any order, and only of these kinds.
        """
        ...

    async def links(self, tenant: str, ids: Sequence[str]) -> list[Link]:
        """Return the links that start at any of these memories, ordered by from, to and type."""
        ...

    async def links_to(self, tenant: str, ids: Sequence[str]) -> list[Link]:
        """Return the links that end at any of these memories, ordered by from, to and type."""
        ...

    async def links_touching(self, tenant: str, ids: Sequence[str], limit: int) -> list[Link]:
        """Return up to `limit` links that start or end at any of these memories.

        The heaviest come first, then they are ordered by from, to and type.
        """
        ...

    async def registry(self, tenant: str, record_type: str) -> list[RegistryRecord]:
        """Return the registry records of one type, ordered by id; of every type for `''`."""
        ...

    async def registered(
        self, tenant: str, record_type: str, ids: Sequence[str]
    ) -> list[RegistryRecord]:
        """Return the registry records of a type with these ids, in any order."""
        ...

    async def counts(self, tenant: str, model: str) -> Counts:
        """Return how much the tenant holds; `waiting` counts what `model` has yet to embed."""
        ...

    async def tenants(self) -> list[str]:
        """Return the tenants that hold anything."""
        ...


class ChangeLog(Protocol):
    """The order in which everything happened; it holds no text."""

    async def entries(self, tenant: str, after: int, limit: int) -> list[LogEntry]:
        """Return up to `limit` entries with `seq > after`, in order of `seq`, without gaps."""
        ...

    async def last_seq(self, tenant: str) -> int:
        """Return the newest `seq`, 0 before the first change."""
        ...
