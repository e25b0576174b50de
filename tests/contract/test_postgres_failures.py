"""A database that goes away, is slow or full: told as such, and nothing acknowledged is lost."""

import signal
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import closing, suppress

import httpx2
import psycopg
import pytest
from anyio import Event, create_task_group, fail_after, move_on_after
from psycopg import sql
from tests.examples import ALL, TENANT, batch, note, put, storing
from tests.postgres import LocalServer, TestDatabase, lent_database, local_server, new_database
from tests.transports.serving import client_of, settings_for

from recollect.app.serve import open_app
from recollect.app.wiring import Store, open_store
from recollect.domain.memory import Memory
from recollect.errors import StoreUnavailable
from recollect.settings import Settings

pytestmark = pytest.mark.anyio

RECOVERY_SECONDS = 30
WAITS = """
select 1 from pg_stat_activity
where wait_event_type = 'Lock' and datname = current_database()
"""


@pytest.fixture
def server() -> Generator[LocalServer]:
    """A server that a test may stop; it keeps what it acknowledged."""
    server = local_server(fsync="on", full_page_writes="on")
    yield server
    server.close()


@pytest.fixture
def database(server: LocalServer) -> TestDatabase:
    return new_database(admin=server.url)


@pytest.fixture
async def store() -> AsyncGenerator[tuple[Store, TestDatabase]]:
    """A store that waits for nothing longer than a second."""
    with lent_database() as database:
        impatient = {"pool_size": 2, "statement_seconds": 0.5, "connect_seconds": 1}
        settings = Settings(store=database.settings.model_copy(update=impatient))
        async with open_store(settings) as opened:
            yield opened, database


async def ready(client: httpx2.AsyncClient) -> bool:
    return (await client.get("/readyz")).is_success


async def write(store: Store, acknowledged: list[str], enough: Event) -> None:
    """Store memories one by one until the database is away."""
    while True:
        memory = note()
        try:
            await store.records.commit(TENANT, storing(memory))
        except StoreUnavailable:
            return
        acknowledged.append(memory.id)
        if len(acknowledged) >= 100:
            enough.set()


async def recovered(store: Store, ids: list[str]) -> list[Memory]:
    """What is found of these memories once the database answers again."""
    with fail_after(RECOVERY_SECONDS):
        while True:
            with suppress(StoreUnavailable):
                return await store.records.get(TENANT, ids)


async def reading(store: Store) -> None:
    assert await store.records.count(TENANT, ALL) == 1


async def writing(store: Store) -> None:
    await store.records.commit(TENANT, storing(note()))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["stopped", "crashed"])
async def test_nothing_acknowledged_is_lost_when_the_database_goes_away_under_load(
    server: LocalServer, database: TestDatabase, how: signal.Signals
) -> None:
    acknowledged: list[str] = []
    enough = Event()
    settings = database.settings.model_copy(update={"connect_seconds": 1})

    async with open_store(Settings(store=settings)) as store:
        async with create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(write, store, acknowledged, enough)
            await enough.wait()
            server.stop(how)
        server.start()

        assert [m.id for m in await recovered(store, acknowledged)] == acknowledged
        log = await store.records.entries(TENANT, 0, 10_000)
        assert [entry.seq for entry in log] == list(range(1, len(log) + 1))
        assert await store.maintenance.check(TENANT, repair=False) == []


async def test_a_server_says_503_while_the_database_is_away_and_recovers_by_itself(
    server: LocalServer, database: TestDatabase
) -> None:
    store = database.settings.model_copy(update={"connect_seconds": 1})
    tea = {"content": "Tea at four."}
    async with (
        open_app(settings_for(server.folder / "data_dir", store=store)) as app,
        client_of(app) as client,
    ):
        assert (await client.post("/v1/memories", json=tea)).is_success
        assert await ready(client)

        server.stop()
        for answer in (
            await client.post("/v1/memories", json=tea),
            await client.post("/v1/recall", json={"query": "tea"}),
        ):
            assert answer.status_code == 503
            assert answer.json()["code"] == "store_unavailable"
            assert "retry-after" in answer.headers
        assert not await ready(client)
        assert (await client.get("/healthz")).is_success

        server.start()
        with fail_after(RECOVERY_SECONDS):
            while not await ready(client):
                pass
        answer = await client.post("/v1/recall", json={"query": "tea"})
        assert len(answer.json()["results"]) == 1


async def test_a_statement_that_takes_too_long_is_given_up(
    store: tuple[Store, TestDatabase],
) -> None:
    opened, database = store
    await opened.records.commit(TENANT, storing(note()))

    with closing(psycopg.connect(database.admin_url)) as other:
        other.execute("select 1 from tenant for update")
        with pytest.raises(StoreUnavailable, match="STATEMENT_SECONDS"):
            await opened.records.commit(TENANT, storing(note()))
        other.rollback()

    await opened.records.commit(TENANT, storing(note()))
    assert await opened.records.last_seq(TENANT) == 2


async def test_who_finds_no_free_connection_is_told_after_a_while(
    store: tuple[Store, TestDatabase],
) -> None:
    opened, database = store
    patient = database.settings.model_copy(update={"pool_size": 1, "connect_seconds": 0.2})
    await opened.records.commit(TENANT, storing(note()))

    async with open_store(Settings(store=patient)) as narrow:
        with closing(psycopg.connect(database.admin_url)) as other:
            other.execute("select 1 from tenant for update")
            async with create_task_group() as tasks:
                tasks.start_soon(narrow.maintenance.ping, TENANT)
                while not other.execute(WAITS).fetchall():
                    await opened.records.last_seq(TENANT)
                with pytest.raises(StoreUnavailable, match="connection"):
                    await narrow.records.last_seq(TENANT)
                other.rollback()


