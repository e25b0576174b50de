import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import httpx2
import pytest
from anyio.from_thread import start_blocking_portal
from pydantic import SecretStr
from starlette.types import ASGIApp, Receive, Scope, Send
from tests.transports.serving import METHODS

from recollect import errors, operations
from recollect.api.problems import problem
from recollect.app.serve import open_app
from recollect.client.asynchronous import AsyncClient
from recollect.client.blocking import Client
from recollect.client.http import HttpTransport
from recollect.client.problems import error_of
from recollect.client.routes import call_of
from recollect.operations import Request
from recollect.settings import HashingSettings, InMemoryStoreSettings, Settings

pytestmark = pytest.mark.anyio

AT_ONCE = (timedelta(0), timedelta(0))
BASE_URL = "http://127.0.0.1:8080"


def in_memory() -> Settings:
    return Settings(store=InMemoryStoreSettings(), embedder=HashingSettings())


def all_errors() -> Iterator[errors.RecollectError]:
    yield errors.RecollectError("defect")
    yield errors.InvalidRequest("wrong")
    yield errors.InvalidFilter("unexpected end", 3)
    yield errors.InvalidCursor()
    yield errors.MethodNotAllowed("method")
    yield errors.TooLarge("too large")
    yield errors.NotFound("x")
    yield errors.Conflict("conflict")
    yield errors.RevisionConflict("x", 1, 2)
    yield errors.AlreadyExists("exists")
    yield errors.RemoteMoved("moved")
    yield errors.IdempotencyMismatch()
    yield errors.UnreadableNote("its name is missing")
    yield errors.Denied("no")
    yield errors.Unauthenticated()
    yield errors.ConfigError("config")
    yield errors.FileProblem("file")
    yield errors.SignInFailed("denied")
    yield errors.Unavailable("away")
    yield errors.EmbedderUnavailable("no model")
    yield errors.LanguageModelUnavailable("it is silent")
    yield errors.SecretStoreUnavailable("no keyring")
    yield errors.SyncFailed("sync failed for 1/1 repos: default", {"failed": ["default"]})
    yield errors.StoreUnavailable("no store")
    yield errors.StorageFull("full")
    yield errors.DeadlineExceeded(3)


def subclasses(kind: type[errors.RecollectError]) -> set[type[errors.RecollectError]]:
    return {kind}.union(*(subclasses(below) for below in kind.__subclasses__()))


async def test_every_error_comes_back_as_it_was_sent() -> None:
    sent = list(all_errors())
    assert {type(error) for error in sent} == subclasses(errors.RecollectError)
    for error in sent:
        response = problem(error)
        received = error_of(response.status_code, bytes(response.body))
        assert type(received) is type(error)
        assert (str(received), vars(received)) == (str(error), vars(error))


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (502, b"<html>bad gateway</html>", errors.Unavailable),
        (404, b"not found", errors.RecollectError),
        (500, b"[]", errors.RecollectError),
        (405, b'{"code": "new_refusal", "detail": "no"}', errors.InvalidRequest),
        (500, b'{"code": "new_trouble"}', errors.RecollectError),
    ],
)
async def test_an_answer_of_something_else_is_an_error_too(
    status: int, body: bytes, expected: type[errors.RecollectError]
) -> None:
    assert type(error_of(status, body)) is expected


@dataclass
class Unreliable(httpx2.AsyncBaseTransport):
    """Passes requests on, and loses answers as told."""

    app: ASGIApp
    lost: list[Exception] = field(default_factory=list[Exception])
    keys: list[str | None] = field(default_factory=list[str | None])

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.keys.append(request.headers.get("idempotency-key"))
        response = await httpx2.ASGITransport(self.app).handle_async_request(request)
        if self.lost:
            raise self.lost.pop(0)
        return response


@asynccontextmanager
async def unreliable(*lost: Exception) -> AsyncGenerator[tuple[AsyncClient, Unreliable]]:
    async with open_app(in_memory()) as app:
        network = Unreliable(app, list(lost))
        transport = HttpTransport(BASE_URL, network=network, retry_delays=AT_ONCE)
        async with AsyncClient(transport=transport) as client:
            yield client, network


async def test_a_write_whose_answer_was_lost_is_done_once() -> None:
    async with unreliable(httpx2.ReadError("lost"), httpx2.RemoteProtocolError("cut")) as made:
        client, network = made
        stored = await client.remember("Text", name="n")
        assert stored.revision == 1
        assert not stored.replaced
        assert (await client.history(stored.id)).revisions[-1].revision == 1
        first, second, third, history = network.keys
        assert first
        assert first == second == third
        assert history is None


