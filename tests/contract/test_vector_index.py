"""What every vector index promises."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
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

from recollect.app.wiring import Store
from recollect.domain.changes import Embedded, Forget
from recollect.domain.filters import parse
from recollect.domain.memory import Memory, Note
from recollect.domain.passages import FloatVector
from recollect.domain.scopes import Look, ScopeSet
from recollect.domain.selection import Selection

pytestmark = pytest.mark.anyio

ROUNDING = 0.01
EAST, NORTH = unit(1, 0), unit(0, 1)


async def keep(store: Store, *pairs: tuple[Memory, Sequence[FloatVector]]) -> None:
    memories = [memory for memory, _ in pairs]
    made = tuple(embedded(memory, vectors) for memory, vectors in pairs if len(vectors))
    await store.records.commit(TENANT, storing(*memories, embedded=made))


async def search(
    store: Store,
    vector: FloatVector = EAST,
    selection: Selection = ALL,
    limit: int = 10,
    model: str = MODEL,
) -> dict[str, float]:
    nearest = await store.vectors.search(TENANT, selection, model, vector, limit)
    return {hit.id: hit.score for hit in nearest.hits}


async def kept(store: Store, *ids: str) -> dict[str, Embedded]:
    """The vectors of those of these memories that have any, by id."""
    found = await store.vectors.embedded(TENANT, ALL, ids)
    assert all(made is None or made.memory_id == memory.id for memory, made in found)
    return {memory.id: made for memory, made in found if made}


async def is_complete(store: Store, vector: FloatVector = EAST, model: str = MODEL) -> bool:
    """As the search says."""
    return (await store.vectors.search(TENANT, ALL, model, vector, 1)).complete


async def test_memories_come_nearest_first_by_their_best_passage(store: Store) -> None:
    far, near, middle = note(), note(), note()
    await keep(
        store,
        (far, [NORTH]),
        (near, [NORTH, unit(5, 1), -EAST]),
        (middle, [unit(1, 1)]),
        (note(), []),
    )

    hits = await search(store)

    assert list(hits) == [near.id, middle.id, far.id]
    assert hits[near.id] == pytest.approx(5 / 26**0.5, abs=ROUNDING)
    assert hits[middle.id] == pytest.approx(0.5**0.5, abs=ROUNDING)
    assert hits[far.id] == pytest.approx(0, abs=ROUNDING)
    assert list(await search(store, -EAST)) == [near.id, far.id, middle.id]


async def test_at_most_the_limit_is_found_each_memory_once(store: Store) -> None:
    many = [(note(), [unit(1, i / 10), unit(1, i / 10 + 0.01)]) for i in range(10)]
    await keep(store, *many)

    assert list(await search(store, limit=4)) == [memory.id for memory, _ in many[:4]]
    assert len(await search(store, limit=100)) == 10


async def test_memories_equally_near_are_ordered_by_id(store: Store) -> None:
    await keep(store, *((note(id=i), [unit(1, 2)]) for i in "zbmax"))

    for selection in (ALL, Selection(scopes=ScopeSet(exact=frozenset({""})))):
        assert list(await search(store, selection=selection)) == ["a", "b", "m", "x", "z"]


async def test_there_is_nothing_to_find_before_anything_is_embedded(store: Store) -> None:
    assert await search(store) == {}
    assert await is_complete(store)
    await store.vectors.warm(TENANT, MODEL)
    await keep(store, (note(), []))

    assert await search(store) == {}
    assert await store.vectors.embedded(TENANT, ALL, ["gone"]) == []


def _clusters(count: int, dimensions: int) -> np.ndarray:
    """Unit vectors in twenty clusters, always the same ones."""
    random = np.random.default_rng(7)
    centres = random.standard_normal((20, dimensions))
    vectors = centres[random.integers(0, 20, count)]
    vectors = vectors + 0.5 * random.standard_normal((count, dimensions))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


async def test_the_nearest_of_many_are_found_in_their_true_order(store: Store) -> None:
    vectors = _clusters(2000, 64)
    memories = [note(scope=f"s{i % 3}") for i in range(len(vectors))]
    await keep(store, *((m, [v]) for m, v in zip(memories, vectors, strict=True)))
    ids = [memory.id for memory in memories]

    for direction in vectors[::400] + _clusters(5, 64)[::-1] / 10:
        question = unit(*direction)
        truth = dict(zip(ids, (vectors @ question).tolist(), strict=True))
        for selection, share in (
            (ALL, truth),
            (
                Selection(scopes=ScopeSet.listed(["s1"])),
                {m.id: truth[m.id] for m in memories if m.scope == "s1"},
            ),
        ):
            best = sorted(share.values(), reverse=True)[:50]
            hits = await search(store, question, selection, 50)

            assert len(hits) == 50
            assert list(hits.values()) == sorted(hits.values(), reverse=True)
            for (memory_id, score), true_score in zip(hits.items(), best, strict=True):
                assert score == pytest.approx(share[memory_id], abs=ROUNDING)
                assert score == pytest.approx(true_score, abs=ROUNDING)


async def test_a_filter_that_keeps_one_in_a_hundred_still_fills_the_answer(store: Store) -> None:
    vectors = _clusters(1500, 16)
    memories = [note(metadata={"n": i}, scope=f"s{i % 100}") for i in range(1500)]
    await keep(store, *((m, [v]) for m, v in zip(memories, vectors, strict=True)))
    scores = dict(zip((m.id for m in memories), vectors @ vectors[0], strict=True))

    by_filter = Selection(scopes=ALL.scopes, filter=parse("m.n >= 1485"))
    by_scope = Selection(scopes=ScopeSet.of("s99", Look.EXACT))
    kept = [
        [m.id for i, m in enumerate(memories) if i >= 1485],
        [m.id for m in memories if m.scope == "s99"],
    ]

    for selection, ids in zip((by_filter, by_scope), kept, strict=True):
        hits = await search(store, vectors[0], selection, 15)
        assert set(hits) == set(ids)
        best = max(ids, key=lambda i: scores[i])
        assert hits[best] == max(hits.values())
        assert (await search(store, vectors[0], selection, 1)).keys() == {best}


UP, DOWN = unit(0, 0, 1), unit(0, 0, -1)


async def test_memories_of_several_models_lie_side_by_side(store: Store) -> None:
    one, two = note(), note()
    await keep(store, (one, [EAST]), (two, [NORTH]))
    assert list(await search(store)) == [one.id, two.id]
    await store.vectors.store(TENANT, [(two, embedded(two, [UP], "b"))])

    assert await store.vectors.models(TENANT) == ["b", MODEL]
    assert list(await search(store)) == [one.id]
    assert list(await search(store, UP, model="b")) == [two.id]
    assert await search(store, model="c") == {}
    assert {i: made.model for i, made in (await kept(store, one.id, two.id)).items()} == {
        one.id: MODEL,
        two.id: "b",
    }


async def test_a_new_models_vectors_take_the_place_of_the_old_ones(store: Store) -> None:
    stored, put_again, partly = note(), note(), note()
    await keep(store, (stored, [EAST, NORTH]), (put_again, [EAST]), (partly, [EAST, NORTH]))
    assert len(await search(store)) == 3
    assert len(await store.vectors.waiting(TENANT, "b", 10)) == 3
    assert not await is_complete(store, UP, "b")

    made = embedded(put_again, [UP], "b")
    again = replace(put_again, revision=2)
    await store.records.commit(TENANT, batch(put(again, 1), embedded=(made,)))
    late = [(stored, embedded(stored, [UP, DOWN], "b"))]
    late += [(partly, embedded(partly, [UP], "b", complete=False))]
    await store.vectors.store(TENANT, late)

    assert await search(store) == {}
    found = await kept(store, stored.id, again.id, partly.id)
    assert {i: (made.model, made.complete) for i, made in found.items()} == {
        stored.id: ("b", True),
        again.id: ("b", True),
        partly.id: ("b", False),
    }
    assert (await search(store, UP, model="b")).keys() == {stored.id, put_again.id, partly.id}
    assert await store.vectors.waiting(TENANT, "b", 10) == [partly]
    assert await store.vectors.models(TENANT) == ["b"]
    counts = await store.records.counts(TENANT, "b")
    assert (counts.by_model, counts.waiting) == ({"b": 2}, 1)
    assert await store.maintenance.check(TENANT, repair=False) == []

    await store.vectors.store(TENANT, [(partly, embedded(partly, [UP, DOWN], "b"))])
    assert await is_complete(store, UP, "b")
    assert await search(store) == {}


async def test_what_few_memories_an_old_model_has_left_are_all_found(store: Store) -> None:
    vectors = _clusters(2000, 16)
    memories = [note() for _ in vectors]
    await keep(store, *((m, [v]) for m, v in zip(memories, vectors, strict=True)))
    assert len(await search(store, vectors[0], limit=20)) == 20
    late = [(m, embedded(m, [UP], "b")) for m in memories[:1990]]
    await store.vectors.store(TENANT, late)

    assert set(await search(store, vectors[0], limit=20)) == {m.id for m in memories[1990:]}
    assert len(await search(store, UP, limit=2000, model="b")) == 1990


async def test_models_are_those_of_which_a_memory_is_complete(store: Store) -> None:
    memories = [note() for _ in range(6)]
    made = [embedded(m, [EAST], model) for m, model in zip(memories, "cabbc", strict=False)]
    assert await store.vectors.models(TENANT) == []
    await store.records.commit(TENANT, storing(*memories, embedded=tuple(made)))
    partly = embedded(memories[5], [EAST], "d", complete=False)
    await store.vectors.store(TENANT, [(memories[5], partly)])

    assert await store.vectors.models(TENANT) == ["a", "b", "c"]
    assert (await store.records.counts(TENANT, "a")).by_model == {"a": 1, "b": 2, "c": 2}
    assert await store.vectors.models("other") == []


async def test_a_models_scores_are_spread_over_all_its_passages(store: Store) -> None:
    vectors = _clusters(300, 16)
    notes = [note(scope=f"s{i % 3}") for i in range(100)]
    await keep(store, *((m, vectors[i::100]) for i, m in enumerate(notes)))
    await store.records.commit(TENANT, batch(*(Forget(id=m.id) for m in notes[50:])))
    scores = np.concatenate([vectors[i::100] for i in range(50)]) @ vectors[0]

    spread = await store.vectors.distribution(TENANT, MODEL, vectors[0])

    assert spread is not None
    assert spread.mean == pytest.approx(scores.mean(), abs=ROUNDING)
    assert spread.deviation == pytest.approx(scores.std(), abs=ROUNDING)
    assert await store.vectors.distribution(TENANT, "b", vectors[0]) is None


async def test_equal_scores_are_not_spread(store: Store) -> None:
    await keep(store, (note(), [unit(1, 2)]), (note(), [unit(1, 2)]), (note(), [unit(1, 2)]))

    assert await store.vectors.distribution(TENANT, MODEL, unit(3, 1)) is None


async def test_a_moved_memory_is_found_where_it_is_now(store: Store) -> None:
    memory = note(scope="old")
    await keep(store, (memory, [EAST]))
    assert await search(store, selection=Selection(scopes=ScopeSet.listed(["old"])))
    moved = replace(memory, scope="new", revision=2)
    await store.records.commit(TENANT, batch(put(moved, 1)))

    assert await search(store, selection=Selection(scopes=ScopeSet.listed(["old"]))) == {}
    assert (await search(store, selection=Selection(scopes=ScopeSet.listed(["new"])))).keys() == {
        memory.id
    }


async def test_a_forgotten_memory_is_gone_and_comes_back_without_its_vectors(
    store: Store,
) -> None:
    memory, other = note(), note()
    await keep(store, (memory, [EAST]), (other, [NORTH]))
    assert len(await search(store)) == 2
    await store.records.commit(TENANT, batch(Forget(id=memory.id)))
    assert (await search(store)).keys() == {other.id}
    assert await store.vectors.embedded(TENANT, ALL, [memory.id]) == []
    await store.records.commit(TENANT, storing(memory))
    assert await kept(store, memory.id) == {}

    assert (await search(store)).keys() == {other.id}
    assert [m.id for m in await store.vectors.waiting(TENANT, MODEL, 5)] == [memory.id]


@pytest.mark.parametrize(
    "change",
    [{"content": "Changed."}, {"detail": Note(name="renamed")}],
    ids=["content", "name"],
)
async def test_another_text_has_other_vectors_or_waits_for_them(
    store: Store, change: dict[str, object]
) -> None:
    memory = note(name="first")
    await keep(store, (memory, [EAST]))
    assert await search(store)
    second = replace(memory, revision=2, **change)  # type: ignore[arg-type]
    await store.records.commit(TENANT, batch(put(second, 1)))
    assert await search(store) == {}
    assert await store.vectors.waiting(TENANT, MODEL, 5) == [second]

    third = replace(second, content="Again.", revision=3)
    await store.records.commit(TENANT, batch(put(third, 2), embedded=(embedded(third, [NORTH]),)))

    assert (await search(store, NORTH))[memory.id] == pytest.approx(1, abs=ROUNDING)
    assert await store.vectors.waiting(TENANT, MODEL, 5) == []


async def test_a_change_that_leaves_the_text_leaves_the_vectors(store: Store) -> None:
    memory = note()
    await keep(store, (memory, [EAST]))
    second = replace(memory, tags=("new",), metadata={"a": 1}, importance=1.0, revision=2)
    await store.records.commit(TENANT, batch(put(second, 1)))

    assert (await search(store)).keys() == {memory.id}
    assert await store.vectors.waiting(TENANT, MODEL, 5) == []


async def test_a_memory_scores_by_its_best_passage(store: Store) -> None:
    one, two, bare = note("abcdef"), episode("xyz"), note()
    question = unit(3, 1)
    await keep(store, (one, [NORTH, unit(1, 2)]), (two, [unit(-1, 0)]), (bare, []))

    ids = [bare.id, two.id, "gone", one.id]
    outlines = await store.records.outlines(TENANT, ALL, ids)
    assert await search(store)

    found = await store.vectors.scores(TENANT, outlines, MODEL, question)

    assert set(found) == {one.id, two.id}
    assert found[one.id] == pytest.approx(float(unit(1, 2) @ question), abs=0.002)
    assert found[two.id] == pytest.approx(float(unit(-1, 0) @ question), abs=0.002)
    assert await store.vectors.scores("other", outlines, MODEL, question) == {}
    assert await store.vectors.scores(TENANT, outlines, "b", question) == {}
    assert await store.vectors.scores(TENANT, [], MODEL, question) == {}


async def test_what_an_index_finds_can_be_scored_for_another_question(store: Store) -> None:
    one, two = note("tea"), note("tea")
    await keep(store, (one, [NORTH]), (two, [EAST]))
    by_words = await store.text.search(TENANT, ALL, "tea", 5)
    near = (await store.vectors.search(TENANT, ALL, MODEL, EAST, 5)).hits

    for hits in (by_words, near):
        found = await store.vectors.scores(TENANT, [hit.outline for hit in hits], MODEL, NORTH)
        assert found == pytest.approx({one.id: 1, two.id: 0}, abs=0.002)


async def test_memories_come_with_their_passages_and_vectors_in_order(store: Store) -> None:
    one, two, bare = note("abcdef", scope="a"), episode("xyz", scope="a"), note(scope="a")
    vectors = [unit(1, 2, 3), unit(3, 2, 1), unit(-1, 0, 0), unit(3, 2, 1)]
    elsewhere = note(scope="b")
    await keep(store, (one, vectors), (two, [unit(0, 0, 1)]), (bare, []), (elsewhere, vectors))
    ids = [bare.id, two.id, "gone", one.id, elsewhere.id]

    found = await store.vectors.embedded(TENANT, Selection(scopes=ScopeSet.listed(["a"])), ids)

    by_id = {memory.id: (memory, made) for memory, made in found}
    assert {i: memory for i, (memory, _) in by_id.items()} == {m.id: m for m in (one, two, bare)}
    assert by_id[bare.id][1] is None
    made = by_id[one.id][1]
    assert made is not None
    assert (made.memory_id, made.model, made.complete) == (one.id, MODEL, True)
    assert made.passages == embedded(one, vectors).passages
    assert made.vectors == pytest.approx(np.array(vectors), abs=0.001)


async def test_memories_that_lack_vectors_wait_oldest_first(store: Store) -> None:
    done, first, second, partly = note(), note(), episode(), note()
    made = (embedded(done, [EAST]), embedded(partly, [EAST], complete=False))
    await store.records.commit(TENANT, storing(first, done, second, partly, embedded=made))

    assert await store.vectors.waiting(TENANT, MODEL, 10) == [first, second, partly]
    assert not await is_complete(store)
    assert await store.vectors.waiting(TENANT, MODEL, 2) == [first, second]
    assert (await store.records.counts(TENANT, MODEL)).waiting == 3
    assert set(await search(store)) == {done.id, partly.id}


async def test_stored_vectors_replace_those_of_their_model(store: Store) -> None:
    memory = note()
    await keep(store, (memory, [NORTH, unit(1, 1)]))
    assert await search(store)
    await store.vectors.store(TENANT, [(memory, embedded(memory, [EAST]))])

    assert (await search(store))[memory.id] == pytest.approx(1, abs=ROUNDING)
    assert len((await kept(store, memory.id))[memory.id].passages) == 1


async def test_vectors_that_are_not_complete_leave_their_memory_waiting(store: Store) -> None:
    memory = note()
    await keep(store, (memory, []))
    await store.vectors.store(TENANT, [(memory, embedded(memory, [EAST], complete=False))])

    assert (await search(store)).keys() == {memory.id}
    assert await store.vectors.waiting(TENANT, MODEL, 5) == [memory]


async def test_vectors_of_a_changed_or_forgotten_memory_are_passed_over(store: Store) -> None:
    changed, gone, same = note(), note(), note()
    await keep(store, (changed, []), (gone, []), (same, []))
    second = replace(changed, content="New.", revision=2)
    await store.records.commit(TENANT, batch(put(second, 1), Forget(id=gone.id)))

    late = [(memory, embedded(memory, [EAST])) for memory in (changed, gone, same)]
    await store.vectors.store(TENANT, late)

    assert (await search(store)).keys() == {same.id}
    assert await store.vectors.waiting(TENANT, MODEL, 5) == [second]


async def test_vectors_of_one_tenant_are_not_found_by_another(store: Store) -> None:
    memory = note()
    await keep(store, (memory, [EAST]))
    await store.records.commit("other", storing(replace(memory, content="Own.")))

    assert (await store.vectors.search("other", ALL, MODEL, EAST, 5)).hits == []
    ((_, made),) = await store.vectors.embedded("other", ALL, [memory.id])
    assert made is None


async def test_what_was_dropped_is_not_found_until_it_is_embedded_again(store: Store) -> None:
    memory = note()
    await keep(store, (memory, [EAST]))
    assert await search(store)

    assert await store.maintenance.rebuild(TENANT) == 1

    assert await search(store) == {}
    assert await store.vectors.waiting(TENANT, MODEL, 5) == [memory]
    await store.vectors.store(TENANT, [(memory, embedded(memory, [NORTH]))])
    assert (await search(store))[memory.id] == pytest.approx(0, abs=ROUNDING)


@pytest.mark.parametrize("text", ["kind IN ('fact')", "kind IN ('fact') AND m.n = 1"])
async def test_a_few_of_one_kind_are_found_among_many_of_another(store: Store, text: str) -> None:
    facts = [fact(metadata={"n": n}) for n in (1, 1, 2)]
    said = [episode(position=n) for n in range(400)]
    vectors = zip(facts, ([unit(5, 1), NORTH], [unit(1, 1)], [EAST]), strict=True)
    await keep(store, *vectors, *((memory, [EAST]) for memory in said))

    hits = await search(store, selection=replace(ALL, filter=parse(text)))

    best = [facts[0].id, facts[1].id]
    assert list(hits) == (best if "m.n" in text else [facts[2].id, *best])
    assert hits[facts[0].id] == pytest.approx(5 / 26**0.5, abs=ROUNDING)
