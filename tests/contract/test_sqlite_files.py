"""What the SQLite adapter promises of its files: schema, processes, damage, permissions, space."""

import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.examples import ALL, MODEL, TENANT, batch, embedded, episode, note, put, storing, unit

from recollect.adapters import sqlite
from recollect.adapters.sqlite.database import Database, migrate, migrations
from recollect.adapters.sqlite.home import open_home
from recollect.adapters.sqlite.records import SqliteRecordStore
from recollect.adapters.sqlite.text import SqliteTextIndex
from recollect.app.wiring import Store, open_store
from recollect.errors import InvalidRequest, RecollectError, StorageFull, StoreUnavailable
from recollect.settings import Settings

pytestmark = pytest.mark.anyio

PACKAGE = Path(next(iter(sqlite.__path__)))


def file_of(folder: Path) -> Path:
    return folder / "tenants" / TENANT / "recollect.db"


def schema(connection: sqlite3.Connection) -> list[tuple[str, ...]]:
    """What there is, and the SQL of it without comments and white space."""
    query = "select type, name, tbl_name, coalesce(sql, '') from sqlite_master order by type, name"
    return [(*names, re.sub(r"--[^\n]*|\s", "", sql)) for *names, sql in connection.execute(query)]


def test_all_migrations_together_make_the_schema() -> None:
    with closing(sqlite3.connect(":memory:")) as made, closing(sqlite3.connect(":memory:")) as said:
        made.isolation_level = None
        migrate(made)
        said.executescript((PACKAGE / "schema.sql").read_text(encoding="utf-8"))

        assert schema(made) == schema(said)


def test_the_migrations_are_numbered_without_gaps() -> None:
    names = sorted(file.name for file in (PACKAGE / "migrations").glob("*.sql"))

    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))


def test_a_new_file_has_the_schema_and_its_version(tmp_path: Path) -> None:
    Database(tmp_path / "new.db").close()

    with closing(sqlite3.connect(tmp_path / "new.db")) as opened:
        assert opened.execute("pragma user_version").fetchone() == (len(migrations()),)
        assert opened.execute("pragma journal_mode").fetchone() == ("wal",)
        with closing(sqlite3.connect(":memory:")) as said:
            said.executescript((PACKAGE / "schema.sql").read_text(encoding="utf-8"))
            assert schema(opened) == schema(said)


# As files were until the rows of texts were numbered by their lengths, too.
_OLDER = """
drop table text_term;
create temporary table kept as select rowid >> 12 as key, text from text_index;
delete from text_index;
insert into text_index (rowid, text) select key, text from temp.kept;
pragma user_version = 6;
"""


async def test_the_texts_of_an_older_file_are_found(tmp_path: Path) -> None:
    long, short = note("Tea at four with cake and many friends."), note("Tea at five.")
    async with open_store(Settings(data_dir=tmp_path)) as store:
        await store.records.commit(TENANT, storing(long, short))
        before = await store.text.search(TENANT, ALL, "tea", 5)
    with closing(sqlite3.connect(file_of(tmp_path))) as older:
        older.executescript(_OLDER)

    async with open_store(Settings(data_dir=tmp_path)) as store:
        assert await store.text.search(TENANT, ALL, "tea", 5) == before
        assert await store.maintenance.check(TENANT, repair=False) == []


async def test_what_was_stored_is_there_when_the_folder_is_opened_again(tmp_path: Path) -> None:
    memory = note("Tea at four.")
    made = embedded(memory, [unit(1, 0)])
    async with open_store(Settings(data_dir=tmp_path)) as store:
        await store.records.commit(TENANT, storing(memory, embedded=(made,)))

    for _ in range(2):
        async with open_store(Settings(data_dir=tmp_path)) as store:
            assert await store.records.tenants() == [TENANT]
            assert await store.records.get(TENANT, [memory.id]) == [memory]
            assert len(await store.text.search(TENANT, ALL, "tea", 5)) == 1
            assert len((await store.vectors.search(TENANT, ALL, MODEL, unit(1, 0), 5)).hits) == 1


def test_ten_first_openings_at_once_migrate_once(tmp_path: Path) -> None:
    def opened(_: int) -> None:
        Database(tmp_path / "new.db").close()

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(opened, range(10)))

    with closing(sqlite3.connect(tmp_path / "new.db")) as connection:
        assert connection.execute("pragma user_version").fetchone() == (len(migrations()),)
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)


OPENER = """
import sys
from pathlib import Path
from recollect.adapters.sqlite.database import Database

print("ready", flush=True)
sys.stdin.readline()
for folder in sorted(Path(sys.argv[1]).iterdir()):
    Database(folder / "new.db").close()
"""


