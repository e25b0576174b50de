"""Exports hold what memories were before, and what was forgotten; imports bring it back."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.examples import THEN, batch, note, put
from tests.operations.transfers import bring, emptied, exported, given_lines, limited, line_of

from recollect.domain.changes import Forget
from recollect.operations import (
    Context,
    Correct,
    EraseOne,
    History,
    Learn,
    Read,
    Recall,
    correct,
    erase,
    history,
    import_lines,
    learn,
    read,
    recall,
)

pytestmark = pytest.mark.anyio

DAY = timedelta(days=1)
TEA = note("Tea at four.", name="tea", id="tea", scope="team")
LATER = replace(TEA, content="Tea at five.", revision=2, updated_at=THEN + DAY)
MOVED = note(
    "Tea at six.", name="six", id="tea", scope="team", revision=3, updated_at=THEN + 2 * DAY
)


async def fill(context: Context) -> None:
    """A note that was changed, moved by somebody else, and one that was forgotten."""
    commit = context.records.commit
    await commit("default", batch(put(TEA), put(note("Gone.", name="gone", id="gone"))))
    await commit("default", batch(put(LATER, 1), at=THEN + DAY, actor="bo"))
    moved = replace(put(MOVED, 2), verb="move")
    await commit("default", batch(moved, Forget(id="gone"), at=THEN + 2 * DAY, actor="cy"))
    await commit("default", batch(put(note("Coffee.", name="tea", id="coffee", scope="team"))))


async def test_every_revision_comes_along_with_who_made_it_and_when(context: Context) -> None:
    await fill(context)
    lines = await exported(context)
    other = emptied(context)

    result = await import_lines(other, given_lines(lines))

    assert (result.imported, result.unchanged, result.skipped) == (6, 0, [])
    for memory_id in ("tea", "gone", "coffee"):
        told = await context.records.history("default", memory_id)
        assert await context.records.history("other", memory_id) == told
    assert await exported(other) == lines
    assert {line.origin for line in await context.log.entries("other", 0, 99)} == {"import"}
    assert [m.id for m in await context.records.get("other", ["gone", "tea"])] == ["tea"]


async def test_importing_the_past_twice_changes_nothing(context: Context) -> None:
    await fill(context)
    lines = await exported(context)
    other = emptied(context)
    await import_lines(other, given_lines(lines))
    seq = await context.log.last_seq("other")

    for importing in (context, other):
        result = await import_lines(importing, given_lines([*lines, *lines[1:]]))
        assert (result.imported, result.unchanged, result.skipped) == (0, 12, [])
    assert await context.log.last_seq("other") == seq


async def test_lines_may_come_in_any_order_as_long_as_memories_come_first(context: Context) -> None:
    await fill(context)
    first, *lines = await exported(context)
    memories = [line for line in lines if json.loads(line)["type"] == "memory"]
    others = [line for line in lines if line not in memories]
    other = emptied(context)

    result = await import_lines(other, given_lines([first, *memories[::-1], *others[::-1]]))

    assert (result.imported, result.skipped) == (6, [])
    assert await exported(other) == [first, *lines]


async def test_what_was_true_before_a_correction_can_be_asked_after_an_import(
    context: Context,
) -> None:
    filed = {"category": "profile", "tag": "home", "feature": "city"}
    told = await learn(
        context, Learn(content="Ann lives in Lisbon.", valid_from=THEN - 9 * DAY, **filed)
    )
    moved = Correct(id=told.id, content="Ann lives in Porto.", valid_from=THEN - DAY)
    await correct(context, moved)
    other = emptied(context)
    await import_lines(other, given_lines(await exported(context)))

    answer = await recall(other, Recall(query="where does Ann live", valid_at=THEN - 2 * DAY))

    assert [hit.memory.content for hit in answer.results] == ["Ann lives in Lisbon."]


async def test_erasing_takes_the_imported_past_too(context: Context) -> None:
    await fill(context)
    other = emptied(context)
    await import_lines(other, given_lines(await exported(context)))

    erased = [await erase(other, EraseOne(id=memory_id)) for memory_id in ("tea", "gone")]

    assert [receipt.revisions for receipt in erased] == [3, 2]
    assert "Tea at" not in "".join(await exported(other))
    assert "Gone" not in "".join(await exported(other))


async def test_an_export_of_before_there_was_a_past_is_completed_by_a_new_one(
    context: Context,
) -> None:
    await fill(context)
    lines = await exported(context)
    old = [line for line in lines[1:] if json.loads(line)["type"] == "memory"]
    without = [json.loads(line) for line in old]
    for line in without:
        del line["recorded"]
    other = emptied(context)
    assert (await bring(other, *without)).skipped == []
    assert [r.verb for r in (await history(other, History(id="tea"))).revisions] == ["import"]

    result = await import_lines(other, given_lines(lines))

    assert (result.imported, result.unchanged, result.skipped) == (4, 2, [])
    told = (await history(other, History(id="tea"))).revisions
    assert [(r.revision, r.actor) for r in told] == [(1, "tester"), (2, "bo"), (3, "other")]


async def test_a_past_that_contradicts_what_is_stored_is_reported(context: Context) -> None:
    await fill(context)
    _, *lines = map(json.loads, await exported(context))
    other = emptied(context)
    await bring(other, line_of(note("Mine.", name="mine", id="gone")))
    await bring(other, line_of(replace(TEA, content="Another tea.")))
    tried = await bring(other, *lines)

    result = [(s.line, lines[s.line - 2]["id"], lines[s.line - 2]["type"]) for s in tried.skipped]

    assert [(i, kind) for _, i, kind in result] == [
        ("gone", "revision"), ("gone", "forgotten"), ("tea", "revision"),
    ]  # fmt: skip
    assert (await read(other, Read(id="gone"))).content == "Mine."
    again = await bring(other, *lines)
    assert (again.imported, again.skipped) == (0, tried.skipped)


async def test_a_dry_run_counts_the_past_and_stores_none_of_it(context: Context) -> None:
    await fill(context)
    lines = await exported(context)
    other = emptied(context)

    result = await import_lines(other, given_lines(lines), dry_run=True)

    assert (result.imported, len(result.planned), result.skipped) == (6, 6, [])
    assert await context.log.last_seq("other") == 0


async def test_the_past_of_what_is_out_of_reach_is_neither_given_nor_taken(
    context: Context,
) -> None:
    await fill(context)
    lines = await exported(context)

    seen = [json.loads(line) for line in await exported(limited(context))]
    assert {line["id"] for line in seen[1:]} == {"tea", "coffee"}

    other = replace(limited(context), principal=replace(limited(context).principal, tenant="other"))
    result = await import_lines(other, given_lines(lines))
    assert result.imported == 4
    assert await context.records.history("other", "gone") == []


def past_line(**changes: object) -> dict[str, Any]:
    recorded = {"at": "2026-01-01T00:00:00Z", "actor": "ann", "verb": "edit"}
    line = line_of(note(name="n", id="n")) | {"type": "revision", "recorded": recorded}
    return line | changes


def made(**changes: object) -> dict[str, object]:
    return {"at": "2026-01-01T00:00:00Z", "actor": "ann", "verb": "edit"} | changes


FORGOTTEN = {
    "type": "forgotten", "id": "n", "revision": 2, "scope": "", "kind": "note", "name": "n",
    "recorded": made(verb="forget"),
}  # fmt: skip
MALFORMED = [
    past_line(recorded=None), past_line(recorded=[]), past_line(recorded=made(verb="erase")),
    past_line(recorded=made(verb="ingest")), past_line(recorded=made(at="soon")),
    past_line(recorded=made(actor="a\0")), past_line(recorded=made(actor=None)),
    past_line(recorded={"verb": "edit"}), past_line(name=None), past_line(revision=0),
    FORGOTTEN | {"scope": "a//b"}, FORGOTTEN | {"kind": "x"}, FORGOTTEN | {"revision": 2**63},
    FORGOTTEN | {"recorded": None}, FORGOTTEN | {"id": "a/b"},
    line_of(note(name="n", id="n"), recorded=made(verb="forget")),
]  # fmt: skip


@pytest.mark.parametrize("line", MALFORMED, ids=range(len(MALFORMED)))
async def test_a_wrong_line_of_the_past_is_skipped(context: Context, line: dict[str, Any]) -> None:
    result = await bring(context, line, past_line(), FORGOTTEN)

    assert [skipped.line for skipped in result.skipped] == [2]
    assert result.imported == 2
