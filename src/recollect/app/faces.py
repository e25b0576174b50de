"""Faces that are made once somebody asks them: their imports take time and memory."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from uuid import getnode

from anyio import Event, Lock, sleep_forever, to_thread
from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from recollect.api.guard import PRINCIPAL
from recollect.api.shared import Shared
from recollect.operations import Context
from recollect.settings import Settings, ToolSet
from recollect.settings.memmachine.switches import MemMachineSettings

if TYPE_CHECKING:
    from mcp.server import Server, ServerRequestContext

MEMMACHINE = "/api/v2"
"""Where MemMachine's clients look for their API."""


class LateFace:
    """An ASGI application that its first request opens; all wait until it is open."""

    def __init__(self, opening: Callable[[], AbstractAsyncContextManager[ASGIApp]]) -> None:
        self._asked, self._opened = Event(), Event()
        self._opening = opening
        self._app: ASGIApp | None = None

    async def open(self, turn: Lock) -> None:
        """Open the application once it is asked, and keep it open until cancelled.

        Args:
            turn: Faces are opened one after the other: their threads would import the same
                modules, and one might find what the other has half made.
        """
        await self._asked.wait()
        async with AsyncExitStack() as stack:
            async with turn:
                self._app = await stack.enter_async_context(self._opening())
            self._opened.set()
            await sleep_forever()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        self._asked.set()
        await self._opened.wait()
        if self._app is not None:
            await self._app(scope, receive, send)


class PostRoute(Route):
    """A path that takes POST alone, whatever application is mounted above it.

    Without sessions there is nothing to listen for with GET, or to end with DELETE: a client is
    told so by 405, and takes 404 for an error.
    """

    def __init__(self, path: str, face: ASGIApp) -> None:
        super().__init__(path, face, methods=["POST"])

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Tell if the path is this one: other methods are refused here too."""
        match, matched = super().matches(scope)
        # FastAPI's own routes tell the counters who they are, Starlette's do not.
        return (Match.FULL if match is Match.PARTIAL else match), {**matched, "route": self}


def late_faces(settings: Settings, shared: Shared) -> tuple[list[LateFace], list[BaseRoute]]:
    """The faces for other clients than our own, none of them opened yet, and their routes."""
    servers = {
        "/mcp": partial(mcp_server, shared.context, settings.tools),
        f"{MEMMACHINE}/mcp": partial(memmachine_tools, shared.context, settings.memmachine),
    }
    faces: list[LateFace] = []
    routes: list[BaseRoute] = []
    for path, create in servers.items():
        face = LateFace(partial(open_mcp_face, create, settings.max_body_bytes))
        faces.append(face)
        routes += [PostRoute(spelt, face) for spelt in (path, f"{path}/")]
    config_api = settings.memmachine.config_api
    face = LateFace(partial(open_memmachine_face, shared, config_api=config_api))
    return [*faces, face], [*routes, Mount(MEMMACHINE, face)]


@asynccontextmanager
async def open_memmachine_face(shared: Shared, *, config_api: bool) -> AsyncGenerator[ASGIApp]:
    """The REST API of MemMachine; with its configuration if `config_api`."""
    yield await to_thread.run_sync(partial(_memmachine_face, shared, config_api=config_api))


def _memmachine_face(shared: Shared, *, config_api: bool) -> ASGIApp:
    from recollect.api.memmachine.app import create_face

    return create_face(shared, config_api=config_api)


@asynccontextmanager
async def open_mcp_face(
    create: "Callable[[], Server[Any]]", max_body_bytes: int
) -> AsyncGenerator[ASGIApp]:
    """MCP over HTTP, without sessions: any replica can answer any request."""
    # Importing the SDK takes as long as the whole start; done in a thread, the server answers.
    server = await to_thread.run_sync(create)
    from mcp.server.streamable_http_manager import (
        StreamableHTTPASGIApp,
        StreamableHTTPSessionManager,
    )

    manager = StreamableHTTPSessionManager(
        server, stateless=True, json_response=True, max_request_body_size=max_body_bytes
    )
    async with manager.run():
        yield StreamableHTTPASGIApp(manager)


def mcp_server(context: Context, offered: ToolSet = "all") -> "Server[Any]":
    """The MCP server with these tools over this context, for HTTP and for stdio."""
    from recollect.mcp.server import create_server

    return create_server(partial(_context_of, context), version("recollect"), offered)


def memmachine_tools(context: Context, settings: MemMachineSettings) -> "Server[Any]":
    """The MCP server with MemMachine's tools over this context, for HTTP."""
    from recollect.api.memmachine.tools import Identity, create_tools

    user = f"user-{hex(getnode())}"
    return create_tools(
        partial(_context_of, context),
        version("recollect"),
        known=Identity(org_id=settings.org_id, proj_id=settings.proj_id, user_id=settings.user_id),
        machine=Identity(org_id="mcp-universal", proj_id=f"mcp-{user}", user_id=user),
    )


def _context_of(context: Context, call: "ServerRequestContext[Any, Any]") -> Context:
    if call.request is None:
        return context
    return replace(context, principal=call.request.scope[PRINCIPAL])
