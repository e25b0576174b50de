"""What every log of recalls promises."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import TENANT, THEN, batch, note, put, storing

from recollect.app.wiring import Store
from recollect.domain.changes import Erase, Forget
from recollect.domain.feedback import (
    NO_DISTANCE,
    Confidence,
    Judgement,
    NotedRecall,
    RecallLine,
    Tally,
    Verdict,
    bucket_of,
)
from recollect.domain.memory import Memory
from recollect.domain.scopes import EVERYWHERE, ScopeSet

pytestmark = pytest.mark.anyio

UNJUDGED = Tally(total=1, applied=0, maybe=0, not_applied=0)
APPLIED = Tally(total=1, applied=1, maybe=0, not_applied=0)


def line(rank: int = 0, memory: Memory | None = None, **fields: Any) -> RecallLine:
    """A line about a memory, or about one that is known elsewhere by its name."""
    usual = {
        "memory_id": memory.id if memory else None,
        "scope": memory.scope if memory else "",
        "name": memory.name if memory else "elsewhere",
        "distance": 0.25,
        "arms": {"dense": 1},
    }
    return RecallLine(rank=rank, **(usual | fields))


def recalled(*lines: RecallLine, **fields: Any) -> NotedRecall:
    return NotedRecall(**({"id": "r", "at": THEN, "principal": "ann", "lines": lines} | fields))


def judgement(memory: str = "elsewhere", **fields: Any) -> Judgement:
    usual = {"recall_id": "r", "memory": memory, "verdict": Verdict.APPLIED}
    return Judgement(**(usual | fields))


async def judged(store: Store, *judgements: Judgement, scopes: ScopeSet = EVERYWHERE) -> list[int]:
    return await store.recalls.judge(TENANT, scopes, judgements)


async def by_rank(store: Store, scopes: ScopeSet = EVERYWHERE) -> dict[int, Tally]:
    return dict((await store.recalls.tally(TENANT, scopes)).by_rank)


async def test_nothing_is_tallied_before_the_first_recall(store: Store) -> None:
    figures = await store.recalls.tally(TENANT, EVERYWHERE)

    assert figures.recalls == 0
    assert (figures.by_bucket, figures.by_rank, figures.by_arm) == ({}, {}, {})


async def test_lines_are_tallied_by_distance_rank_and_arm(store: Store) -> None:
    lines = (
        line(0, distance=0.0, arms={"dense": 1, "lexical": 2}),
        line(1, distance=0.15, arms={"dense": 2}),
        line(2, distance=NO_DISTANCE, arms={"lexical": 1}),
        line(3, distance=1.7, arms={"dense": 3, "links": 1}),
    )
    await store.recalls.note(TENANT, recalled(*lines))
    await store.recalls.note(TENANT, recalled(line(0, distance=0.04), id="other"))

    figures = await store.recalls.tally(TENANT, EVERYWHERE)

    assert figures.recalls == 2
    assert {bucket: t.total for bucket, t in figures.by_bucket.items()} == {0: 2, 3: 1, 19: 1}
    assert {rank: t.total for rank, t in figures.by_rank.items()} == {0: 2, 1: 1, 2: 1, 3: 1}
    assert {arm: t.total for arm, t in figures.by_arm.items()} == {
        "dense": 4,
        "lexical": 2,
        "links": 1,
    }


@given(distance=st.floats(0, 2))
def test_a_distance_lies_in_its_bucket(distance: float) -> None:
    bucket = bucket_of(distance)

    assert bucket is not None
    assert bucket / 20 <= distance + 1e-12
    assert distance < (bucket + 1) / 20 + 1e-12 or bucket == 19


async def test_every_log_counts_a_distance_in_the_same_bucket(store: Store) -> None:
    lines = [line(n, distance=n / 100) for n in range(201)]
    await store.recalls.note(TENANT, recalled(*lines))

    figures = await store.recalls.tally(TENANT, EVERYWHERE)

    expected = Counter(bucket_of(line.distance) for line in lines)
    assert {bucket: tally.total for bucket, tally in figures.by_bucket.items()} == expected


async def test_recalls_that_are_added_together_keep_their_own_lines(store: Store) -> None:
    names = ['a "quoted" name', "back\\slash", "{brace, comma}", "NULL", ""]
    lines = [line(rank, name=name) for rank, name in enumerate(names)]
    recalls = [recalled(*lines, line(5, name=None), id=i, principal=None) for i in ("one", "two")]

    assert await store.recalls.add(TENANT, [*recalls, recalled(id="empty")]) == 12
    assert await store.recalls.add(TENANT, []) == 0

    assert (await store.recalls.tally(TENANT, EVERYWHERE)).recalls == 2
    reached = await judged(store, *(judgement(name, recall_id="two") for name in names))
    assert reached == [1] * len(names)
    half = Tally(total=2, applied=1, maybe=0, not_applied=0)
    unjudged = Tally(total=2, applied=0, maybe=0, not_applied=0)
    assert await by_rank(store) == dict.fromkeys(range(5), half) | {5: unjudged}


async def test_a_recall_that_is_noted_twice_is_kept_as_it_was(store: Store) -> None:
    assert await store.recalls.add(TENANT, [recalled(line(0), line(1))]) == 2
    await judged(store, judgement())

    again = recalled(line(0, distance=0.9), line(2))
    assert await store.recalls.add(TENANT, [again]) == 1

    assert await by_rank(store) == {0: APPLIED, 1: APPLIED, 2: UNJUDGED}
    assert set((await store.recalls.tally(TENANT, EVERYWHERE)).by_bucket) == {5}


@pytest.mark.parametrize("by", ["id", "name"])
async def test_a_verdict_reaches_the_memory_by_its_id_or_name(store: Store, by: str) -> None:
    one, other = note(name="one"), note(name="two")
    await store.records.commit(TENANT, storing(one, other))
    await store.recalls.note(TENANT, recalled(line(0, one), line(1, other)))
    await store.recalls.note(TENANT, recalled(line(0, one), id="other"))

    reached = await judged(store, judgement(one.id if by == "id" else "one"))

    assert reached == [1]
    assert await by_rank(store) == {
        0: Tally(total=2, applied=1, maybe=0, not_applied=0),
        1: UNJUDGED,
    }


async def test_the_first_verdict_stays(store: Store) -> None:
    await store.recalls.note(TENANT, recalled(line()))

    reached = await judged(
        store, judgement(), judgement(verdict=Verdict.NOT_APPLIED), judgement("nobody")
    )

    assert reached == [1, 0, 0]
    assert await judged(store, judgement(verdict=Verdict.MAYBE)) == [0]
    assert await by_rank(store) == {0: APPLIED}


@pytest.mark.parametrize(
    "wrong",
    [{"recall_id": "other"}, {"memory": "other"}, {"scope": "other"}, {"memory": ""}],
    ids=str,
)
async def test_a_verdict_on_what_was_not_recalled_reaches_nothing(
    store: Store, wrong: dict[str, Any]
) -> None:
    episode_line = line(1, name=None, memory_id=None)
    await store.recalls.note(TENANT, recalled(line(), episode_line))

    assert await judged(store, judgement(**wrong)) == [0]
    assert (await by_rank(store))[0] == UNJUDGED


async def test_of_two_memories_of_a_name_the_scope_tells_which_is_meant(store: Store) -> None:
    await store.recalls.note(TENANT, recalled(line(0, scope="a"), line(1, scope="b")))

    assert await judged(store, judgement(scope="b")) == [1]
    assert await by_rank(store) == {0: UNJUDGED, 1: APPLIED}


async def test_without_a_scope_every_memory_of_the_name_is_reached(store: Store) -> None:
    lines = (line(0, scope="a"), line(1, scope="b"), line(2))
    await store.recalls.note(TENANT, recalled(*lines))

    assert await judged(store, judgement()) == [3]


@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("confidence", Confidence)
async def test_each_verdict_is_counted_as_such(
    store: Store, verdict: Verdict, confidence: Confidence
) -> None:
    await store.recalls.note(TENANT, recalled(line(0), line(1, name="other")))
    await judged(store, judgement(verdict=verdict, confidence=confidence, application="So."))

    figures = await store.recalls.tally(TENANT, EVERYWHERE)

    for tally in (figures.by_rank[0], figures.by_bucket[5], figures.by_arm["dense"]):
        assert getattr(tally, verdict) == 1
        assert tally.applied + tally.maybe + tally.not_applied == 1
        assert tally.unknown == tally.total - 1


async def test_lines_out_of_reach_are_neither_judged_nor_tallied(store: Store) -> None:
    team = ScopeSet(subtrees=frozenset({"team"}))
    lines = (line(0, scope="team/a"), line(1, scope="secret"), line(2, scope="teams"))
    await store.recalls.note(TENANT, recalled(*lines))
    await store.recalls.note(TENANT, recalled(line(0, scope="secret"), id="other"))

    assert await judged(store, judgement(), scopes=team) == [1]

    figures = await store.recalls.tally(TENANT, team)
    assert (figures.recalls, dict(figures.by_rank)) == (1, {0: APPLIED})
    assert figures.by_bucket[5] == figures.by_arm["dense"] == APPLIED
    assert await judged(store, judgement()) == [2]


async def test_recalls_of_one_tenant_are_not_seen_by_another(store: Store) -> None:
    await store.recalls.note(TENANT, recalled(line()))

    assert await store.recalls.judge("other", EVERYWHERE, [judgement()]) == [0]
    assert (await store.recalls.tally("other", EVERYWHERE)).recalls == 0
    assert await store.recalls.prune("other", THEN + timedelta(days=1), 9) == 0
    assert len(await by_rank(store)) == 1


async def test_the_oldest_recalls_are_pruned(store: Store) -> None:
    for age in range(5):
        at = THEN - timedelta(days=age)
        await store.recalls.note(TENANT, recalled(line(age), id=f"r{age}", at=at))
    await judged(store, judgement(recall_id="r4"))

    before = THEN - timedelta(days=1)
    assert await store.recalls.prune(TENANT, before, 2) == 2
    assert set(await by_rank(store)) == {0, 1, 2}
    assert await store.recalls.prune(TENANT, before, 2) == 1
    assert await store.recalls.prune(TENANT, before, 2) == 0

    assert await by_rank(store) == {0: UNJUDGED, 1: UNJUDGED}
    # What is noted anew under an old id has no verdict from before.
    await store.recalls.note(TENANT, recalled(line(4), id="r4"))
    assert (await by_rank(store))[4] == UNJUDGED


async def test_forgetting_a_memory_leaves_its_lines(store: Store) -> None:
    memory = note()
    await store.records.commit(TENANT, storing(memory))
    await store.recalls.note(TENANT, recalled(line(memory=memory)))
    await store.records.commit(TENANT, batch(Forget(id=memory.id)))

    assert await store.recalls.add(TENANT, [recalled(line(memory=memory), id="late")]) == 1
    assert await judged(store, judgement(memory.id)) == [1]


@pytest.mark.parametrize("forgotten", [True, False])
async def test_erasing_a_memory_erases_its_lines(store: Store, *, forgotten: bool) -> None:
    memory, other = note(name="tea"), note(name="milk")
    await store.records.commit(TENANT, storing(memory, other))
    await store.recalls.note(TENANT, recalled(line(0, memory), line(1, other)))
    await judged(store, judgement("tea"))
    if forgotten:
        await store.records.commit(TENANT, batch(Forget(id=memory.id)))

    await store.records.commit(TENANT, batch(Erase(id=memory.id)))

    assert await by_rank(store) == {1: UNJUDGED}
    assert await judged(store, judgement("tea"), judgement(memory.id)) == [0, 0]


async def test_a_recall_noted_after_the_erasing_does_not_bring_the_name_back(store: Store) -> None:
    memory = note()
    await store.records.commit(TENANT, storing(memory))
    await store.records.commit(TENANT, batch(Erase(id=memory.id)))

    assert await store.recalls.add(TENANT, [recalled(line(memory=memory))]) == 0
    assert await by_rank(store) == {}


async def test_erasing_finds_lines_from_elsewhere_by_every_place_the_memory_had(
    store: Store,
) -> None:
    memory = note(name="old", scope="a")
    await store.records.commit(TENANT, storing(memory))
    moved = note(name="new", scope="b", id=memory.id)
    await store.records.commit(TENANT, batch(put(moved, 1)))
    places = [("a", "old"), ("b", "new"), ("a", "new"), ("", "old"), ("b", None)]
    lines = [line(rank, scope=scope, name=name) for rank, (scope, name) in enumerate(places)]
    await store.recalls.note(TENANT, recalled(*lines))

    await store.records.commit(TENANT, batch(Erase(id=memory.id)))

    assert set(await by_rank(store)) == {2, 3, 4}


async def test_the_log_is_not_part_of_the_records(store: Store) -> None:
    memory = note()
    await store.records.commit(TENANT, storing(memory))
    seq = await store.records.last_seq(TENANT)
    await store.recalls.note(TENANT, recalled(line(memory=memory)))
    await judged(store, judgement(memory.id))

    assert await store.records.last_seq(TENANT) == seq
    assert await store.maintenance.check(TENANT, repair=False) == []
