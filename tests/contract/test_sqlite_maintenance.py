"""What keeps SQLite files healthy: checks, repairs, rebuilding, backups, erasing."""

import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.examples import (
    ALL,
    MODEL,
    TENANT,
    batch,
    embedded,
    episode,
    fact,
    note,
    put,
    storing,
    unit,
)

from recollect.adapters.sqlite.database import Database
from recollect.app.wiring import Store, open_store
from recollect.domain.changes import Erase, Forget, PutLink, PutRecord
from recollect.domain.memory import Link, Memory, RegistryRecord
from recollect.errors import AlreadyExists, StoreUnavailable
from recollect.settings import Settings

pytestmark = pytest.mark.anyio

EAST, NORTH = unit(1, 0), unit(0, 1)


def file_of(folder: Path) -> Path:
    return folder / "tenants" / TENANT / "recollect.db"


def tamper(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file_of(folder), isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


@asynccontextmanager
async def opened(folder: Path) -> AsyncGenerator[Store]:
    async with open_store(Settings(data_dir=folder)) as store:
        yield store


TEA = note("Tea at four.", name="tea", id="tea")
COFFEE = note("Coffee at five.", name="coffee", id="coffee")


async def _fill(store: Store) -> None:
    made = (embedded(TEA, [EAST, NORTH]), embedded(COFFEE, [NORTH]))
    await store.records.commit(TENANT, storing(TEA, COFFEE, embedded=made))


async def _embed_waiting(store: Store) -> None:
    vectors = {TEA.id: [EAST, NORTH], COFFEE.id: [NORTH]}
    waiting = await store.vectors.waiting(TENANT, MODEL, 10)
    made = [(memory, embedded(memory, vectors[memory.id])) for memory in waiting]
    await store.vectors.store(TENANT, made)


DAMAGE: dict[str, tuple[str, set[tuple[str, str]]]] = {
    "a flipped vector": (
        "update vector set embedding = x'003c003c' where memory_key = 1 and ordinal = 0",
        {("vectors", "tea")},
    ),
    "a vector of another passage": (
        "update vector set start = 2 where memory_key = 1 and ordinal = 1",
        {("vectors", "tea")},
    ),
    "a lost vector": (
        "delete from vector where memory_key = 1 and ordinal = 1",
        {("vectors", "tea")},
    ),
    "all vectors lost": ("delete from vector", {("vectors", "tea"), ("vectors", "coffee")}),
    "an orphaned vector": (
        "update vector set memory_key = 999, total = 1 where memory_key = 2",
        {("vectors", "#999"), ("vectors", "coffee")},
    ),
    "a lost text": ("delete from text_index where rowid = 1", {("text", "tea")}),
    "a changed text": (
        "update text_index set text = 'beer' where rowid = 1",
        {("text", "tea")},
    ),
    "a text changed behind the index": (
        "update text_index_content set c0 = 'beer' where id = 1",
        {("text", "tea"), ("text", "")},
    ),
    "an orphaned text": (
        "insert into text_index (rowid, text) values (999, 'beer')",
        {("text", "#999")},
    ),
    "an index without its words": ("delete from text_index_data where id > 10", {("text", "")}),
}  # fmt: skip


@pytest.mark.parametrize(("statement", "expected"), DAMAGE.values(), ids=DAMAGE)
async def test_check_finds_and_repairs(
    tmp_path: Path, statement: str, expected: set[tuple[str, str]]
) -> None:
    async with opened(tmp_path) as store:
        await _fill(store)
        assert await store.maintenance.check(TENANT, repair=True) == []
        assert len(await store.vectors.search(TENANT, ALL, MODEL, EAST, 5)) == 2
    tamper(tmp_path, statement)

    async with opened(tmp_path) as store:
        found = await store.maintenance.check(TENANT, repair=False)
        again = await store.maintenance.check(TENANT, repair=False)
        assert {(fault.projection, fault.memory_id) for fault in found} == expected
        assert found == again
        assert not any(fault.repaired for fault in found)

        repaired = await store.maintenance.check(TENANT, repair=True)
        assert [replace(fault, repaired=False) for fault in repaired] == found
        assert all(fault.repaired for fault in repaired)

        assert await store.maintenance.check(TENANT, repair=True) == []
        await _embed_waiting(store)
        assert await store.maintenance.check(TENANT, repair=True) == []
        await _assert_all_is_well(store)


async def _assert_all_is_well(store: Store) -> None:
    assert [hit.id for hit in await store.text.search(TENANT, ALL, "tea", 5)] == ["tea"]
    assert await store.text.search(TENANT, ALL, "beer", 5) == []
    near = await store.vectors.search(TENANT, ALL, MODEL, EAST, 5)
    assert [hit.id for hit in near] == ["tea", "coffee"]
    assert [hit.score for hit in near] == pytest.approx([1, 0], abs=0.01)
    assert len((await store.vectors.passages(TENANT, ["tea"], MODEL, EAST))["tea"]) == 2
    assert await store.records.get(TENANT, ["tea", "coffee"]) == [TEA, COFFEE]


async def test_a_vector_found_wrong_is_not_searched_until_it_is_made_anew(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await _fill(store)
        tamper(tmp_path, DAMAGE["a flipped vector"][0])
        await store.vectors.search(TENANT, ALL, MODEL, EAST, 5)
        await store.maintenance.check(TENANT, repair=True)

        assert [h.id for h in await store.vectors.search(TENANT, ALL, MODEL, EAST, 5)] == ["coffee"]
        assert await store.vectors.waiting(TENANT, MODEL, 5) == [TEA]
        assert [h.id for h in await store.text.search(TENANT, ALL, "tea", 5)] == ["tea"]
        await _embed_waiting(store)
        await _assert_all_is_well(store)


async def test_rebuilding_restores_everything_that_is_derived(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await _fill(store)
        before = await store.records.entries(TENANT, 0, 10)
        tamper(tmp_path, "delete from text_index", "delete from vector where ordinal = 0")

        assert await store.maintenance.rebuild(TENANT) == 2

        assert [hit.id for hit in await store.text.search(TENANT, ALL, "coffee", 5)] == ["coffee"]
        assert len(await store.vectors.waiting(TENANT, MODEL, 5)) == 2
        await _embed_waiting(store)
        await _assert_all_is_well(store)
        assert await store.maintenance.check(TENANT, repair=False) == []
        assert await store.records.entries(TENANT, 0, 10) == before


async def test_a_backup_opens_as_a_store_that_holds_the_same(tmp_path: Path) -> None:
    target = file_of(tmp_path / "copy")
    target.parent.mkdir(parents=True)
    record = RegistryRecord(type="t", id="i", content={"a": 1}, updated_at=TEA.updated_at)
    async with opened(tmp_path / "original") as store:
        await _fill(store)
        link = Link(from_id="tea", to_id="coffee", type="before")
        changes = (PutLink(link=link), PutRecord(record=record, expected_revision=0))
        await store.records.commit(TENANT, batch(*changes))

        size_bytes = await store.maintenance.backup(TENANT, str(target))

        assert size_bytes == target.stat().st_size > 0
        with pytest.raises(AlreadyExists):
            await store.maintenance.backup(TENANT, str(target))
        await store.records.commit(TENANT, batch(Forget(id="tea")))
    assert [file.name for file in target.parent.iterdir()] == [target.name]

    async with opened(tmp_path / "copy") as store:
        await _assert_all_is_well(store)
        assert await store.records.links(TENANT, ["tea"]) == [link]
        assert await store.records.registry(TENANT, "t") == [record]
        assert await store.records.last_seq(TENANT) == 4
        assert await store.maintenance.check(TENANT, repair=False) == []


async def test_a_backup_into_a_missing_folder_is_refused(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await _fill(store)
        with pytest.raises(StoreUnavailable):
            await store.maintenance.backup(TENANT, str(tmp_path / "no" / "such" / "file"))


PHRASE = "Xylophonequartz zugzwangvoid"
PIECES = [b"Xylophonequartz", b"xylophonequartz", b"zugzwangvoid", b"xylophon", b"zugzwang"]


def bytes_on_disk(folder: Path) -> bytes:
    return b"".join(f.read_bytes() for f in file_of(folder).parent.iterdir())


async def _edited(store: Store, memory: Memory) -> None:
    second = replace(memory, content="Harmless.", tags=(), metadata={}, revision=2)
    await store.records.commit(TENANT, batch(put(second, 1)))


async def _forgotten(store: Store, memory: Memory) -> None:
    await store.records.commit(TENANT, batch(Forget(id=memory.id)))


async def _untouched(store: Store, memory: Memory) -> None:
    assert await store.records.get(TENANT, [memory.id])


async def _rebuilt(store: Store, memory: Memory) -> None:
    assert memory
    await store.maintenance.rebuild(TENANT)


@pytest.mark.parametrize("others", [0, 1, 150])
@pytest.mark.parametrize("first", [_untouched, _edited, _forgotten, _rebuilt])
@pytest.mark.parametrize("make", [note, episode, fact])
async def test_erased_text_is_nowhere_in_the_files(
    tmp_path: Path,
    make: Callable[..., Memory],
    first: Callable[[Store, Memory], object],
    others: int,
) -> None:
    memory = make("{PHRASE}. " * 300, tags=(PHRASE,), metadata={PHRASE: PHRASE}, source=PHRASE)
    async with opened(tmp_path) as store:
        await store.records.commit(TENANT, storing(*(note("Tea {i}.") for i in range(others))))
        made = (embedded(memory, [EAST]),)
        await store.records.commit(TENANT, storing(memory, embedded=made))
        await store.records.commit(TENANT, storing(*(note("Milk {i}.") for i in range(others))))
        assert all(piece in bytes_on_disk(tmp_path) for piece in PIECES[:3])
        await store.text.search(TENANT, ALL, PHRASE, 5)
        await first(store, memory)  # type: ignore[misc]

        await store.records.commit(TENANT, batch(Erase(id=memory.id)))

        left = bytes_on_disk(tmp_path)
        assert [piece for piece in PIECES if piece in left] == []
        assert memory.id.encode() in left
        assert len(await store.text.search(TENANT, ALL, "tea", 500)) == others
    assert not any(piece in bytes_on_disk(tmp_path) for piece in PIECES)


async def test_readers_see_one_snapshot_while_others_write(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await _fill(store)
        database = Database(file_of(tmp_path))
        try:

            def count(connection: sqlite3.Connection) -> int:
                return connection.execute("select count(*) from memory").fetchone()[0]

            def look_twice(connection: sqlite3.Connection) -> tuple[int, int]:
                before = count(connection)
                tamper(tmp_path, "delete from memory where id = 'tea'")
                return before, count(connection)

            assert await database.read(look_twice) == (2, 2)
            assert await database.read(count) == 1
        finally:
            database.close()
