"""The seven tools, as memory-mcp's clients know them, over every transport and protocol era.

The fields are those of section 1 of memory-mcp's contract; results may hold more.
"""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from mcp import Client
from tests.operations.fakes import FakeEmbedder
from tests.transports.mcp_clients import WAYS, call, connected, protocol_error
from tests.transports.serving import settings_for

from recollect.app.faces import mcp_server
from recollect.app.wiring import open_context

pytestmark = pytest.mark.anyio

PLACED = {"id": str, "name": str, "scope": str}
RECALLED = {
    "recall_id": str, "results": list, "count": int, "limit": int, "pre_filter_count": int,
    "skipped_errors": int,
}  # fmt: skip
HIT = {
    "id": str, "name": str, "scope": str, "tags": list, "content": str, "content_length": int,
    "truncated": bool, "distance": float, "match_type": str,
}  # fmt: skip
READ = {
    "id": str, "name": str, "scope": str, "tags": list, "content": str,
    "source": str | None, "created_at": str, "updated_at": str,
}  # fmt: skip
LISTED = {
    "memories": list, "count": int, "returned": int, "limit": int, "has_more": bool,
    "next_cursor": str | None,
}  # fmt: skip
SUMMARY = {
    "id": str, "name": str, "scope": str, "tags": list, "created_at": str, "updated_at": str,
}  # fmt: skip


@pytest.fixture(params=WAYS)
async def tools(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Client]:
    async with connected(request.param, tmp_path) as client:
        yield client


def has(result: Any, fields: Mapping[str, Any]) -> None:
    """Check that the old fields are there, with the old types."""
    for name, kind in fields.items():
        assert isinstance(result[name], kind), name
        assert kind is bool or not isinstance(result[name], bool), name


async def test_a_remembered_note_can_be_read(tools: Client) -> None:
    placed = await call(
        tools, "remember",
        name="db/pool", content="Pool of 5.", tags=["pg", "x"], scope="acme/api", source="Ann",
    )  # fmt: skip
    has(placed, PLACED)
    assert UUID(placed["id"])
    assert (placed["name"], placed["scope"]) == ("db/pool", "acme/api")
    note = await call(tools, "read", name="db/pool", scope="acme/api")
    has(note, READ)
    assert note["id"] == placed["id"]
    assert (note["content"], note["tags"], note["source"]) == ("Pool of 5.", ["pg", "x"], "Ann")
    for name in ("created_at", "updated_at"):
        assert note[name].endswith("Z")
        assert datetime.fromisoformat(note[name])


async def test_what_is_left_out_or_null_has_its_default(tools: Client) -> None:
    for absent in ({}, {"scope": None, "source": None}, {"scope": "global"}):
        await call(tools, "remember", name="n", content="Tea.", **absent)
        note = await call(tools, "read", name="n")
        assert (note["scope"], note["tags"], note["source"]) == ("global", [], None)
    listed = await call(tools, "list", scope=None, limit=None, cursor=None, fields=None)
    assert (listed["limit"], listed["count"]) == (50, 1)
    recalled = await call(tools, "recall", query="tea", scope=None, limit=None)
    assert (recalled["limit"], recalled["count"]) == (5, 1)


async def test_unknown_arguments_are_ignored(tools: Client) -> None:
    await call(tools, "remember", name="n", content="Tea.", colour="green", id=5)
    assert (await call(tools, "read", name="n", colour=[]))["content"] == "Tea."


async def test_content_that_looks_like_json_stays_text(tools: Client) -> None:
    for content in ('{"a": 1}', "[1, 2]", "null", "5", '"x"', "---\na: b\n---\n", "ü\u2028☕\t"):
        await call(tools, "remember", name="n", content=content)
        assert (await call(tools, "read", name="n"))["content"] == content


async def test_remembering_under_the_same_name_replaces(tools: Client) -> None:
    first = await call(tools, "remember", name="n", content="One.", tags=["a"], source="s")
    second = await call(tools, "remember", name="n", content="Two.")
    assert second["replaced"]
    assert second["id"] == first["id"]
    note = await call(tools, "read", name="n")
    assert (note["content"], note["tags"], note["source"]) == ("Two.", [], None)
    assert (await call(tools, "list"))["count"] == 1


async def test_recall_gives_every_field(tools: Client) -> None:
    await call(tools, "remember", name="tea", content="Tea at four. " * 60, tags=["x"])
    recalled = await call(tools, "recall", query="tea")
    has(recalled, RECALLED)
    assert recalled["recall_id"].startswith("r_")
    assert len(recalled["recall_id"]) == 34
    assert set(recalled["recall_id"][2:]) <= set("0123456789abcdef")
    assert (recalled["count"], recalled["skipped_errors"]) == (1, 0)
    assert recalled["pre_filter_count"] >= recalled["count"]
    [hit] = recalled["results"]
    has(hit, HIT)
    assert (hit["content"], hit["truncated"]) == (("Tea at four. " * 60)[:500], True)
    assert (hit["content_length"], hit["tags"]) == (780, ["x"])
    assert hit["match_type"] == "both"
    assert 0 <= hit["distance"] <= 2
    assert hit["matched"]["text"]
    assert 0 <= hit["score"] <= 1