def test_several_processes_may_open_a_new_file_first(tmp_path: Path) -> None:
    for i in range(20):
        (tmp_path / f"{i:02}").mkdir()
    openers = [
        subprocess.Popen(
            [sys.executable, "-c", OPENER, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    for opener in openers:
        assert opener.stdout is not None
        assert opener.stdout.readline() == "ready\n"
    for opener in openers:
        assert opener.stdin is not None
        opener.stdin.write("go\n")
        opener.stdin.flush()

    assert [opener.communicate(timeout=60)[1] for opener in openers] == [""] * 6


async def test_a_file_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    async with open_store(Settings(data_dir=tmp_path)) as store:
        await store.records.commit(TENANT, storing(note()))
    with closing(sqlite3.connect(file_of(tmp_path))) as connection:
        connection.execute("pragma user_version = 99")

    async with open_store(Settings(data_dir=tmp_path)) as store:
        with pytest.raises(StoreUnavailable) as refused:
            await store.records.count(TENANT, ALL)

    assert refused.value.code == "store_unavailable"
    with closing(sqlite3.connect(file_of(tmp_path))) as connection:
        assert connection.execute("pragma user_version").fetchone() == (99,)


WRITER = """
import sys
from pathlib import Path
import anyio
from dataclasses import replace
from tests.examples import TENANT, batch, note, put
from recollect.app.wiring import open_store
from recollect.errors import Conflict
from recollect.settings import Settings

async def main(folder, writer, contested):
    won = 0
    async with open_store(Settings(data_dir=Path(folder))) as store:
        for i in range(200):
            memory = note(id=f"{writer}-{i}", name=f"{writer}-{i}")
            await store.records.commit(TENANT, batch(put(memory)))
        [shared] = await store.records.get(TENANT, [contested])
        print("ready", flush=True)
        sys.stdin.readline()
        try:
            await store.records.commit(
                TENANT, batch(put(replace(shared, content=writer, revision=2), 1))
            )
            won = 1
        except Conflict as error:
            assert error.code == "revision_conflict", error
    print(won, flush=True)

anyio.run(main, *sys.argv[1:])
"""


async def test_two_processes_on_one_file_lose_nothing_and_one_of_two_wins(tmp_path: Path) -> None:
    shared = note("Nobody's.", name="shared")
    async with open_store(Settings(data_dir=tmp_path)) as store:
        await store.records.commit(TENANT, storing(shared))
        assert await store.records.count(TENANT, ALL) == 1

        won = await anyio.to_thread.run_sync(_race, tmp_path, shared.id)

        assert sorted(won) == [0, 1]
        assert await store.records.count(TENANT, ALL) == 401
        assert await store.records.last_seq(TENANT) == 402
        [changed] = await store.records.get(TENANT, [shared.id])
        assert changed.content == ("one", "two")[won.index(1)]
        assert len(await store.text.search(TENANT, ALL, "tea", 1000)) == 400


def _race(folder: Path, contested: str) -> list[int]:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder), name, contested],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "two")
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    return [int(writer.communicate(timeout=60)[0]) for writer in writers]


