"""What every change log promises."""

from dataclasses import fields, replace
from datetime import timedelta

import pytest
from tests.examples import TENANT, THEN, batch, episode, fact, note, put, storing

from recollect.app.wiring import Store
from recollect.domain.changes import (
    DropLink,
    Erase,
    Forget,
    Key,
    LogEntry,
    Put,
    PutLink,
    PutRecord,
)
from recollect.domain.memory import Kind, Link, Note, RegistryRecord
from recollect.errors import NotFound

pytestmark = pytest.mark.anyio


async def test_every_change_is_one_line_that_says_who_did_what(store: Store) -> None:
    memory = note(name="drink", scope="work")
    later = THEN + timedelta(days=1)
    await store.records.commit(TENANT, storing(memory, actor="ann", origin="git"))
    await store.records.commit(TENANT, batch(Forget(id=memory.id), at=later))

    assert await store.records.entries(TENANT, 0, 10) == [
        LogEntry(
            seq=1,
            at=THEN,
            actor="ann",
            origin="git",
            verb="remember",
            record_id=memory.id,
            revision=1,
            before=None,
        ),
        LogEntry(
            seq=2,
            at=later,
            actor="tester",
            origin="client",
            verb="forget",
            record_id=memory.id,
            revision=2,
            before=Key(scope="work", name="drink", kind=Kind.NOTE),
        ),
    ]


async def test_a_line_tells_where_the_memory_was_filed_before(store: Store) -> None:
    memory, said, known = note(name="a", scope="x"), episode(scope="y"), fact()
    moved = replace(memory, scope="z", detail=Note(name="b"), revision=2)
    await store.records.commit(TENANT, storing(memory, said, known))
    await store.records.commit(
        TENANT,
        batch(
            Put(memory=moved, expected_revision=1, verb="move"),
            put(replace(moved, revision=3), 2),
            put(replace(said, revision=2), 1),
            Erase(id=known.id),
        ),
    )

    changes = (await store.records.entries(TENANT, 3, 10))[:4]

    assert [(entry.verb, entry.before) for entry in changes] == [
        ("move", Key(scope="x", name="a", kind=Kind.NOTE)),
        ("remember", Key(scope="z", name="b", kind=Kind.NOTE)),
        ("remember", Key(scope="y", name=None, kind=Kind.EPISODE)),
        ("erase", Key(scope="", name=None, kind=Kind.FACT)),
    ]


async def test_links_and_registry_records_have_their_lines(store: Store) -> None:
    one, two = note(id="1"), note(id="2")
    record = RegistryRecord(type="project", id="acme", content={}, updated_at=THEN)
    await store.records.commit(
        TENANT,
        batch(
            put(one),
            put(two),
            PutLink(link=Link(from_id="1", to_id="2", type="cites")),
            DropLink(from_id="1", to_id="2", type="cites"),
            PutRecord(record=record, expected_revision=0),
        ),
    )

    changes = await store.records.entries(TENANT, 2, 10)

    assert [(e.verb, e.record_id, e.revision, e.before) for e in changes] == [
        ("link", "1>2:cites", 0, None),
        ("link", "1>2:cites", 0, None),
        ("record", "project:acme", 1, None),
    ]


async def test_lines_are_numbered_without_gaps_whatever_fails(store: Store) -> None:
    for _ in range(3):
        await store.records.commit(TENANT, storing(note(), note()))
        with pytest.raises(NotFound):
            await store.records.commit(TENANT, batch(put(note()), Forget(id="nobody")))

    entries = await store.records.entries(TENANT, 0, 100)

    assert [entry.seq for entry in entries] == [1, 2, 3, 4, 5, 6]
    assert await store.records.last_seq(TENANT) == 6


async def test_the_log_is_read_in_portions(store: Store) -> None:
    await store.records.commit(TENANT, storing(*(note() for _ in range(5))))

    assert [e.seq for e in await store.records.entries(TENANT, 1, 2)] == [2, 3]
    assert [e.seq for e in await store.records.entries(TENANT, 3, 10)] == [4, 5]
    assert await store.records.entries(TENANT, 5, 10) == []


async def test_the_log_is_empty_before_the_first_change(store: Store) -> None:
    assert await store.records.entries(TENANT, 0, 10) == []
    assert await store.records.last_seq(TENANT) == 0


async def test_the_log_holds_no_text() -> None:
    assert {field.name for field in fields(LogEntry)} == {
        "seq", "at", "actor", "origin", "verb", "record_id", "revision", "before",
    }  # fmt: skip
    assert {field.name for field in fields(Key)} == {"scope", "name", "kind"}
