"""What every record store promises of links, registry records and repeated requests."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.examples import ALL, MINUTE, MODEL, TENANT, THEN, batch, note, put, storing

from recollect.app.wiring import Store, open_store
from recollect.domain.changes import (
    DropLink,
    DropRecord,
    Expect,
    ExpectLinks,
    Forget,
    Idempotency,
    PutLink,
    PutRecord,
)
from recollect.domain.memory import Link, RegistryRecord
from recollect.errors import (
    AlreadyExists,
    Conflict,
    IdempotencyMismatch,
    NotFound,
    RevisionConflict,
)
from recollect.settings import Settings

pytestmark = pytest.mark.anyio

ONE, TWO = note(id="1"), note(id="2")
LINK = Link(from_id="1", to_id="2", type="cites", weight=0.25, metadata={"span": [1, 2], "ü": None})


def record(record_id: str = "acme", **fields: object) -> RegistryRecord:
    usual = {"type": "project", "content": {"name": "Äpfel 🍎", "n": 2**60}, "updated_at": THEN}
    return RegistryRecord(id=record_id, **(usual | fields))  # type: ignore[arg-type]


async def test_links_come_back_ordered_by_both_ends_and_type(store: Store) -> None:
    links = [
        Link(from_id=a, to_id=b, type=t)
        for a, b, t in [("1", "1", "z"), ("1", "2", "a"), ("1", "2", "b"), ("2", "1", "a")]
    ]
    changes = [PutLink(link=link) for link in reversed([LINK, *links])]
    await store.records.commit(TENANT, batch(put(ONE), put(TWO), *changes))

    assert await store.records.links(TENANT, ["2", "1"]) == [*links[:3], LINK, links[3]]
    assert await store.records.links(TENANT, ["2"]) == links[3:]
    assert await store.records.links(TENANT, []) == []
    assert (await store.records.counts(TENANT, MODEL)).links == 5


async def test_links_are_found_from_either_end_the_heaviest_first(store: Store) -> None:
    far = Link(from_id="3", to_id="4", type="a", weight=9)
    one = Link(from_id="2", to_id="1", type="a", weight=0.5)
    two = Link(from_id="1", to_id="3", type="a", weight=-1)
    same = [Link(from_id="1", to_id=to, type=t) for to, t in [("1", "b"), ("2", "a"), ("2", "b")]]
    memories = [put(note(id=id_)) for id_ in "1234"]
    changes = [PutLink(link=link) for link in (two, one, *reversed(same), far)]
    await store.records.commit(TENANT, batch(*memories, *changes))

    assert await store.records.links_touching(TENANT, ["1"], 10) == [*same, one, two]
    assert await store.records.links_touching(TENANT, ["2", "3"], 2) == [far, same[1]]
    assert await store.records.links_touching(TENANT, [], 10) == []


async def test_outlines_tell_what_is_linked(store: Store) -> None:
    three = note("tea", id="3")
    await store.records.commit(TENANT, batch(put(ONE), put(TWO), put(three), PutLink(link=LINK)))

    outlines = await store.records.outlines(TENANT, ALL, ["1", "2", "3"])
    by_words = await store.text.search(TENANT, ALL, ONE.content, 5)

    known = {outline.id: outline.linked for outline in outlines}
    assert (known["1"], known["2"]) == (True, True)
    assert {hit.id: hit.outline.linked for hit in by_words} == known


async def test_a_file_tells_what_no_link_touches(tmp_path: Path) -> None:
    three = note(id="3")
    async with open_store(Settings(data_dir=tmp_path)) as store:
        changes = (put(ONE), put(TWO), put(three), PutLink(link=LINK))
        await store.records.commit(TENANT, batch(*changes))

        outlines = await store.records.outlines(TENANT, ALL, ["1", "2", "3"])

    assert {outline.id: outline.linked for outline in outlines} == {
        "1": True,
        "2": True,
        "3": False,
    }


async def test_links_are_found_by_where_they_end(store: Store) -> None:
    other = Link(from_id="2", to_id="1", type="cites")
    more = Link(from_id="1", to_id="2", type="z")
    changes = [PutLink(link=link) for link in (more, other, LINK)]
    await store.records.commit(TENANT, batch(put(ONE), put(TWO), *changes))

    assert await store.records.links_to(TENANT, ["2"]) == [LINK, more]
    assert await store.records.links_to(TENANT, ["1", "2"]) == [LINK, more, other]
    assert await store.records.links_to(TENANT, []) == []


async def test_a_link_with_the_same_ends_and_type_is_replaced(store: Store) -> None:
    await store.records.commit(TENANT, batch(put(ONE), put(TWO), PutLink(link=LINK)))
    heavier = Link(from_id="1", to_id="2", type="cites", weight=1e300)
    await store.records.commit(TENANT, batch(PutLink(link=heavier)))

    assert await store.records.links(TENANT, ["1"]) == [heavier]


async def test_a_dropped_link_is_gone_and_dropping_it_again_changes_nothing(store: Store) -> None:
    drop = DropLink(from_id="1", to_id="2", type="cites")
    await store.records.commit(TENANT, batch(put(ONE), put(TWO), PutLink(link=LINK)))
    first = await store.records.commit(TENANT, batch(drop))
    again = await store.records.commit(TENANT, batch(drop))

    assert [entry.record_id for entry in first.entries] == ["1>2:cites"]
    assert again.entries == ()
    assert await store.records.links(TENANT, ["1"]) == []


@pytest.mark.parametrize(
    ("expected", "is_so"), [({"1"}, True), (set[str](), False), ({"2"}, False), ({"1", "3"}, False)]
)
async def test_a_batch_may_expect_the_links_that_end_at_a_memory(
    store: Store, expected: set[str], *, is_so: bool
) -> None:
    others = [Link(from_id="3", to_id="2", type="z"), Link(from_id="3", to_id="1", type="cites")]
    changes = [PutLink(link=link) for link in (LINK, *others)]
    three = put(note(id="3"))
    await store.records.commit(TENANT, batch(put(ONE), put(TWO), three, *changes))
    expecting = ExpectLinks(to_id="2", type="cites", from_ids=frozenset(expected))

    if is_so:
        receipt = await store.records.commit(TENANT, batch(expecting, Forget(id="2")))
        assert [entry.verb for entry in receipt.entries] == ["forget"]
    else:
        with pytest.raises(Conflict):
            await store.records.commit(TENANT, batch(Forget(id="3"), expecting))
        assert len(await store.records.links(TENANT, ["1", "3"])) == 3


@pytest.mark.parametrize("ends", [("1", "nobody"), ("nobody", "1")])
async def test_both_ends_of_a_link_must_be_there(store: Store, ends: tuple[str, str]) -> None:
    await store.records.commit(TENANT, storing(ONE))

    change = PutLink(link=Link(from_id=ends[0], to_id=ends[1], type="cites"))

    with pytest.raises(NotFound) as refused:
        await store.records.commit(TENANT, batch(change))

    assert refused.value.reference == "nobody"


async def test_registry_records_come_back_by_type_ordered_by_id(store: Store) -> None:
    one, two, other = record("b"), record("a"), record("a", type="set", content={})
    await store.records.commit(
        TENANT, batch(*(PutRecord(record=r, expected_revision=0) for r in (one, other, two)))
    )

    assert await store.records.registry(TENANT, "project") == [two, one]
    assert await store.records.registry(TENANT, "") == [two, one, other]
    assert await store.records.registry(TENANT, "nothing") == []


async def test_registry_records_are_found_by_their_ids(store: Store) -> None:
    records = [record("a"), record("b"), record("a", type="set")]
    changes = [PutRecord(record=r, expected_revision=0) for r in records]
    await store.records.commit(TENANT, batch(*changes))

    assert await store.records.registered(TENANT, "set", ["a", "b"]) == records[2:]
    found = await store.records.registered(TENANT, "project", ["b", "c", "a"])
    assert sorted(found, key=lambda r: r.id) == records[:2]
    assert await store.records.registered(TENANT, "project", []) == []


@pytest.mark.parametrize(
    ("revision", "error"), [(0, AlreadyExists), (1, None), (2, RevisionConflict)]
)
async def test_a_batch_may_expect_a_registry_record_as_it_is(
    store: Store, revision: int, error: type[Exception] | None
) -> None:
    await store.records.commit(TENANT, batch(PutRecord(record=record(), expected_revision=0)))
    expecting = batch(put(ONE), Expect(type="project", id="acme", revision=revision))

    if error is None:
        receipt = await store.records.commit(TENANT, expecting)
        assert [entry.record_id for entry in receipt.entries] == [ONE.id]
    else:
        with pytest.raises(error):
            await store.records.commit(TENANT, expecting)
        assert await store.records.get(TENANT, [ONE.id]) == []


async def test_a_batch_that_expects_a_record_that_is_gone_fails(store: Store) -> None:
    with pytest.raises(NotFound):
        await store.records.commit(TENANT, batch(Expect(type="project", id="x", revision=1)))


async def test_a_registry_record_is_replaced_at_its_revision_only(store: Store) -> None:
    second = record(content={"name": "Pears"}, revision=2, updated_at=THEN + MINUTE)
    await store.records.commit(TENANT, batch(PutRecord(record=record(), expected_revision=0)))

    with pytest.raises(AlreadyExists):
        await store.records.commit(TENANT, batch(PutRecord(record=second, expected_revision=0)))
    with pytest.raises(RevisionConflict):
        await store.records.commit(TENANT, batch(PutRecord(record=second, expected_revision=2)))
    missing = PutRecord(record=record("new", revision=2), expected_revision=1)
    with pytest.raises(NotFound):
        await store.records.commit(TENANT, batch(missing))
    await store.records.commit(TENANT, batch(PutRecord(record=second, expected_revision=1)))

    assert await store.records.registry(TENANT, "project") == [second]


async def test_a_dropped_registry_record_is_gone_and_logged_once(store: Store) -> None:
    drop = DropRecord(type="project", id="acme")
    await store.records.commit(TENANT, batch(PutRecord(record=record(), expected_revision=0)))
    first = await store.records.commit(TENANT, batch(drop))
    again = await store.records.commit(TENANT, batch(drop))

    assert [(e.verb, e.record_id, e.revision) for e in first.entries] == [
        ("record", "project:acme", 2)
    ]
    assert again.entries == ()
    assert await store.records.registry(TENANT, "") == []


FIRST = Idempotency(key="me\nk", request="digest", response='{"id": "1"}', at=THEN)
OTHER_REQUEST = Idempotency(key="me\nk", request="other", response="{}", at=THEN)


async def test_a_repeated_request_changes_nothing_and_gets_the_first_answer(store: Store) -> None:
    assert await store.records.replay(TENANT, FIRST) is None
    first = await store.records.commit(TENANT, storing(note(), idempotency=FIRST))
    retry = replace(FIRST, response='{"id": "2"}')
    again = await store.records.commit(TENANT, storing(note(), idempotency=retry))

    assert first.replayed is None
    assert (again.replayed, again.entries) == (FIRST.response, ())
    assert await store.records.replay(TENANT, retry) == FIRST.response
    assert await store.records.count(TENANT, ALL) == 1


async def test_an_empty_answer_is_an_answer(store: Store) -> None:
    silent = replace(FIRST, response="")
    await store.records.commit(TENANT, storing(note(), idempotency=silent))

    assert (await store.records.commit(TENANT, storing(note(), idempotency=silent))).replayed == ""


async def test_another_request_under_the_same_key_is_refused(store: Store) -> None:
    await store.records.commit(TENANT, storing(note(), idempotency=FIRST))

    with pytest.raises(IdempotencyMismatch):
        await store.records.commit(TENANT, storing(note(), idempotency=OTHER_REQUEST))
    with pytest.raises(IdempotencyMismatch):
        await store.records.replay(TENANT, OTHER_REQUEST)
    assert await store.records.count(TENANT, ALL) == 1


async def test_a_key_whose_request_failed_is_still_new(store: Store) -> None:
    with pytest.raises(NotFound):
        await store.records.commit(TENANT, batch(put(note(), 1), idempotency=FIRST))

    assert await store.records.replay(TENANT, FIRST) is None


async def test_a_key_is_kept_for_a_day_and_then_new_again(store: Store) -> None:
    day = timedelta(hours=24)
    await store.records.commit(TENANT, storing(note(), idempotency=FIRST))

    in_time, late = replace(FIRST, at=THEN + day), replace(OTHER_REQUEST, at=THEN + day + MINUTE)
    assert await store.records.replay(TENANT, in_time) == FIRST.response
    assert await store.records.replay(TENANT, late) is None
    await store.records.commit(TENANT, storing(note(), idempotency=late))
    assert await store.records.replay(TENANT, late) == late.response
    assert await store.records.count(TENANT, ALL) == 2


async def test_keys_of_different_tenants_have_nothing_to_do_with_each_other(store: Store) -> None:
    await store.records.commit("one", storing(note(), idempotency=FIRST))

    assert await store.records.replay("two", OTHER_REQUEST) is None
