"""What every request passes before any route: host, origin, credential, size, deadline."""

from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any, Literal

import anyio
import httpx2
import pytest
from tests.transports.serving import (
    FACE_ROUTES,
    HIDDEN_ROUTES,
    JSON,
    OPEN_ROUTES,
    PLANTED,
    ROUTES,
    api_with,
    client_of,
    refused,
    settings_for,
)

from recollect.adapters.in_memory.embedding import HashingEmbedder
from recollect.api.guard import Policy
from recollect.app.serve import open_app
from recollect.domain.passages import FloatMatrix
from recollect.errors import ConfigError

pytestmark = pytest.mark.anyio

EVERY_ROUTE = [*ROUTES, *OPEN_ROUTES, *HIDDEN_ROUTES, *FACE_ROUTES, ("GET", "/nowhere")]
EVIL_HOSTS = [
    "evil.example", "evil.example:8080", "localhost.evil.example", "localhost:80.evil.example",
    "127.0.0.1.evil.example", "[::2]:8080", "10.0.0.1", "localhost:", "", ":8080",
    "user@localhost.example",
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), EVERY_ROUTE)
async def test_no_route_answers_under_a_foreign_host_or_to_a_foreign_origin(
    api: httpx2.AsyncClient, method: str, path: str
) -> None:
    for headers in ({"host": "evil.example"}, {"origin": "https://evil.example"}):
        refused(await api.request(method, path, headers=headers), 403, "denied")


@pytest.mark.parametrize("host", EVIL_HOSTS)
async def test_a_foreign_host_is_denied(api: httpx2.AsyncClient, host: str) -> None:
    refused(await api.get("/healthz", headers={"host": host}), 403, "denied")


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:8080"]
)
async def test_loopback_is_known_by_its_names(api: httpx2.AsyncClient, host: str) -> None:
    assert (await api.get("/healthz", headers={"host": host})).status_code == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost", 200), ("http://localhost:3000", 200), ("http://127.0.0.1:1", 200),
        ("http://[::1]:8080", 200), ("null", 403), ("", 403), ("http://evil.example", 403),
        ("http://localhost.evil.example", 403), ("http://evil.example:80", 403),
        ("http://localhost:80@evil.example", 403), ("localhost", 403),
    ],
)  # fmt: skip
async def test_only_origins_on_this_machine_are_let_through(
    api: httpx2.AsyncClient, origin: str, status: int
) -> None:
    assert (await api.get("/healthz", headers={"origin": origin})).status_code == status


async def test_hosts_and_origins_can_be_allowed(tmp_path: Path) -> None:
    policy = Policy(hosts=("Memory.example", "10.0.0.1:9"), origins=("https://App.example",))
    async with api_with(tmp_path, policy) as api:
        for host, status in (
            ("memory.example", 200), ("MEMORY.example:443", 200), ("10.0.0.1:9", 200),
            ("10.0.0.1:8", 403), ("localhost", 200), ("x.memory.example", 403),
        ):  # fmt: skip
            assert (await api.get("/healthz", headers={"host": host})).status_code == status
        for origin, status in (
            ("https://app.example", 200), ("http://app.example", 403),
            ("https://app.example:444", 403),
        ):  # fmt: skip
            assert (await api.get("/healthz", headers={"origin": origin})).status_code == status


async def test_with_a_token_only_health_is_open(tmp_path: Path) -> None:
    async with open_app(settings_for(tmp_path, token=PLANTED)) as app, client_of(app) as api:
        for method, path in OPEN_ROUTES:
            assert (await api.request(method, path)).status_code == 200
        for method, path in [*ROUTES, *HIDDEN_ROUTES, ("GET", "/nowhere"), ("GET", "/healthz/")]:
            answer = await api.request(method, path)
            refused(answer, 401, "unauthenticated")
            assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "credential",
    ["", "Bearer", "Bearer ", f"Bearer {PLANTED}x", f"Bearer {PLANTED[:-1]}", f"Basic {PLANTED}",
     PLANTED, f"Bearer {PLANTED.lower()}", "Bearer \xe9", f"Token {PLANTED}"],
)  # fmt: skip
async def test_a_wrong_credential_is_refused(tmp_path: Path, credential: str) -> None:
    async with api_with(tmp_path, Policy(token=PLANTED)) as api:
        headers = {"authorization": credential.encode("latin-1")}
        refused(await api.get("/v1/stats", headers=headers), 401, "unauthenticated")


