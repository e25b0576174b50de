"""Faces that are made after the server listens, so that their imports do not delay the start."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from anyio import Event, sleep_forever, to_thread
from starlette.types import ASGIApp, Receive, Scope, Send

from recollect.api.guard import PRINCIPAL
from recollect.operations import Context
from recollect.settings import Settings, ToolSet

if TYPE_CHECKING:
    from mcp.server import Server, ServerRequestContext


class LateFace:
    """An ASGI application that is opened in the background; requests wait for it."""

    def __init__(self, opening: Callable[[], AbstractAsyncContextManager[ASGIApp]]) -> None:
        self._opening = opening
        self._opened = Event()
        self._app: ASGIApp | None = None

    async def open(self, turn: Event) -> None:
        """Open the application when its turn comes and keep it open until cancelled."""
        await turn.wait()
        async with self._opening() as self._app:
            self._opened.set()
            await sleep_forever()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        await self._opened.wait()
        if self._app is not None:
            await self._app(scope, receive, send)


@asynccontextmanager
async def open_mcp_face(context: Context, settings: Settings) -> AsyncGenerator[ASGIApp]:
    """MCP over HTTP, without sessions: any replica can answer any request."""
    # Importing the SDK takes as long as the whole start; done in a thread, the server answers.
    await to_thread.run_sync(import_module, "recollect.mcp.server")
    from mcp.server.streamable_http_manager import (
        StreamableHTTPASGIApp,
        StreamableHTTPSessionManager,
    )

    manager = StreamableHTTPSessionManager(
        mcp_server(context, settings.tools),
        stateless=True,
        json_response=True,
        max_request_body_size=settings.max_body_bytes,
    )
    async with manager.run():
        yield StreamableHTTPASGIApp(manager)


def mcp_server(context: Context, offered: ToolSet = "all") -> "Server[Any]":
    """The MCP server with these tools over this context, for HTTP and for stdio."""
    from recollect.mcp.server import create_server

    def context_of(call: "ServerRequestContext[Any, Any]") -> Context:
        if call.request is None:
            return context
        return replace(context, principal=call.request.scope[PRINCIPAL])

    return create_server(context_of, version("recollect"), offered)