async def test_what_is_cancelled_writes_nothing_and_gives_its_connection_back(
    store: tuple[Store, TestDatabase],
) -> None:
    opened, database = store
    await opened.records.commit(TENANT, storing(note()))

    with closing(psycopg.connect(database.admin_url)) as other:
        other.execute("select 1 from tenant for update")
        for _ in range(5):
            with move_on_after(0.05) as cancelled:
                await opened.records.commit(TENANT, storing(note()))
            assert cancelled.cancelled_caught
        other.rollback()

    for _ in range(5):
        await opened.records.commit(TENANT, storing(note()))
    assert await opened.records.last_seq(TENANT) == 6


async def test_a_read_that_takes_too_long_is_given_up(
    store: tuple[Store, TestDatabase],
) -> None:
    opened, database = store
    memory = note()
    await opened.records.commit(TENANT, storing(memory))

    with closing(psycopg.connect(database.admin_url)) as other:
        other.execute("lock table memory")
        with pytest.raises(StoreUnavailable, match="STATEMENT_SECONDS"):
            await opened.records.get(TENANT, [memory.id])
        other.rollback()

    assert await opened.records.get(TENANT, [memory.id]) == [memory]


async def test_a_read_that_is_cancelled_stops_and_gives_its_connection_back(
    store: tuple[Store, TestDatabase],
) -> None:
    opened, database = store
    memory = note()
    await opened.records.commit(TENANT, storing(memory))

    with closing(psycopg.connect(database.admin_url)) as other:
        other.execute("lock table memory")
        for _ in range(5):
            with move_on_after(0.05) as cancelled:
                await opened.records.get(TENANT, [memory.id])
            assert cancelled.cancelled_caught
        with psycopg.connect(database.admin_url, autocommit=True) as watching, fail_after(10):
            while watching.execute(WAITS).fetchall():
                await opened.records.last_seq(TENANT)
        other.rollback()

    assert await opened.records.get(TENANT, [memory.id]) == [memory]


async def test_a_read_whose_session_is_ended_fails_and_is_not_repeated(
    store: tuple[Store, TestDatabase],
) -> None:
    opened, database = store
    memory = note()
    await opened.records.commit(TENANT, storing(memory))

    async def read() -> None:
        with pytest.raises(StoreUnavailable, match="connection"):
            await opened.records.get(TENANT, [memory.id])

    with (
        closing(psycopg.connect(database.admin_url)) as other,
        psycopg.connect(database.admin_url, autocommit=True) as watching,
    ):
        other.execute("lock table memory")
        async with create_task_group() as tasks:
            tasks.start_soon(read)
            while not watching.execute(WAITS).fetchall():
                await opened.records.last_seq(TENANT)
            watching.execute(f"select pg_terminate_backend(pid) {WAITS.replace('select 1', '')}")
        other.rollback()

    assert await opened.records.get(TENANT, [memory.id]) == [memory]


@pytest.mark.parametrize("use", [reading, writing])
async def test_connections_that_died_while_they_rested_are_replaced_unnoticed(
    store: tuple[Store, TestDatabase], use: Callable[[Store], Awaitable[None]]
) -> None:
    opened, database = store
    await opened.records.commit(TENANT, storing(note()))

    with psycopg.connect(database.admin_url) as other:
        other.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and application_name = 'recollect'"
        )

    await use(opened)


async def test_a_transaction_that_meets_a_deadlock_is_tried_again(
    store: tuple[Store, TestDatabase],
) -> None:
    _, database = store
    memory = note()
    edited = note("Edited.", id=memory.id, name=memory.name, revision=2)

    async with open_store(Settings(store=database.settings)) as patient:
        await patient.records.commit(TENANT, storing(memory))
        with (
            closing(psycopg.connect(database.admin_url)) as other,
            psycopg.connect(database.admin_url, autocommit=True) as watching,
        ):
            other.execute("set deadlock_timeout = '1min'")  # the store's session finds out first
            other.execute("select 1 from memory for update")
            async with create_task_group() as tasks:
                tasks.start_soon(patient.records.commit, TENANT, batch(put(edited, 1)))
                while not watching.execute(WAITS).fetchall():
                    await patient.records.last_seq(TENANT)
                other.execute("select 1 from tenant for update")
                other.rollback()

        assert await patient.records.get(TENANT, [memory.id]) == [edited]


async def test_a_database_that_only_reads_is_reported_as_such(
    store: tuple[Store, TestDatabase],
) -> None:
    opened, database = store
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        change = "alter database {} set default_transaction_read_only = {}"
        name = sql.Identifier(database.name)
        connection.execute(sql.SQL(change).format(name, sql.SQL("on")))
        try:
            async with open_store(Settings(store=database.settings)) as reading:
                assert await reading.records.last_seq(TENANT) == 0
                with pytest.raises(StoreUnavailable, match="read-only"):
                    await reading.records.commit(TENANT, storing(note()))
                with pytest.raises(StoreUnavailable, match="read-only"):
                    await reading.maintenance.ping(TENANT)
        finally:
            connection.execute(sql.SQL(change).format(name, sql.SQL("off")))
    assert await opened.records.last_seq(TENANT) == 0
