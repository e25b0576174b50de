"""What maintenance promises of every home of the records."""

import pytest
from tests.examples import ALL, MODEL, TENANT, embedded, note, storing, unit

from recollect.app.wiring import Store

pytestmark = pytest.mark.anyio


async def test_a_sound_store_has_no_faults(store: Store) -> None:
    memory = note()
    made = embedded(memory, [unit(1, 0)])
    await store.records.commit(TENANT, storing(memory, note(), embedded=(made,)))

    assert await store.maintenance.check(TENANT, repair=False) == []
    assert await store.maintenance.check(TENANT, repair=True) == []


async def test_after_rebuilding_words_find_and_every_memory_waits_for_vectors(
    store: Store,
) -> None:
    memory, other = note("Tea."), note("Milk.")
    made = (embedded(memory, [unit(1, 0)]), embedded(memory, [unit(0, 1)], "model-b"))
    await store.records.commit(TENANT, storing(memory, other, embedded=made[:1]))
    await store.vectors.store(TENANT, [(memory, made[1])])

    assert await store.maintenance.rebuild(TENANT) == 2

    assert [hit.id for hit in await store.text.search(TENANT, ALL, "tea", 5)] == [memory.id]
    assert await store.vectors.waiting(TENANT, MODEL, 5) == [memory, other]
    assert await store.vectors.waiting(TENANT, "model-b", 5) == [memory, other]
    assert await store.vectors.embedded(TENANT, ALL, [memory.id]) == [(memory, None)]


async def test_a_store_that_can_be_used_answers_a_ping(store: Store) -> None:
    await store.maintenance.ping(TENANT)

    assert await store.records.last_seq(TENANT) == 0
