"""MCP over stdio: a bridge to the server that holds the data folder, else the folder itself."""

import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any, cast

from anyio import (
    AsyncFile,
    CancelScope,
    create_task_group,
    open_signal_receiver,
    wait_readable,
)
from mcp.server import Server
from mcp.server.stdio import stdio_server

from recollect.app.bridge import open_bridge
from recollect.app.faces import mcp_server
from recollect.app.finding import answers, server_of
from recollect.app.mirroring import mirrored
from recollect.app.serve import work_in_background
from recollect.app.wiring import open_context
from recollect.errors import EmbedderUnavailable, Unavailable
from recollect.settings import Settings

PORTION_BYTES = 65_536


async def run_stdio(settings: Settings) -> None:
    """Speak MCP on standard input and output until the client closes them or a signal comes.

    Raises:
        Unavailable: The server that the settings name does not answer.
        KeyboardInterrupt: That is how it was stopped.
    """
    caught: list[int] = []
    async with create_task_group() as tasks:
        tasks.start_soon(_cancel_on_signal, tasks.cancel_scope, caught)
        await _run(settings)
        tasks.cancel_scope.cancel()
    if signal.SIGINT in caught:
        raise KeyboardInterrupt


async def _cancel_on_signal(scope: CancelScope, caught: list[int]) -> None:
    with open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for number in signals:
            caught.append(number)
            scope.cancel()


async def _run(settings: Settings) -> None:
    url = settings.url or await server_of(settings.data_dir, settings.store.kind)
    if url is not None and await answers(url):
        async with open_bridge(url, settings) as server:
            await _speak(server)
        return
    if settings.url is not None:
        raise Unavailable(f"there is no server at {settings.url}; start it, or unset RECOLLECT_URL")
    async with (
        open_context(settings) as (plain, embedders),
        mirrored(settings, plain) as context,
        create_task_group() as tasks,
    ):
        # A tenth of a second, so that not even the first answer goes without meaning.
        with suppress(EmbedderUnavailable):
            await embedders.embedder.load()
        tasks.start_soon(work_in_background, context, embedders)
        await _speak(mcp_server(context, settings.tools))
        tasks.cancel_scope.cancel()


async def _speak(server: Server[Any]) -> None:
    # Reading in a thread, as the SDK does, could not be interrupted.
    lines = cast("AsyncFile[str]", _lines(sys.stdin.fileno()))
    async with stdio_server(lines) as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())


async def _lines(file: int) -> AsyncGenerator[str]:
    """The lines of an open file, as they come."""
    rest = b""
    while True:
        with suppress(PermissionError):  # a file on disk can always be read
            await wait_readable(file)
        part = os.read(file, PORTION_BYTES)
        *whole, rest = (rest + part).split(b"\n")
        for line in whole:
            yield line.decode(errors="replace")
        if not part:
            break
    if rest:
        yield rest.decode(errors="replace")
