"""What the Postgres adapter promises of its schema: migrations, who may run them, old and new."""

from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest
from anyio import create_task_group
from psycopg import sql
from tests.examples import TENANT, note, storing
from tests.postgres import TestDatabase, new_database

from recollect.adapters import postgres
from recollect.adapters.postgres.database import Place
from recollect.adapters.postgres.migrating import migrate, migrations
from recollect.app.wiring import open_store
from recollect.errors import StoreUnavailable
from recollect.settings import Settings

pytestmark = pytest.mark.anyio

PACKAGE = Path(next(iter(postgres.__path__)))
_DESCRIPTIONS = (
    """
    select table_name, column_name, ordinal_position, data_type, udt_name, is_nullable,
    column_default, collation_name, generation_expression, is_identity
    from information_schema.columns where table_schema = 'public' order by 1, 2
    """,
    "select indexname, indexdef from pg_indexes where schemaname = 'public' order by 1",
    """
    select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint
    where connamespace = 'public'::regnamespace order by 1, 2
    """,
    "select tablename, policyname, cmd, roles, qual, with_check from pg_policies order by 1, 2",
    """
    select relname, relkind, relrowsecurity, relforcerowsecurity, reloptions from pg_class
    where relnamespace = 'public'::regnamespace order by 1
    """,
    """
    select attrelid::regclass::text, attname, attstorage from pg_attribute a
    join pg_class c on c.oid = attrelid where relnamespace = 'public'::regnamespace order by 1, 2
    """,
    "select dictname, dictinitoption from pg_ts_dict where dictname like 'recollect%' order by 1",
    "select extname from pg_extension order by 1",
)


@pytest.fixture
def empty() -> Generator[TestDatabase]:
    """A database without the schema."""
    database = new_database(migrated=False)
    yield database
    database.drop()


def schema(connection: psycopg.Connection) -> list[list[tuple[object, ...]]]:
    return [connection.execute(query).fetchall() for query in _DESCRIPTIONS]  # type: ignore[arg-type]


def test_all_migrations_together_make_the_schema(empty: TestDatabase) -> None:
    with psycopg.connect(empty.url) as connection:
        for migration in migrations():
            connection.execute(migration.script.encode())
        made = schema(connection)
        connection.rollback()
        connection.execute((PACKAGE / "schema.sql").read_bytes())
        said = schema(connection)

    assert made == said
    assert len(made[0]) > 50


def test_the_migrations_are_numbered_without_gaps() -> None:
    assert [m.number for m in migrations()] == list(range(1, len(migrations()) + 1))


async def test_of_ten_that_start_at_once_one_migrates(empty: TestDatabase) -> None:
    applied: list[int] = []

    async def start() -> None:
        applied.append(await migrate(Place(url=empty.url)))

    async with create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(start)

    assert sorted(applied) == [0] * 9 + [len(migrations())]
    with psycopg.connect(empty.url) as connection:
        known = connection.execute("select number, name from recollect_migration").fetchall()
    assert known == [(m.number, m.name) for m in migrations()]


async def test_a_migration_that_fails_leaves_nothing(empty: TestDatabase) -> None:
    with psycopg.connect(empty.url) as connection:
        connection.execute("create table recalled (taken text)")

    with pytest.raises(StoreUnavailable):
        await migrate(Place(url=empty.url))

    with psycopg.connect(empty.url) as connection:
        assert connection.execute("select to_regclass('memory')").fetchone() == (None,)
        connection.execute("drop table recalled")
    assert await migrate(Place(url=empty.url)) == len(migrations())


async def test_a_database_of_a_newer_version_is_refused_and_left_alone(
    empty: TestDatabase,
) -> None:
    await migrate(Place(url=empty.url))
    with psycopg.connect(empty.url) as connection:
        connection.execute("insert into recollect_migration (number, name) values (9999, 'later')")

    with pytest.raises(StoreUnavailable, match="newer"):
        async with open_store(Settings(store=empty.settings)):
            pass


async def test_an_old_or_strange_database_is_refused(empty: TestDatabase) -> None:
    name = f"{empty.name}_latin"
    with psycopg.connect(empty.admin, autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} template template0 encoding 'LATIN1' locale 'C'").format(
                sql.Identifier(name)
            )
        )
    strange = TestDatabase(empty.admin, name)
    try:
        with pytest.raises(StoreUnavailable, match="UTF8"):
            await migrate(Place(url=strange.admin_url))
    finally:
        strange.drop()


async def test_who_may_not_make_the_schema_uses_one_that_is_there(empty: TestDatabase) -> None:
    role = f"guest_{empty.name}"
    with psycopg.connect(empty.admin_url) as connection:
        connection.execute(
            sql.SQL("create role {} login password 'guest'").format(sql.Identifier(role))
        )
    guest = empty.url_as(role, "guest")
    try:
        with pytest.raises(StoreUnavailable, match="recollect migrate"):
            await migrate(Place(url=guest))

        await migrate(Place(url=empty.url))
        with psycopg.connect(empty.url) as connection:
            for grant in (
                "grant select, insert, update, delete on all tables in schema public to {}",
                "grant usage on all sequences in schema public to {}",
            ):
                connection.execute(sql.SQL(grant).format(sql.Identifier(role)))
        settings = empty.settings.model_validate({"url": guest})
        async with open_store(Settings(store=settings)) as store:
            await store.records.commit(TENANT, storing(note()))
            assert await store.records.last_seq(TENANT) == 1
    finally:
        empty.drop()
        with psycopg.connect(empty.admin, autocommit=True) as connection:
            connection.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))


async def test_a_server_that_is_not_there_is_reported_without_the_password() -> None:
    url = "postgresql://someone:hunter2-SECRET@127.0.0.1:1/nothing"

    with pytest.raises(StoreUnavailable) as refused:
        await migrate(Place(url=url, connect_seconds=2))

    assert "hunter2" not in f"{refused.value} {refused.value.__cause__}"
    assert "hunter2" not in repr(Place(url=url))
    settings = Settings.model_validate({"store": {"kind": "postgres", "url": url}})
    assert "hunter2" not in repr(settings)
