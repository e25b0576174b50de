"""Everything that a home of the records holds, as rows that another home takes in.

Nothing is left out but what follows from the rest: the text index is made anew by the target.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal, NamedTuple, Protocol, TypeAlias, cast

from recollect.domain.changes import Embedded
from recollect.domain.memory import Memory
from recollect.domain.passages import FloatMatrix, KeptVector, vectors_problem
from recollect.domain.searchable import passage_source
from recollect.errors import Conflict, StoreUnavailable

Value: TypeAlias = str | int | float | datetime | Memory | Embedded | None
Row: TypeAlias = tuple[Value, ...]
"""The values of a row in the order of its table's columns, the key's first; flags are booleans."""

Cursor: TypeAlias = tuple[str | int, ...]
"""The key of a row; rows with greater ones follow it."""

ColumnKind: TypeAlias = Literal["plain", "time", "json", "flag"]
"""How stores keep a column: times, flags and JSON, which is carried as its text, differently."""


class KeptMemory(NamedTuple):
    """The row of a memory.

    Attributes:
        key: Its number in the store; the order in which memories came.
        embedded: Its vectors, of whichever model; None if it has none, or there is a problem.
        problem: What is wrong with its vectors as they are stored.
    """

    key: int
    memory: Memory
    embedded: Embedded | None
    problem: str | None = None

    @property
    def embedded_by(self) -> str | None:
        """The model whose vectors are complete."""
        return self.embedded.model if self.embedded and self.embedded.complete else None

    @classmethod
    def of(
        cls,
        key: int,
        memory: Memory,
        embedded_by: str | None,
        kept: Sequence[KeptVector],
        unpacked: Callable[[Sequence[bytes]], FloatMatrix],
    ) -> "KeptMemory":
        """The row of a memory as it is stored."""
        problem = vectors_problem(kept, embedded_by, passage_source(memory))
        if problem:
            return cls(key, memory, None, problem)
        return cls(key, memory, Embedded.of(memory.id, embedded_by, kept, unpacked))


class Table(StrEnum):
    """What is copied, in this order: the log first, so that it tells of changes to the rest."""

    LOG = "log"
    MEMORY = "memory"
    REVISION = "revision"
    LINK = "link"
    REGISTRY = "registry"
    JOB = "job"
    IDEMPOTENCY = "idempotency"
    RECALL = "recall"
    RECALLED = "recalled"

    @property
    def columns(self) -> Mapping[str, ColumnKind]:
        """Its columns as both stores name them; a memory's row is a `KeptMemory` instead."""
        return _COLUMNS[self]

    @property
    def key(self) -> tuple[str, ...]:
        """The columns by which rows are ordered and told apart; texts compare by code point."""
        return tuple(self.columns)[: _KEY_LENGTHS.get(self, 1)]

    def cursor(self, row: Row) -> Cursor:
        """The key of a row."""
        return cast("Cursor", row[: len(self.key)])


def _columns(names: str, **kinds: ColumnKind) -> Mapping[str, ColumnKind]:
    return {name: kinds.get(name, "plain") for name in names.split()}