async def test_vectors_written_by_another_process_are_found_at_once(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    async with open_store(settings) as one, open_store(settings) as other:
        first, second = note(), note()
        for store, memory in ((one, first), (other, second)):
            made = embedded(memory, [unit(1, 0)])
            await store.records.commit(TENANT, storing(memory, embedded=(made,)))
            for reader in (one, other):
                hits = (await reader.vectors.search(TENANT, ALL, MODEL, unit(1, 0), 5)).hits
                assert memory.id in {hit.id for hit in hits}

        later = replace(first, content="New.", revision=2)
        made = embedded(later, [unit(0, 1)])
        await other.records.commit(TENANT, batch(put(later, 1), embedded=(made,)))

        best, worst = (await one.vectors.search(TENANT, ALL, MODEL, unit(0, 1), 5)).hits
        assert (best.id, worst.id) == (first.id, second.id)


async def _use(store: Store) -> None:
    """Ask and change a little of everything."""
    memory = note("New tea.")
    await store.records.commit(TENANT, storing(memory))
    for found in await store.records.browse(TENANT, ALL, None, 100):
        await store.records.history(TENANT, found.id)
    await store.text.search(TENANT, ALL, "tea new", 10)
    await store.vectors.search(TENANT, ALL, MODEL, unit(1, 0), 10)
    await store.records.counts(TENANT, MODEL)
    await store.records.entries(TENANT, 0, 100)
    await store.maintenance.check(TENANT, repair=True)


async def _filled(folder: Path) -> bytes:
    async with open_store(Settings(data_dir=folder)) as store:
        memories = [note(f"Tea number {i}. " * 20, metadata={"n": i}) for i in range(40)]
        made = tuple(embedded(memory, [unit(1, i)]) for i, memory in enumerate(memories))
        await store.records.commit(TENANT, storing(*memories, episode("Tea?"), embedded=made))
    return file_of(folder).read_bytes()


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "another file": lambda whole: b"This is no database.\n" * (len(whole) // 21),
    "a lost header": lambda whole: bytes(100) + whole[100:],
    "a cut file": lambda whole: whole[: len(whole) // 2],
    "a wiped schema": lambda whole: whole[:100] + bytes(4000) + whole[4100:],
    "noise all over": lambda whole: whole[:4096] + bytes(b ^ 0x5A for b in whole[4096:]),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
async def test_a_damaged_file_is_reported_not_crashed_on(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    file_of(tmp_path).parent.mkdir(parents=True)
    whole = await _filled(tmp_path)
    file_of(tmp_path).write_bytes(damage(whole))

    async with open_store(Settings(data_dir=tmp_path)) as store:
        with pytest.raises(StoreUnavailable) as reported:
            await _use(store)

    assert reported.value.code == "store_unavailable"


@pytest.mark.parametrize("repair", [True, False])
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
async def test_a_check_that_cannot_mend_a_file_sends_to_a_backup_not_to_a_check(
    tmp_path: Path, damage: Callable[[bytes], bytes], *, repair: bool
) -> None:
    file_of(tmp_path).parent.mkdir(parents=True)
    whole = await _filled(tmp_path)
    file_of(tmp_path).write_bytes(damage(whole))

    async with open_store(Settings(data_dir=tmp_path)) as store:
        with pytest.raises(StoreUnavailable) as reported:
            await store.maintenance.check(TENANT, repair=repair)

    assert "recollect check" not in str(reported.value)
    assert "recollect backup" in str(reported.value)


@settings(max_examples=25, deadline=None)
@given(place=st.floats(0, 1), noise=st.binary(min_size=1, max_size=600))
async def test_damage_anywhere_gives_our_errors_only(
    tmp_path_factory: pytest.TempPathFactory, place: float, noise: bytes
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    whole = await _filled(folder)
    start = int(place * (len(whole) - len(noise)))
    file_of(folder).write_bytes(whole[:start] + noise + whole[start + len(noise) :])

    async with open_store(Settings(data_dir=folder)) as store:
        with suppress(RecollectError):
            await _use(store)


async def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    # Below a file nobody can make a folder, not even root.
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    async with open_store(Settings(data_dir=tmp_path / "file" / "data")) as store:
        for attempt in (
            store.records.commit(TENANT, storing(note())),
            store.records.get(TENANT, ["x"]),
            store.maintenance.ping(TENANT),
        ):
            with pytest.raises(StoreUnavailable) as reported:
                await attempt
            assert reported.value.code == "store_unavailable"


async def test_a_folder_in_place_of_the_file_is_reported(tmp_path: Path) -> None:
    file_of(tmp_path).mkdir(parents=True)

    async with open_store(Settings(data_dir=tmp_path)) as store:
        with pytest.raises(StoreUnavailable):
            await store.maintenance.ping(TENANT)


@pytest.mark.parametrize("tenant", ["", "..", "../other", "a/b", "A", "a b", "é", "-a", "x" * 64])
async def test_no_path_is_made_of_a_text_that_is_no_tenant(tmp_path: Path, tenant: str) -> None:
    async with open_store(Settings(data_dir=tmp_path / "data")) as store:
        with pytest.raises(InvalidRequest):
            await store.records.last_seq(tenant)

    assert not (tmp_path / "data").exists()


async def test_when_the_disk_is_full_nothing_is_half_written(tmp_path: Path) -> None:
    async with open_home(tmp_path) as home:
        records, text = SqliteRecordStore(home), SqliteTextIndex(home)
        kept = note("Kept.")
        await records.commit(TENANT, storing(kept))
        database = await home.database(TENANT)
        await database.write(lambda c: c.execute("pragma max_page_count = 60").fetchone())

        much = storing(note("Small."), note("Tea " * 200_000))
        with pytest.raises(StorageFull) as refused:
            await records.commit(TENANT, much)

        assert refused.value.code == "storage_full"
        assert await records.browse(TENANT, ALL, None, 9) == [kept]
        assert await records.last_seq(TENANT) == 1
        assert await text.search(TENANT, ALL, "tea small", 5) == []

        await database.write(lambda c: c.execute("pragma max_page_count = 100000").fetchone())
        await records.commit(TENANT, storing(note("Later.")))
        assert await records.last_seq(TENANT) == 2
