"""What every record store promises of revisions that come from another store."""

from dataclasses import replace

import pytest
from tests.examples import MINUTE, TENANT, THEN, batch, fact, note, put, storing

from recollect.app.wiring import Store
from recollect.domain.changes import Erase, Forget, KeepRevision, Key, Put, Recorded, Revision
from recollect.domain.memory import Kind, Memory
from recollect.errors import AlreadyExists, Conflict

pytestmark = pytest.mark.anyio

LONG_AGO = Recorded(at=THEN - 99 * MINUTE, actor="ann", verb="learn")
FACT = fact("Ann lives in Porto.", id="f", scope="a", revision=3)
FORGOTTEN = Revision(revision=9, recorded_at=THEN, actor="bo", verb="forget", memory=None)


def kept(memory: Memory, number: int) -> KeepRevision:
    revision = Revision(
        revision=number,
        recorded_at=LONG_AGO.at + number * MINUTE,
        actor="ann",
        verb="correct",
        memory=replace(memory, content=f"Text {number}.", revision=number),
    )
    return KeepRevision(memory_id=memory.id, revision=revision)


async def test_a_revision_of_the_past_is_in_the_history_and_in_no_answer(store: Store) -> None:
    older = [kept(FACT, 2), kept(FACT, 1)]
    await store.records.commit(TENANT, batch(put(FACT)))
    await store.records.commit(TENANT, batch(*older, origin="import"))

    history = await store.records.history(TENANT, "f")
    assert history[:2] == [older[1].revision, older[0].revision]
    assert history[2].memory == FACT
    assert await store.records.get(TENANT, ["f"]) == [FACT]
    line = (await store.records.entries(TENANT, 1, 1))[0]
    made = (line.at, line.actor, line.origin, line.verb, line.record_id, line.revision)
    assert made == (older[0].revision.recorded_at, "ann", "import", "correct", "f", 2)
    await store.records.commit(TENANT, batch(put(replace(FACT, revision=4), 3)))
    assert [r.revision for r in await store.records.history(TENANT, "f")] == [1, 2, 3, 4]


async def test_a_memory_may_come_with_how_it_was_made_elsewhere(store: Store) -> None:
    brought = Put(memory=FACT, expected_revision=0, verb="import", recorded=LONG_AGO)
    await store.records.commit(TENANT, batch(brought, put(note(id="n"))))

    usual = Recorded(at=THEN, actor="tester", verb="remember")
    recorded = await store.records.recorded(TENANT, ["f", "n", "nobody"])
    assert recorded == {"f": LONG_AGO, "n": usual}
    assert (await store.records.history(TENANT, "f"))[0].recorded == LONG_AGO


async def test_how_it_was_made_does_not_hold_for_another_number(store: Store) -> None:
    await store.records.commit(TENANT, storing(FACT))
    await store.records.commit(TENANT, batch(Forget(id="f")))
    brought = Put(memory=FACT, expected_revision=0, verb="import", recorded=LONG_AGO)
    await store.records.commit(TENANT, batch(brought))

    came_back = (await store.records.history(TENANT, "f"))[-1]
    assert (came_back.revision, came_back.verb, came_back.recorded_at) == (5, "import", THEN)


@pytest.mark.parametrize("number", [1, 3, 4])
async def test_a_revision_that_is_kept_or_newer_than_the_memory_is_refused(
    store: Store, number: int
) -> None:
    await store.records.commit(TENANT, batch(put(FACT), kept(FACT, 1)))
    before = await store.records.history(TENANT, "f")

    with pytest.raises(Conflict if number > FACT.revision else AlreadyExists):
        await store.records.commit(TENANT, batch(put(note(id="n")), kept(FACT, number)))

    assert await store.records.history(TENANT, "f") == before
    assert await store.records.get(TENANT, ["n"]) == []


async def test_the_past_comes_in_pages_by_id_and_number(store: Store) -> None:
    await store.records.commit(TENANT, batch(put(FACT), put(note(id="e")), put(note(id="z"))))
    older = [kept(FACT, 1), kept(FACT, 2)]
    await store.records.commit(TENANT, batch(*older, Forget(id="e")))
    await store.records.commit("other", storing(note(id="x", revision=2)))

    first = await store.records.past(TENANT, None, 2)
    assert [(k.memory_id, k.revision.revision) for k in first] == [("e", 1), ("e", 2)]
    assert first[1].revision.memory is None
    assert first[1].before == Key(scope="", name=first[0].revision.memory.name, kind=Kind.NOTE)  # type: ignore[union-attr]
    assert await store.records.past(TENANT, ("e", 2), 9) == older
    assert await store.records.past(TENANT, ("f", 2), 9) == []
    assert await store.records.past("other", None, 9) == []


async def test_what_was_forgotten_elsewhere_is_forgotten_here_until_it_is_erased(
    store: Store,
) -> None:
    filed = Key(scope="a", name=None, kind=Kind.FACT)
    gone = KeepRevision(memory_id="f", revision=FORGOTTEN, before=filed)
    await store.records.commit(TENANT, batch(kept(FACT, 3), gone))

    assert await store.records.past(TENANT, None, 9) == [kept(FACT, 3), gone]
    assert await store.records.forgotten(TENANT, "a", (Kind.FACT,)) == ["f"]
    assert await store.records.get(TENANT, ["f"]) == []

    await store.records.commit(TENANT, batch(Erase(id="f")))

    assert await store.records.history(TENANT, "f") == []
    assert await store.records.past(TENANT, None, 9) == []
    assert await store.records.forgotten(TENANT, "a", (Kind.FACT,)) == []


async def test_a_memory_continues_the_past_that_came_before_it(store: Store) -> None:
    await store.records.commit(TENANT, batch(kept(FACT, 1), kept(FACT, 7)))
    await store.records.commit(TENANT, batch(put(FACT)))

    assert [r.revision for r in await store.records.history(TENANT, "f")] == [1, 7, 8]
