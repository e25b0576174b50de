"""`list`: pages, their ceiling in bytes, and cursors."""

import json
from collections.abc import AsyncGenerator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from tests.transports.mcp_clients import call, connected, protocol_error

from recollect.settings import SqliteStoreSettings

pytestmark = pytest.mark.anyio

CEILING = 24_576


@pytest.fixture
async def tools(tmp_path: Path) -> AsyncGenerator[Client]:
    async with connected("memory auto", tmp_path, store=SqliteStoreSettings()) as client:
        yield client


async def pages(tools: Client, **arguments: Any) -> list[Any]:
    """Every page of a list."""
    found = [await call(tools, "list", **arguments)]
    while found[-1]["next_cursor"] is not None:
        found.append(await call(tools, "list", cursor=found[-1]["next_cursor"], **arguments))
    return found


async def test_pages_hold_every_note_once_in_order(tools: Client) -> None:
    for name in ("b", "a", "c/d", "B", "é"):
        await call(tools, "remember", name=name, content="Tea.", scope="p")
    found = await pages(tools, scope="p", limit=2)
    assert [page["returned"] for page in found] == [2, 2, 1]
    assert [page["has_more"] for page in found] == [True, True, False]
    assert {page["count"] for page in found} == {5}
    names = [note["name"] for page in found for note in page["memories"]]
    assert names == ["B", "a", "b", "c/d", "é"]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_the_root_stands_where_its_word_does(tools: Client, limit: int) -> None:
    for scope in ("zoo", "acme/api", "global", "globe", "global/a", "acme", "Zoo"):
        for name in ("b", "a"):
            await call(tools, "remember", name=name, content="Tea.", scope=scope)
    listed = {
        scope: [
            (note["scope"], note["name"])
            for page in await pages(tools, scope=scope, limit=limit)
            for note in page["memories"]
        ]
        for scope in ("all", "acme", "zoo")
    }
    scopes = sorted(("zoo", "acme/api", "global", "globe", "global/a", "acme", "Zoo"))
    assert listed["all"] == [(scope, name) for scope in scopes for name in ("a", "b")]
    assert [scope for scope, _ in listed["acme"][::2]] == ["acme", "acme/api", "global"]
    assert [scope for scope, _ in listed["zoo"][::2]] == ["global", "zoo"]


async def test_a_page_that_is_just_full_is_the_last_one(tools: Client) -> None:
    for name in ("a", "b"):
        await call(tools, "remember", name=name, content="Tea.")
    page = await call(tools, "list", limit=2)
    assert (page["returned"], page["has_more"], page["next_cursor"]) == (2, False, None)


async def test_changes_between_pages_neither_hide_nor_repeat(tools: Client) -> None:
    for name in ("b", "d", "f"):
        await call(tools, "remember", name=name, content="Tea.")
    first = await call(tools, "list", limit=2)
    await call(tools, "forget", name="d")
    for name in ("a", "e"):
        await call(tools, "remember", name=name, content="Tea.")
    rest = await call(tools, "list", limit=10, cursor=first["next_cursor"])
    assert [note["name"] for note in rest["memories"]] == ["e", "f"]


async def test_a_cursor_serves_other_limits_and_fields_but_no_other_scope(tools: Client) -> None:
    for name in ("a", "b", "c"):
        await call(tools, "remember", name=name, content="Tea.")
    cursor = (await call(tools, "list", limit=1))["next_cursor"]
    rest = await call(tools, "list", limit=5, cursor=cursor, fields=["name"])
    assert rest["memories"] == [{"name": "b"}, {"name": "c"}]
    for scope in ("all", "p"):
        code, message = await protocol_error(tools, "list", cursor=cursor, scope=scope)
        assert (code, message[:15]) == (-32602, "invalid input: ")


async def test_a_page_is_cut_before_it_grows_too_large(tools: Client) -> None:
    tags = [f"tag-{number}-" + "ü☕" * 100 for number in range(15)]
    for number in range(8):
        await call(tools, "remember", name=f"n{number}", content="Tea.", tags=tags)
    found = await pages(tools)
    assert len(found) > 2
    for page in found:
        assert (page["count"], page["limit"], page["returned"]) == (8, 50, len(page["memories"]))
        assert page["has_more"] == (page is not found[-1])
        assert _size(page["memories"]) <= CEILING
    for page, following in pairwise(found):
        assert _size([*page["memories"], following["memories"][0]]) > CEILING
    names = [note["name"] for page in found for note in page["memories"]]
    assert names == [f"n{number}" for number in range(8)]
    assert len(await pages(tools, fields=["name", "scope"])) == 1


@pytest.mark.parametrize(("excess", "fits"), [(0, True), (1, False)])
async def test_the_ceiling_is_exact(tools: Client, excess: int, fits: bool) -> None:  # noqa: FBT001
    await call(tools, "remember", name="n", content="Tea.", tags=["x"])
    smallest = _size((await call(tools, "list"))["memories"])
    missing = CEILING - smallest + excess
    # Each further tag of 97 characters adds 100 bytes; tags differ, or they would be one.
    tags = ["x", *(f"{number:097}" for number in range(missing // 100 - 1))]
    tags += ["y" * (missing % 100 + 97)]
    await call(tools, "edit", name="n", tags=tags)
    if fits:
        assert _size((await call(tools, "list"))["memories"]) == CEILING
    else:
        code, message = await protocol_error(tools, "list")
        assert (code, message[:15]) == (-32602, "invalid input: ")
        assert (await call(tools, "list", fields=["name"]))["returned"] == 1


def _size(memories: list[Any]) -> int:
    return len(json.dumps(memories, ensure_ascii=False, separators=(",", ":")).encode())
