"""What every record store promises of lists, counts and neighbours."""

import itertools
from collections.abc import Generator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.app.copies import KINDS, Place, database_of, files
from tests.examples import (
    ALL,
    MINUTE,
    MODEL,
    TENANT,
    THEN,
    batch,
    embedded,
    episode,
    fact,
    note,
    storing,
    unit,
)
from tests.postgres import new_database
from tests.strategies import filters, memories, moments, scope_sets

from recollect.app.wiring import Store, open_store
from recollect.domain.changes import Forget, PutLink
from recollect.domain.filters import Filter
from recollect.domain.memory import Link, Memory
from recollect.domain.scopes import Look, ScopeSet
from recollect.domain.selection import Period, Position, Selection
from recollect.ports import Outline

pytestmark = pytest.mark.anyio

_TENANTS = (f"t{number}" for number in itertools.count())
over_one_store = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def distinct(found: Sequence[Memory]) -> list[Memory]:
    """Memories without what must be unique, at their first revision."""
    return [
        replace(
            memory,
            revision=1,
            external_id=None,
            detail=replace(memory.detail, name=f"{memory.name}{number}")
            if memory.name is not None
            else memory.detail,
        )
        for number, memory in enumerate({memory.id: memory for memory in found}.values())
    ]


worlds = st.lists(memories(), max_size=8).map(distinct)


@over_one_store
@given(world=worlds, asked=st.lists(st.tuples(scope_sets(), st.none() | filters()), max_size=6))
async def test_a_selection_is_what_the_domain_says_in_the_order_of_positions(
    store: Store, world: list[Memory], asked: list[tuple[ScopeSet, None]]
) -> None:
    tenant = next(_TENANTS)
    await store.records.commit(tenant, storing(*world))

    for scopes, condition in [(ALL.scopes, None), *asked]:
        selection = Selection(scopes=scopes, filter=condition)
        expected = sorted(filter(selection.holds, world), key=Position.of)

        assert await store.records.browse(tenant, selection, None, 100) == expected
        assert await store.records.count(tenant, selection) == len(expected)

        ids = [memory.id for memory in world]
        chosen = await store.records.select(tenant, selection, [*ids, "gone"])
        assert sorted(chosen, key=Position.of) == expected
        outlines = await store.records.outlines(tenant, selection, [*ids, "gone"])
        known = [outline._replace(linked=True) for outline in outlines]
        assert sorted(known) == sorted(map(Outline.of, expected))


@over_one_store
@given(
    world=worlds,
    asked=st.tuples(scope_sets(), st.none() | filters()),
    ends=st.tuples(moments, moments).map(sorted),
    limit=st.integers(0, 9),
)
async def test_what_occurred_in_a_period_comes_newest_first(
    store: Store,
    world: list[Memory],
    asked: tuple[ScopeSet, Filter | None],
    ends: list[datetime],
    limit: int,
) -> None:
    tenant = next(_TENANTS)
    await store.records.commit(tenant, storing(*world))
    selection, period = Selection(scopes=asked[0], filter=asked[1]), Period(*ends)
    expected = sorted(
        (
            memory
            for memory in filter(selection.holds, world)
            if period.start <= memory.occurred_at < period.end
        ),
        key=lambda memory: (memory.occurred_at, memory.id),
        reverse=True,
    )

    found = await store.records.occurred(tenant, selection, period, limit)

    assert found == [memory.id for memory in expected[:limit]]


async def test_a_period_holds_its_start_but_not_its_end(store: Store) -> None:
    moments = [THEN, THEN, THEN + MINUTE, THEN + 2 * MINUTE]
    world = [note(id=str(i), occurred_at=moment) for i, moment in enumerate(moments)]
    await store.records.commit(TENANT, storing(*world))
    period = Period(THEN, THEN + 2 * MINUTE)

    assert await store.records.occurred(TENANT, ALL, period, 10) == ["2", "1", "0"]
    assert await store.records.occurred(TENANT, ALL, period, 2) == ["2", "1"]


@over_one_store
@given(world=worlds, size=st.integers(1, 9))
async def test_pages_of_any_size_join_to_the_same_list(
    store: Store, world: list[Memory], size: int
) -> None:
    tenant = next(_TENANTS)
    await store.records.commit(tenant, storing(*world))
    listed: list[Memory] = []
    after: Position | None = None

    while page := await store.records.browse(tenant, ALL, after, size):
        assert len(page) <= size
        listed += page
        after = Position.of(page[-1])

    assert listed == sorted(world, key=Position.of)


