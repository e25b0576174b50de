"""A git host that speaks HTTP, for tests: it serves one repository, and answers as it is told."""

import base64
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

from pygit2 import Repository
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

_FLUSH = b"0000"
_NOBODY = "0" * 40


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
        pushed: The commands that were sent with a push.
    """

    repository: Path
    token: str | None = None
    rejection: str | None = None
    redirect: str | None = None
    open: threading.Event = field(default_factory=threading.Event)
    reached: threading.Event = field(default_factory=threading.Event)
    shown: list[str] = field(default_factory=list[str])
    pushed: list[bytes] = field(default_factory=list[bytes])

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
        return self._refusal(request) or _answer(f"{service}-advertisement", self._heads(service))

    async def _serve(self, request: Request) -> Response:
        service = request.path_params["service"]
        work = self._received if service == "git-receive-pack" else self._packed
        return self._refusal(request) or _answer(f"{service}-result", work(await request.body()))

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

    def _heads(self, service: str) -> bytes:
        """What it has, as the first answer of the smart protocol lists it."""
        repository = Repository(str(self.repository))
        heads = [
            f"{reference.target} {reference.name}"
            for reference in repository.references.iterator()
            if reference.name.startswith("refs/heads/")
        ]
        abilities = "report-status" if service == "git-receive-pack" else ""
        first, *others = heads or [f"{_NOBODY} capabilities^{{}}"]
        lines = [f"{first}\0{abilities}", *others]
        listed = b"".join(_line(f"{line}\n".encode()) for line in lines)
        return _line(f"# service={service}\n".encode()) + _FLUSH + listed + _FLUSH

    def _packed(self, body: bytes) -> bytes:
        """Everything that it has, for whoever wants anything."""
        if not body.endswith(b"0009done\n"):
            return _line(b"NAK\n")
        with tempfile.TemporaryDirectory() as folder:
            Repository(str(self.repository)).pack(folder)
            (pack,) = Path(folder).glob("*.pack")
            return _line(b"NAK\n") + pack.read_bytes()

    def _received(self, body: bytes) -> bytes:
        """The verdict on a push; nothing of it is kept."""
        command = body[4 : int(body[:4], 16)].split(b"\0")[0]
        self.pushed.append(command)
        name = command.split(b" ")[2].decode()
        verdict = f"ng {name} {self.rejection}\n" if self.rejection else f"ok {name}\n"
        return _line(b"unpack ok\n") + _line(verdict.encode()) + _FLUSH


def _answer(kind: str, content: bytes) -> Response:
    return Response(content, media_type=f"application/x-{kind}")


def _line(content: bytes) -> bytes:
    return b"%04x" % (len(content) + 4) + content
