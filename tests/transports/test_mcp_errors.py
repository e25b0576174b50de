"""The three shapes in which tools fail, as memory-mcp's clients know them."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest
from mcp import Client
from tests.transports.mcp_clients import MODES, WAYS, call, connected, misread, protocol_error
from tests.transports.serving import PLANTED, settings_for

from recollect.adapters.in_memory.indexes import InMemoryTextIndex
from recollect.adapters.in_memory.tables import World
from recollect.app.faces import mcp_server
from recollect.app.wiring import open_context
from recollect.errors import StoreUnavailable

pytestmark = pytest.mark.anyio

INVALID = -32602
INTERNAL = -32603


@pytest.fixture(params=WAYS)
async def any_tools(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Client]:
    async with connected(request.param, tmp_path) as client:
        yield client


@pytest.fixture
async def tools(tmp_path: Path) -> AsyncGenerator[Client]:
    async with connected("memory auto", tmp_path) as client:
        yield client


async def test_the_three_shapes_are_the_same_everywhere(any_tools: Client) -> None:
    await misread(any_tools, "remember", {"name": "n"})
    assert await protocol_error(any_tools, "no_such_tool") == (INVALID, "tool not found")
    assert await protocol_error(any_tools, "read", name="n") == (INVALID, "memory not found: n")
    code, message = await protocol_error(any_tools, "remember", name="a b", content="x")
    assert code == INVALID
    assert message.startswith("invalid input: ")


@pytest.mark.parametrize("tool", ["synch", "mark", "Recall", "", "recall ", "../recall"])
async def test_an_unknown_tool_is_not_found(tools: Client, tool: str) -> None:
    assert await protocol_error(tools, tool) == (INVALID, "tool not found")


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("remember", {}),
        ("remember", {"content": None, "name": "n"}),
        ("remember", {"content": 5, "name": "n"}),
        ("remember", {"content": {"a": PLANTED}, "name": "n"}),
        ("remember", {"content": [PLANTED], "name": "n"}),
        ("remember", {"content": "x", "name": 5}),
        ("remember", {"content": "x", "name": "n", "tags": None}),
        ("remember", {"content": "x", "name": "n", "tags": PLANTED}),
        ("remember", {"content": "x", "name": "n", "tags": [5]}),
        ("remember", {"content": "x", "name": "n", "tags": [5] * 100_000}),
        ("remember", {"content": "x", "name": "n", "scope": ["a"]}),
        ("recall", {}),
        ("recall", {"query": None}),
        ("recall", {"query": ["x"]}),
        ("recall", {"query": "x", "limit": -1}),
        ("recall", {"query": "x", "limit": "5"}),
        ("recall", {"query": "x", "limit": 5.5}),
        ("recall", {"query": "x", "limit": True}),
        ("read", {}),
        ("read", {"name": None}),
        ("edit", {"content": "x"}),
        ("edit", {"name": "n", "tags": "x"}),
        ("move", {"name": "n"}),
        ("move", {"name": "n", "to_scope": None}),
        ("move", {"to_scope": "a"}),
        ("forget", {}),
        ("forget", {"name": 5}),
        ("list", {"limit": -1}),
        ("list", {"limit": "5"}),
        ("list", {"cursor": 5}),
        ("list", {"fields": "id"}),
        ("list", {"fields": ["id", PLANTED]}),
        ("list", {"fields": ["content"]}),
    ],
)
async def test_arguments_that_cannot_be_read_are_a_result_that_says_so(
    tools: Client, tool: str, arguments: dict[str, Any]
) -> None:
    text = await misread(tools, tool, arguments)
    assert len(text) < 1000


@pytest.mark.parametrize(
    "name",
    [
        "", "/", "/a", "a/", "a//b", "a/b/c/d", ".a", "a/.b", "..", "a/../b", "a b", "a@b", "a:b",
        "a;b", "a\0", "a\n", "\x1b[0m", "a\u202eb", "e\u0301", PLANTED + " ", "a\\b", "a" * 241,
    ],
)  # fmt: skip
async def test_what_cannot_be_a_name_is_invalid_input(tools: Client, name: str) -> None:
    await call(tools, "remember", name="n", content="Tea.")
    for tool, arguments in (
        ("remember", {"name": name, "content": "x"}),
        ("read", {"name": name}),
        ("edit", {"name": name, "content": "x"}),
        ("move", {"name": name, "to_scope": "a"}),
        ("move", {"name": "n", "to_scope": "a", "new_name": name}),
        ("forget", {"name": name}),
    ):
        code, message = await protocol_error(tools, tool, **arguments)
        assert (code, message[:15]) == (INVALID, "invalid input: ")


@pytest.mark.parametrize(
    "scope",
    ["project:x", "a:b", "/a", "a/", "a//b", ".a", "a/..", "a b", "a\0", "a\n", PLANTED + "?",
     "/".join("a" * 11), "a" * 1001],
)  # fmt: skip
async def test_what_cannot_be_a_scope_is_invalid_input(tools: Client, scope: str) -> None:
    await call(tools, "remember", name="n", content="Tea.")
    for tool, arguments in (
        ("remember", {"name": "n", "content": "x", "scope": scope}),
        ("read", {"name": "n", "scope": scope}),
        ("edit", {"name": "n", "content": "x", "scope": scope}),
        ("move", {"name": "n", "to_scope": scope}),
        ("move", {"name": "n", "from_scope": scope, "to_scope": "a"}),
        ("forget", {"name": "n", "scope": scope}),
        ("recall", {"query": "x", "scope": scope}),
        ("list", {"scope": scope}),
    ):
        code, message = await protocol_error(tools, tool, **arguments)
        assert (code, message[:15]) == (INVALID, "invalid input: ")


async def test_everywhere_is_no_place_to_write_to(tools: Client) -> None:
    await call(tools, "remember", name="n", content="Tea.")
    for tool, arguments in (
        ("remember", {"content": "x", "scope": "all"}),
        ("edit", {"content": "x", "scope": "all"}),
        ("move", {"to_scope": "all"}),
        ("move", {"from_scope": "all", "to_scope": "a"}),
        ("forget", {"scope": "all"}),
        ("read", {"scope": "all"}),
    ):
        code, message = await protocol_error(tools, tool, name="n", **arguments)
        assert (code, message[:15]) == (INVALID, "invalid input: ")


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("remember", {"content": ""}),
        ("remember", {"content": " \n"}),
        ("remember", {"content": "x" * 1_048_577}),
        ("remember", {"content": PLANTED + "\0"}),
        ("edit", {}),
        ("edit", {"content": None, "tags": None}),
        ("edit", {"content": "é" * 524_289}),
        ("edit", {"content": "x", "expected_revision": 7}),
        ("move", {"to_scope": "global"}),
        ("move", {"to_scope": "global", "new_name": "n"}),
        ("move", {"to_scope": "taken"}),
    ],
    ids=range(11),
)
async def test_what_cannot_be_done_with_a_note_is_invalid_input(
    tools: Client, tool: str, arguments: dict[str, Any]
) -> None:
    await call(tools, "remember", name="n", content="Tea.")
    await call(tools, "remember", name="n", content="Tea.", scope="taken")
    code, message = await protocol_error(tools, tool, name="n", **arguments)
    assert (code, message[:15]) == (INVALID, "invalid input: ")
    assert (await call(tools, "read", name="n"))["content"] == "Tea."


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("recall", {"query": ""}),
        ("recall", {"query": "x", "filter": f"m.a = {PLANTED}"}),
        ("list", {"limit": 0}),
        ("list", {"limit": 101}),
        ("list", {"limit": 10**12}),
        ("list", {"cursor": PLANTED}),
        ("list", {"cursor": "lc1_e30"}),
        ("list", {"cursor": "x" * 8193}),
    ],
    ids=range(8),
)
async def test_a_query_that_means_nothing_is_invalid_input(
    tools: Client, tool: str, arguments: dict[str, Any]
) -> None:
    code, message = await protocol_error(tools, tool, **arguments)
    assert (code, message[:15]) == (INVALID, "invalid input: ")


@pytest.mark.parametrize("tool", ["edit", "forget", "move", "read"])
async def test_an_absent_note_is_not_found_by_its_name(tools: Client, tool: str) -> None:
    arguments = {"edit": {"content": "x"}, "move": {"to_scope": "a"}}.get(tool, {})
    code, message = await protocol_error(tools, tool, name="a/b", **arguments)
    assert (code, message) == (INVALID, "memory not found: a/b")


def _gone(*_: Any, **__: Any) -> NoReturn:
    raise StoreUnavailable("the store is gone")


def _broken(*_: Any, **__: Any) -> NoReturn:
    raise ZeroDivisionError(PLANTED)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("failure", [_gone, _broken])
async def test_what_fails_on_our_side_is_an_internal_error(
    tmp_path: Path, mode: str, failure: Any, logged: Callable[[], str]
) -> None:
    failing = type("FailingTextIndex", (InMemoryTextIndex,), {"search": failure})
    async with open_context(settings_for(tmp_path)) as (context, _):
        server = mcp_server(replace(context, text=failing(World())))
        async with Client(server, mode=mode) as client:
            code, message = await protocol_error(client, "recall", query=PLANTED)
    assert (code, message[:16]) == (INTERNAL, "internal error: ")
    assert PLANTED not in logged()