async def test_a_page_may_pass_over_what_lies_before_it(store: Store) -> None:
    notes = [note(name=name) for name in "abcd"]
    await store.records.commit(TENANT, storing(*notes))

    assert await store.records.browse(TENANT, ALL, None, 2, offset=1) == notes[1:3]
    assert await store.records.browse(TENANT, ALL, Position.of(notes[0]), 9, 2) == notes[3:]
    assert await store.records.browse(TENANT, ALL, None, 2, offset=4) == []


async def test_inserts_and_deletes_between_pages_neither_repeat_nor_hide_the_others(
    store: Store,
) -> None:
    names = [f"n{i}" for i in range(10)]
    world = [note(name=name) for name in names]
    await store.records.commit(TENANT, storing(*world))
    first = await store.records.browse(TENANT, ALL, None, 5)
    await store.records.commit(
        TENANT,
        batch(
            Forget(id=world[4].id),  # the one that the next page begins after
            Forget(id=world[7].id),
            *storing(note(name="n00"), note(name="n55")).changes,
        ),
    )

    second = await store.records.browse(TENANT, ALL, Position.of(first[-1]), 5)

    assert [m.name for m in first] == names[:5]
    assert [m.name for m in second] == ["n5", "n55", "n6", "n8", "n9"]


async def test_lists_are_ordered_by_scope_name_time_place_and_id(store: Store) -> None:
    ordered = [
        episode(id="z", occurred_at=THEN),
        episode(id="a", occurred_at=THEN + MINUTE, position=1),
        episode(id="0", occurred_at=THEN + MINUTE, position=2),
        episode(id="1", occurred_at=THEN + MINUTE, position=2, session="other"),
        note(name="B"),
        note(name="a"),
        note(name="é"),
        note(name="\uffff"),
        note(name="🍵"),
        fact(scope="A"),
        note(scope="a", name="z"),
        note(scope="a-b", name="b"),
        note(scope="a/b", name="a"),
        note(scope="é", name="a"),
    ]
    await store.records.commit(TENANT, storing(*reversed(ordered)))

    assert await store.records.browse(TENANT, ALL, None, 100) == ordered


@pytest.fixture(params=KINDS)
def own(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Place]:
    """A store that nobody else uses afterwards."""
    if request.param == "sqlite":
        yield files(tmp_path)
    else:
        database = new_database()
        yield database_of(database)
        database.drop()


async def test_lists_are_in_order_without_an_index_too(own: Place) -> None:
    async with open_store(own.settings) as store:
        await store.records.commit(TENANT, storing(*(fact(id=i) for i in "cab")))
    own.run("drop index memory_by_place")

    async with open_store(own.settings) as store:
        listed = await store.records.browse(TENANT, ALL, None, 100)

    assert [memory.id for memory in listed] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("scope", "look", "expected"),
    [
        ("a", Look.EXACT, ["a"]),
        ("a", Look.SUBTREE, ["a", "a/b", "a/b/c"]),
        ("a", Look.SUBTREE_AND_GLOBAL, ["", "a", "a/b", "a/b/c"]),
        ("", Look.EXACT, [""]),
        ("", Look.SUBTREE, ["", "A", "a", "a-b", "a/b", "a/b/c", "a0", "ab"]),
        ("b", Look.ALL, ["", "A", "a", "a-b", "a/b", "a/b/c", "a0", "ab"]),
        ("nothing", Look.SUBTREE, []),
    ],
)
async def test_a_look_covers_whole_parts_of_scopes(
    store: Store, scope: str, look: Look, expected: list[str]
) -> None:
    scopes = ["", "A", "a", "a-b", "a/b", "a/b/c", "a0", "ab"]
    await store.records.commit(TENANT, storing(*(note(scope=s) for s in scopes)))

    selection = Selection(scopes=ScopeSet.of(scope, look))

    found = await store.records.browse(TENANT, selection, None, 100)
    assert [memory.scope for memory in found] == expected
    assert await store.records.count(TENANT, selection) == len(expected)


async def test_thousands_of_scopes_can_be_looked_at_at_once(store: Store) -> None:
    memory = note(scope="s7")
    await store.records.commit(TENANT, storing(memory, note(scope="other")))
    listed = ScopeSet(frozenset(f"s{i}" for i in range(3000)), frozenset({"x", "y"}))

    selection = Selection(scopes=listed)

    assert await store.records.browse(TENANT, selection, None, 5) == [memory]
    assert await store.text.search(TENANT, selection, "tea", 5) != []


