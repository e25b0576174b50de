"""Real MCP clients of our server: within the process, and over HTTP on a real port."""

import json
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from anyio import create_task_group
from mcp import Client
from mcp.shared.exceptions import MCPError
from tests.transports.serving import PLANTED, settings_for

from recollect.app.faces import mcp_server
from recollect.app.serve import open_app
from recollect.app.wiring import open_context
from recollect.settings import Settings

DURATION = "memory-mcp/serverProcessingDurationMs"
MODES = ("legacy", "auto", "2026-07-28")
EVERY_WAY = [
    f"{transport} {mode}"
    for transport in ("memory", "/mcp", "/mcp/", "stdio", "bridge")
    for mode in MODES
]
WAYS = ["memory legacy", "memory auto", "/mcp legacy", "/mcp/ auto"]
"""One way for each transport and each protocol era."""


@asynccontextmanager
async def connected(way: str, data_dir: Path, **options: Any) -> AsyncGenerator[Client]:
    """A client that is connected in this way to a new server."""
    transport, mode = way.split(" ")
    settings = settings_for(data_dir, **options)
    if transport == "memory":
        async with (
            open_context(settings) as (context, _),
            Client(mcp_server(context, settings.tools), mode=mode) as client,
        ):
            yield client
    else:
        async with (
            listening(settings) as url,
            Client(f"{url}{transport}", mode=mode) as client,
        ):
            yield client


@asynccontextmanager
async def listening(settings: Settings) -> AsyncGenerator[str]:
    """The address of a server that listens at a free port."""
    # asyncio sends small packets at once only if the socket says that it is TCP.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as bound:
        bound.bind(("127.0.0.1", 0))
        # It listens already, so that who comes before the server waits.
        bound.listen()
        async with open_app(settings) as app, create_task_group() as tasks:
            server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None))
            tasks.start_soon(server.serve, [bound])
            try:
                yield f"http://127.0.0.1:{bound.getsockname()[1]}"
            finally:
                server.should_exit = True


async def call(client: Client, tool: str, **arguments: Any) -> Any:
    """Call a tool, check what every success has, and give the result."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    [content] = result.content
    assert content.type == "text"
    assert isinstance((result.meta or {})[DURATION], int)
    assert result.structured_content is not None
    if tool != "forget":
        assert json.loads(content.text) == result.structured_content
    return result.structured_content


async def misread(client: Client, tool: str, arguments: dict[str, Any]) -> str:
    """Check that the arguments are refused as ones that cannot be read; give the text."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    [content] = result.content
    assert content.type == "text"
    assert content.text.startswith("failed to deserialize parameters: ")
    assert PLANTED not in content.text
    assert isinstance((result.meta or {})[DURATION], int)
    return content.text


async def protocol_error(client: Client, tool: str, **arguments: Any) -> tuple[int, str]:
    """Check that the call fails with a protocol error; give its code and message."""
    with pytest.raises(MCPError) as raised:
        await client.call_tool(tool, arguments)
    error = raised.value.error
    assert PLANTED not in error.message
    assert error.data is None
    return error.code, error.message
