"""MCP over stdio: a bridge to the server that holds the data folder, else the folder itself."""

from contextlib import suppress
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import httpx2
from anyio import create_task_group
from mcp import Client, types
from mcp.client.streamable_http import streamable_http_client
from mcp.server import Server, ServerRequestContext
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError

from recollect.app.faces import mcp_server
from recollect.app.running import answers, server_of
from recollect.app.serve import work_in_background
from recollect.app.wiring import open_context
from recollect.errors import Denied, EmbedderUnavailable, Unavailable
from recollect.mcp.server import instructions
from recollect.mcp.tools import TOOLSETS
from recollect.settings import Settings, ToolSet

HEALTH_TIMEOUT_SECONDS = 2


async def run_stdio(settings: Settings) -> None:
    """Speak MCP on standard input and output until the client closes them.

    Raises:
        Unavailable: The server that the settings name does not answer.
    """
    url = settings.url or await server_of(settings.data_dir)
    if url is not None and await answers(url):
        await _bridge(url, settings)
        return
    if settings.url is not None:
        raise Unavailable(f"there is no server at {settings.url}; start it, or unset RECOLLECT_URL")
    async with open_context(settings) as (context, model), create_task_group() as tasks:
        # A tenth of a second, so that not even the first answer goes without meaning.
        with suppress(EmbedderUnavailable):
            await model.embedder.load()
        tasks.start_soon(work_in_background, context, model.embedder)
        await _speak(mcp_server(context, settings.tools))
        tasks.cancel_scope.cancel()


async def _bridge(url: str, settings: Settings) -> None:
    token = settings.token.get_secret_value() if settings.token else None
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx2.AsyncClient(headers=headers, timeout=HEALTH_TIMEOUT_SECONDS) as http:
        if (await http.get(f"{url}/v1/stats")).status_code == HTTPStatus.UNAUTHORIZED:
            raise Denied(f"the server at {url} asks for a token: set RECOLLECT_TOKEN")
    async with (
        httpx2.AsyncClient(headers=headers, timeout=settings.deadline_seconds) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http)) as remote,
    ):
        await _speak(_forwarding(remote, settings.tools))


def _forwarding(remote: Client, offered: ToolSet) -> Server[Any]:
    """A server that passes every call on, of the tools that both offer.

    Calls of tools that nobody knows are the remote's to refuse.
    """
    hidden = {tool.name for tool in TOOLSETS["all"]} - {tool.name for tool in TOOLSETS[offered]}

    async def list_tools(
        _: ServerRequestContext[Any, Any], __: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        listing = await remote.list_tools()
        shown = [tool for tool in listing.tools if tool.name not in hidden]
        return listing.model_copy(update={"tools": shown})

    async def call_tool(
        _: ServerRequestContext[Any, Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        if params.name in hidden:
            raise MCPError(types.INVALID_PARAMS, "tool not found")
        return await remote.call_tool(params.name, params.arguments)

    return Server(
        "recollect",
        version=version("recollect"),
        title="Recollect",
        instructions=instructions(offered) if hidden else remote.instructions,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


async def _speak(server: Server[Any]) -> None:
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())
