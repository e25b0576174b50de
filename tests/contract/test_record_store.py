"""What every record store promises of storing and changing memories."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from tests.examples import ALL, MODEL, TENANT, THEN, batch, episode, fact, note, put, storing
from tests.strategies import memories

from recollect.app.wiring import Store
from recollect.domain.changes import UNPLACED, Change, Forget, NewJob, PutLink, PutRecord
from recollect.domain.memory import Episode, Link, Memory, Note, RegistryRecord
from recollect.errors import AlreadyExists, NotFound, RecollectError, RevisionConflict

pytestmark = pytest.mark.anyio

FULL = {
    "scope": "acme/api",
    "tags": ("décision", "お茶", "🍵"),
    "metadata": {
        "big": 2**63 - 1, "small": 5e-324, "huge": 1.7e308, "none": None, "yes": True, "a.b": "x",
        "list": [1, 1.0, "чай", {"deep": [False]}], "": "empty", 'quo"te': "it's \\ \u2028",
    },
    "source": "https://example.org/?q=ü",
    "external_id": "client-7",
    "occurred_at": datetime(1, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
    "created_at": datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    "updated_at": datetime(2026, 2, 28, 12, 0, 0, 654_321, tzinfo=UTC),
    "importance": 0.1,
    "expires_at": datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
}  # fmt: skip
TEXT = "Grüße, 東京 🍵\r\n\ttrailing space \n\n\ud7ff\ue000\uffff\U0010ffff"


@pytest.mark.parametrize(
    "memory",
    [
        note(TEXT, name="каталог/東京", **FULL),
        note(),
        episode(
            TEXT,
            producer="Ann 🍵",
            produced_for="Bo",
            role="user",
            session="s/1",
            position=7,
            **FULL,
        ),
        episode(),
        fact(TEXT, valid_from=THEN, valid_to=THEN + timedelta(microseconds=1), **FULL),
        fact(),
    ],
    ids=["full note", "note", "full episode", "episode", "full fact", "fact"],
)
async def test_a_memory_comes_back_as_it_was_stored(store: Store, memory: Memory) -> None:
    await store.records.commit(TENANT, storing(memory))

    [found] = await store.records.get(TENANT, [memory.id])
    [revision] = await store.records.history(TENANT, memory.id)

    assert found == revision.memory == memory
    assert [type(v) for v in found.metadata.values()] == [type(v) for v in memory.metadata.values()]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(memory=memories())
async def test_whatever_a_memory_holds_comes_back(store: Store, memory: Memory) -> None:
    memory = replace(memory, revision=1)
    # Examples share the store: only what must be unique is freed.
    for other in await store.records.browse(TENANT, ALL, None, 10):
        await store.records.commit(TENANT, batch(Forget(id=other.id)))
    last = await store.records.history(TENANT, memory.id)
    memory = replace(memory, revision=last[-1].revision + 1 if last else 1)

    await store.records.commit(TENANT, storing(memory))

    assert await store.records.get(TENANT, [memory.id]) == [memory]
    assert (await store.records.history(TENANT, memory.id))[-1].memory == memory


async def test_memories_come_in_the_order_asked_and_missing_ones_are_left_out(
    store: Store,
) -> None:
    one, two, three = note(), note(), note()
    await store.records.commit(TENANT, storing(one, two, three))

    found = await store.records.get(TENANT, [three.id, "nobody", one.id])

    assert found == [three, one]
    assert await store.records.get(TENANT, []) == []


async def test_a_note_is_found_by_its_name_in_exactly_its_scope(store: Store) -> None:
    here, below = note(name="Tea", scope="work"), note(name="Tea", scope="work/late")
    await store.records.commit(TENANT, storing(here, below))

    assert await store.records.named(TENANT, "work", "Tea") == here
    assert await store.records.named(TENANT, "work/late", "Tea") == below
    assert await store.records.named(TENANT, "", "Tea") is None
    assert await store.records.named(TENANT, "work", "tea") is None


async def test_a_replaced_memory_is_the_new_one_and_its_history_holds_both(store: Store) -> None:
    first = note("Tea.", name="drink")
    second = replace(first, content="Coffee.", revision=2, detail=Note(name="hot-drink"))
    await store.records.commit(TENANT, storing(first))
    await store.records.commit(TENANT, batch(put(second, 1)))

    assert await store.records.get(TENANT, [first.id]) == [second]
    assert await store.records.named(TENANT, "", "drink") is None
    assert await store.records.named(TENANT, "", "hot-drink") == second
    assert [r.memory for r in await store.records.history(TENANT, first.id)] == [first, second]


async def test_a_memory_may_change_its_kind(store: Store) -> None:
    before = note("Ann likes tea.")
    after = replace(fact("Ann likes tea."), id=before.id, revision=2)
    await store.records.commit(TENANT, storing(before))
    await store.records.commit(TENANT, batch(put(after, 1)))

    assert await store.records.get(TENANT, [before.id]) == [after]
    assert await store.records.named(TENANT, "", before.name or "") is None


@pytest.mark.parametrize("expected", [2, 5])
async def test_another_revision_than_the_stored_one_is_refused(store: Store, expected: int) -> None:
    memory = note()
    await store.records.commit(TENANT, storing(memory))

    with pytest.raises(RevisionConflict) as refused:
        await store.records.commit(TENANT, batch(put(replace(memory, content="x"), expected)))

    assert (refused.value.expected, refused.value.found) == (expected, 1)
    assert await store.records.get(TENANT, [memory.id]) == [memory]


TAKEN = note("Old.", name="taken", scope="work")
SAID = episode("Old.", scope="work", session="s", external_id="x")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (put(replace(TAKEN, content="New.")), AlreadyExists),
        (put(note(name="taken", scope="work")), AlreadyExists),
        (put(episode(scope="work", session="s", external_id="x")), AlreadyExists),
        (put(note(), 1), NotFound),
        (put(replace(TAKEN, content="New."), 2), RevisionConflict),
        (Forget(id="nobody"), NotFound),
        (Forget(id=TAKEN.id, expected_revision=2), RevisionConflict),
        (PutLink(link=Link(from_id=TAKEN.id, to_id="nobody", type="about")), NotFound),
        (PutLink(link=Link(from_id="nobody", to_id=TAKEN.id, type="about")), NotFound),
    ],
)
async def test_one_impossible_change_undoes_the_whole_batch(
    store: Store, change: Change, error: type[RecollectError]
) -> None:
    doomed = note()
    await store.records.commit(TENANT, storing(TAKEN, SAID, doomed))
    before = await _everything(store)
    fresh = note("Findable.", scope="work")

    with pytest.raises(error):
        await store.records.commit(
            TENANT,
            batch(
                put(fresh),
                put(replace(SAID, content="New.", revision=2), 1),
                PutLink(link=Link(from_id=fresh.id, to_id=SAID.id, type="about")),
                Forget(id=doomed.id),
                change,
                jobs=(NewJob(queue="q", dedupe_key="k"),),
            ),
        )

    assert await _everything(store) == before
    assert await store.text.search(TENANT, ALL, "findable", 5) == []
    assert await store.jobs.lease(TENANT, "q", timedelta(minutes=1), THEN) is None


async def _everything(store: Store) -> list[object]:
    memories = await store.records.browse(TENANT, ALL, None, 100)
    ids = [memory.id for memory in memories]
    return [
        memories,
        [await store.records.history(TENANT, i) for i in ids],
        await store.records.links(TENANT, ids),
        await store.records.entries(TENANT, 0, 100),
        (await store.records.counts(TENANT, MODEL)).revisions,
    ]


async def test_a_name_is_free_again_once_its_note_is_renamed_moved_or_forgotten(
    store: Store,
) -> None:
    renamed, moved, gone = (note(name=name) for name in ("a", "b", "c"))
    await store.records.commit(TENANT, storing(renamed, moved, gone))
    await store.records.commit(
        TENANT,
        batch(
            put(replace(renamed, detail=Note(name="z"), revision=2), 1),
            put(replace(moved, scope="work", revision=2), 1),
            Forget(id=gone.id),
            *(put(note(name=name)) for name in ("a", "b", "c")),
        ),
    )

    assert len(await store.records.browse(TENANT, ALL, None, 10)) == 5


async def test_the_same_external_id_may_be_used_in_every_session_and_scope(store: Store) -> None:
    said = [
        episode(scope=scope, session=session, external_id="x")
        for scope in ("", "work")
        for session in ("", "s")
    ]
    await store.records.commit(TENANT, storing(*said, note(external_id="x"), note(external_id="x")))

    found = await store.records.with_external_ids(TENANT, "work", "s", ["x", "y"])

    assert found == [said[3]]
    assert await store.records.with_external_ids(TENANT, "", "", []) == []


async def test_unplaced_episodes_are_put_at_the_end_of_their_session_in_order(
    store: Store,
) -> None:
    def unplaced(session: str, **fields: object) -> Memory:
        return episode(session=session, position=UNPLACED, **fields)

    first = [unplaced("s"), unplaced("t"), unplaced("s"), unplaced("s", scope="work")]
    later = [episode(session="s", position=9), unplaced("s")]
    await store.records.commit(TENANT, storing(*first))
    await store.records.commit(TENANT, storing(*later))

    found = await store.records.get(TENANT, [m.id for m in (*first, *later)])

    places = [m.detail.position for m in found if isinstance(m.detail, Episode)]
    assert places == [0, 0, 1, 0, 9, 10]


async def test_the_receipt_holds_the_log_lines_of_the_commit(store: Store) -> None:
    await store.records.commit(TENANT, storing(note()))
    receipt = await store.records.commit(TENANT, storing(note(), note()))

    assert list(receipt.entries) == await store.records.entries(TENANT, 1, 10)
    assert receipt.replayed is None


async def test_what_one_tenant_holds_does_not_exist_for_another(store: Store) -> None:
    mine, yours = note("Mine.", name="same"), note("Yours.", name="same")
    await store.records.commit("one", storing(mine, jobs=(NewJob(queue="q", dedupe_key="k"),)))
    await store.records.commit("two", storing(yours))
    await store.records.commit("two", storing(replace(mine, content="Own.", detail=Note(name="o"))))

    assert await store.records.get("one", [mine.id, yours.id]) == [mine]
    assert await store.records.named("one", "", "same") == mine
    assert await store.records.browse("one", ALL, None, 10) == [mine]
    assert await store.records.history("one", yours.id) == []
    assert await store.records.last_seq("one") == 1
    assert await store.text.search("one", ALL, "yours own", 5) == []
    assert await store.jobs.lease("two", "q", timedelta(minutes=1), THEN) is None
    assert await store.records.tenants() == ["one", "two"]


async def test_a_tenant_that_was_only_asked_about_holds_nothing(store: Store) -> None:
    assert await store.records.browse("ghost", ALL, None, 10) == []
    assert await store.records.tenants() == []


async def test_a_thousand_memories_fit_in_one_batch(store: Store) -> None:
    many = [note(f"Note {i}.", name=f"n{i}") for i in range(1000)]
    await store.records.commit(TENANT, storing(*many))

    assert len(await store.records.get(TENANT, [memory.id for memory in many])) == 1000


async def test_the_longest_keys_that_requests_may_have_are_kept_apart(store: Store) -> None:
    """Each of them is longer than an index of some databases takes."""
    scope = "/".join(["範" * 33] * 10)
    label = "鍵" * 500
    long_id = "識" * 200
    said = [
        episode(id=long_id + end, scope=scope, session=label + end, external_id=label + last)
        for end in "ab"
        for last in "xy"
        if (end, last) != ("b", "y")
    ]
    said = [replace(memory, id=f"{memory.id}{i}") for i, memory in enumerate(said)]
    known = fact(id=long_id, external_id=label)
    links = [Link(from_id=m.id, to_id=known.id, type=label * 5 + e) for m in said for e in "12"]
    records = [
        RegistryRecord(type=label * 5, id=f"{scope}|{label}{e}", content={}, updated_at=THEN)
        for e in "12"
    ]
    jobs = tuple(NewJob(queue="q", dedupe_key=label + e, order_key=label) for e in "12")
    changes = [*(PutLink(link=link) for link in links)]
    changes += [PutRecord(record=record, expected_revision=0) for record in records]
    await store.records.commit(TENANT, batch(*map(put, (*said, known)), *changes, jobs=jobs))

    found = await store.records.with_external_ids(TENANT, scope, label + "a", [label + "y"])
    assert found == [said[1]]
    assert await store.records.facts_called(TENANT, [label]) == [known]
    assert await store.records.links_to(TENANT, [known.id]) == sorted(
        links, key=lambda link: (link.from_id, link.type)
    )
    assert await store.records.registered(TENANT, label * 5, [records[1].id]) == records[1:]
    assert (await store.jobs.counts(TENANT))["q"].waiting == 2
    with pytest.raises(AlreadyExists):
        await store.records.commit(TENANT, storing(replace(said[0], id="other")))
