"""What every record store promises of forgetting, erasing and their traces."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.examples import (
    ALL,
    MODEL,
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

from recollect.app.wiring import Store
from recollect.domain.changes import Erase, Forget, Idempotency, PutLink
from recollect.domain.memory import Kind, Link, Memory
from recollect.errors import NotFound, RevisionConflict

pytestmark = pytest.mark.anyio


async def _findable(store: Store, memory: Memory) -> list[object]:
    """Where the memory shows up."""
    detail = memory.detail
    words = await store.text.search(TENANT, ALL, memory.content, 10)
    near = (await store.vectors.search(TENANT, ALL, MODEL, unit(1, 0), 10)).hits
    listed = await store.records.browse(TENANT, ALL, None, 10)
    answers = [
        await store.records.get(TENANT, [memory.id]),
        [m for m in listed if m.id == memory.id],
        [hit for hit in words if hit.id == memory.id],
        [hit for hit in near if hit.id == memory.id],
        await store.vectors.embedded(TENANT, ALL, [memory.id]),
        [m for m in await store.vectors.waiting(TENANT, "other", 10) if m.id == memory.id],
        await store.records.links(TENANT, [memory.id]),
        await store.records.neighbours(TENANT, replace(memory, id="0"), 5, 5)
        if hasattr(detail, "session")
        else [],
    ]
    return [answer for answer in answers if answer]


@pytest.mark.parametrize("make", [note, episode, fact])
@pytest.mark.parametrize("change", [Forget, Erase])
async def test_a_memory_that_was_forgotten_or_erased_is_in_no_answer(
    store: Store, make: type[Memory], change: type[Forget]
) -> None:
    memory, other = make("Tea at four."), note("Other.")
    link = Link(from_id=memory.id, to_id=other.id, type="about")
    await store.records.commit(
        TENANT,
        batch(
            put(memory), put(other), PutLink(link=link), embedded=(embedded(memory, [unit(1, 0)]),)
        ),
    )
    assert len(await _findable(store, memory)) >= 7

    await store.records.commit(TENANT, batch(change(id=memory.id)))

    assert await _findable(store, memory) == []
    assert await store.records.get(TENANT, [other.id]) == [other]


async def test_links_from_and_to_a_forgotten_memory_are_gone(store: Store) -> None:
    one, two, three = note(), note(), note()
    links = [
        Link(from_id=one.id, to_id=two.id, type="about"),
        Link(from_id=two.id, to_id=three.id, type="about"),
        Link(from_id=one.id, to_id=three.id, type="about"),
    ]
    await store.records.commit(
        TENANT, batch(put(one), put(two), put(three), *(PutLink(link=link) for link in links))
    )
    await store.records.commit(TENANT, batch(Forget(id=two.id)))

    assert await store.records.links(TENANT, [one.id, two.id, three.id]) == [links[2]]
    assert (await store.records.counts(TENANT, MODEL)).links == 1


async def test_the_history_of_a_forgotten_memory_ends_with_forgetting(store: Store) -> None:
    memory = note("Tea.")
    later = THEN + timedelta(microseconds=1)
    await store.records.commit(TENANT, storing(memory))
    await store.records.commit(TENANT, batch(Forget(id=memory.id), at=later, actor="other"))

    stored, forgotten = await store.records.history(TENANT, memory.id)

    assert (stored.revision, stored.memory, stored.verb) == (1, memory, "remember")
    assert (stored.recorded_at, stored.actor) == (THEN, "tester")
    assert (forgotten.revision, forgotten.memory, forgotten.verb) == (2, None, "forget")
    assert (forgotten.recorded_at, forgotten.actor) == (later, "other")


async def test_a_memory_that_comes_back_continues_its_history(store: Store) -> None:
    memory = note("Tea.")
    await store.records.commit(TENANT, storing(memory))
    await store.records.commit(TENANT, batch(Forget(id=memory.id)))
    await store.records.commit(TENANT, storing(memory))

    [found] = await store.records.get(TENANT, [memory.id])
    history = await store.records.history(TENANT, memory.id)

    assert found == replace(memory, revision=3)
    assert [(r.revision, r.memory) for r in history] == [(1, memory), (2, None), (3, found)]


async def test_a_memory_of_a_later_revision_keeps_its_number(store: Store) -> None:
    imported = note("Tea.", revision=5)
    await store.records.commit(TENANT, storing(imported))
    await store.records.commit(TENANT, batch(put(replace(imported, revision=9), 5)))

    assert [r.revision for r in await store.records.history(TENANT, imported.id)] == [5, 9]


async def test_a_memory_can_be_forgotten_at_the_revision_that_was_read(store: Store) -> None:
    memory = note()
    await store.records.commit(TENANT, storing(memory))
    with pytest.raises(RevisionConflict):
        await store.records.commit(TENANT, batch(Forget(id=memory.id, expected_revision=2)))
    await store.records.commit(TENANT, batch(Forget(id=memory.id, expected_revision=1)))

    assert await store.records.get(TENANT, [memory.id]) == []


@pytest.mark.parametrize("forgotten_before", [False, True])
async def test_erasing_leaves_nothing_but_the_receipt(
    store: Store, *, forgotten_before: bool
) -> None:
    memory = note("Tea.", name="secret", scope="work")
    await store.records.commit(TENANT, storing(memory))
    await store.records.commit(TENANT, batch(put(replace(memory, content="x", revision=2), 1)))
    if forgotten_before:
        await store.records.commit(TENANT, batch(Forget(id=memory.id)))
    last = await store.records.last_seq(TENANT)

    await store.records.commit(TENANT, batch(Erase(id=memory.id)))

    assert await store.records.history(TENANT, memory.id) == []
    assert (await store.records.counts(TENANT, MODEL)).revisions == 0
    [receipt] = await store.records.entries(TENANT, last, 10)
    assert (receipt.verb, receipt.record_id) == ("erase", memory.id)
    assert receipt.revision == (4 if forgotten_before else 3)
    with pytest.raises(NotFound):
        await store.records.commit(TENANT, batch(Erase(id=memory.id)))


async def test_what_was_erased_can_be_stored_as_if_it_were_new(store: Store) -> None:
    memory = note("Tea.")
    await store.records.commit(TENANT, storing(memory))
    await store.records.commit(TENANT, batch(Erase(id=memory.id)))
    await store.records.commit(TENANT, storing(memory))

    assert await store.records.get(TENANT, [memory.id]) == [memory]
    assert len(await store.records.history(TENANT, memory.id)) == 1


async def test_a_memory_put_and_forgotten_in_one_batch_leaves_only_its_history(
    store: Store,
) -> None:
    memory = note("Tea at four.")
    await store.records.commit(
        TENANT,
        batch(put(memory), Forget(id=memory.id), embedded=(embedded(memory, [unit(1, 0)]),)),
    )
    assert await _findable(store, memory) == []

    await store.records.commit(TENANT, storing(memory))

    assert [m.id for m in await store.vectors.waiting(TENANT, MODEL, 5)] == [memory.id]
    assert (await store.vectors.search(TENANT, ALL, MODEL, unit(1, 0), 5)).hits == []


async def test_a_memory_put_and_removed_in_one_batch_leaves_no_link(store: Store) -> None:
    for removed in (Forget, Erase):
        memory, other = note(), note()
        link = PutLink(link=Link(from_id=memory.id, to_id=other.id, type="about"))
        changes = batch(put(memory), put(other), link, removed(id=memory.id))
        await store.records.commit(TENANT, changes)

        assert await store.records.links_to(TENANT, [other.id]) == []
        history = await store.records.history(TENANT, memory.id)
        assert [r.verb for r in history] == (["remember", "forget"] if removed is Forget else [])


async def test_an_unknown_memory_has_no_history(store: Store) -> None:
    assert await store.records.history(TENANT, "nobody") == []


async def test_the_log_holds_no_name_of_what_was_erased(store: Store) -> None:
    memory = note("Tea at four.", name="tea-at-four")
    await store.records.commit(TENANT, batch(put(memory)))
    edited = replace(memory, content="Tea at five.", revision=2)
    await store.records.commit(TENANT, batch(put(edited, expected_revision=1)))
    receipt = await store.records.commit(TENANT, batch(Erase(id=memory.id)))
    entries = await store.records.entries(TENANT, 0, 10)
    assert [e.verb for e in entries][-1] == "erase"
    assert all(e.before is None or e.before.name is None for e in (*entries, *receipt.entries))


async def test_erasing_takes_back_only_answers_that_name_the_memory(store: Store) -> None:
    def kept(response: str) -> Idempotency:
        return Idempotency(key=response, request="digest", response=response, at=THEN)

    naming = [kept('{"ids": ["x", "ab"]}'), kept('{"memory": {"id": "ab"}}'), kept('"ab"')]
    other = [kept('{"ids": ["abc"]}'), kept('{"ab": "x"}'), kept('{"name": "ab cd"}'), kept("")]
    for request in naming + other:
        await store.records.commit(TENANT, storing(note(), idempotency=request))
    await store.records.commit(TENANT, storing(note(id="ab")))

    await store.records.commit(TENANT, batch(Erase(id="ab")))

    for request in naming:
        assert await store.records.replay(TENANT, request) is None
    for request in other:
        assert await store.records.replay(TENANT, request) == request.response


async def test_what_was_forgotten_in_a_scope_is_named_until_it_is_erased(store: Store) -> None:
    gone = [episode(scope="a/b"), fact(scope="a/b")]
    back, erased = episode(scope="a/b"), episode(scope="a/b")
    others = [note(scope="a/b"), episode(scope="a/b/c"), episode(scope="a"), fact(scope="a/b2")]
    all_of_them = (*gone, back, erased, *others)
    await store.records.commit(TENANT, storing(*all_of_them, episode(scope="a/b")))
    await store.records.commit(TENANT, batch(*(Forget(id=memory.id) for memory in all_of_them)))
    await store.records.commit(TENANT, batch(Erase(id=erased.id), put(back)))

    named = await store.records.forgotten(TENANT, "a/b", (Kind.EPISODE, Kind.FACT))

    assert sorted(named) == sorted(memory.id for memory in gone)
    assert await store.records.forgotten(TENANT, "a/b", (Kind.FACT,)) == [gone[1].id]
