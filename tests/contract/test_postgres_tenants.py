"""Rows of one tenant are out of reach of another, also for whoever speaks SQL to the database."""

from collections.abc import Generator
from contextlib import closing

import psycopg
import pytest
from psycopg import sql
from tests.examples import TENANT, THEN, batch, embedded, note, put, storing, unit
from tests.postgres import TestDatabase, new_database

from recollect.adapters.postgres.database import Database, Place, open_pool
from recollect.app.wiring import open_store
from recollect.domain.changes import Idempotency, NewJob, PutLink, PutRecord
from recollect.domain.feedback import NotedRecall, RecallLine
from recollect.domain.memory import Link, RegistryRecord
from recollect.errors import InvalidRequest, StoreUnavailable
from recollect.settings import Settings

pytestmark = pytest.mark.anyio

TABLES = (
    "memory", "revision", "link", "registry", "log", "job", "idempotency", "passage", "term",
    "posting", "recall", "recalled",
)  # fmt: skip


@pytest.fixture(scope="module")
async def database() -> Generator[TestDatabase]:
    """A database in which two tenants hold something in every table."""
    database = new_database()
    async with open_store(Settings(store=database.settings)) as store:
        for tenant in ("one", "two"):
            first, second = note(f"Tea of {tenant}."), note()
            changes = batch(
                put(first),
                put(second),
                PutLink(link=Link(from_id=first.id, to_id=second.id, type="about")),
                PutRecord(
                    record=RegistryRecord(type="t", id="i", content={}, updated_at=THEN),
                    expected_revision=0,
                ),
                embedded=(embedded(first, [unit(1, 0)]),),
                jobs=(NewJob(queue="q", dedupe_key="k"),),
                idempotency=Idempotency(key="k", request="r", response="{}", at=THEN),
            )
            await store.records.commit(tenant, changes)
            line = RecallLine(rank=0, memory_id=first.id, scope="", name=None, distance=0.5)
            recall = NotedRecall(id="r", at=THEN, principal=None, lines=(line,))
            await store.recalls.note(tenant, recall)
    role = sql.Identifier(database.name)
    with psycopg.connect(database.admin_url) as connection:
        connection.execute(sql.SQL("create role {} login password 'stranger'").format(role))
        for grant in (
            "grant all on all tables in schema public to {}",
            "grant usage on all sequences in schema public to {}",
        ):
            connection.execute(sql.SQL(grant).format(role))
    yield database
    database.drop()
    with psycopg.connect(database.admin, autocommit=True) as connection:
        connection.execute(sql.SQL("drop role {}").format(role))


@pytest.fixture(params=["owner", "stranger"])
def connection(
    request: pytest.FixtureRequest, database: TestDatabase
) -> Generator[psycopg.Connection]:
    """Somebody who is no superuser: the tables' owner, or a role with every right on them."""
    url = database.url
    if request.param == "stranger":
        url = database.url_as(database.name, "stranger")
    with closing(psycopg.connect(url)) as connection:
        yield connection


def name(connection: psycopg.Connection, tenant: str) -> None:
    connection.execute("select set_config('recollect.tenant', %s, true)", [tenant])


def count(connection: psycopg.Connection, table: str, *, but: str = "") -> int:
    """How many rows of another tenant than this one are seen."""
    column = "name" if table == "tenant" else "tenant"
    query = sql.SQL("select count(*) from {} where {} <> %s").format(
        sql.Identifier(table), sql.Identifier(column)
    )
    row = connection.execute(query, [but]).fetchone()
    assert row is not None
    return row[0]


async def test_every_table_of_a_tenant_is_guarded(database: TestDatabase) -> None:
    with psycopg.connect(database.admin_url) as admin:
        tables = admin.execute(
            "select table_name from information_schema.columns "
            "where table_schema = 'public' and column_name = 'tenant'"
        ).fetchall()
        filled = {table for table in TABLES if count(admin, table, but="one")}

    assert {table for (table,) in tables} == set(TABLES) == filled


