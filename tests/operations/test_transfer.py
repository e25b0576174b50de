"""Exports and imports."""

import itertools
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.examples import ALL, THEN, batch, episode, fact, note, put
from tests.operations.fakes import FakeClock
from tests.operations.transfers import (
    bring,
    emptied,
    exported,
    given_lines,
    limited,
    line_of,
)
from tests.strategies import json_values

from recollect.domain.access import Principal, Right
from recollect.domain.changes import Forget, PutLink, PutRecord
from recollect.domain.memory import Link, RegistryRecord
from recollect.errors import Denied, InvalidRequest
from recollect.operations import (
    Context,
    ForgetOne,
    Read,
    Recall,
    forget,
    import_lines,
    read,
    recall,
)

pytestmark = pytest.mark.anyio

DETAILS = {
    "tags": ("ü", "b"), "metadata": {"n": 2**63 - 1, "f": 1e-300, "l": [None, {"x": "ф"}]},
    "source": "s", "external_id": "x", "importance": 0.25, "revision": 3,
    "occurred_at": THEN - timedelta(days=999, microseconds=1), "created_at": THEN,
    "updated_at": THEN + timedelta(seconds=1), "expires_at": THEN + timedelta(days=9999),
}  # fmt: skip
NOTE = note("# Tea\n\u2028東京 🍵", name="a/b", scope="work", id="note", **DETAILS)
SAID = episode("Hi.", id="said", session="s", position=4, role="user", produced_for="Bo", **DETAILS)
FACT = fact("Ann likes tea.", id="fact", valid_from=THEN, valid_to=THEN + timedelta(1), **DETAILS)
LINK = Link(from_id="fact", to_id="said", type="cites", weight=0.5, metadata={"q": [1]})
RECORD = RegistryRecord(
    type="project", id="acme", content={"name": "Ä", "n": 1}, updated_at=THEN, revision=2
)


async def fill(context: Context) -> None:
    plain = (note(id="plain"), episode(id="plain-said"), fact(id="plain-fact"))
    changes = [put(memory) for memory in (NOTE, SAID, FACT, *plain)]
    record = PutRecord(record=RECORD, expected_revision=0)
    await context.records.commit("default", batch(*changes, PutLink(link=LINK), record))


async def test_an_export_holds_everything_and_an_import_restores_it(context: Context) -> None:
    await fill(context)
    lines = await exported(context)
    other = emptied(context)

    result = await import_lines(other, given_lines(lines))

    assert (result.imported, result.unchanged, result.skipped) == (8, 0, [])
    assert json.loads(lines[0]) == {"format": "recollect", "version": 1}
    assert all(line.endswith("\n") and len(line.splitlines()) == 1 for line in lines[:1])
    ids = ["note", "said", "fact"]
    assert await context.records.get("other", ids) == [NOTE, SAID, FACT]
    assert await context.records.links("other", ids) == [LINK]
    assert await context.records.registry("other", "") == [RECORD]
    assert await exported(other) == lines


async def test_every_line_of_an_export_is_one_line(context: Context) -> None:
    await fill(context)

    for line in await exported(context):
        assert line.count("\n") == 1
        assert line.endswith("\n")
        assert isinstance(json.loads(line), dict)


async def test_what_was_imported_can_be_recalled_at_once(context: Context) -> None:
    await fill(context)
    other = emptied(context)
    await import_lines(other, given_lines(await exported(context)))

    answer = await recall(other, Recall(query="Ann likes tea", valid_at=THEN))

    assert answer.results[0].memory.content == "Ann likes tea."
    assert {"dense", "lexical"} <= set(answer.results[0].arms)


async def test_importing_twice_changes_nothing(context: Context) -> None:
    await fill(context)
    lines = await exported(context)
    seq = await context.log.last_seq("default")

    result = await import_lines(context, given_lines(lines))

    assert (result.imported, result.unchanged, result.skipped) == (0, 8, [])
    assert await context.log.last_seq("default") == seq
    assert await exported(context) == lines


async def test_lines_that_come_twice_in_one_import_are_stored_once(context: Context) -> None:
    await fill(context)
    lines = await exported(context)
    other = emptied(context)

    result = await import_lines(other, given_lines([*lines, *lines[1:]]))

    assert (result.imported, result.unchanged, result.skipped) == (8, 8, [])
    assert await exported(other) == lines


async def test_what_was_forgotten_since_the_export_comes_back(context: Context) -> None:
    await fill(context)
    lines = await exported(context)
    await forget(context, ForgetOne(id="note"))
    await context.records.commit("default", batch(Forget(id="fact")))

    result = await import_lines(context, given_lines(lines))

    assert (result.imported, result.skipped) == (3, [])
    found = await read(context, Read(id="note"))
    assert (found.content, found.created_at) == (NOTE.content, NOTE.created_at)
    assert found.revision > NOTE.revision
    assert await context.records.links("default", ["fact"]) == [LINK]
    again = await import_lines(context, given_lines(lines))
    assert (again.imported, again.unchanged) == (0, 8)


async def test_a_newer_revision_replaces_and_an_older_one_does_not(context: Context) -> None:
    await bring(context, line_of(note("Old.", name="n", id="n", revision=2)))
    newer = [line_of(note(text, name="n", id="n", revision=r)) for text, r in (("5", 5), ("4", 4))]
    result = await bring(context, *newer)

    assert (result.imported, result.unchanged) == (1, 1)
    assert (await read(context, Read(id="n"))).content == "5"

    result = await bring(
        context, *(line_of(note(str(r), name="n", id="n", revision=r)) for r in (6, 7))
    )
    assert result.skipped == []
    assert (await read(context, Read(id="n"))).content == "7"


