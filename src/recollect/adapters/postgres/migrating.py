"""Bringing a database's schema up to this program's, once, whoever starts first."""

from importlib import resources
from typing import Any, NamedTuple

from psycopg import AsyncConnection, errors

from recollect.adapters.postgres.database import Connection, Place
from recollect.adapters.postgres.failures import translated_errors
from recollect.errors import StoreUnavailable

LEAST_SERVER = 150_000
LEAST_VECTOR = (0, 8)
_LOCK = 7_311_082_440_116_023_471  # ours among the database's advisory locks
_VECTOR = (
    "select coalesce(installed_version, default_version) "
    "from pg_available_extensions where name = 'vector'"
)
_TABLE = """
create table if not exists recollect_migration (
    number integer primary key,
    name text not null,
    applied_at timestamptz not null default now()
)
"""


class Migration(NamedTuple):
    """One numbered step of the schema."""

    number: int
    name: str
    script: str


def migrations() -> list[Migration]:
    """Every migration, in order."""
    folder = resources.files("recollect.adapters.postgres") / "migrations"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return [
        Migration(int(f.name[:4]), f.name.removesuffix(".sql"), f.read_text(encoding="utf-8"))
        for f in files
    ]


async def migrate(place: Place) -> int:
    """Apply what the database has not seen, all or nothing; returns how many that were.

    Whoever else starts at the same time waits, and then finds nothing to do. If there is nothing
    to do, no right to change the schema is needed.

    Raises:
        StoreUnavailable: The database is out of reach, too old, or newer than this program.
    """
    with translated_errors():
        async with await AsyncConnection.connect(place.conninfo, autocommit=True) as connection:
            await _check_server(connection)
            if not await _missing(connection):
                return 0
            return await _apply_missing(connection)


class PostgresSchema:
    """The schema of a database that nobody need serve from."""

    def __init__(self, place: Place) -> None:
        self._place = place

    async def status(self) -> tuple[int, int]:
        """The number of the last migration that the database has seen, and of the last known."""
        with translated_errors():
            async with await AsyncConnection.connect(
                self._place.conninfo, autocommit=True
            ) as connection:
                await _check_server(connection)
                return await applied(connection), len(migrations())

    async def description(self) -> str:
        """What a person may want to know of the database, in words.

        Raises:
            StoreUnavailable: It is out of reach, or cannot be used.
        """
        number, known = await self.status()
        with translated_errors():
            async with await AsyncConnection.connect(self._place.conninfo) as connection:
                server = await _one(connection, "show server_version")
                vector = await _one(connection, _VECTOR)
                is_unbound = await _one(
                    connection,
                    "select rolsuper or rolbypassrls from pg_roles where rolname = current_user",
                )
        unbound = "; row-level security does not bind the role, see the page on it"
        return (
            f"PostgreSQL {server} with pgvector {vector}, schema {number} of {known}"
            f"{unbound if is_unbound else ''}"
        )

    async def migrate(self) -> int:
        """As `migrate`."""
        return await migrate(self._place)


async def applied(connection: Connection) -> int:
    """The number of the last migration that the database has seen; 0 for a new one."""
    known = await _one(connection, "select to_regclass('recollect_migration') is not null")
    if not known:
        return 0
    return await _one(connection, "select coalesce(max(number), 0) from recollect_migration")


async def _missing(connection: Connection) -> list[Migration]:
    known, last = migrations(), await applied(connection)
    if last > len(known):
        raise StoreUnavailable(
            f"the database has schema {last}, newer than this program's {len(known)}; "
            "update recollect"
        )
    return known[last:]


async def _apply_missing(connection: Connection) -> int:
    try:
        async with connection.transaction():
            await connection.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
            # Before looking again: only this makes the session see that another has made the table.
            await connection.execute(_TABLE)
            missing = await _missing(connection)
            for migration in missing:
                await connection.execute(migration.script.encode())
                await connection.execute(
                    "insert into recollect_migration (number, name) values (%s, %s)",
                    [migration.number, migration.name],
                )
            return len(missing)
    except errors.InsufficientPrivilege as error:
        if not await _one(connection, "select true from pg_extension where extname = 'vector'"):
            raise StoreUnavailable(
                "the database lacks the extension pgvector: let an administrator run "
                "`create extension vector` in it"
            ) from error
        raise StoreUnavailable(
            "the database's role may not make the schema: run `recollect migrate` as the "
            "database's owner"
        ) from error


async def _check_server(connection: Connection) -> None:
    if connection.info.server_version < LEAST_SERVER:
        raise StoreUnavailable("the server is older than PostgreSQL 15; upgrade it")
    if await _one(connection, "show server_encoding") != "UTF8":
        raise StoreUnavailable(
            "the database's encoding is not UTF8: create one with "
            "`createdb --encoding UTF8 --template template0`"
        )
    version = await _one(connection, _VECTOR)
    if version is None or tuple(map(int, version.split(".")[:2])) < LEAST_VECTOR:
        raise StoreUnavailable(
            "pgvector 0.8 or newer is missing: install it on the server; where the database has an "
            "older one, an administrator runs `alter extension vector update` in it"
        )


async def _one(connection: Connection, statement: str) -> Any:
    row = await (await connection.execute(statement.encode())).fetchone()
    return row[0] if row else None
