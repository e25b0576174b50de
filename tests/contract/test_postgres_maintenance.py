"""What PostgreSQL's projections may suffer is found and mended; backups are PostgreSQL's own."""

import psycopg
import pytest
from tests.examples import ALL, MODEL, TENANT, batch, embedded, note, storing, unit
from tests.postgres import lent_database

from recollect.app.wiring import open_store
from recollect.domain.changes import Erase
from recollect.errors import InvalidRequest
from recollect.settings import Settings

pytestmark = pytest.mark.anyio

DAMAGE = {
    "lost words": ("delete from posting where term = 'tea'", {"text"}),
    "words of nothing": (
        "insert into posting values (999999, 1, 1, 'default', 'tea')",
        {"text"},
    ),
    "other words": ("update posting set occurrences = 7 where term = 'tea'", {"text"}),
    "wrong counts of terms": ("update term set memories = memories + 1", {"text"}),
    "lost counts of terms": ("delete from term", {"text"}),
    "wrong count of memories": ("update tenant set texts = 7", {"text"}),
    "another vector": ("update passage set embedding = '[0,1]'", {"vectors"}),
    "another span": ('update passage set "end" = 3', {"vectors"}),
    "lost vectors": ("delete from passage", {"vectors"}),
    "vectors of nothing": ("update passage set memory_key = 999999", {"vectors"}),
}


@pytest.mark.parametrize(("damage", "projections"), DAMAGE.values(), ids=DAMAGE.keys())
async def test_damage_is_found_and_mended(damage: str, projections: set[str]) -> None:
    memory = note("Tea at four.")
    made = (embedded(memory, [unit(1, 0)]),)
    with lent_database() as database:
        async with open_store(Settings(store=database.settings)) as store:
            await store.records.commit(TENANT, storing(memory, note("Milk."), embedded=made))
            await store.records.commit("other", storing(note("Tea.")))
            with psycopg.connect(database.admin_url) as connection:
                connection.execute(damage.encode())

            found = await store.maintenance.check(TENANT, repair=False)
            mended = await store.maintenance.check(TENANT, repair=True)

            assert {fault.projection for fault in found} == projections
            assert not any(fault.repaired for fault in found)
            assert all(fault.repaired for fault in mended)
            assert len(mended) == len(found)
            assert await store.maintenance.check(TENANT, repair=False) == []
            hits = await store.text.search(TENANT, ALL, "tea", 5)
            assert [hit.id for hit in hits] == [memory.id]
            waiting = await store.vectors.waiting(TENANT, MODEL, 5)
            assert (memory in waiting) is ("vectors" in projections)


async def test_a_backup_is_left_to_postgres() -> None:
    with lent_database() as database:
        async with open_store(Settings(store=database.settings)) as store:
            with pytest.raises(InvalidRequest, match="pg_dump"):
                await store.maintenance.backup(TENANT, "copy.db")


async def test_erased_words_are_in_no_row() -> None:
    memory = note("Xylophone at four.", name="xylophone")
    with lent_database() as database:
        async with open_store(Settings(store=database.settings)) as store:
            await store.records.commit(TENANT, storing(memory, note("Tea at four.")))
            [hit] = await store.text.search(TENANT, ALL, "xylophone", 5)
            assert hit.id == memory.id

            await store.records.commit(TENANT, batch(Erase(id=memory.id)))

        with psycopg.connect(database.admin_url) as connection:
            tables = connection.execute(
                "select table_name from information_schema.columns "
                "where table_schema = 'public' and column_name = 'tenant'"
            ).fetchall()
            for (table,) in tables:
                rows = connection.execute(f"select t::text from {table} t".encode())  # noqa: S608
                assert not any("xylophon" in row.lower() for (row,) in rows), table