async def test_two_writes_carry_different_keys() -> None:
    async with unreliable() as (client, network):
        await client.remember("Text", name="n")
        await client.remember("Text", name="n")
        assert len(set(network.keys)) == 2


async def test_a_server_out_of_reach_is_unavailable_after_the_last_try() -> None:
    async with unreliable(*(httpx2.ConnectError("refused") for _ in range(3))) as made:
        client, network = made
        with pytest.raises(errors.Unavailable):
            await client.stats()
        assert len(network.keys) == 3


async def test_what_took_too_long_is_not_asked_again() -> None:
    async with unreliable(httpx2.ReadTimeout("slow")) as (client, network):
        with pytest.raises(errors.DeadlineExceeded):
            await client.stats()
        assert len(network.keys) == 1


async def test_a_busy_server_is_asked_again() -> None:
    async with open_app(in_memory()) as app:
        answers: list[ASGIApp] = [problem(errors.Unavailable("busy")), app]

        async def busy_first(scope: Scope, receive: Receive, send: Send) -> None:
            await answers.pop(0)(scope, receive, send)

        network = httpx2.ASGITransport(busy_first)
        transport = HttpTransport(BASE_URL, network=network, retry_delays=AT_ONCE)
        async with AsyncClient(transport=transport) as client:
            assert (await client.stats()).memories == 0


async def test_an_export_that_breaks_off_is_an_error() -> None:
    async def broken(*_: object) -> None:
        raise httpx2.RemoteProtocolError("cut")

    transport = HttpTransport(BASE_URL, network=httpx2.ASGITransport(broken))
    async with AsyncClient(transport=transport) as client:
        with pytest.raises(errors.Unavailable):
            _ = [line async for line in client.export()]


async def test_the_token_is_sent() -> None:
    settings = Settings(
        store=InMemoryStoreSettings(),
        embedder=HashingSettings(),
        token=SecretStr("s3cret"),
    )
    async with open_app(settings) as app:
        network = httpx2.ASGITransport(app)
        for token, expected in (("s3cret", None), ("wrong", errors.Unauthenticated)):
            async with AsyncClient(
                transport=HttpTransport(BASE_URL, token=token, network=network)
            ) as client:
                if expected is None:
                    assert (await client.stats()).memories == 0
                else:
                    with pytest.raises(expected):
                        await client.stats()
                    with pytest.raises(expected):
                        _ = [line async for line in client.export()]


async def test_an_address_without_a_scheme_is_a_configuration_error() -> None:
    with pytest.raises(errors.ConfigError):
        AsyncClient("localhost:8080")


def test_the_blocking_client_reaches_a_server() -> None:
    with served_app() as app:
        transport = HttpTransport(BASE_URL, network=Elsewhere(app))
        with Client(opening=AsyncClient(transport=transport)) as client:
            client.remember("Text", name="n")
            assert [memory.name for memory in client.list_all()] == ["n"]


@dataclass
class Elsewhere(httpx2.AsyncBaseTransport):
    """Answers on another event loop, as a server in another thread would."""

    answer: Callable[[httpx2.Request], Awaitable[httpx2.Response]]

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        content = await request.aread()
        return await self.answer(
            httpx2.Request(request.method, request.url, headers=request.headers, content=content)
        )


@contextmanager
def served_app() -> Generator[Callable[[httpx2.Request], Awaitable[httpx2.Response]]]:
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(open_app(in_memory())) as app,
    ):

        async def answer(request: httpx2.Request) -> httpx2.Response:
            return await portal.call_async(ask, request)

        async def ask(request: httpx2.Request) -> httpx2.Response:
            response = await httpx2.ASGITransport(app).handle_async_request(request)
            content = await response.aread()
            return httpx2.Response(response.status_code, headers=response.headers, content=content)

        yield answer


async def test_every_operation_has_a_method_and_a_route() -> None:
    methods = {name for name, _ in inspect.getmembers(AsyncClient, inspect.isfunction)}
    routed: set[str] = set()
    for operation in operations.OFFERED:
        assert METHODS.get(operation.name, operation.name) in methods
        request: Request = operation.request.model_construct(id="x")
        try:
            call_of(operation.name, request)
            routed.add(operation.name)
        except errors.InvalidRequest:
            assert operation.name in ("backup", "import_recall_log")