@pytest.mark.parametrize("table", [*TABLES, "tenant"])
async def test_without_a_tenant_nothing_is_seen(connection: psycopg.Connection, table: str) -> None:
    assert count(connection, table) == 0

    name(connection, "one")
    assert count(connection, table) > 0
    connection.rollback()  # the tenant was named for one transaction

    assert count(connection, table) == 0


@pytest.mark.parametrize("table", TABLES)
async def test_a_tenant_sees_and_changes_its_own_rows_only(
    connection: psycopg.Connection, table: str
) -> None:
    name(connection, "one")

    assert count(connection, table, but="one") == 0
    deleted = connection.execute(sql.SQL("delete from {}").format(sql.Identifier(table))).rowcount
    assert deleted > 0
    name(connection, "two")
    assert count(connection, table) > 0
    name(connection, "one")
    assert count(connection, table) == 0
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("insert into term values ('two', 'word', 1)")


async def test_a_tenant_cannot_give_its_rows_to_another(connection: psycopg.Connection) -> None:
    name(connection, "one")

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("update log set tenant = 'two'")


async def test_the_list_of_tenants_is_all_that_can_be_seen_of_every_tenant(
    connection: psycopg.Connection,
) -> None:
    name(connection, "*")

    assert [count(connection, table) for table in TABLES] == [0] * len(TABLES)
    assert count(connection, "tenant") == 2
    assert connection.execute("update tenant set seq = 0").rowcount == 0


async def test_a_follower_may_be_given_a_role_that_sees_only_the_logs(
    database: TestDatabase,
) -> None:
    role = sql.Identifier(f"{database.name}_follower")
    with psycopg.connect(database.admin_url) as admin:
        admin.execute(sql.SQL("create role {} login password 'follower'").format(role))
        admin.execute(sql.SQL("grant select on log, tenant to {}").format(role))
        policy = "create policy follower on log for select to {} using (true)"
        admin.execute(sql.SQL(policy).format(role))
    try:
        url = database.url_as(f"{database.name}_follower", "follower")
        with closing(psycopg.connect(url)) as connection:
            seen = connection.execute("select distinct tenant from log order by 1").fetchall()
            assert seen == [("one",), ("two",)]
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("select 1 from memory")
    finally:
        with psycopg.connect(database.admin_url) as admin:
            admin.execute("drop policy follower on log")
            admin.execute(sql.SQL("drop owned by {}").format(role))
            admin.execute(sql.SQL("drop role {}").format(role))


async def test_a_connection_forgets_the_tenant_whose_rows_were_read(database: TestDatabase) -> None:
    place = Place(url=database.url, pool_size=1, statement_seconds=0.1)
    seen = "select current_setting('recollect.tenant'), count(*) from memory"

    async with open_pool(place) as pool:
        opened = Database(place, pool)
        assert await opened.rows("one", seen) == [("one", 2)]
        assert await opened.rows("nobody", seen) == [("nobody", 0)]
        for failing in (
            "select 1 / count(*)::integer from memory where scope = 'none'",
            "select pg_sleep(60)",
            "delete from memory returning id",
        ):
            with pytest.raises(StoreUnavailable):
                await opened.rows("one", failing)
            async with pool.connection() as connection:
                found = await connection.execute(
                    "select current_setting('recollect.tenant', true), count(*) from memory"
                )
                assert await found.fetchall() == [("", 0)]
        assert await opened.rows("one", seen) == [("one", 2)]


@pytest.mark.parametrize("tenant", ["*", "", "Other", "a'; drop table memory; --", "a" * 64])
async def test_no_statement_is_made_of_a_text_that_is_no_tenant(
    database: TestDatabase, tenant: str
) -> None:
    async with open_store(Settings(store=database.settings)) as store:
        with pytest.raises(InvalidRequest):
            await store.records.commit(tenant, storing(note()))
        with pytest.raises(InvalidRequest):
            await store.records.last_seq(tenant)
        assert await store.records.tenants() == ["one", "two"]
        assert await store.records.last_seq(TENANT) == 0