async def test_what_its_date_alone_found_has_no_distance(tmp_path: Path) -> None:
    embedder = FakeEmbedder()
    embedder.problem = "no model"
    async with open_context(settings_for(tmp_path)) as (context, _):
        server = mcp_server(replace(context, embedder=embedder), "all")
        async with Client(server) as client:
            placed = await call(client, "remember", name="goose", content="Goose.")
            stored = await call(client, "read", name=placed["name"])
            day = stored["created_at"][:10]
            [hit] = (await call(client, "recall", query=f"what was eaten on {day}?"))["results"]
    assert (hit["name"], hit["distance"], hit["match_type"]) == ("goose", -1.0, "lexical")


async def test_a_short_text_is_not_truncated_and_counted_in_code_points(tools: Client) -> None:
    await call(tools, "remember", name="n", content="tea ☕🍵" + "é" * 494)
    [hit] = (await call(tools, "recall", query="tea"))["results"]
    assert (hit["content_length"], hit["truncated"], len(hit["content"])) == (500, False, 500)


@pytest.mark.parametrize(
    ("limit", "effective"), [(0, 0), (1, 1), (3, 3), (100, 100), (101, 100), (10**12, 100)]
)
async def test_recall_clamps_its_limit(tmp_path: Path, limit: int, effective: int) -> None:
    async with connected("memory auto", tmp_path) as tools:
        for number in range(4):
            await call(tools, "remember", name=f"n{number}", content="Tea.")
        recalled = await call(tools, "recall", query="tea", limit=limit)
        assert recalled["limit"] == effective
        assert recalled["count"] == len(recalled["results"]) == min(effective, 4)


async def test_queries_reach_as_far_as_their_scope_says(tools: Client) -> None:
    for scope in ("global", "eng", "eng/ml", "engineering"):
        await call(tools, "remember", name="n", content="Tea.", scope=scope)
    for asked, found in (
        ({}, {"global"}),
        ({"scope": "global"}, {"global"}),
        ({"scope": "eng"}, {"global", "eng", "eng/ml"}),
        ({"scope": "eng/ml"}, {"global", "eng/ml"}),
        ({"scope": "nowhere"}, {"global"}),
        ({"scope": "all"}, {"global", "eng", "eng/ml", "engineering"}),
    ):
        listed = await call(tools, "list", **asked)
        assert {note["scope"] for note in listed["memories"]} == found
        recalled = await call(tools, "recall", query="tea", limit=100, **asked)
        assert {hit["scope"] for hit in recalled["results"]} == found


async def test_a_point_tool_means_exactly_its_scope(tools: Client) -> None:
    await call(tools, "remember", name="n", content="Tea.", scope="eng/ml")
    for scope in ("eng", "global", "eng/ml/deep"):
        code, message = await protocol_error(tools, "read", name="n", scope=scope)
        assert (code, message) == (-32602, "memory not found: n")


async def test_editing_keeps_what_is_not_given(tools: Client) -> None:
    await call(tools, "remember", name="n", content="One.", tags=["a"], source="s", scope="p")
    before = await call(tools, "read", name="n", scope="p")
    for given, content, tags in (
        ({"content": "Two."}, "Two.", ["a"]),
        ({"tags": ["b", "c"], "content": None}, "Two.", ["b", "c"]),
        ({"tags": []}, "Two.", []),
        ({"tags": None, "content": "Three."}, "Three.", []),
    ):
        has(await call(tools, "edit", name="n", scope="p", **given), PLACED)
        after = await call(tools, "read", name="n", scope="p")
        assert (after["content"], after["tags"]) == (content, tags)
        for kept in ("id", "created_at", "source"):
            assert after[kept] == before[kept]
        assert after["updated_at"] >= before["updated_at"]


async def test_a_moved_note_is_at_its_destination_only(tools: Client) -> None:
    await call(tools, "remember", name="n", content="Tea.", tags=["a"], source="s")
    placed = await call(tools, "move", name="n", to_scope="p/q", new_name="m")
    has(placed, PLACED)
    assert (placed["name"], placed["scope"]) == ("m", "p/q")
    note = await call(tools, "read", name="m", scope="p/q")
    assert (note["content"], note["tags"], note["source"]) == ("Tea.", ["a"], "s")
    assert (await protocol_error(tools, "read", name="n"))[0] == -32602
    back = await call(tools, "move", name="m", from_scope="p/q", to_scope="global", new_name=None)
    assert (back["name"], back["scope"]) == ("m", "global")


async def test_forgetting_answers_with_one_word(tools: Client) -> None:
    await call(tools, "remember", name="n", content="Tea.", scope="p")
    result = await tools.call_tool("forget", {"name": "n", "scope": "p"})
    assert [content.text for content in result.content if content.type == "text"] == ["ok"]
    assert not result.is_error
    assert (await call(tools, "list", scope="all"))["count"] == 0
    assert (await call(tools, "recall", query="tea", scope="all"))["count"] == 0


async def test_a_list_gives_every_field(tools: Client) -> None:
    await call(tools, "remember", name="n", content="Tea.", tags=["a"])
    listed = await call(tools, "list")
    has(listed, LISTED)
    assert (listed["count"], listed["returned"], listed["limit"]) == (1, 1, 50)
    assert (listed["has_more"], listed["next_cursor"]) == (False, None)
    [summary] = listed["memories"]
    assert summary.keys() == SUMMARY.keys()
    has(summary, SUMMARY)


async def test_a_list_gives_the_fields_that_are_asked_for(tools: Client) -> None:
    await call(tools, "remember", name="n", content="Tea.")
    for fields in (["name"], ["tags", "id"], list(SUMMARY), []):
        [summary] = (await call(tools, "list", fields=fields))["memories"]
        assert summary.keys() == set(fields)
