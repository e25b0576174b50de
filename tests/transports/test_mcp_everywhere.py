"""One conversation with all tools, over every transport in every protocol era."""

import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from mcp import Client, StdioServerParameters
from tests.transports.mcp_clients import (
    EVERY_WAY,
    call,
    connected,
    listening,
    misread,
    protocol_error,
)
from tests.transports.serving import settings_for

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def stdio(mode: str, *options: str, **settings: str) -> AsyncGenerator[Client]:
    """A client that starts `recollect mcp` for itself."""
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "recollect", "mcp", *options],
        env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(sys.path)}
        | {f"RECOLLECT_{n}": value for n, value in settings.items()},
    )
    async with Client(command, mode=mode) as client:
        yield client


@asynccontextmanager
async def bridged(mode: str, data_dir: Path, *options: str) -> AsyncGenerator[Client]:
    """A client whose `recollect mcp` passes everything on to a server."""
    async with (
        listening(settings_for(data_dir)) as url,
        stdio(mode, *options, URL=url, DATA_DIR=str(data_dir)) as client,
    ):
        yield client
        async with httpx2.AsyncClient(base_url=url) as rest:
            assert (await rest.get("/v1/stats")).json()["last_seq"] > 0


@pytest.fixture(params=EVERY_WAY)
async def tools(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Client]:
    transport, mode = request.param.split(" ")
    match transport:
        case "stdio":
            way = stdio(mode, DATA_DIR=str(tmp_path), EMBEDDER__KIND="hashing")
        case "bridge":
            way = bridged(mode, tmp_path)
        case _:
            way = connected(request.param, tmp_path)
    async with way as client:
        yield client


async def test_a_conversation_with_all_tools(tools: Client) -> None:
    assert len((await tools.list_tools()).tools) == 11
    placed = await call(
        tools, "remember", name="tea", content='{"tea": "at four ☕"}', tags=["drink"], scope="p"
    )
    recalled = await call(tools, "recall", query="when is tea?", scope="p")
    assert [hit["id"] for hit in recalled["results"]] == [placed["id"]]
    verdict = {"recall_id": recalled["recall_id"], "memory": "tea", "verdict": "applied"}
    assert (await call(tools, "mark_applied", **verdict))["rows_affected"] == 1
    batch = await call(tools, "batch_mark_applied", verdicts=[verdict])
    assert (batch["total_rows_affected"], batch["entries_processed"]) == (0, 1)
    assert [r["applied"] for r in (await call(tools, "recall_stats"))["ranks"]] == [1]
    edited = await call(tools, "edit", name="tea", scope="p", content="Tea at five.")
    assert (edited["id"], edited["revision"]) == (placed["id"], 2)
    moved = await call(tools, "move", name="tea", from_scope="p", to_scope="global")
    assert moved["scope"] == "global"
    note = await call(tools, "read", name="tea")
    assert (note["content"], note["tags"]) == ("Tea at five.", ["drink"])
    assert (await call(tools, "list", fields=["name"]))["memories"] == [{"name": "tea"}]
    await misread(tools, "recall", {"query": 5})
    assert await protocol_error(tools, "nothing") == (-32602, "tool not found")
    assert await call(tools, "forget", name="tea") == {"ok": True, "degraded": []}
    assert await protocol_error(tools, "read", name="tea") == (
        -32602,
        "memory not found: tea",
    )
    code, message = await protocol_error(tools, "list", limit=0)
    assert (code, message[:15]) == (-32602, "invalid input: ")


async def test_a_bridge_offers_no_more_tools_than_it_is_told_to(tmp_path: Path) -> None:
    async with bridged("auto", tmp_path, "--tools", "core") as tools:
        assert len((await tools.list_tools()).tools) == 7
        assert "mark" not in (tools.instructions or "mark")
        assert await protocol_error(tools, "recall_stats") == (-32602, "tool not found")
        assert (await call(tools, "remember", name="n", content="Tea."))["name"] == "n"
