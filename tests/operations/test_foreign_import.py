"""Imports of what other tools keep, and imports that are only tried."""

import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.examples import ALL, THEN, batch, episode, note, put
from tests.operations.fakes import FakeClock

from recollect.domain.access import Principal
from recollect.domain.memory import Link, Memory, RegistryRecord
from recollect.domain.scopes import ScopeSet
from recollect.operations import (
    Context,
    Edit,
    EraseOne,
    ForgetOne,
    History,
    Imported,
    Read,
    Recall,
    Remember,
    edit,
    erase,
    export,
    forget,
    history,
    import_lines,
    read,
    recall,
    remember,
)
from recollect.operations.lines import (
    FORMAT,
    as_line,
    foreign_line,
    link_line,
    memory_line,
    record_line,
)

pytestmark = pytest.mark.anyio


async def bring(context: Context, *lines: dict[str, Any], dry_run: bool = False) -> Imported:
    async def coming() -> AsyncIterator[str]:
        for line in (FORMAT, *lines):
            yield as_line(line)

    return await import_lines(context, coming(), dry_run=dry_run)


def style(content: str = "Use the imperative.", **fields: Any) -> dict[str, Any]:
    """A line with what another tool holds under one id."""
    usual = {"id": "style", "name": "style", "source": "serena"}
    return foreign_line(note(content, **(usual | fields)))


async def text(context: Context, memory_id: str = "style") -> str:
    return (await read(context, Read(id=memory_id))).content


async def test_what_another_tool_keeps_is_stored_and_recalled(context: Context) -> None:
    result = await bring(context, style(tags=("git",), scope="team", revision=9))

    assert (result.imported, result.unchanged, result.skipped) == (1, 0, [])
    found = await read(context, Read(id="style"))
    assert (found.revision, found.source, found.tags) == (1, "serena", ["git"])
    answer = await recall(context, Recall(query="imperative", scope="team"))
    assert answer.results[0].memory.id == "style"


async def test_the_second_import_changes_nothing(context: Context) -> None:
    await bring(context, style())
    seq = await context.log.last_seq("default")

    again = await bring(context, style(occurred_at=THEN + timedelta(days=1)))

    assert (again.imported, again.unchanged, again.skipped) == (0, 1, [])
    assert await context.log.last_seq("default") == seq


async def test_what_changed_in_the_source_is_a_new_revision(
    context: Context, clock: FakeClock
) -> None:
    await bring(context, style())
    before = await read(context, Read(id="style"))
    clock.pass_by(timedelta(days=1))

    again = await bring(context, style("Be brief."))

    assert (again.imported, again.unchanged) == (1, 0)
    after = await read(context, Read(id="style"))
    assert (after.content, after.revision, after.created_at) == ("Be brief.", 2, before.created_at)
    revisions = (await history(context, History(id="style"))).revisions
    assert [revision.verb for revision in revisions] == ["adopt", "adopt"]


@pytest.mark.parametrize("coming", ["Use the imperative.", "Be brief."], ids=["kept", "changed"])
async def test_what_was_edited_here_is_not_overwritten(context: Context, coming: str) -> None:
    await bring(context, style())
    await edit(context, Edit(id="style", content="Ours."))

    again = await bring(context, style(coming))

    assert (again.imported, again.unchanged, len(again.skipped)) == (0, 0, 1)
    assert ("both" in again.skipped[0].reason) is (coming == "Be brief.")
    assert await text(context) == "Ours."


async def test_what_was_remembered_over_it_is_not_overwritten(context: Context) -> None:
    await bring(context, style())
    await remember(context, Remember(content="Ours.", name="style"))

    assert len((await bring(context, style("Be brief."))).skipped) == 1
    assert await text(context) == "Ours."


async def test_what_was_forgotten_stays_so_until_it_is_erased(context: Context) -> None:
    await bring(context, style())
    await forget(context, ForgetOne(id="style"))

    assert len((await bring(context, style())).skipped) == 1
    await erase(context, EraseOne(id="style"))
    assert (await bring(context, style())).imported == 1


async def test_what_came_with_an_export_is_known_again_but_not_overwritten(
    context: Context,
) -> None:
    await bring(context, style())
    await edit(context, Edit(id="style", content="Ours."))
    lines = [json.loads(line) async for line in export(context)][1:]
    other = replace(context, principal=Principal(name="other", tenant="other"))
    await bring(other, *lines)

    assert (await bring(other, style("Ours."))).unchanged == 1
    assert len((await bring(other, style("Be brief."))).skipped) == 1
    assert await text(other) == "Ours."


