"""Copies from store to store: lossless, carried on after any end, never taken for whole before."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import fields, replace
from datetime import timedelta
from itertools import product
from pathlib import Path

import anyio
import pytest
from tests.app.copies import (
    KINDS,
    Interrupted,
    Place,
    answers,
    asked,
    copied,
    database_of,
    files,
    fill,
    interrupting,
    once,
    place,
    rows,
    using,
)
from tests.examples import TENANT, note, storing
from tests.postgres import lent_database

from recollect.app.copying import Copying, abandon, copy
from recollect.app.wiring import open_store
from recollect.app.wiring.stores import open_copies
from recollect.domain.memory import Episode, Fact, Memory, Note
from recollect.errors import Conflict, InvalidRequest, NotFound, StoreUnavailable
from recollect.operations import (
    Browse,
    Check,
    Edit,
    Remember,
    Stats,
    browse,
    check,
    edit,
    remember,
    stats,
)
from recollect.ports.copying import Table
from recollect.settings import InMemoryStoreSettings, Settings

pytestmark = pytest.mark.anyio


@pytest.fixture(params=product(KINDS, KINDS), ids=" to ".join)
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[tuple[Place, Place]]:
    source, target = request.param
    with place(source, tmp_path / "source") as one, place(target, tmp_path / "target") as other:
        yield one, other


@pytest.fixture(params=KINDS)
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Place]:
    with place(request.param, tmp_path / "target") as found:
        yield found


@pytest.fixture
def source(tmp_path: Path) -> Place:
    return files(tmp_path / "source")


async def test_a_copy_answers_as_its_source_does(pair: tuple[Place, Place]) -> None:
    source, target = pair
    await fill(source)

    result = await copied(source, target)

    assert result.same
    assert all(table.source.rows for table in result.tables)
    async with using(source) as old, using(target) as new:
        assert await answers(new) == await answers(old)
        if source.settings.store.kind == target.settings.store.kind:
            assert await asked(new) == await asked(old)
        assert (await check(new, Check(repair=False))).faults == []


async def test_a_copy_to_another_kind_finds_what_such_a_store_finds(tmp_path: Path) -> None:
    old, back = files(tmp_path / "old"), files(tmp_path / "back")
    await fill(old)

    with lent_database() as one, lent_database() as other:
        native, target = database_of(one), database_of(other)
        await fill(native)
        await copied(old, target)
        await copied(native, back)
        async with using(native) as expected, using(target) as found:
            assert await asked(found) == await asked(expected)
    async with using(old) as expected, using(back) as found:
        assert await asked(found) == await asked(expected)


async def test_a_copy_goes_on_where_its_source_was(pair: tuple[Place, Place]) -> None:
    source, target = pair
    await fill(source)
    await copied(source, target)

    async with using(source) as old, using(target) as new:
        page = await browse(old, Browse(look="all", limit=5))
        rest = Browse(look="all", limit=100, cursor=page.next_cursor)
        assert (await browse(new, rest)).memories == (await browse(old, rest)).memories
        for context in (old, new):
            context.now.pass_by(timedelta(days=900))  # type: ignore[attr-defined]
            made = await remember(context, Remember(content="Said since.", name="since"))
            await edit(context, Edit(id=made.id, content="Said better since."))
            for queue in ("q", "later"):
                assert await context.jobs.lease(TENANT, queue, timedelta(hours=1), context.now())
        assert await answers(new) == await answers(old)


@pytest.mark.parametrize("seed", range(2, 5))
async def test_whatever_a_store_holds_arrives_and_comes_back(seed: int, tmp_path: Path) -> None:
    source, back = files(tmp_path / "source"), files(tmp_path / "back")
    await fill(source, seed, turns=25)

    with lent_database() as database:
        assert (await copied(source, database_of(database), page=3)).same
        assert (await copied(database_of(database), back, page=500)).same

    async with using(source) as old, using(back) as new:
        assert await answers(new) == await answers(old)


async def test_a_copy_that_is_interrupted_again_and_again_comes_to_its_end(
    source: Place, target: Place
) -> None:
    await fill(source, turns=10)

    pages = 0
    while True:
        try:
            result = await copied(source, target, page=11, after=interrupting(pages * 11 + 1))
            break
        except Interrupted:
            pages += 1
            with pytest.raises(StoreUnavailable, match="not finished"):
                async with using(target) as context:
                    await stats(context, Stats())

    assert result.same
    assert pages > 5
    async with using(source) as old, using(target) as new:
        assert await answers(new) == await answers(old)


async def test_who_had_the_store_open_before_cannot_write_into_an_unfinished_copy(
    source: Place, target: Place
) -> None:
    await fill(source, turns=10)

    async with using(target) as server:
        assert (await stats(server, Stats())).memories == 0
        with pytest.raises(Interrupted):
            await copied(source, target, after=interrupting(10))
        with pytest.raises(StoreUnavailable, match="not finished"):
            await remember(server, Remember(content="Lost?"))
        assert (await copied(source, target)).same
        await remember(server, Remember(content="Kept."))


async def test_an_unfinished_copy_is_no_source(target: Place, tmp_path: Path) -> None:
    source, third = files(tmp_path / "source"), files(tmp_path / "third")
    await fill(source, turns=10)
    with pytest.raises(Interrupted):
        await copied(source, target, after=interrupting(10))

    with pytest.raises((StoreUnavailable, NotFound)):
        await copied(target, third)


async def test_a_store_that_holds_other_memories_is_left_as_it_is(
    source: Place, target: Place
) -> None:
    await fill(source, turns=10)
    async with using(target) as context:
        await context.records.commit(TENANT, storing(note("Mine.")))
        before = await answers(context)

    with pytest.raises(Conflict, match="empty"):
        await copied(source, target)

    async with using(target) as context:
        assert await answers(context) == before


async def test_where_one_tenant_cannot_be_copied_none_is_begun(
    source: Place, target: Place
) -> None:
    for filled, tenants in ((source, ("default", "other")), (target, ("other",))):
        async with open_store(filled.settings) as store:
            for tenant in tenants:
                await store.records.commit(tenant, storing(note(f"In {filled.name}.")))

    with pytest.raises(Conflict, match="'other'"):
        await copied(source, target)

    async with using(target) as context:
        assert (await stats(context, Stats())).memories == 0


async def test_a_store_is_not_copied_into_itself(target: Place) -> None:
    await fill(target, turns=1)

    with pytest.raises(InvalidRequest, match="same store"):
        await copied(target, target)


async def test_a_copy_is_not_carried_on_from_another_source(
    source: Place, target: Place, tmp_path: Path
) -> None:
    other = files(tmp_path / "other")
    await fill(source, turns=10)
    await fill(other, seed=2, turns=10)
    with pytest.raises(Interrupted):
        await copied(source, target, after=interrupting(10))

    with pytest.raises(Conflict, match="other memories"):
        await copied(other, target)

    assert (await copied(source, target)).same


@pytest.mark.parametrize(("during", "at"), [("Copying", 1), ("Copying", 100), ("Comparing", 1)])
async def test_an_abandoned_copy_leaves_nothing(
    during: str, at: int, source: Place, target: Place, tmp_path: Path
) -> None:
    shorter = files(tmp_path / "shorter")
    await fill(source)
    await fill(shorter, seed=2, turns=10)
    with pytest.raises(Interrupted):
        await copied(source, target, after=interrupting(at, during))

    assert (await abandon(Settings(), target.name, None)).tenants == [TENANT]

    assert not any(rows(target).values())
    assert (await copied(shorter, target)).same
    async with using(shorter) as old, using(target) as new:
        for context in (old, new):
            await remember(replace(context, new_id=lambda: "new"), Remember(content="New."))
        assert await answers(new) == await answers(old)


async def test_only_unfinished_copies_are_abandoned(source: Place, target: Place) -> None:
    async with open_store(source.settings) as store:
        for tenant in ("finished", "other", "third"):
            await store.records.commit(tenant, storing(note(f"Of {tenant}.", id="same")))
    for tenant in ("other", "third"):
        with pytest.raises(Interrupted):
            await copied(source, target, tenant=tenant, after=interrupting(1))
    assert (await copied(source, target, tenant="finished")).same

    with pytest.raises(NotFound):
        await abandon(Settings(), target.name, "finished")
    assert (await abandon(Settings(), target.name, "other")).tenants == ["other"]
    assert (await abandon(Settings(), target.name, None)).tenants == ["third"]
    with pytest.raises(NotFound):
        await abandon(Settings(), target.name, None)

    async with open_store(target.settings) as store:
        assert await store.records.tenants() == ["finished"]
        assert [m.content for m in await store.records.get("finished", ["same"])] == [
            "Of finished."
        ]
        await store.records.commit("other", storing(note("Mine.")))


async def test_a_copy_that_another_abandons_writes_no_more(source: Place, target: Place) -> None:
    await fill(source, turns=10)

    def abandoning() -> None:
        with ThreadPoolExecutor(1) as other:
            other.submit(anyio.run, abandon, Settings(), target.name, None).result()

    with pytest.raises(Conflict, match="abandoned"):
        await copied(source, target, after=once("Copying", abandoning))

    assert not any(rows(target).values())


async def test_a_finished_copy_is_compared_and_not_changed(source: Place, target: Place) -> None:
    await fill(source, turns=10)
    assert (await copied(source, target)).same
    assert (await copied(source, target)).same

    target.run("update memory set content = 'flipped' where key = (select min(key) from memory)")
    again = await copied(source, target)

    assert not again.same
    assert [t.table for t in again.tables if not t.same] == ["memory"]
    async with using(target) as context:
        listed = await browse(context, Browse(look="all", limit=100))
        assert sum(memory.content == "flipped" for memory in listed.memories) == 1


@pytest.mark.parametrize(
    ("flip", "table"),
    [
        (
            "update memory set content = 'flipped' where key = (select min(key) from memory)",
            "memory",
        ),
        ("update log set actor = 'somebody' where seq = 2", "log"),
        ("update revision set payload = replace(payload, 'a', 'b')", "revision"),
        ("update registry set revision = revision + 1", "registry"),
        ("delete from recalled where rank = 0", "recalled"),
        ("update job set attempts = attempts + 1", "job"),
    ],
)
async def test_what_differs_is_found_and_copied_anew(
    source: Place, target: Place, flip: str, table: str
) -> None:
    await fill(source, turns=12)

    first = await copied(source, target, after=once("Comparing", lambda: target.run(flip)))
    assert [t.table for t in first.tables if not t.same] == [table]
    with pytest.raises(StoreUnavailable):
        async with using(target) as context:
            await stats(context, Stats())

    assert (await copied(source, target)).same
    async with using(source) as old, using(target) as new:
        assert await answers(new) == await answers(old)


async def test_what_is_written_to_the_source_meanwhile_comes_with_the_next_run(
    source: Place, target: Place
) -> None:
    await fill(source, turns=12)
    with pytest.raises(Interrupted):
        await copied(source, target, after=interrupting(60))
    async with using(source) as context:
        context.now.pass_by(timedelta(days=900))  # type: ignore[attr-defined]
        oldest = (await context.log.entries(TENANT, 0, 1))[0].record_id
        await edit(context, Edit(id=oldest, content="Thought better of it."))
        await remember(replace(context, new_id=lambda: "new"), Remember(content="New."))

    first = await copied(source, target)

    assert not first.same
    assert "stop what writes" in (first.problem or "")
    assert (await copied(source, target)).same
    async with using(source) as old, using(target) as new:
        assert await answers(new) == await answers(old)


async def test_a_write_during_the_comparison_is_not_missed(source: Place, target: Place) -> None:
    await fill(source, turns=12)
    write = "update log set before_name = 'x' where seq = 1"

    result = await copied(source, target, after=once("Comparing", lambda: source.run(write)))

    assert [t.table for t in result.tables if not t.same] == ["log"]


async def test_every_tenant_is_copied_or_the_one_that_is_named(
    source: Place, target: Place
) -> None:
    async with open_store(source.settings) as store:
        for tenant in ("default", "other", "third"):
            await store.records.commit(tenant, storing(note(f"Of {tenant}.", id="same")))

    one = await copied(source, target, tenant="other")
    assert {table.tenant for table in one.tables} == {"other"}
    async with open_store(target.settings) as store:
        assert await store.records.tenants() == ["other"]

    rest = await copied(source, target)
    assert rest.same
    assert {table.tenant for table in rest.tables} == {"default", "other", "third"}
    async with open_store(target.settings) as store:
        assert await store.records.tenants() == ["default", "other", "third"]
        for tenant in ("default", "other", "third"):
            (found,) = await store.records.get(tenant, ["same"])
            assert found.content == f"Of {tenant}."

    with pytest.raises(NotFound):
        await copied(source, target, tenant="nobody")


async def test_others_go_on_writing_into_a_database_that_receives_a_copy(source: Place) -> None:
    await fill(source, turns=12)

    with lent_database() as database:
        target = database_of(database)
        async with open_store(target.settings) as store:
            for number in range(5):
                await store.records.commit("other", storing(note(f"Before {number}.")))
            assert (await copied(source, target)).same
            for number in range(60):
                await store.records.commit("other", storing(note(f"After {number}.")))
                await store.records.commit(TENANT, storing(note(f"After {number}.")))
            assert await store.maintenance.check("other", repair=False) == []
            assert await store.maintenance.check(TENANT, repair=False) == []


async def test_vectors_that_are_not_what_was_stored_are_not_copied(
    source: Place, target: Place
) -> None:
    await fill(source, turns=10)
    source.run(
        "update vector set embedding = zeroblob(128) where key = (select max(key) from vector)"
    )

    with pytest.raises(StoreUnavailable, match="recollect check"):
        await copied(source, target)

    async with using(source) as context:
        await check(context, Check())
    assert (await copied(source, target)).same


async def test_long_texts_are_written_a_few_at_a_time(source: Place, target: Place) -> None:
    async with open_store(source.settings) as store:
        for number in range(5):
            told = storing(note("tea" + " " * 800_000, name=f"long-{number}"))
            await store.records.commit(TENANT, told)
    seen: list[int] = []

    await copied(source, target, page=500, after=lambda _, rows: seen.append(rows))

    of_log, of_memories = [5], [8, 10]
    assert seen[:3] == of_log + of_memories


async def test_a_copy_may_take_longer_than_a_request(source: Place) -> None:
    await fill(source, turns=12)

    with lent_database() as database:
        hasty = database.settings.model_copy(update={"statement_seconds": 0.001})
        copying = Copying(source=source.name, target="postgres")
        assert (
            await copy(Settings(store=hasty), copying, lambda *_: nullcontext(lambda _: None))
        ).same


async def test_where_there_is_nothing_nothing_is_made(tmp_path: Path, target: Place) -> None:
    nowhere = tmp_path / "nowhere"

    with pytest.raises(NotFound):
        await copied(files(nowhere), target)

    assert not nowhere.exists()


async def test_a_store_in_memory_is_not_copied() -> None:
    with pytest.raises(InvalidRequest):
        async with open_copies(Settings(store=InMemoryStoreSettings())):
            pass


# What a store keeps beside: made of the rest, numbered anew, or how far this very copy is.
DERIVED = {
    "copying", "embedded_by", "memory_key", "tenant", "recollect_migration", "vector", "passage",
    "posting", "term", "text_index", "text_term", "session_key", "external_key", "type_key",
    "id_key",
}  # fmt: skip


async def test_no_table_and_no_column_of_a_store_is_left_out(target: Place) -> None:
    await fill(target, turns=1)
    columns = target.columns()
    of_memories = {f.name for kind in (Memory, Note, Episode, Fact) for f in fields(kind)} | {
        "kind"
    }

    for table in Table:
        own = of_memories - {"detail"} if table is Table.MEMORY else set[str]()
        assert columns.pop(table) - DERIVED == own | set(table.columns)
    left = {name for name in columns if not name.startswith(("text_index_", "sqlite_"))}
    assert left <= DERIVED
