"""MemMachine's MCP tools, as its clients call them."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from tests.transports.mcp_clients import listening
from tests.transports.serving import settings_for

pytestmark = pytest.mark.anyio

MINE = {"org_id": "acme", "proj_id": "chat"}


@pytest.fixture
async def url(tmp_path: Path) -> AsyncGenerator[str]:
    async with listening(settings_for(tmp_path)) as url:
        yield url


@asynccontextmanager
async def connected(
    url: str, path: str = "/api/v2/mcp", mode: str = "auto", **headers: str
) -> AsyncGenerator[Client]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        httpx2.AsyncClient(headers=named) as http,
        Client(streamable_http_client(f"{url}{path}", http_client=http), mode=mode) as client,
    ):
        yield client


async def call(client: Client, tool: str, **arguments: Any) -> Any:
    """What the tool gives, which its text says as well."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    [content] = result.content
    assert content.type == "text"
    structured = result.structured_content or {}
    given = structured["result"] if tool == "search_memory" else structured
    assert json.loads(content.text) == given
    return given


async def search(client: Client, query: str, **arguments: Any) -> list[str]:
    found = await call(client, "search_memory", query=query, **(MINE | arguments))
    assert found["status"] == 0
    return [episode["content"] for episode in episodes_of(found)]


def episodes_of(found: Any) -> list[dict[str, Any]]:
    memory = found["content"]["episodic_memory"]
    return memory["long_term_memory"]["episodes"] + memory["short_term_memory"]["episodes"]


@pytest.mark.parametrize("path", ["/api/v2/mcp", "/api/v2/mcp/"])
@pytest.mark.parametrize("mode", ["legacy", "auto", "2026-07-28"])
async def test_what_is_added_is_found_and_deleted(url: str, path: str, mode: str) -> None:
    async with connected(url, path, mode) as client:
        added = await call(client, "add_memory", content="The kettle is blue.", **MINE)
        assert added == {"status": 200, "message": "Success"}
        assert await search(client, "kettle") == ["The kettle is blue."]

        found = await call(client, "search_memory", query="kettle", **MINE)
        [episode] = episodes_of(found)
        assert episode["produced_for_id"] == "unknown"
        assert episode["metadata"] == {"user_id": episode["producer_id"]}
        assert found["content"]["semantic_memory"] == []

        ids = [episode["uid"], "01900000-0000-7000-8000-000000000000"]
        gone = await call(client, "delete_memory", episodic_memory_uids=ids, **MINE)
        assert gone == {"status": 200, "message": "Success"}
        assert await search(client, "kettle") == []


@pytest.mark.parametrize("path", ["/api/v2/mcp", "/api/v2/mcp/"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_clients_learn_that_there_are_no_sessions(url: str, path: str, method: str) -> None:
    async with httpx2.AsyncClient(base_url=url) as http:
        answer = await http.request(method, path, headers={"accept": "text/event-stream"})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_the_tools_are_described(url: str) -> None:
    async with connected(url) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}

    assert {name: tool.title for name, tool in tools.items()} == {
        "add_memory": "Add Memory",
        "search_memory": "Search Memory",
        "delete_memory": "Delete Memory",
    }
    assert {name: set(tool.input_schema["properties"]) for name, tool in tools.items()} == {
        "add_memory": {"content", "org_id", "proj_id", "user_id"},
        "search_memory": {"query", "org_id", "proj_id", "user_id", "top_k"},
        "delete_memory": {
            "org_id", "proj_id", "episodic_memory_uids", "semantic_memory_uids",
        },
    }  # fmt: skip
    assert all(tool.input_schema["additionalProperties"] is False for tool in tools.values())
    assert (tools["search_memory"].output_schema or {})["x-fastmcp-wrap-result"] is True


async def test_headers_go_before_the_servers_settings_and_these_before_arguments(
    tmp_path: Path,
) -> None:
    settings = settings_for(tmp_path, memmachine={"proj_id": "set", "user_id": "set"})
    async with (
        listening(settings) as url,
        connected(url, user_id="header") as client,
        httpx2.AsyncClient(base_url=url) as http,
    ):
        await call(client, "add_memory", content="Hello.", user_id="argument", **MINE)

        project = {"org_id": "acme", "project_id": "set", "type": "episodic"}
        listed = (await http.post("/api/v2/memories/list", json=project)).json()
        [episode] = listed["content"]["episodic_memory"]
        assert episode["producer_id"] == "header"


async def test_who_says_nothing_of_himself_has_a_project_of_his_machine(url: str) -> None:
    async with connected(url) as client, httpx2.AsyncClient(base_url=url) as http:
        await call(client, "add_memory", content="Hello.")

        [project] = (await http.post("/api/v2/projects/list")).json()
        assert project["org_id"] == "mcp-universal"
        assert project["project_id"].startswith("mcp-user-0x")


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("add_memory", {"content": "Hello.", "org_id": "a/b"}),
        ("search_memory", {"query": "Hello?", "proj_id": "a b"}),
        ("delete_memory", {"semantic_memory_uids": ["none"]}),
        ("add_memory", {"content": "a\0b"}),
    ],
)
async def test_what_cannot_be_done_is_told_within_the_answer(
    url: str, tool: str, arguments: dict[str, Any]
) -> None:
    async with connected(url) as client:
        told = await call(client, tool, **(MINE | arguments))

    assert told["status"] == 422
    assert "a/b" not in told["message"]


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("add_memory", {}),
        ("add_memory", {"content": "Hello.", "colour": "blue"}),
        ("search_memory", {"query": "Hello?", "top_k": 0}),
        ("delete_memory", {"episodic_memory_uids": ["none"]}),
    ],
)
async def test_arguments_that_cannot_be_read_are_errors(
    url: str, tool: str, arguments: dict[str, Any]
) -> None:
    async with connected(url) as client:
        result = await client.call_tool(tool, arguments)

    assert result.is_error


async def test_there_is_no_other_tool(url: str) -> None:
    async with connected(url) as client:
        with pytest.raises(MCPError):
            await client.call_tool("recall", {"query": "Hello?"})
