"""A git host that speaks HTTP, for tests: it serves one repository, and answers as it is told."""

import base64
import io
import threading
from dataclasses import dataclass, field
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from tests.git_protocol import Conversation


@dataclass
class GitRemote:
    """What a server knows and does.

    Attributes:
        repository: What it serves.
        token: What it wants to be shown; None lets everybody in.
        rejection: Why it takes no branch; None takes it.
        redirect: Where it sends everybody instead.
        open: While it is not set, the server does not answer.
        shown: The credentials that it was shown, in order.
    """

    repository: Path
    token: str | None = None
    rejection: str | None = None
    redirect: str | None = None
    open: threading.Event = field(default_factory=threading.Event)
    reached: threading.Event = field(default_factory=threading.Event)
    shown: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self.open.set()

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/notes.git/info/refs", self._list),
                Route("/notes.git/{service}", self._serve, methods=["POST"]),
            ]
        )

    def _list(self, request: Request) -> Response:
        service = request.query_params["service"]
        return self._refusal(request) or self._answer(service, b"", lists=True)

    async def _serve(self, request: Request) -> Response:
        service, body = request.path_params["service"], await request.body()
        return self._refusal(request) or await run_in_threadpool(self._answer, service, body)

    def _refusal(self, request: Request) -> Response | None:
        self.reached.set()
        assert self.open.wait(30)
        shown = request.headers.get("authorization", "").removeprefix("Basic ")
        if shown:
            self.shown.append(base64.b64decode(shown).decode())
        if self.redirect:
            return RedirectResponse(f"{self.redirect}{request.url.path}?{request.url.query}")
        if self.token and not (shown and self.shown[-1].endswith(f":{self.token}")):
            return Response(status_code=401, headers={"WWW-Authenticate": 'Basic realm="git"'})
        return None

    def _answer(self, service: str, asked: bytes, *, lists: bool = False) -> Response:
        told = io.BytesIO()
        if lists:
            told.write(_line(f"# service={service}\n".encode()) + b"0000")
        Conversation(
            repository=self.repository,
            receive=io.BytesIO(asked).read,
            send=told.write,
            rejection=self.rejection,
        ).serve(service, of_http=True, lists=lists)
        kind = "advertisement" if lists else "result"
        return Response(told.getvalue(), media_type=f"application/x-{service}-{kind}")


def _line(content: bytes) -> bytes:
    return b"%04x" % (len(content) + 4) + content