async def test_an_empty_set_of_scopes_holds_nothing(store: Store) -> None:
    await store.records.commit(TENANT, storing(note()))

    assert await store.records.browse(TENANT, Selection(scopes=ScopeSet()), None, 5) == []
    assert await store.records.count(TENANT, Selection(scopes=ScopeSet())) == 0


async def test_neighbours_are_the_episodes_around_one_in_its_session(store: Store) -> None:
    said = [episode(session="s", position=i, occurred_at=THEN + i * MINUTE) for i in range(6)]
    early = episode(session="s", position=9, occurred_at=THEN - MINUTE)
    others = [episode(session="t"), episode(session="s", scope="work"), note(), fact()]
    await store.records.commit(TENANT, storing(*reversed(said), early, *others))

    assert await store.records.neighbours(TENANT, said[2], 1, 2) == [said[1], said[3], said[4]]
    assert await store.records.neighbours(TENANT, said[0], 9, 0) == [early]
    assert await store.records.neighbours(TENANT, said[5], 2, 9) == said[3:5]
    assert await store.records.neighbours(TENANT, said[2], 0, 0) == []
    assert await store.records.neighbours(TENANT, others[2], 3, 3) == []


async def test_the_newest_of_a_session_come_in_their_order(store: Store) -> None:
    said = [episode(id=f"m{99 - i}", session="s", position=i, occurred_at=THEN) for i in range(11)]
    early = episode(session="s", position=99, occurred_at=THEN - MINUTE)
    others = [episode(session="t"), episode(session="s", scope="work"), note(), fact()]
    await store.records.commit(TENANT, storing(*reversed(said), early, *others))

    assert await store.records.newest(TENANT, "", "s", 3) == said[8:]
    assert await store.records.newest(TENANT, "", "s", 50) == [early, *said]
    assert await store.records.newest(TENANT, "", "s", 0) == []
    assert await store.records.newest(TENANT, "", "nobody's", 5) == []


async def test_a_session_is_followed_in_order_of_arrival(store: Store) -> None:
    said = [episode(session="s", position=i, occurred_at=THEN - i * MINUTE) for i in range(12)]
    others = [episode(session="t"), episode(session="s", scope="work"), note(), fact()]
    await store.records.commit(TENANT, storing(*reversed(said), *others))

    assert await store.records.placed_after(TENANT, "", "s", -1, 50) == said
    assert await store.records.placed_after(TENANT, "", "s", 8, 2) == said[9:11]
    assert await store.records.placed_after(TENANT, "", "s", 11, 2) == []


async def test_facts_are_found_by_their_external_ids(store: Store) -> None:
    facts = [fact(external_id="1"), fact(external_id="2", scope="a"), fact(), note(external_id="1")]
    await store.records.commit(TENANT, storing(*facts))

    found = await store.records.facts_called(TENANT, ["2", "1", "3"])
    assert sorted(memory.id for memory in found) == [facts[0].id, facts[1].id]
    assert await store.records.facts_called(TENANT, []) == []


async def test_messages_of_the_same_moment_are_neighbours_in_order_of_arrival(
    store: Store,
) -> None:
    said = [episode(session="s", position=i) for i in range(12)]
    await store.records.commit(TENANT, storing(*said))

    assert await store.records.neighbours(TENANT, said[10], 2, 2) == [said[8], said[9], said[11]]


async def test_an_episode_forgotten_meanwhile_still_has_neighbours(store: Store) -> None:
    said = [episode(session="s", position=i) for i in range(3)]
    await store.records.commit(TENANT, storing(*said))
    await store.records.commit(TENANT, batch(Forget(id=said[1].id)))

    assert await store.records.neighbours(TENANT, said[1], 1, 1) == [said[0], said[2]]


async def test_counts_tell_how_much_there_is(store: Store) -> None:
    one, two, gone = note(scope="a"), fact(scope="b"), episode()
    link = Link(from_id=one.id, to_id=two.id, type="about")
    await store.records.commit(
        TENANT,
        batch(
            *storing(one, two, gone, episode(), episode()).changes,
            PutLink(link=link),
            embedded=(embedded(one, [unit(1, 0)]), embedded(two, [unit(1, 0)], complete=False)),
        ),
    )
    await store.records.commit(TENANT, batch(Forget(id=gone.id)))

    counts = await store.records.counts(TENANT, MODEL)

    assert counts.by_kind == {"note": 1, "fact": 1, "episode": 2}
    assert counts.by_scope == {"": 2, "a": 1, "b": 1}
    assert (counts.links, counts.revisions, counts.last_seq, counts.waiting) == (1, 6, 7, 3)
    assert (await store.records.counts(TENANT, "another model")).waiting == 4
