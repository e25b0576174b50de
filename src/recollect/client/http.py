"""The transport to a server: REST, with retries that do nothing twice."""

import secrets
from collections.abc import AsyncGenerator, AsyncIterable, Generator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Final, TypeVar

import httpx2
from anyio import sleep
from pydantic import ValidationError

from recollect import operations
from recollect.client.problems import error_of
from recollect.client.routes import Call, call_of
from recollect.errors import (
    ConfigError,
    DeadlineExceeded,
    NotFound,
    RecollectError,
    StorageFull,
    Unavailable,
)
from recollect.operations import Imported, Operation, Request, Result
from recollect.operations.reference import Reference

Q = TypeVar("Q", bound=Request)
R = TypeVar("R", bound=Result)

TIMEOUT: Final = timedelta(seconds=75)
"""More than a server's own deadline, so that its answer tells what was too slow."""

RETRY_DELAYS: Final = (timedelta(seconds=0.1), timedelta(seconds=0.3), timedelta(seconds=1))
"""How long to wait before each further try when a server is out of reach."""


class HttpTransport:
    """Carries requests to a server's REST interface.

    What is out of reach, or answers 503, is asked again. A write carries an `Idempotency-Key`, so
    that one whose answer was lost is not done twice. Imports and exports are streams and are
    not repeated.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: str | None = None,
        timeout: timedelta = TIMEOUT,
        retry_delays: Sequence[timedelta] = RETRY_DELAYS,
        network: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """Prepare for a server; nothing is sent yet.

        Args:
            base_url: Where it listens, such as `http://127.0.0.1:8080`.
            token: The bearer token, if it asks for one.
            timeout: For connecting and for each wait for an answer.
            retry_delays: One further try after each.
            network: What sends bytes, instead of sockets.

        Raises:
            ConfigError: The address is none.
        """
        if not base_url.startswith(("http://", "https://")):
            raise ConfigError("a server's address must start with http:// or https://")
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout
        self._retry_delays = tuple(retry_delays)
        self._http = httpx2.AsyncClient(
            base_url=self._base_url,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=timeout.total_seconds(),
            transport=network,
        )

    async def run(self, operation: Operation[Q, R], request: Q) -> R:
        """Have the server carry the request out, once."""
        identified = await self._identified(request)
        answer = await self._ask(call_of(operation.name, identified))
        return self._parsed(operation.result, answer)

    async def export(self) -> AsyncGenerator[str]:
        """Every record as lines of JSON, as the server sends them."""
        rest = b""
        with self._translated_errors():
            async with self._http.stream("GET", "/v1/export") as response:
                if not response.is_success:
                    raise error_of(response.status_code, await response.aread())
                async for part in response.aiter_bytes():
                    *whole, rest = (rest + part).split(b"\n")
                    for line in whole:
                        yield line.decode() + "\n"

    async def import_lines(self, lines: AsyncIterable[str], *, dry_run: bool = False) -> Imported:
        """Send the lines as they come, and give what the server made of them."""
        query = {"dry_run": "true"} if dry_run else {}
        with self._translated_errors():
            response = await self._http.post("/v1/import", params=query, content=_encoded(lines))
        if not response.is_success:
            raise error_of(response.status_code, response.content)
        return self._parsed(Imported, response.content)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _identified(self, request: Q) -> Q:
        """The request with the memory's id: REST knows no other way to name one."""
        if not isinstance(request, Reference) or request.id is not None:
            return request
        asked = operations.Browse(scope=request.scope, name=request.name, limit=1)
        page = await self.run(operations.browse, asked)
        if not page.memories:
            raise NotFound(request.name or "")
        return request.model_copy(update={"id": page.memories[0].id})

    async def _ask(self, call: Call) -> bytes:
        """The answer's body, after as many tries as allowed."""
        headers = {"Idempotency-Key": secrets.token_hex(16)} if call.writes else {}
        for delay in self._retry_delays:
            try:
                return await self._ask_once(call, headers)
            except (DeadlineExceeded, StorageFull):
                raise
            except Unavailable:
                await sleep(delay.total_seconds())
        return await self._ask_once(call, headers)

    async def _ask_once(self, call: Call, headers: dict[str, str]) -> bytes:
        with self._translated_errors():
            response = await self._http.request(
                call.method, call.path, params=call.query, json=call.body, headers=headers
            )
        if not response.is_success:
            raise error_of(response.status_code, response.content)
        return response.content

    def _parsed(self, result: type[R], body: bytes) -> R:
        try:
            return result.model_validate_json(body)
        except ValidationError:
            raise RecollectError(
                f"{self._base_url} gave an answer of another kind: is this a Recollect server, "
                "and of the same version?"
            ) from None

    @contextmanager
    def _translated_errors(self) -> Generator[None]:
        try:
            yield
        except (httpx2.ReadTimeout, httpx2.WriteTimeout) as error:
            raise DeadlineExceeded(self._timeout.total_seconds()) from error
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            reason = str(error) or type(error).__name__
            raise Unavailable(
                f"no answer from {self._base_url} ({reason}); is the server running?"
            ) from error


async def _encoded(lines: AsyncIterable[str]) -> AsyncGenerator[bytes]:
    async for line in lines:
        yield line.encode() if line.endswith("\n") else f"{line}\n".encode()
