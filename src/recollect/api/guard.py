"""What every request passes before any route: host, origin, credential, size, deadline."""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Final

import structlog
from anyio import fail_after
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recollect.api.metrics import Metrics
from recollect.api.problems import crash, problem
from recollect.domain.access import LOCAL, Principal
from recollect.errors import (
    DeadlineExceeded,
    Denied,
    RecollectError,
    TooLarge,
    Unauthenticated,
)
from recollect.operations.context import Context

log = structlog.get_logger()

PRINCIPAL: Final = "recollect.principal"
"""Where the ASGI scope tells who asks."""

OPEN_PATHS: Final = frozenset({"/healthz", "/startupz", "/readyz", "/api/v2/health"})
STREAMED_PATHS: Final = frozenset({"/v1/export", "/v1/import"})
_LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")
_PORT: Final = re.compile(r":[0-9]{1,5}\Z")
_REQUEST_ID: Final = re.compile(r"[\w.\-]{1,100}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is let through.

    Attributes:
        token: The bearer token to ask for; None asks for none.
        hosts: Host names to accept besides loopback's, each with any port.
        origins: Origins to accept besides loopback's.
        any_host: Accept every Host: the operator chose to be reachable under any name.
    """

    token: str | None = None
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    any_host: bool = False
    max_body_bytes: int = 8_388_608
    deadline_seconds: float = 60


class Guard:
    """ASGI middleware around the whole application, MCP included."""

    def __init__(self, app: ASGIApp, policy: Policy, context: Context, metrics: Metrics) -> None:
        self._app = app
        self._policy = policy
        self._new_id = context.new_id
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer it with a problem."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        answer = _Answer(send, self._request_id(headers))
        started = perf_counter()
        try:
            scope[PRINCIPAL] = self._admit(scope["path"], headers)
            await self._run(scope, headers, receive, answer)
        except RecollectError as error:
            await answer.give_up(problem(error), scope, receive)
        except Exception:  # the outermost boundary of the process
            log.exception("request.crashed", request_id=answer.request_id)
            await answer.give_up(crash(), scope, receive)
        self._metrics.observe(scope, answer.status, perf_counter() - started)

    def _request_id(self, headers: Headers) -> str:
        given = headers.get("x-request-id", "")
        return given if _REQUEST_ID.fullmatch(given) else self._new_id()

    def _admit(self, path: str, headers: Headers) -> Principal:
        if not self._is_known_host(headers.get("host", "").lower()):
            raise Denied("this Host header is not allowed; see the setting allowed_hosts")
        origin = headers.get("origin")
        if origin is not None and not self._is_known_origin(origin.lower()):
            raise Denied("this Origin header is not allowed; see the setting allowed_origins")
        token = self._policy.token
        if token is None or path in OPEN_PATHS:
            return LOCAL
        scheme, _, given = headers.get("authorization", "").partition(" ")
        # A header's bytes come as Latin-1, whatever the client meant by them.
        right = hmac.compare_digest(given.strip().encode("latin-1"), token.encode())
        if scheme.lower() != "bearer" or not right:
            raise Unauthenticated
        return LOCAL

    def _is_known_host(self, host: str) -> bool:
        known = {*_LOOPBACK, *(name.lower() for name in self._policy.hosts)}
        return self._policy.any_host or not known.isdisjoint({host, _without_port(host)})

    def _is_known_origin(self, origin: str) -> bool:
        known = {name.lower() for name in self._policy.origins}
        return _without_port(origin.partition("://")[2]) in _LOOPBACK or origin in known

    async def _run(
        self, scope: Scope, headers: Headers, receive: Receive, answer: "_Answer"
    ) -> None:
        if scope["path"] in STREAMED_PATHS:
            await self._app(scope, receive, answer.send)
            return
        seconds = self._policy.deadline_seconds
        try:
            with fail_after(seconds):
                body = await _body(headers, receive, self._policy.max_body_bytes)
                await self._app(scope, _replayed(body, receive), answer.send)
        except TimeoutError:
            raise DeadlineExceeded(seconds) from None


def _without_port(host: str) -> str:
    return _PORT.sub("", host)


class _Answer:
    """Notes what is sent, and puts the request's id on it."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self.request_id = request_id
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            header = (b"x-request-id", self.request_id.encode())
            message = {**message, "headers": [*message.get("headers", ()), header]}
        await self._send(message)

    async def give_up(self, response: ASGIApp, scope: Scope, receive: Receive) -> None:
        """Answer with a problem, unless the answer has begun: then it just ends."""
        if not self.status:
            await response(scope, receive, self.send)


async def _body(headers: Headers, receive: Receive, most: int) -> bytes:
    """The whole body.

    Raises:
        TooLarge: It is longer than `most` bytes; no more than that was read.
    """
    announced = headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > most:
        raise TooLarge(f"the request body has more than {most} bytes")
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            raise TooLarge(f"the request body has more than {most} bytes")
        if not message.get("more_body", False):
            return b"".join(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Give the body once, then whatever the connection tells."""
    waiting: list[Mapping[str, object]] = [
        {"type": "http.request", "body": body, "more_body": False}
    ]

    async def replay() -> Message:
        return dict(waiting.pop()) if waiting else await receive()

    return replay
