"""Copying everything that one store holds into another, and comparing the two."""

import hashlib
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from pydantic import SecretStr

from recollect.app.wiring.stores import open_copies
from recollect.domain.changes import Embedded
from recollect.domain.memory import JsonValue, Memory
from recollect.domain.serialisation import format_time, memory_to_json
from recollect.errors import ConfigError, Conflict, InvalidRequest, NotFound, StoreUnavailable
from recollect.operations import Result
from recollect.ports.copying import CopySource, CopyTarget, Cursor, KeptMemory, Progress, Row, Table
from recollect.settings import PostgresStoreSettings, Settings, SqliteStoreSettings

PAGE = 500
"""So many rows are written in one transaction, unless they hold much text."""

READ = 100
"""So many rows are read at once: a text may have 1 MB."""

ENOUGH_CHARACTERS = 2_000_000
"""So much text is not written together with more: to index 1 MB of it takes up to 20 MB."""

Advance: TypeAlias = Callable[[int], None]
ShowProgress: TypeAlias = Callable[[str, int | None], AbstractContextManager[Advance]]
"""Given what is done and how many rows there are; what it gives is told of each part."""


class Counted(Result):
    """What a store holds in a table."""

    rows: int
    sha256: str


class ComparedTable(Result):
    """A table of a tenant in both stores."""

    tenant: str
    table: str
    source: Counted
    target: Counted
    same: bool


class Copied(Result):
    """What became of a copy."""

    tables: list[ComparedTable]
    same: bool
    problem: str | None = None
    """What to do if the stores are not the same."""


class Abandoned(Result):
    """Whose unfinished copies were taken out again."""

    tenants: list[str]


