"""Commands that run until they are stopped."""

import ctypes
import gc
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from recollect.cli.session import session_of

if TYPE_CHECKING:
    from recollect.settings import Settings


Tools = Annotated[
    Literal["core", "all"] | None,
    typer.Option(help="The MCP tools to offer: all, or the core on notes without feedback."),
]

_M_ARENA_MAX = -8  # of malloc.h

_COLLECTED_AFTER = 10_000
"""So many more objects than were freed start a search for garbage; 700 would in each recall."""


def serve(
    context: typer.Context,
    *,
    host: Annotated[
        str | None, typer.Option(help="The address to listen at; any but loopback needs a token.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="The port to listen at; 0 takes a free one.")
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Listen beyond loopback without a token.")
    ] = False,
    tools: Tools = None,
    configuration: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="A configuration.yml of MemMachine [RECOLLECT_CONFIGURATION]."
        ),
    ] = None,
) -> None:
    """Serve REST and MCP until stopped."""
    with _for_good():
        import anyio

        from recollect.app.serve import serve as serve_until_stopped

    settings = session_of(context).settings(
        host=host,
        port=port,
        insecure=insecure or None,
        tools=tools,
        configuration=configuration,
    )
    _log(settings)
    # There is no uvloop for Windows.
    anyio.run(
        serve_until_stopped, settings, backend_options={"use_uvloop": sys.platform != "win32"}
    )


def work(context: typer.Context) -> None:
    """Do what waits in the store, such as embedding, beside servers, until stopped.

    As many as you like may work on one database. Servers work as well, unless
    RECOLLECT_WORK_IN_BACKGROUND is false.
    """
    with _for_good():
        import anyio

        from recollect.app.worker import work_until_stopped

    settings = session_of(context).settings()
    _log(settings)
    anyio.run(work_until_stopped, settings)


def mcp(context: typer.Context, *, tools: Tools = None) -> None:
    """Speak MCP on standard input and output, for a client that starts its servers."""
    with _for_good():
        import anyio

        from recollect.app.stdio import run_stdio

    settings = session_of(context).settings(tools=tools)
    _log(settings)
    anyio.run(run_stdio, settings)


@contextmanager
def _for_good() -> Generator[None]:
    """Import without looking for garbage, then or ever: a tenth of the time to the first answer.

    And let threads share what the C library has set aside. Each would keep the most that it ever
    used: a fifth of a busy server's memory.
    """
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(_M_ARENA_MAX, 2)
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(_COLLECTED_AFTER)
        gc.enable()


def _log(settings: "Settings") -> None:
    from recollect.app.telemetry import configure_logging

    configure_logging(settings.log_level, json=not sys.stderr.isatty())