MALFORMED = [
    "no json", "[]", "1", "null", "{}", '{"type": "other"}', '{"type": "memory"}', "[" * 100_000,
    {"type": "link", "from_id": "good"}, {"type": "record", "id": "x"},
    {"type": "link", "from_id": "good", "to_id": "nobody", "link_type": "x"},
    line_of(note(), kind="thing"), line_of(note(), name=None), line_of(note(), name="a//b"),
    line_of(note(), scope="all"), line_of(note(), content=" "), line_of(note(), revision=0),
    line_of(note(), revision=2**63), line_of(note(), revision="1"), line_of(note(), importance=2),
    line_of(note(), metadata=[]), line_of(note(), metadata={"n": 2**64}), line_of(note(), tags="x"),
    line_of(note(), occurred_at="soon"), line_of(note(), occurred_at=7),
    line_of(note(), occurred_at="0001-01-01T00:00:00+01:00"), line_of(note(), content="a\0b"),
    line_of(episode(), producer=None), line_of(episode(), session=None),
    line_of(episode(), position=None), line_of(episode(), position=10**30),
    line_of(fact(), category=None), line_of(note(id="dup", name="good")),
]  # fmt: skip


@pytest.mark.parametrize("line", MALFORMED, ids=range(len(MALFORMED)))
async def test_a_wrong_line_is_skipped_and_named_and_the_rest_is_stored(
    context: Context, line: str | dict[str, Any]
) -> None:
    good, late = line_of(note(name="good", id="good")), line_of(note(name="late", id="late"))

    result = await bring(context, good, "", line, late)

    assert [skipped.line for skipped in result.skipped] == [4]
    assert result.skipped[0].reason
    assert result.imported == 2
    assert [m.id for m in await context.records.browse("default", ALL, None, 9)] == ["good", "late"]


GOOD = [
    line_of(NOTE), line_of(SAID), line_of(FACT),
    {"type": "link", "from_id": "note", "to_id": "said", "link_type": "x", "weight": 1.0,
     "metadata": {}},
    {"type": "record", "record_type": "t", "id": "i", "content": {"a": 1}, "revision": 1,
     "updated_at": "2026-01-01T00:00:00Z"},
]  # fmt: skip


_NUMBERS = itertools.count()
_values = json_values | st.sampled_from([10**30, -1, "", "x", "\ud800", [], {}])


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.integers(0, 4), field=st.integers(0, 18), value=_values)
async def test_whatever_a_line_holds_an_import_ends_and_its_export_imports_again(
    context: Context, place: int, field: int, value: object
) -> None:
    one, other = (
        replace(context, principal=Principal(name="x", tenant=f"t{next(_NUMBERS)}"))
        for _ in range(2)
    )
    lines = [dict(line) for line in GOOD]
    names = sorted(lines[place])
    lines[place][names[field % len(names)]] = value

    result = await bring(one, *lines)

    assert result.imported + len(result.skipped) == 5
    again = await import_lines(other, given_lines(await exported(one)))
    assert (again.imported, again.skipped) == (result.imported, [])
    assert await exported(other) == await exported(one)


@pytest.mark.parametrize(
    "first", ["", "{}", "[]", "no", '{"format": "other", "version": 1}', json.dumps(line_of(NOTE))]
)
async def test_what_is_no_export_is_refused_whole(context: Context, first: str) -> None:
    lines = [first, json.dumps(line_of(NOTE))] if first else []
    with pytest.raises(InvalidRequest):
        await import_lines(context, given_lines(lines))

    assert await context.log.last_seq("default") == 0


async def test_an_export_holds_only_what_is_in_reach(context: Context) -> None:
    own, hidden = note("Own.", scope="team", id="own"), note("x", scope="secret", id="hidden")
    link = Link(from_id="own", to_id="hidden", type="about")
    record = PutRecord(record=RECORD, expected_revision=0)
    await context.records.commit(
        "default", batch(put(own), put(hidden), PutLink(link=link), record)
    )

    lines = await exported(limited(context))

    assert [json.loads(line).get("id") for line in lines[1:]] == ["own"]


async def test_an_import_changes_nothing_out_of_reach(context: Context) -> None:
    own, hidden = note("Own.", scope="team", id="own"), note("x", scope="secret", id="hidden")
    await context.records.commit("default", batch(put(own), put(hidden)))
    before = await exported(context)

    result = await bring(
        limited(context),
        line_of(note("Stolen.", scope="team", id="hidden", revision=9)),
        line_of(note("New.", scope="secret", id="new")),
        {"type": "link", "from_id": "own", "to_id": "hidden", "link_type": "about"},
        {"type": "link", "from_id": "hidden", "to_id": "own", "link_type": "about"},
        {
            "type": "record",
            "record_type": "project",
            "id": "acme",
            "content": {},
            "updated_at": "2026-01-01T00:00:00Z",
        },
    )

    assert [skipped.line for skipped in result.skipped] == [2, 3, 4, 5, 6]
    assert await exported(context) == before


async def test_both_need_their_right(context: Context, clock: FakeClock) -> None:
    assert clock() == THEN
    with pytest.raises(Denied):
        await exported(limited(context, Right.WRITE))
    with pytest.raises(Denied):
        await bring(limited(context, Right.READ))


async def test_a_line_that_contradicts_what_is_stored_is_reported(context: Context) -> None:
    await fill(context)
    other_text = line_of(replace(NOTE, content="Other."))
    other_record = {
        "type": "record", "record_type": "project", "id": "acme", "content": {"name": "B"},
        "updated_at": "2026-01-01T00:00:00Z", "revision": 2,
    }  # fmt: skip

    result = await bring(context, other_text, line_of(SAID), other_record)

    assert ([skipped.line for skipped in result.skipped], result.unchanged) == ([2, 4], 1)
    assert (await read(context, Read(id="note"))).content == NOTE.content