@pytest.mark.parametrize("token", [PLANTED, "pässwörd-🔑"])
async def test_the_right_credential_opens_every_route(tmp_path: Path, token: str) -> None:
    headers = {"authorization": f"bearer {token}".encode()}
    async with open_app(settings_for(tmp_path, token=token)) as app, client_of(app) as api:
        for path in ("/v1/stats", "/v1/openapi.json", "/metrics", "/v1/export"):
            assert (await api.get(path, headers=headers)).status_code == 200
        answer = await api.post("/mcp", headers=headers | JSON, content=b"{}")
        assert answer.status_code != 401


async def test_the_token_does_not_excuse_a_foreign_host(tmp_path: Path) -> None:
    async with api_with(tmp_path, Policy(token=PLANTED)) as api:
        headers = {"authorization": f"Bearer {PLANTED}", "host": "evil.example"}
        refused(await api.get("/v1/stats", headers=headers), 403, "denied")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "memory.example"])  # noqa: S104
async def test_listening_beyond_loopback_needs_a_token(tmp_path: Path, host: str) -> None:
    with pytest.raises(ConfigError):
        async with open_app(settings_for(tmp_path, host=host)):
            pass


@pytest.mark.parametrize("options", [{"token": PLANTED}, {"insecure": True}])
async def test_beyond_loopback_any_host_is_known_unless_some_are_listed(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    for hosts, status in (((), 200), (("memory.example",), 403)):
        settings = settings_for(tmp_path, host="0.0.0.0", allowed_hosts=hosts, **options)  # noqa: S104
        async with open_app(settings) as app, client_of(app) as api:
            answer = await api.get("/healthz", headers={"host": "other.example"})
            assert answer.status_code == status


@pytest.mark.parametrize("path", ["/v1/memories", "/v1/recall", "/v1/messages", "/mcp"])
async def test_a_body_over_the_limit_is_refused_whether_announced_or_not(
    api: httpx2.AsyncClient, path: str
) -> None:
    async def parts() -> AsyncGenerator[bytes]:
        for _ in range(10):
            yield PLANTED.encode() * 50_000

    refused(await api.post(path, content=b"x" * 10_000_000, headers=JSON), 413, "too_large")
    refused(await api.post(path, content=parts(), headers=JSON), 413, "too_large")


async def test_no_more_than_the_limit_is_read_of_an_endless_body(tmp_path: Path) -> None:
    async def endless() -> AsyncGenerator[bytes]:
        while True:
            yield b"x" * 1000

    async with api_with(tmp_path, Policy(max_body_bytes=5000)) as api:
        refused(await api.post("/v1/recall", content=endless()), 413, "too_large")
        wrong = {"content-length": "-5"}
        refused(await api.post("/v1/recall", content=endless(), headers=wrong), 413, "too_large")


async def test_a_note_of_a_mebibyte_fits_however_it_is_escaped(api: httpx2.AsyncClient) -> None:
    body = b'{"content": "' + b"\\u0041" * 1_048_576 + b'"}'
    assert (await api.post("/v1/memories", content=body, headers=JSON)).status_code == 201


class SlowEmbedder(HashingEmbedder):
    """Never done."""

    async def embed(
        self, texts: Sequence[str], *, purpose: Literal["query", "document"]
    ) -> FloatMatrix:
        await anyio.sleep_forever()
        return await super().embed(texts, purpose=purpose)


async def test_what_takes_longer_than_the_deadline_is_given_up(tmp_path: Path) -> None:
    policy = Policy(deadline_seconds=0.05)
    async with api_with(tmp_path, policy, embedder=SlowEmbedder()) as api:
        for path, body in (("memories", {"content": PLANTED}), ("recall", {"query": PLANTED})):
            refused(await api.post(f"/v1/{path}", json=body), 504, "deadline_exceeded")
        assert (await api.get("/v1/memories")).json()["count"] == 0


async def test_a_body_that_never_arrives_is_given_up(tmp_path: Path) -> None:
    async def silent() -> AsyncGenerator[bytes]:
        yield b"{"
        await anyio.sleep_forever()

    async with api_with(tmp_path, Policy(deadline_seconds=0.05)) as api:
        refused(await api.post("/v1/recall", content=silent()), 504, "deadline_exceeded")
