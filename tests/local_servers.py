"""Real servers on this machine that a test describes as an application."""

import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send


@contextmanager
def served(app: ASGIApp, certificate: Path | None = None) -> Generator[str]:
    """The address of the application, which listens at a free port of loopback, in a thread.

    Args:
        app: The application.
        certificate: The file of a certificate with its key; with one it speaks TLS.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as bound:
        bound.bind(("127.0.0.1", 0))
        # It listens already, so that who comes before the server waits.
        bound.listen()
        server = uvicorn.Server(
            uvicorn.Config(app, lifespan="off", log_config=None, ssl_certfile=certificate)
        )
        thread = Thread(target=server.run, args=([bound],))
        thread.start()
        try:
            yield f"{'https' if certificate else 'http'}://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


class Front:
    """One server for several tests: each puts its own application behind it."""

    def __init__(self) -> None:
        self.url = ""
        self.app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app
        await self.app(scope, receive, send)


@contextmanager
def front() -> Generator[Front]:
    """A front that listens."""
    behind = Front()
    with served(behind) as behind.url:
        yield behind
