"""What clients learn of the server before they call a tool, and plain HTTP at its address."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx2
import jsonschema
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from tests.transports.mcp_clients import MODES, WAYS, call, connected, listening
from tests.transports.serving import (
    MCP_JSON,
    PLANTED,
    client_of,
    message,
    settings_for,
    stored,
    told,
)

from recollect.app.serve import open_app

pytestmark = pytest.mark.anyio

ARGUMENTS = {
    "batch_mark_applied": ({"verdicts"}, set[str]()),
    "edit": ({"name"}, {"content", "tags", "scope"}),
    "forget": ({"name"}, {"scope"}),
    "list": (set[str](), {"scope", "limit", "cursor", "fields"}),
    "mark_applied": ({"recall_id", "memory", "verdict"}, {"application", "confidence", "scope"}),
    "move": ({"name", "to_scope"}, {"from_scope", "new_name"}),
    "read": ({"name"}, {"scope"}),
    "recall": ({"query"}, {"scope", "limit"}),
    "recall_stats": (set[str](), set[str]()),
    "remember": ({"content"}, {"name", "tags", "scope", "source"}),
    "sync": (set[str](), {"pull_first"}),
}
READERS = {"list", "read", "recall", "recall_stats"}
NEVER_NULL = {"tags", "confidence"}


@pytest.fixture(params=WAYS)
async def tools(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Client]:
    async with connected(request.param, tmp_path) as client:
        yield client


async def test_all_tools_are_listed_on_one_page_by_name(tools: Client) -> None:
    listing = await tools.list_tools()
    assert [tool.name for tool in listing.tools] == sorted(ARGUMENTS)
    assert listing.next_cursor is None
    compact = json.dumps(_wire(listing), separators=(",", ":"))
    assert len(compact.encode()) <= 13_000


async def test_the_small_set_of_tools_takes_little_of_an_agent_s_attention(
    tmp_path: Path,
) -> None:
    async with connected("memory auto", tmp_path, tools="core") as tools:
        listing = await tools.list_tools()
    assert len(listing.tools) == 7
    compact = json.dumps(_wire(listing), separators=(",", ":"))
    assert len(compact.encode()) <= 8000


async def test_tools_take_the_arguments_that_clients_know(tools: Client) -> None:
    for tool in (await tools.list_tools()).tools:
        required, optional = ARGUMENTS[tool.name]
        schema = tool.input_schema
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["type"] == "object"
        assert set(schema.get("required", [])) == required
        assert schema["properties"].keys() >= required | optional
        for name in optional - NEVER_NULL:
            assert "null" in schema["properties"][name]["type"]


async def test_tools_say_what_they_do(tools: Client) -> None:
    for tool in (await tools.list_tools()).tools:
        assert tool.description
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint is (tool.name in READERS)
        assert tool.annotations.destructive_hint is (tool.name in {"edit", "forget", "remember"})
        assert tool.annotations.open_world_hint is False


async def test_results_are_as_their_schemas_say(tools: Client) -> None:
    schemas = {tool.name: tool.output_schema for tool in (await tools.list_tools()).tools}
    results = {
        "remember": await call(tools, "remember", name="n", content="Tea. " * 200, tags=["x"]),
        "recall": await call(tools, "recall", query="tea"),
        "mark_applied": await call(
            tools, "mark_applied", recall_id="r_1", memory="n", verdict="maybe"
        ),
        "batch_mark_applied": await call(
            tools,
            "batch_mark_applied",
            verdicts=[{"recall_id": "r_1", "memory": "n", "verdict": "maybe"}],
        ),
        "recall_stats": await call(tools, "recall_stats"),
        "read": await call(tools, "read", name="n"),
        "list": await call(tools, "list", limit=1),
        "edit": await call(tools, "edit", name="n", content="Tea!"),
        "move": await call(tools, "move", name="n", to_scope="p"),
        "forget": await call(tools, "forget", name="n", scope="p"),
    }
    assert {*results, "sync"} == schemas.keys(), "sync needs a repository"
    for name, result in results.items():
        schema = schemas[name]
        assert schema is not None
        jsonschema.validate(result, schema, jsonschema.Draft202012Validator)
        assert schema["properties"].keys() >= result.keys()
        assert schema["type"] == "object"


async def test_a_summary_without_fields_is_as_its_schema_says(tools: Client) -> None:
    [schema] = [t.output_schema for t in (await tools.list_tools()).tools if t.name == "list"]
    await call(tools, "remember", name="n", content="Tea.")
    for fields in ([], ["tags"]):
        result = await call(tools, "list", fields=fields)
        jsonschema.validate(result, schema or {}, jsonschema.Draft202012Validator)


async def test_the_server_names_itself_and_offers_tools_only(tools: Client) -> None:
    assert tools.server_info is not None
    assert (tools.server_info.name, tools.server_info.title) == ("recollect", "Recollect")
    assert tools.server_info.version
    capabilities = tools.server_capabilities
    assert capabilities is not None
    assert capabilities.tools is not None
    offered = capabilities.model_dump(exclude_none=True)
    assert offered.keys() <= {"tools", "experimental"}


async def test_the_beginning_of_the_instructions_stands_alone(tools: Client) -> None:
    instructions = tools.instructions or ""
    beginning = instructions[:512]
    for word in ("recall", "remember", "scope", "all", "secrets", "batch_mark_applied"):
        assert word in beginning
    paragraph = instructions.partition("\n\n")[0]
    assert len(paragraph) <= 512
    assert paragraph.endswith(".")
    for name in ARGUMENTS:
        assert name in instructions


@pytest.mark.parametrize("path", ["/mcp", "/mcp/"])
async def test_both_spellings_of_the_address_answer_without_a_redirect(
    api: httpx2.AsyncClient, path: str
) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    answer = await api.post(path, json=body, headers=MCP_JSON)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert len(answer.json()["result"]["tools"]) == len(ARGUMENTS)
    assert "mcp-session-id" not in answer.headers


async def test_nothing_is_kept_between_requests(api: httpx2.AsyncClient) -> None:
    headers = MCP_JSON | {"mcp-session-id": "from-before-the-restart"}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    assert (await api.post("/mcp", json=body, headers=headers)).status_code == 200


@pytest.mark.parametrize("protocol", ["2025-11-25", "2026-07-28"])
async def test_a_note_of_a_mebibyte_fits_however_it_is_escaped(
    api: httpx2.AsyncClient, protocol: str
) -> None:
    content = "\\u0041" * 1_048_576
    envelope = {
        "io.modelcontextprotocol/protocolVersion": protocol,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    body = (
        '{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "remember", '
        f'"_meta": {json.dumps(envelope)}, "arguments": {{"name": "n", "content": "{content}"}}}}}}'
    )
    headers = {
        "mcp-protocol-version": protocol,
        "mcp-method": "tools/call",
        "mcp-name": "remember",
    }
    answer = await api.post("/mcp", content=body, headers=MCP_JSON | headers)
    assert answer.status_code == 200
    assert answer.json()["result"]["structuredContent"]["name"] == "n"


async def test_what_only_sessions_need_is_not_offered(api: httpx2.AsyncClient) -> None:
    for method in ("GET", "DELETE", "PUT"):
        answer = await api.request(method, "/mcp", headers={"accept": "text/event-stream"})
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("protocol", [None, "2025-06-18", "2025-11-25", "2026-07-28", "1999-01-01"])
@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b'"' + PLANTED.encode(), b"{", b"\xff", b"[" * 100_000,
        b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call"}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": 5}}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": '
        b'{"name": "recall", "arguments": ["' + PLANTED.encode() + b'"]}}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": '
        b'{"name": "recall", "arguments": {"query": "\\ud800' + PLANTED.encode() + b'"}}}',
    ],
    ids=range(11),
)  # fmt: skip
async def test_a_message_that_cannot_be_read_is_the_client_s_mistake(
    api: httpx2.AsyncClient, body: bytes, protocol: str | None
) -> None:
    headers = MCP_JSON | ({"mcp-protocol-version": protocol} if protocol else {})
    answer = await api.post("/mcp", content=body, headers=headers)
    assert answer.status_code < 500
    if answer.status_code < 300:
        assert answer.json()["error"]["code"] < 0
    assert PLANTED not in answer.text


@pytest.mark.parametrize("mode", MODES)
async def test_a_client_with_the_token_may_call_tools(tmp_path: Path, mode: str) -> None:
    headers = {"authorization": f"Bearer {PLANTED}"}
    async with (
        open_app(settings_for(tmp_path, token=PLANTED)) as app,
        client_of(app, headers=headers) as http,
        client_of(app) as stranger,
    ):
        transport = streamable_http_client("http://localhost/mcp", http_client=http)
        async with Client(transport, mode=mode) as tools:
            await call(tools, "remember", name="n", content="Tea.")
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        assert (await stranger.post("/mcp", json=body, headers=MCP_JSON)).status_code == 401
        [memory] = (await http.get("/v1/memories")).json()["memories"]
        history = await http.get(f"/v1/memories/{memory['id']}/history")
        assert [r["actor"] for r in history.json()["revisions"]] == ["local"]


async def test_rest_and_tools_see_the_same_memories(tmp_path: Path) -> None:
    async with (
        listening(settings_for(tmp_path)) as url,
        httpx2.AsyncClient(base_url=url) as rest,
        Client(f"{url}/mcp") as tools,
    ):
        await stored(rest, "Tea.", name="n", scope="p")
        assert (await call(tools, "read", name="n", scope="p"))["content"] == "Tea."
        await told(rest, message("Tea, said Ann."), scope="p")
        recalled = await call(tools, "recall", query="tea", scope="p")
        assert {hit["kind"] for hit in recalled["results"]} == {"note", "episode"}
        assert (await call(tools, "list", scope="p"))["count"] == 1


def _wire(result: Any) -> Any:
    return result.model_dump(mode="json", by_alias=True, exclude_none=True)
