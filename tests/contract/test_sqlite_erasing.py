"""What erasing promises of SQLite files: not a byte of the text is left in them."""

import sqlite3
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import anyio.from_thread
import pytest
from tests.examples import (
    ALL,
    TENANT,
    THEN,
    batch,
    embedded,
    episode,
    fact,
    note,
    put,
    storing,
    unit,
)

from recollect.adapters.sqlite.commit import apply
from recollect.adapters.sqlite.database import Database
from recollect.app.wiring import Store, open_store
from recollect.domain.changes import Erase, Forget
from recollect.domain.feedback import Judgement, NotedRecall, RecallLine, Verdict
from recollect.domain.memory import Memory
from recollect.domain.scopes import EVERYWHERE
from recollect.settings import Settings

pytestmark = pytest.mark.anyio

EAST = unit(1, 0)


def file_of(folder: Path) -> Path:
    return folder / "tenants" / TENANT / "recollect.db"


@asynccontextmanager
async def opened(folder: Path) -> AsyncGenerator[Store]:
    async with open_store(Settings(data_dir=folder)) as store:
        yield store


TEA = note("Tea at four.", name="tea", id="tea")
COFFEE = note("Coffee at five.", name="coffee", id="coffee")


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


async def _recalled(store: Store, memory: Memory) -> None:
    line = RecallLine(rank=0, memory_id=memory.id, scope="", name=PHRASE, distance=0.5)
    recall = NotedRecall(id="r", at=THEN, principal="ann", lines=(line,))
    said = Judgement(
        recall_id="r", memory=memory.id, verdict=Verdict.APPLIED, application=PHRASE * 900
    )
    await store.recalls.note(TENANT, recall)
    assert await store.recalls.judge(TENANT, EVERYWHERE, [said]) == [1]


@pytest.mark.parametrize("others", [0, 1, 150])
@pytest.mark.parametrize("first", [_untouched, _edited, _forgotten, _rebuilt])
@pytest.mark.parametrize("make", [note, episode, fact])
async def test_erased_text_is_nowhere_in_the_files(
    tmp_path: Path,
    make: Callable[..., Memory],
    first: Callable[[Store, Memory], object],
    others: int,
) -> None:
    memory = make(f"{PHRASE}. " * 300, tags=(PHRASE,), metadata={PHRASE: PHRASE}, source=PHRASE)
    async with opened(tmp_path) as store:
        await store.records.commit(TENANT, storing(*(note(f"Tea {i}.") for i in range(others))))
        made = (embedded(memory, [EAST]),)
        await store.records.commit(TENANT, storing(memory, embedded=made))
        await store.records.commit(TENANT, storing(*(note(f"Milk {i}.") for i in range(others))))
        assert all(piece in bytes_on_disk(tmp_path) for piece in PIECES[:3])
        await store.text.search(TENANT, ALL, PHRASE, 5)
        await _recalled(store, memory)
        await first(store, memory)  # type: ignore[misc]

        await store.records.commit(TENANT, batch(Erase(id=memory.id)))

        left = bytes_on_disk(tmp_path)
        assert [piece for piece in PIECES if piece in left] == []
        assert memory.id.encode() in left
        assert len(await store.text.search(TENANT, ALL, "tea", 500)) == others
    assert not any(piece in bytes_on_disk(tmp_path) for piece in PIECES)


@contextmanager
def reading(folder: Path) -> Generator[None]:
    """Another connection's snapshot, as another process would hold it."""
    with closing(sqlite3.connect(file_of(folder), isolation_level=None)) as other:
        other.execute("begin")
        other.execute("select count(*) from memory").fetchone()
        yield


async def _erase_under_a_reader(folder: Path, store: Store) -> None:
    await store.records.commit(TENANT, storing(note(PHRASE, id="secret"), TEA))
    with reading(folder):
        start = time.monotonic()
        await store.records.commit(TENANT, batch(Erase(id="secret")))
        assert time.monotonic() - start < 5
        assert PHRASE.encode() in bytes_on_disk(folder)


async def test_what_a_reader_kept_in_the_log_leaves_it_with_the_next_write(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await _erase_under_a_reader(tmp_path, store)

        await store.records.commit(TENANT, batch(put(COFFEE)))

        assert PHRASE.encode() not in bytes_on_disk(tmp_path)


async def test_what_a_reader_kept_in_the_log_leaves_it_when_the_store_is_closed(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as store:
        await _erase_under_a_reader(tmp_path, store)
        # Kept open, so that ours is not the last connection, whose end removes the log anyway.
        bystander = sqlite3.connect(file_of(tmp_path))
        bystander.execute("select count(*) from memory").fetchone()
    with closing(bystander):
        assert PHRASE.encode() not in bytes_on_disk(tmp_path)


async def test_a_cancelled_erasure_leaves_no_text(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await store.records.commit(TENANT, storing(note(PHRASE, id="secret"), TEA))
        database = Database(file_of(tmp_path))
        try:
            with anyio.CancelScope() as scope:

                def erase(connection: sqlite3.Connection) -> None:
                    apply(connection, batch(Erase(id="secret")))
                    database.fold_soon()
                    anyio.from_thread.run_sync(scope.cancel)

                await database.write(erase)
            assert PHRASE.encode() not in bytes_on_disk(tmp_path)
        finally:
            database.close()