async def test_a_name_that_is_taken_is_reported(context: Context) -> None:
    await remember(context, Remember(content="Ours.", name="style"))

    result = await bring(context, style(), style(id="other", name="other"))

    assert ([skipped.line for skipped in result.skipped], result.imported) == ([2], 1)
    assert "style" in result.skipped[0].reason


async def test_an_id_that_comes_twice_is_taken_once(context: Context) -> None:
    result = await bring(context, style("One."), style("Two."))

    assert (result.imported, [skipped.line for skipped in result.skipped]) == (1, [3])
    assert await text(context) == "One."


async def test_a_wrong_memory_is_told_by_its_field(context: Context) -> None:
    result = await bring(context, style(" "), style(name="a b"))

    assert [s.reason.partition(":")[0] for s in result.skipped] == ["content", "name"]


async def test_what_lies_out_of_reach_is_neither_told_nor_changed(context: Context) -> None:
    await bring(context, style(scope="secret"))
    limited = Principal(
        name="limited", tenant="default", scopes=ScopeSet(subtrees=frozenset({"team"}))
    )

    result = await bring(
        replace(context, principal=limited), style("New."), style("New.", scope="team")
    )

    assert (result.imported, len(result.skipped)) == (0, 2)
    assert await text(context) == "Use the imperative."


def everything() -> list[dict[str, Any]]:
    """Lines of every type, among them some that contradict others or what is stored."""
    ada, ben = note(id="ada", name="ada"), note(id="ben", name="ben", scope="s")
    return [
        memory_line(ada),
        style(),
        foreign_line(ben),
        foreign_line(note("Taken.", id="taken", name="ada")),
        foreign_line(note("Taken.", id="stored-too", name="stored")),
        memory_line(episode(id="said", session="s", external_id="e")),
        memory_line(episode("Other.", id="said-too", session="s", external_id="e")),
        memory_line(replace(ada, content="Newer.", revision=2)),
        memory_line(note("Old.", id="stored", name="stored")),
        memory_line(note("New.", id="stored", name="renamed", revision=4)),
        memory_line(note("Free now.", id="heir", name="stored")),
        link_line(Link(from_id="ada", to_id="ben", type="knows")),
        link_line(Link(from_id="ada", to_id="ben", type="knows")),
        link_line(Link(from_id="ada", to_id="ben", type="knows", weight=0.5)),
        link_line(Link(from_id="ada", to_id="nobody", type="knows")),
        record_line(RegistryRecord(type="t", id="i", content={}, updated_at=THEN)),
        {"type": "nonsense"},
    ]


async def test_a_dry_run_tells_what_the_import_then_does(context: Context) -> None:
    await context.records.commit("default", batch(put(note("Ours.", id="stored", name="stored"))))
    seq = await context.log.last_seq("default")

    tried = await bring(context, *everything(), dry_run=True)

    assert await context.log.last_seq("default") == seq
    assert await memories(context) == ["stored"]
    done = await bring(context, *everything())
    assert (tried.imported, tried.unchanged) == (done.imported, done.unchanged)
    assert tried.skipped == done.skipped
    assert [skipped.line for skipped in done.skipped] == [5, 6, 8, 10, 16, 18]
    assert done.planned == []
    assert {planned.line: planned.change for planned in tried.planned} == {
        **dict.fromkeys((2, 3, 4, 7, 12, 13, 17), "new"),
        **dict.fromkeys((9, 11, 15), "changed"),
    }


_TENANTS = itertools.count()
_notes = st.builds(
    lambda content, name, i, revision: note(content, name=name, id=i, revision=revision),
    st.sampled_from(["One.", "Two."]),
    st.sampled_from(["a", "b"]),
    st.sampled_from(["x", "y", "z"]),
    st.integers(1, 3),
)
_ends = st.sampled_from(["x", "y", "z"])
_lines = (
    _notes.map(memory_line)
    | _notes.map(foreign_line)
    | st.builds(lambda a, b: link_line(Link(from_id=a, to_id=b, type="t")), _ends, _ends)
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(before=st.lists(_lines, max_size=4), lines=st.lists(_lines, max_size=8))
async def test_a_dry_run_foretells_every_import(
    context: Context, before: list[dict[str, Any]], lines: list[dict[str, Any]]
) -> None:
    own = replace(context, principal=Principal(name="x", tenant=f"t{next(_TENANTS)}"))
    await bring(own, *before)

    tried = await bring(own, *lines, dry_run=True)
    done = await bring(own, *lines)

    assert (tried.imported, tried.unchanged) == (done.imported, done.unchanged)
    assert [s.line for s in tried.skipped] == [s.line for s in done.skipped]


async def memories(context: Context) -> list[str]:
    found: list[Memory] = await context.records.browse("default", ALL, None, 99)
    return [memory.id for memory in found]
