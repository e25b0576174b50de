"""Copies to make in a test, of stores that hold some of everything, and what tells them apart."""

import sqlite3
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from tests.app.contents import QUESTIONS, filled
from tests.examples import TENANT
from tests.operations.fakes import CountedIds, FakeClock, FakeEmbedder, context_of
from tests.postgres import TestDatabase, lent_database

from recollect.app.copying import Copied, Copying, copy
from recollect.app.wiring import open_store
from recollect.domain.scopes import EVERYWHERE
from recollect.operations import Context, Recall, recall
from recollect.settings import Settings, SqliteStoreSettings

KINDS = ("sqlite", "postgres")


@dataclass(frozen=True)
class Place:
    """A store, and what it is called in a copy."""

    name: str
    settings: Settings
    run: Callable[[str], list[tuple[Any, ...]]]
    """Runs a statement in it, past everything that looks after it, and gives what it selects."""

    def columns(self) -> dict[str, set[str]]:
        """Every table with its columns."""
        found: dict[str, set[str]] = {}
        for table, column in self.run(_COLUMNS[self.settings.store.kind]):
            found.setdefault(table, set()).add(column)
        return found


_COLUMNS = {
    "sqlite": "select t.name, c.name from sqlite_schema t, pragma_table_xinfo(t.name) c "
    "where t.type = 'table'",
    "postgres": "select table_name, column_name from information_schema.columns "
    "where table_schema = 'public'",
}


@contextmanager
def place(kind: str, folder: Path) -> Generator[Place]:
    if kind == "sqlite":
        yield files(folder)
    else:
        with lent_database() as database:
            yield database_of(database)


def files(folder: Path) -> Place:
    def run(statement: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(folder / "tenants" / TENANT / "recollect.db") as connection:
            found = connection.execute(statement).fetchall()
        connection.close()
        return found

    settings = Settings(data_dir=folder, store=SqliteStoreSettings())
    return Place(f"sqlite:{folder}", settings, run)


def database_of(database: TestDatabase) -> Place:
    def run(statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(database.admin_url) as connection:
            found = connection.execute(statement.encode())
            return found.fetchall() if found.description else []

    return Place(f"postgres:{database.url}", Settings(store=database.settings), run)


@asynccontextmanager
async def using(place: Place) -> AsyncGenerator[Context]:
    async with open_store(place.settings) as store:
        yield context_of(store, FakeClock(), FakeEmbedder(), CountedIds())


async def fill(place: Place, seed: int = 1, turns: int = 30) -> None:
    async with open_store(place.settings) as store:
        await filled(store, seed, turns)


class Interrupted(Exception):
    pass


def rows(place: Place) -> dict[str, int]:
    """How many rows of memories and what is made of them every table has, as of one moment."""
    beside = ("tenant", "recollect_migration", "sqlite_", "text_index_")
    tables = [table for table in sorted(place.columns()) if not table.startswith(beside)]
    counts = ", ".join(f"(select count(*) from {table})" for table in tables)  # noqa: S608
    (found,) = place.run(f"select {counts}")
    return dict(zip(tables, found, strict=True))


async def copied(
    source: Place,
    target: Place,
    *,
    page: int = 7,
    tenant: str | None = None,
    after: Callable[[str, int], None] = lambda *_: None,
) -> Copied:
    """Copy; `after` is told what was done, and of how many rows so far."""

    @contextmanager
    def show(what: str, _: int | None) -> Generator[Callable[[int], None]]:
        done = 0

        def advance(rows: int) -> None:
            nonlocal done
            done += rows
            after(what, done)

        yield advance

    copying = Copying(source=source.name, target=target.name, tenant=tenant, page=page)
    return await copy(Settings(), copying, show)


def interrupting(at: int, during: str = "Copying") -> Callable[[str, int], None]:
    """Interrupts once this was done with so many rows."""

    def after(what: str, rows: int) -> None:
        if what == during and rows >= at:
            raise Interrupted

    return after


def once(during: str, act: Callable[[], None]) -> Callable[[str, int], None]:
    """Acts when the first rows of this were done."""
    left = [act]

    def after(what: str, _: int) -> None:
        if what == during and left:
            left.pop()()

    return after


async def answers(context: Context) -> list[Any]:
    """What the store says of all that it holds, in the order in which it says it."""
    tenant, records = context.tenant, context.records
    entries = await context.log.entries(tenant, 0, 10_000)
    ids = sorted({entry.record_id for entry in entries})
    counts = await records.counts(tenant, context.embedder.model)
    return [
        entries,
        await records.get(tenant, ids),
        [await records.history(tenant, memory_id) for memory_id in ids],
        await records.links(tenant, ids),
        await records.registry(tenant, ""),
        await context.recalls.tally(tenant, EVERYWHERE),
        await context.jobs.counts(tenant),
        await context.jobs.dead(tenant, "q"),
        await context.vectors.waiting(tenant, context.embedder.model, 100),
        await context.vectors.models(tenant),
        counts.by_kind, counts.by_scope, counts.by_model, counts.revisions, counts.links,
    ]  # fmt: skip


async def asked(context: Context) -> list[list[str]]:
    """The ids that questions find, best first."""
    found = [await recall(context, Recall(query=q, look="all", limit=8)) for q in QUESTIONS]
    return [[hit.memory.id for hit in recalled.results] for recalled in found]
