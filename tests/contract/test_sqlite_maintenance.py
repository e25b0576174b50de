"""What keeps SQLite files healthy: checks, repairs, rebuilding, backups."""

import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from errno import EOPNOTSUPP
from pathlib import Path

import pytest
from tests.examples import (
    ALL,
    MODEL,
    TENANT,
    batch,
    embedded,
    note,
    storing,
    unit,
)

from recollect.adapters.sqlite import maintenance
from recollect.adapters.sqlite.database import Database
from recollect.app.wiring import Store, open_store
from recollect.domain.changes import Forget, PutLink, PutRecord
from recollect.domain.memory import Link, Memory, RegistryRecord
from recollect.domain.searchable import searchable_text
from recollect.errors import AlreadyExists, InvalidRequest, StoreUnavailable
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
    "vectors of two models": (
        """insert into vector select
        null, memory_key, 'old', ordinal, total, start, "end", heading, embedding, digest
        from vector where memory_key = 2""",
        {("vectors", "coffee")},
    ),
    "a lost text": ("delete from text_index where rowid >> 12 = 1", {("text", "tea")}),
    "a changed text": (
        "update text_index set text = 'beer' where rowid >> 12 = 1",
        {("text", "tea")},
    ),
    "a text changed behind the index": (
        "update text_index_content set c0 = 'beer' where id >> 12 = 1",
        {("text", "tea"), ("text", "")},
    ),
    "an orphaned text": (
        "insert into text_index (rowid, text) values (999 << 12 | 1, 'beer')",
        {("text", "#999")},
    ),
    "a text in the row of a longer one": (
        "update text_index set rowid = rowid + 1 where rowid >> 12 = 1",
        {("text", "tea")},
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
        assert len((await store.vectors.search(TENANT, ALL, MODEL, EAST, 5)).hits) == 2
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
    near = (await store.vectors.search(TENANT, ALL, MODEL, EAST, 5)).hits
    assert [hit.id for hit in near] == ["tea", "coffee"]
    assert [hit.score for hit in near] == pytest.approx([1, 0], abs=0.01)
    ((_, made),) = await store.vectors.embedded(TENANT, ALL, ["tea"])
    assert made is not None
    assert len(made.passages) == 2
    assert await store.records.get(TENANT, ["tea", "coffee"]) == [TEA, COFFEE]


async def test_a_vector_found_wrong_is_not_searched_until_it_is_made_anew(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await _fill(store)
        tamper(tmp_path, DAMAGE["a flipped vector"][0])
        await store.vectors.search(TENANT, ALL, MODEL, EAST, 5)
        await store.maintenance.check(TENANT, repair=True)

        near = await store.vectors.search(TENANT, ALL, MODEL, EAST, 5)
        assert [hit.id for hit in near.hits] == ["coffee"]
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
        with pytest.raises(InvalidRequest, match="no folder"):
            await store.maintenance.backup(TENANT, str(tmp_path / "no" / "such" / "file"))
    assert not (tmp_path / "no").exists()


async def test_only_the_owner_may_read_a_backup(tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    async with opened(tmp_path) as store:
        await _fill(store)
        await store.maintenance.backup(TENANT, str(target))
    assert target.stat().st_mode & 0o777 == 0o600


async def test_a_backup_that_fails_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    async with opened(tmp_path) as store:
        await _fill(store)
        file_of(tmp_path).write_bytes(b"This is no database." * 1000)
        with pytest.raises(StoreUnavailable):
            await store.maintenance.backup(TENANT, str(folder / "copy.db"))
    assert list(folder.iterdir()) == []


async def test_a_backup_replaces_no_file_that_appears_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(_: Path) -> bool:
        return False

    target = tmp_path / "copies" / "copy.db"
    target.parent.mkdir()
    async with opened(tmp_path) as store:
        await _fill(store)
        target.write_text("another's", encoding="utf-8")
        monkeypatch.setattr(Path, "exists", absent)
        with pytest.raises(AlreadyExists):
            await store.maintenance.backup(TENANT, str(target))
        monkeypatch.undo()
    assert target.read_text(encoding="utf-8") == "another's"
    assert [file.name for file in target.parent.iterdir()] == [target.name]


async def test_a_backup_needs_no_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(EOPNOTSUPP, "not supported")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    target = tmp_path / "copy.db"
    async with opened(tmp_path) as store:
        await _fill(store)
        assert await store.maintenance.backup(TENANT, str(target)) == target.stat().st_size
        with pytest.raises(AlreadyExists):
            await store.maintenance.backup(TENANT, str(target))
    assert target.stat().st_mode & 0o777 == 0o600


async def test_looking_for_faults_does_not_keep_writers_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While faults are searched, another connection takes the write lock at once."""
    searched: list[Memory] = []

    def look(memory: Memory) -> str:
        with closing(sqlite3.connect(file_of(tmp_path), timeout=0)) as other:
            other.execute("begin immediate")
        searched.append(memory)
        return searchable_text(memory)

    async with opened(tmp_path) as store:
        await _fill(store)
        monkeypatch.setattr(maintenance, "searchable_text", look)
        assert await store.maintenance.check(TENANT, repair=False) == []
    assert searched == [TEA, COFFEE]


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
