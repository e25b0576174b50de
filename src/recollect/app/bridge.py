"""The bridge of `recollect mcp`: passes MCP on to a server that runs already."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import httpx2
from mcp import Client, types
from mcp.client.streamable_http import streamable_http_client
from mcp.server import Server, ServerRequestContext
from mcp.shared.exceptions import MCPError

from recollect.app.finding import ANSWER_SECONDS, server_of
from recollect.errors import Denied
from recollect.mcp.server import instructions
from recollect.mcp.tools import TOOLSETS
from recollect.settings import Settings, ToolSet

PATH = "/mcp"


@asynccontextmanager
async def open_bridge(url: str, settings: Settings) -> AsyncGenerator[Server[Any]]:
    """Give an MCP server that passes everything on to the one at this address.

    Raises:
        Denied: It asks for a token that the settings do not have.
    """
    token = settings.token.get_secret_value() if settings.token else None
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx2.AsyncClient(headers=headers, timeout=ANSWER_SECONDS) as http:
        if (await http.get(f"{url}/v1/stats")).status_code == HTTPStatus.UNAUTHORIZED:
            raise Denied(f"the server at {url} asks for a token: set RECOLLECT_TOKEN")
    async with (
        httpx2.AsyncClient(
            headers=headers, timeout=settings.deadline_seconds, transport=Reaching(settings)
        ) as http,
        Client(streamable_http_client(url + PATH, http_client=http)) as remote,
    ):
        yield _forwarding(remote, settings.tools)


class Reaching(httpx2.AsyncBaseTransport):
    """Reaches the server, or another one of the same folder once it is gone.

    What cannot be reached is answered with an error for the one call; an exception would end the
    SDK's client, and every call after it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._network = httpx2.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request and give the whole answer."""
        try:
            try:
                return await self._sent(request)
            except httpx2.ConnectError:
                return await self._sent(await self._elsewhere(request))
        except httpx2.ConnectError:
            return _refused(f"{_place(request)} is gone and has done nothing. {self._remedy()}")
        except httpx2.TransportError:
            return _refused(
                f"{_place(request)} broke off; what was asked may have been done: look before "
                "you ask again"
            )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._network.aclose()

    async def _sent(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._network.handle_async_request(request)
        try:
            body = b"".join([part async for part in response.aiter_raw()])
        finally:
            await response.aclose()
        return httpx2.Response(response.status_code, headers=response.headers, content=body)

    async def _elsewhere(self, request: httpx2.Request) -> httpx2.Request:
        """The request to another server of the folder; to the same one if there is none."""
        ours = self._settings
        url = None if ours.url else await server_of(ours.data_dir, ours.store.kind)
        if url is None:
            return request
        headers = {n: value for n, value in request.headers.items() if n.lower() != "host"}
        return httpx2.Request(
            request.method,
            url + PATH,
            headers=headers,
            content=await request.aread(),
            extensions=request.extensions,
        )

    def _remedy(self) -> str:
        if self._settings.url:
            return "Start it again, then repeat the call"
        return (
            "Start it again with `recollect serve` and repeat the call, or restart this MCP "
            "server: without a server it works on the data folder itself"
        )


def _place(request: httpx2.Request) -> str:
    return f"the Recollect server at {request.url.scheme}://{request.url.netloc.decode()}"


def _refused(message: str) -> httpx2.Response:
    error = {"code": types.INTERNAL_ERROR, "message": message}
    body = {"jsonrpc": "2.0", "id": None, "error": error}
    return httpx2.Response(HTTPStatus.SERVICE_UNAVAILABLE, json=body)


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
