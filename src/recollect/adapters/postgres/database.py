"""Connections to the database: a pool, transactions of one tenant, retries."""

import logging
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import uniform
from typing import Any, TypeAlias, TypeVar

from anyio import CancelScope, move_on_after, sleep
from psycopg import (
    AsyncConnection,
    AsyncCursor,
    Error,
    OperationalError,
    ProgrammingError,
    errors,
)
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg_pool import AsyncConnectionPool

from recollect.adapters.postgres.failures import translated_errors
from recollect.adapters.postgres.half_vector import HalfVector, HalfVectorDumper
from recollect.errors import ConfigError, InvalidRequest
from recollect.ports.copying import unfinished

T = TypeVar("T")
Cursor: TypeAlias = AsyncCursor[tuple[Any, ...]]
Connection: TypeAlias = AsyncConnection[tuple[Any, ...]]

EVERY_TENANT = "*"
"""Stands for a tenant where only the list of them is read."""

ATTEMPTS = 4
"""How often a transaction is tried that others' changes made impossible."""

# Else a command, which sets up no logging, would print what the driver says of a connection that it
# closes because we are done.
logging.getLogger("psycopg").addHandler(logging.NullHandler())

_TENANT = re.compile(r"[a-z0-9][a-z0-9\-]{0,62}")
_READ = "begin isolation level repeatable read read only"
# Holds until the end of the transaction; `set local` would want one that was begun by a statement.
_BEGIN_READING = (
    b"select set_config('recollect.tenant', %s, true), "
    b"set_config('transaction_read_only', 'on', true)"
)
_WRITE = "begin isolation level read committed"
_RETRIED = (errors.SerializationFailure, errors.DeadlockDetected)
# One round of a search walks 600 steps through a graph, and there are more until enough were found
# that a filter lets through.
_GRAPHS = (
    "set hnsw.ef_search = 600; set hnsw.iterative_scan = relaxed_order; "
    "set hnsw.max_scan_tuples = 50000"
)
# Planned once for all values, whether memories wait for vectors is asked of every memory: 30 ms.
_PLANS = "set plan_cache_mode = force_custom_plan"
_RECONNECT_SECONDS = 5
_ROLLBACK_SECONDS = 5
_PAUSE_SECONDS = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which database, and how patient to be with it.

    Attributes:
        url: As libpq understands it.
        pool_size: Connections that this process holds at most.
        statement_seconds: How long one statement may take.
        connect_seconds: How long to wait for a connection.
    """

    url: str = field(repr=False)
    pool_size: int = 10
    statement_seconds: float = 30
    connect_seconds: float = 10

    def __post_init__(self) -> None:
        """Check the URL.

        Raises:
            ConfigError: It is none.
        """
        try:
            conninfo_to_dict(self.url)
        except ProgrammingError:
            raise ConfigError(
                "the database's URL cannot be read: it must look like "
                "postgresql://user:password@host/name, with %40 for an @ in the password"
            ) from None

    @property
    def conninfo(self) -> str:
        """The URL with what makes a dead server noticed."""
        return make_conninfo(
            self.url,
            connect_timeout=max(2, round(self.connect_seconds)),
            application_name="recollect",
        )


class _DiedAtRest(Exception):
    """A connection was lost before anything was done on it."""


class Database:
    """Transactions, each of one tenant; the rows of others are out of their reach.

    Work is a function of a cursor; it runs inside a transaction that is committed when the
    function returns and rolled back when it raises.

    Args:
        place: Which database.
        pool: Connections to it.
        receiving: Copies may be brought into it; nobody else can use a tenant until its copy is
            finished.
    """

    def __init__(
        self, place: Place, pool: AsyncConnectionPool[Connection], *, receiving: bool = False
    ) -> None:
        self._place = place
        self._pool = pool
        self._receiving = receiving
        self._usable: set[str] = set()

    async def read(self, tenant: str, work: Callable[[Cursor], Awaitable[T]]) -> T:
        """Run work that only reads; it sees one snapshot."""
        with translated_errors():
            await self._refuse_unfinished(tenant)
            return await self._run(f"{_READ}; {_naming(tenant)}", work)

    async def write(self, tenant: str, work: Callable[[Cursor], Awaitable[T]]) -> T:
        """Run work that writes; it is run again if others' changes made it impossible."""
        begin = f"{_WRITE}; {_naming(tenant)}"
        with translated_errors():
            await self._refuse_unfinished(tenant)
            for attempt in range(1, ATTEMPTS):
                try:
                    return await self._run(begin, work)
                except _RETRIED:
                    await sleep(uniform(0, _PAUSE_SECONDS * 2**attempt))  # noqa: S311
            return await self._run(begin, work)

    async def rows(self, tenant: str, statement: str, values: Any = ()) -> list[tuple[Any, ...]]:
        """The rows that one statement reads, in one round trip."""
        name = _checked(tenant)

        async def use(connection: Connection) -> list[tuple[Any, ...]]:
            named = connection.cursor()
            cursor = connection.cursor(binary=True)
            try:
                # What is sent through a pipeline is one transaction.
                async with connection.pipeline():
                    await named.execute(_BEGIN_READING, [name])
                    await cursor.execute(statement.encode(), values)
            except OperationalError as error:
                if named.statusmessage is None:
                    raise _DiedAtRest from error
                raise
            return await cursor.fetchall()

        with translated_errors():
            await self._refuse_unfinished(tenant)
            return await self._on_a_connection(use)

    async def outside(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run work that takes long and no transaction, on a connection of its own."""
        with translated_errors():
            async with await AsyncConnection.connect(
                self._place.conninfo, autocommit=True
            ) as connection:
                return await work(connection)

    async def tenants(self, condition: str = "seq > 0") -> list[str]:
        """The tenants whose row meets the condition, sorted; usually that it holds anything."""

        async def work(cursor: Cursor) -> list[str]:
            names = f"select name from tenant where {condition} order by name"  # noqa: S608
            await cursor.execute(names.encode())
            return [name for (name,) in await cursor.fetchall()]

        with translated_errors():
            return await self._run(f"{_READ}; set local recollect.tenant = '{EVERY_TENANT}'", work)

    async def _refuse_unfinished(self, tenant: str) -> None:
        """Asked once for each tenant: a copy is begun only where nothing was, and locks it then."""
        if not self._receiving and tenant not in self._usable:
            if await self._run(f"{_READ}; {_naming(tenant)}", _is_unfinished):
                raise unfinished()
            self._usable.add(tenant)

    async def _run(self, begin: str, work: Callable[[Cursor], Awaitable[T]]) -> T:
        async def use(connection: Connection) -> T:
            try:
                await connection.execute(begin.encode())
            except OperationalError as error:
                raise _DiedAtRest from error
            async with connection.cursor(binary=True) as cursor:
                result = await work(cursor)
            await connection.execute("commit")
            return result

        return await self._on_a_connection(use)

    async def _on_a_connection(self, use: Callable[[Connection], Awaitable[T]]) -> T:
        """Use a connection; one that died while it rested is replaced."""
        for _ in range(self._pool.max_size):
            connection = await self._pool.getconn()
            try:
                return await use(connection)
            except _DiedAtRest:
                continue
            finally:
                await self._give_back(connection)
        raise OperationalError("every connection was lost")

    async def _give_back(self, connection: Connection) -> None:
        """Roll back what is open and return the connection, also when we are being cancelled."""
        with CancelScope(shield=True):
            if connection.info.transaction_status in (
                TransactionStatus.INTRANS,
                TransactionStatus.INERROR,
            ):
                with move_on_after(_ROLLBACK_SECONDS), suppress(Error):
                    await connection.execute("rollback")
            if connection.info.transaction_status is not TransactionStatus.IDLE:
                await connection.close()
            await self._pool.putconn(connection)


def _checked(tenant: str) -> str:
    """The tenant's name.

    Raises:
        InvalidRequest: The text is none, so no statement is made of it.
    """
    if not _TENANT.fullmatch(tenant):
        raise InvalidRequest("a tenant is named by up to 63 of a-z, 0-9 and '-'")
    return tenant


def _naming(tenant: str) -> str:
    """The statement that makes the transaction the tenant's."""
    return f"set local recollect.tenant = '{_checked(tenant)}'"


async def _is_unfinished(cursor: Cursor) -> bool:
    await cursor.execute(
        "select 1 from tenant where name = current_setting('recollect.tenant') "
        "and copying is not null"
    )
    return await cursor.fetchone() is not None


@asynccontextmanager
async def open_pool(place: Place) -> AsyncGenerator[AsyncConnectionPool[Connection]]:
    """Open connections to a database whose schema is there; close them at the end."""

    async def configure(connection: Connection) -> None:
        connection.adapters.register_dumper(HalfVector, HalfVectorDumper)
        milliseconds = round(place.statement_seconds * 1000)
        await connection.execute(
            f"set timezone = 'UTC'; set statement_timeout = {milliseconds}; "
            f"set idle_in_transaction_session_timeout = {4 * milliseconds}; "
            f"{_PLANS}; {_GRAPHS}".encode()
        )

    pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
        place.conninfo,
        open=False,
        min_size=1,
        max_size=place.pool_size,
        timeout=place.connect_seconds,
        reconnect_timeout=_RECONNECT_SECONDS,
        kwargs={"autocommit": True},
        configure=configure,
        name="recollect",
    )
    with translated_errors():
        await pool.open(wait=True, timeout=place.connect_seconds)
    try:
        yield pool
    finally:
        with CancelScope(shield=True):
            await pool.close()