_KEY_LENGTHS = {Table.REVISION: 2, Table.LINK: 3, Table.REGISTRY: 2, Table.RECALLED: 2}
_COLUMNS: Mapping[Table, Mapping[str, ColumnKind]] = {
    Table.LOG: _columns(
        "seq at actor origin verb record_id revision before_scope before_name before_kind",
        at="time",
    ),
    Table.MEMORY: _columns("key"),
    Table.REVISION: _columns("memory_id revision seq codec payload"),
    Table.LINK: _columns("from_id to_id type weight metadata", metadata="json"),
    Table.REGISTRY: _columns(
        "type id content updated_at revision", content="json", updated_at="time"
    ),
    Table.JOB: _columns(
        "id queue dedupe_key order_key payload run_after attempts token leased_until dead",
        payload="json",
        run_after="time",
        leased_until="time",
        dead="flag",
    ),
    Table.IDEMPOTENCY: _columns("key request response at", at="time"),
    Table.RECALL: _columns("key id at principal", at="time"),
    Table.RECALLED: _columns(
        "recall_key rank memory_id scope name distance arms verdict confidence application",
        arms="json",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a copy has come; the target keeps it as a text until the copy is finished.

    Attributes:
        origin: Tells the source's memories from others.
        reached: The key of the last row of each table that was begun.
    """

    origin: str
    reached: Mapping[str, Cursor] = field(default_factory=dict[str, Cursor])

    def moved(self, table: Table, after: Cursor, rows: Sequence[Row]) -> "Progress":
        """The progress once these rows are written behind `after`.

        Raises:
            Conflict: Others were written there meanwhile.
        """
        if self.reached.get(table, ()) != after:
            raise Conflict("another copy writes to the same store; let it finish")
        return self.to(table, table.cursor(rows[-1]))

    def to(self, table: Table, cursor: Cursor) -> "Progress":
        """The progress with this table at this row; at () it is to be copied from its start."""
        return Progress(origin=self.origin, reached={**self.reached, table.value: cursor})

    def to_json(self) -> str:
        """The text that `from_json` reads."""
        return json.dumps({"origin": self.origin, "reached": self.reached})

    @classmethod
    def from_json(cls, text: str) -> "Progress":
        """The progress that `to_json` wrote."""
        kept = json.loads(text)
        reached = cast("Mapping[str, list[str | int]]", kept["reached"])
        return cls(origin=kept["origin"], reached={t: tuple(c) for t, c in reached.items()})


def unfinished() -> StoreUnavailable:
    """Why nobody may use a tenant that a copy is being brought into."""
    return StoreUnavailable(
        "a copy into this store is not finished: run the same `recollect copy` again, or take out "
        "what it brought by `recollect copy --to ... --abandon`"
    )


def going_on(progress: Progress | None) -> Progress:
    """The progress of a copy that somebody is working on.

    Raises:
        Conflict: There is none any more.
    """
    if progress is None:
        raise Conflict("the copy was finished or abandoned by another process")
    return progress


class CopySource(Protocol):
    """A home of the records that is read as a whole."""

    async def tenants(self) -> list[str]:
        """Return the tenants that hold anything, sorted."""
        ...

    async def count(self, tenant: str, table: Table) -> int:
        """Return how many rows the table has."""
        ...

    async def rows(self, tenant: str, table: Table, after: Cursor, limit: int) -> list[Row]:
        """Return up to `limit` rows with keys greater than `after`, in order; () is before all."""
        ...


class CopyTarget(CopySource, Protocol):
    """A home of the records that takes in another's rows, a tenant at a time.

    While the copy of a tenant is unfinished, nobody else can use that tenant.
    """

    async def unfinished(self) -> list[str]:
        """Return the tenants whose copy is unfinished, sorted."""
        ...

    async def progress(self, tenant: str) -> Progress | None:
        """Return how far the tenant's copy has come; None if none is unfinished."""
        ...

    async def begin(self, tenant: str, origin: str) -> None:
        """Begin a copy; what lies there beside memories is emptied.

        Raises:
            AlreadyExists: The tenant holds memories, or a copy is begun already.
        """
        ...

    async def write(self, tenant: str, table: Table, after: Cursor, rows: Sequence[Row]) -> None:
        """Store the rows that follow the one at `after`, with the progress, in one transaction.

        Raises:
            Conflict: The copy has come to another row, or is finished.
        """
        ...

    async def clear(self, tenant: str, table: Table) -> None:
        """Empty a table, with what was made of it; it is to be copied from its start.

        Raises:
            Conflict: No copy is unfinished.
        """
        ...

    async def abandon(self, tenant: str) -> None:
        """Empty everything and let the tenant be used, in one transaction.

        Raises:
            Conflict: No copy is unfinished.
        """
        ...

    async def finish(self, tenant: str) -> None:
        """Let the tenant be used; what is written next is numbered behind what was copied.

        Raises:
            Conflict: No copy is unfinished.
        """
        ...