_CHANGED_MEANWHILE = (
    "the stores differ, and the copy is not finished: stop what writes to the source, then run the "
    "same command again; it copies anew the tables that differ"
)
_CHANGED_SINCE = (
    "the copy was finished before, and one of the stores has changed since; nothing was changed"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Copying:
    """A copy to be made.

    Attributes:
        source: Where from: `sqlite:FOLDER`, `postgres:URL`, or the kind alone for the store of
            that kind that the settings name.
        target: Where to, likewise.
        tenant: Whose memories; None for everybody's.
        page: See `PAGE`.
    """

    source: str
    target: str
    tenant: str | None = None
    page: int = PAGE


async def copy(settings: Settings, copying: Copying, show: ShowProgress) -> Copied:
    """Bring everything into the target that is not there yet, then compare the two.

    A tenant whose copy is finished is only compared. What turns out to differ is taken out of an
    unfinished copy again, which then stays unfinished.

    Raises:
        InvalidRequest, ConfigError: A store is not named as it should be, or both names are one's.
        NotFound: The source holds no memories of the tenant.
        Conflict: The target holds other memories, or another process copies into it.
        StoreUnavailable: A store is out of reach; the same copy carries on from where it was.
    """
    here, there = store_at(copying.source, settings), store_at(copying.target, settings)
    if _is_same(here, there):
        raise InvalidRequest("--from and --to name the same store")
    async with open_copies(here) as source, open_copies(there, receiving=True) as target:
        tenants = _wanted(await source.tenants(), copying.tenant, "memories to copy")
        copies = [_TenantCopy(source, target, tenant, copying.page) for tenant in tenants]
        for each in copies:
            await each.find()
        for each in copies:
            await each.begin()
        unfinished = [each for each in copies if each.progress]
        with show("Copying", await _total(unfinished)) as advance:
            for each in unfinished:
                await each.carry_on(advance)
        with show("Comparing", await _total(copies)) as advance:
            compared = [table for each in copies for table in await each.compare(advance)]
    problem = next((each.problem for each in copies if each.problem), None)
    return Copied(tables=compared, same=problem is None, problem=problem)


async def abandon(settings: Settings, target: str, tenant: str | None) -> Abandoned:
    """Take out what unfinished copies brought into the target: everybody's or one tenant's.

    Raises:
        InvalidRequest, ConfigError: The store is not named as it should be.
        NotFound: No copy is unfinished there.
        StoreUnavailable: The store is out of reach.
    """
    async with open_copies(store_at(target, settings), receiving=True) as store:
        tenants = _wanted(await store.unfinished(), tenant, "unfinished copy")
        for each in tenants:
            await store.abandon(each)
    return Abandoned(tenants=tenants)


def store_at(name: str, settings: Settings) -> Settings:
    """The settings with the store that a name means.

    Raises:
        InvalidRequest: The name means none. It is not repeated: a URL may hold a password.
        ConfigError: The settings have no such store.
    """
    kind, _, place = name.partition(":")
    match kind:
        case "sqlite":
            folder = Path(place).expanduser() if place else settings.data_dir
            return settings.model_copy(update={"store": SqliteStoreSettings(), "data_dir": folder})
        case "postgres" | "postgresql":
            url = name if place.startswith("//") else place
            return settings.model_copy(update={"store": _postgres_at(url, settings)})
        case _:
            raise InvalidRequest("a store is named sqlite:FOLDER or postgres:URL")


def _postgres_at(url: str, settings: Settings) -> PostgresStoreSettings:
    if isinstance(settings.store, PostgresStoreSettings):
        return settings.store.model_copy(update={"url": SecretStr(url)} if url else {})
    if url:
        return PostgresStoreSettings(url=SecretStr(url))
    raise ConfigError(
        "which database? Set RECOLLECT_STORE__KIND=postgres and RECOLLECT_STORE__URL, "
        "or name it: postgres:URL"
    )


def _is_same(here: Settings, there: Settings) -> bool:
    if isinstance(here.store, SqliteStoreSettings) and here.store == there.store:
        return here.data_dir.resolve() == there.data_dir.resolve()
    return here.store == there.store


def _wanted(tenants: Sequence[str], wanted: str | None, what: str) -> list[str]:
    found = [name for name in tenants if wanted in (None, name)]
    if not found:
        raise NotFound(f"tenant {wanted!r}" if wanted else "the store holds none", what=what)
    return found


async def _total(copies: "Sequence[_TenantCopy]") -> int:
    return sum([await each.count() for each in copies])


class _TenantCopy:
    """The copy of one tenant.

    Attributes:
        progress: How far it was when it was begun this time; None if it is finished.
        problem: What to do if the two are not the same.
    """

    def __init__(self, source: CopySource, target: CopyTarget, tenant: str, page: int) -> None:
        self.progress: Progress | None = None
        self.problem: str | None = None
        self._starts_from: str | None = None
        self._source = source
        self._target = target
        self._tenant = tenant
        self._page = page

    async def find(self) -> None:
        """Find out how far it is, without changing anything."""
        origin = await self._origin(self._source)
        self.progress = await self._target.progress(self._tenant)
        there = self.progress.origin if self.progress else await self._origin(self._target)
        if there is None:
            self._starts_from = origin or ""
        elif there != origin:
            raise Conflict(
                f"the target holds other memories of the tenant {self._tenant!r}; "
                "nothing was changed: copy into an empty store"
            )

    async def begin(self) -> None:
        """Begin it if the target was found to be empty."""
        if self._starts_from is not None:
            await self._target.begin(self._tenant, self._starts_from)
            self.progress = await self._target.progress(self._tenant)

    async def count(self) -> int:
        """How many rows the source has."""
        return sum([await self._source.count(self._tenant, table) for table in Table])

    async def carry_on(self, advance: Advance) -> None:
        """Copy what is not there yet."""
        for table in Table:
            after = self.progress.reached.get(table, ()) if self.progress else ()
            if after:
                advance(await self._target.count(self._tenant, table))
            async for part in self._parts(table, after):
                _refuse_unsound(part)
                await self._target.write(self._tenant, table, after, part)
                after = table.cursor(part[-1])
                advance(len(part))

    async def _parts(self, table: Table, after: Cursor) -> AsyncGenerator[list[Row]]:
        """The source's rows behind that one, as many at once as are written together."""
        part, characters = list[Row](), 0
        while rows := await self._source.rows(self._tenant, table, after, READ):
            after = table.cursor(rows[-1])
            for row in rows:
                part.append(row)
                characters += _characters(row)
                if len(part) >= self._page or characters >= ENOUGH_CHARACTERS:
                    yield part
                    part, characters = [], 0
        if part:
            yield part

    async def compare(self, advance: Advance) -> list[ComparedTable]:
        """Compare all tables; finish the copy if they are the same.

        The log was copied first and is compared last: if it is the same, no memory was changed
        while the rest was copied and compared.
        """
        compared = [await self._compared(table, advance) for table in reversed(Table)]
        differing = [Table(found.table) for found in compared if not found.same]
        if self.progress is None:
            self.problem = _CHANGED_SINCE if differing else None
        elif differing:
            self.problem = _CHANGED_MEANWHILE
            for table in differing:
                await self._target.clear(self._tenant, table)
        else:
            await self._target.finish(self._tenant)
        return compared[::-1]

    async def _compared(self, table: Table, advance: Advance) -> ComparedTable:
        source = await self._counted(self._source, table, advance)
        target = await self._counted(self._target, table, lambda _: None)
        return ComparedTable(
            tenant=self._tenant, table=table, source=source, target=target, same=source == target
        )

    async def _counted(self, store: CopySource, table: Table, advance: Advance) -> Counted:
        after, count, digest = (), 0, hashlib.sha256()
        while rows := await store.rows(self._tenant, table, after, READ):
            for row in rows:
                digest.update(_line(row))
            after, count = table.cursor(rows[-1]), count + len(rows)
            advance(len(rows))
        return Counted(rows=count, sha256=digest.hexdigest())

    async def _origin(self, store: CopySource) -> str | None:
        """What tells the memories from others: the log's first line; None if there is none."""
        first = await store.rows(self._tenant, Table.LOG, (), 1)
        return hashlib.sha256(_line(first[0])).hexdigest() if first else None


def _refuse_unsound(rows: Sequence[Row]) -> None:
    """Vectors get new digests in the target, and must not become right by that."""
    for row in rows:
        if isinstance(row, KeptMemory) and row.problem:
            raise StoreUnavailable(
                f"the vectors of a memory {row.problem}: run `recollect check` on the source, "
                "then copy it again"
            )


def _characters(row: Row) -> int:
    values = [row.memory.content] if isinstance(row, KeptMemory) else row
    return sum(len(value) for value in values if isinstance(value, str))


def _line(row: Row) -> bytes:
    """The row as a line that is the same whichever store it comes from."""
    return json.dumps(row, ensure_ascii=False, default=_json).encode() + b"\n"


def _json(value: object) -> JsonValue:
    match value:
        case Memory():
            return memory_to_json(value)
        case Embedded():
            passages = [[passage.start, passage.end, passage.heading] for passage in value.passages]
            vectors = value.vectors.astype("<f2").tobytes()
            made = hashlib.sha256(vectors).hexdigest()
            return [value.model, value.complete, passages, made]
        case datetime():
            return format_time(value)
        case _:
            raise TypeError
