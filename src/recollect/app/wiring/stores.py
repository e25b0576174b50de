"""Which adapter is the chosen home of the records."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, assert_never

from recollect.errors import ConfigError, InvalidRequest
from recollect.ports import (
    ChangeLog,
    JobQueue,
    Maintenance,
    RecallLog,
    RecordStore,
    TextIndex,
    VectorIndex,
)
from recollect.ports.copying import CopyTarget
from recollect.settings import (
    InMemoryStoreSettings,
    PostgresStoreSettings,
    Settings,
    SqliteStoreSettings,
)

if TYPE_CHECKING:
    from recollect.adapters.postgres.database import Place
    from recollect.adapters.postgres.migrating import PostgresSchema

_COPYING_SECONDS = 3600
"""How long a statement of a copy may take: one may delete everything, and nobody waits for it."""


class Records(RecordStore, ChangeLog, Protocol):
    """A record store that keeps its own change log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """The ports that one home of the records offers."""

    records: Records
    text: TextIndex
    vectors: VectorIndex
    jobs: JobQueue
    maintenance: Maintenance
    recalls: RecallLog


def open_store(settings: Settings) -> AbstractAsyncContextManager[Store]:
    """Open the chosen home of the records. Drivers are imported only when chosen."""
    match settings.store:
        case InMemoryStoreSettings():
            return _open_in_memory()
        case SqliteStoreSettings():
            return _open_sqlite(settings)
        case PostgresStoreSettings():
            return _open_postgres(settings.store)
        case _:
            assert_never(settings.store)


@asynccontextmanager
async def _open_in_memory() -> AsyncGenerator[Store]:
    from recollect.adapters.in_memory import indexes, jobs, recalls, records, tables

    world = tables.World()
    yield Store(
        records=records.InMemoryRecordStore(world),
        text=indexes.InMemoryTextIndex(world),
        vectors=indexes.InMemoryVectorIndex(world),
        jobs=jobs.InMemoryJobQueue(world),
        maintenance=indexes.InMemoryMaintenance(world),
        recalls=recalls.InMemoryRecallLog(world),
    )


@asynccontextmanager
async def _open_sqlite(settings: Settings) -> AsyncGenerator[Store]:
    from recollect.adapters.sqlite import home, jobs, maintenance, recalls, records, text, vectors

    async with home.open_home(settings.data_dir / "tenants") as tenants:
        yield Store(
            records=records.SqliteRecordStore(tenants),
            text=text.SqliteTextIndex(tenants),
            vectors=vectors.SqliteVectorIndex(tenants),
            jobs=jobs.SqliteJobQueue(tenants),
            maintenance=maintenance.SqliteMaintenance(tenants),
            recalls=recalls.SqliteRecallLog(tenants),
        )


@asynccontextmanager
async def _open_postgres(settings: PostgresStoreSettings) -> AsyncGenerator[Store]:
    place = _place(settings)
    from recollect.adapters.postgres import (
        home,
        jobs,
        maintenance,
        recalls,
        records,
        text,
        vectors,
        words,
    )

    async with home.open_database(place) as database:
        stemmer = words.Stemmer()
        yield Store(
            records=records.PostgresRecordStore(database, stemmer),
            text=text.PostgresTextIndex(database, stemmer),
            vectors=vectors.PostgresVectorIndex(database),
            jobs=jobs.PostgresJobQueue(database),
            maintenance=maintenance.PostgresMaintenance(database, stemmer),
            recalls=recalls.PostgresRecallLog(database),
        )


@asynccontextmanager
async def open_copies(settings: Settings, *, receiving: bool = False) -> AsyncGenerator[CopyTarget]:
    """Open the chosen store to be copied as a whole; into it only if it is `receiving`.

    Raises:
        InvalidRequest: The store ends with its process.
        ConfigError: What it needs is not installed.
    """
    match settings.store:
        case SqliteStoreSettings():
            from recollect.adapters.sqlite.copying import SqliteCopies
            from recollect.adapters.sqlite.home import open_home

            async with open_home(settings.data_dir / "tenants", receiving=receiving) as tenants:
                yield SqliteCopies(tenants)
        case PostgresStoreSettings():
            place = replace(_place(settings.store), statement_seconds=_COPYING_SECONDS)
            from recollect.adapters.postgres.copying import PostgresCopies
            from recollect.adapters.postgres.home import open_database
            from recollect.adapters.postgres.words import Stemmer

            async with open_database(place, receiving=receiving) as database:
                yield PostgresCopies(database, Stemmer())
        case InMemoryStoreSettings():
            raise InvalidRequest("a store in memory ends with its process: it cannot be copied")
        case _:
            assert_never(settings.store)


def open_schema(settings: Settings) -> "PostgresSchema":
    """The schema of the chosen store.

    Raises:
        InvalidRequest: The store has none that anybody need look after.
        ConfigError: What it needs is not installed.
    """
    match settings.store:
        case PostgresStoreSettings():
            place = _place(settings.store)
            from recollect.adapters.postgres.migrating import PostgresSchema

            return PostgresSchema(place)
        case InMemoryStoreSettings() | SqliteStoreSettings():
            raise InvalidRequest(
                "only a store in PostgreSQL is migrated by command; the others keep their schema "
                "up to date by themselves"
            )
        case _:
            assert_never(settings.store)


def _place(settings: PostgresStoreSettings) -> "Place":
    try:
        from recollect.adapters.postgres.database import Place
    except ImportError as error:  # psycopg raises it too if no libpq is there
        raise ConfigError(
            "a store in PostgreSQL needs psycopg: pip install 'recollect[postgres]'"
        ) from error
    return Place(
        url=settings.url.get_secret_value(),
        pool_size=settings.pool_size,
        statement_seconds=settings.statement_seconds,
        connect_seconds=settings.connect_seconds,
    )
