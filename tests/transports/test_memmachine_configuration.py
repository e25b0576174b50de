"""The configuration API of MemMachine's face."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.local_servers import served
from tests.model_hosts import KEY, ModelHost
from tests.transports.memmachine import Face, refused
from tests.transports.serving import client_of, settings_for

from recollect.app.serve import open_app
from recollect.settings import MemMachineSettings, SqliteStoreSettings

pytestmark = pytest.mark.anyio

CONFIG = "/api/v2/config"
ROUTES = [
    ("GET", ""),
    ("GET", "/resources"),
    ("PUT", "/memory"),
    ("GET", "/memory/episodic"),
    ("PUT", "/memory/episodic"),
    ("GET", "/memory/episodic/long_term"),
    ("PUT", "/memory/episodic/long_term"),
    ("GET", "/memory/episodic/short_term"),
    ("PUT", "/memory/episodic/short_term"),
    ("GET", "/memory/semantic"),
    ("PUT", "/memory/semantic"),
    ("POST", "/resources/embedders"),
    ("POST", "/resources/language_models"),
    ("DELETE", "/resources/embedders/mine"),
    ("DELETE", "/resources/language_models/mine"),
    ("POST", "/resources/embedders/mine/retry"),
    ("POST", "/resources/language_models/mine/retry"),
    ("POST", "/resources/rerankers/mine/retry"),
]
ON = MemMachineSettings(config_api=True)


class Configuration:
    """Asks the configuration API; every answer must have the status that the test expects."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.http = http

    async def get(self, path: str = "") -> Any:
        return await self.ask("GET", path)

    async def put(self, path: str, body: object, status: int = 200) -> Any:
        return await self.ask("PUT", path, body, status)

    async def ask(self, method: str, path: str, body: object = None, status: int = 200) -> Any:
        given = {} if body is None else {"json": body}
        answer = await self.http.request(method, CONFIG + path, **given)
        assert answer.status_code == status, answer.text
        assert KEY not in answer.text
        return answer.json()


@pytest.fixture
async def config(tmp_path: Path) -> AsyncGenerator[Configuration]:
    async with (
        open_app(settings_for(tmp_path, memmachine=ON)) as app,
        client_of(app) as client,
    ):
        yield Configuration(client)


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_without_being_asked_for_it_is_not_there(
    api: httpx2.AsyncClient, method: str, path: str
) -> None:
    answer = await api.request(method, CONFIG + path, json={} if method != "GET" else None)
    assert answer.status_code == 404


async def test_it_tells_what_is_configured(config: Configuration) -> None:
    everything = await config.get()
    assert everything["episodic_memory"] == {
        "long_term_memory": {
            "backend": "event",
            "embedder": "default_embedder",
            "reranker": "default_reranker",
            "vector_graph_store": None,
            "vector_store": "default_database",
            "segment_store": "default_database",
            "properties_schema": {},
            "enabled": True,
        },
        "short_term_memory": {"llm_model": None, "message_capacity": 64_000, "enabled": True},
        "enabled": True,
    }
    assert everything["semantic_memory"] == {
        "enabled": True,
        "database": "default_database",
        "storage_backend": "auto",
        "feature_store": None,
        "vector_collection": None,
        "llm_model": None,
        "embedding_model": "default_embedder",
    }
    assert everything["resources"] == await config.get("/resources")
    assert everything["resources"]["embedders"] == [
        {"name": "default_embedder", "provider": "hashing", "status": "ready", "error": None}
    ]
    assert everything["episodic_memory"] == await config.get("/memory/episodic")
    assert everything["semantic_memory"] == await config.get("/memory/semantic")


@pytest.mark.parametrize(
    ("path", "body", "seen_at"),
    [
        ("/memory/episodic", {"enabled": False}, "/memory/episodic"),
        ("/memory/episodic/long_term", {"enabled": False}, "/memory/episodic/long_term"),
        ("/memory/episodic/short_term", {"enabled": False}, "/memory/episodic/short_term"),
        ("/memory/semantic", {"enabled": False}, "/memory/semantic"),
        (
            "/memory/episodic",
            {"short_term_memory_enabled": False},
            "/memory/episodic/short_term",
        ),
        ("/memory", {"semantic_memory": {"enabled": False}}, "/memory/semantic"),
    ],
)
async def test_a_switch_is_seen_by_the_next_question(
    config: Configuration, path: str, body: dict[str, Any], seen_at: str
) -> None:
    changed = await config.put(path, body)
    assert changed["success"] is True
    assert "enabled" in changed["message"]
    assert (await config.get(seen_at))["enabled"] is False
    assert "nothing" in (await config.put(path, body))["message"]


async def test_what_is_left_out_or_unknown_changes_nothing(config: Configuration) -> None:
    before = await config.get()
    await config.put("/memory/episodic/short_term", {"message_capacity": 500, "colour": "red"})
    await config.put("/memory/episodic/long_term", {"backend": None, "enabled": None})
    now = await config.get()
    assert now["episodic_memory"]["short_term_memory"]["message_capacity"] == 500
    now["episodic_memory"]["short_term_memory"]["message_capacity"] = 64_000
    assert now == before


async def test_what_cannot_be_is_refused(config: Configuration) -> None:
    refused(await config.put("/memory", {}, 400))
    for path, body in (
        ("/memory/semantic", {"storage_backend": "floppy"}),
        ("/memory/semantic", {"llm_model": "nobody"}),
        ("/memory/episodic/long_term", {"embedder": "nobody"}),
    ):
        refused(await config.put(path, body, 422), "InvalidRequest")
    for path, body in (
        ("/memory/episodic/short_term", {"message_capacity": 0}),
        ("/memory/episodic/long_term", {"backend": "floppy"}),
    ):
        refused(await config.put(path, body, 422), "RequestValidationError")


async def test_what_is_switched_off_here_is_off_for_every_project(config: Configuration) -> None:
    face = Face(config.http)
    await face.add("Tea at four.")
    assert len(await face.found("tea")) >= 1
    await config.put("/memory/episodic", {"enabled": False})
    found = await face.ask("/memories/search", query="tea", types=["episodic"])
    assert "episodic_memory" not in found["content"]
    await face.add("Cake at five.")
    await config.put("/memory/episodic", {"enabled": True})
    assert len(await face.listed()) == 2


async def test_changes_survive_a_restart(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, memmachine=ON, store=SqliteStoreSettings())
    for expected in (True, False):
        async with open_app(settings) as app, client_of(app) as client:
            config = Configuration(client)
            assert (await config.get("/memory/semantic"))["enabled"] is expected
            await config.put("/memory/semantic", {"enabled": False})


async def test_a_model_is_added_tried_again_and_removed(config: Configuration) -> None:
    host = ModelHost(dimensions=32, shortens=False)
    with served(host.app()) as url:
        given = {"api_key": KEY, "base_url": f"{url}/v1", "dimensions": 48}
        body = {"name": "mine", "provider": "openai", "config": given}
        added = await config.ask("POST", "/resources/embedders", body, 201)
        assert (added["success"], added["status"]) == (False, "failed")
        assert added["error"]

        host.dimensions = 48
        retried = await config.ask("POST", "/resources/embedders/mine/retry")
        assert retried == {"success": True, "status": "ready", "error": None}
    listed = (await config.get("/resources"))["embedders"]
    assert [resource["name"] for resource in listed] == ["default_embedder", "mine"]
    refused(await config.ask("POST", "/resources/embedders", body, 409), "AlreadyExists")

    removed = await config.ask("DELETE", "/resources/embedders/mine")
    assert removed["success"] is True
    refused(await config.ask("DELETE", "/resources/embedders/mine", None, 404))
    refused(await config.ask("POST", "/resources/embedders/mine/retry", None, 404), "NotFound")


@pytest.mark.parametrize("kind", ["embedders", "language_models"])
async def test_a_wrong_description_is_refused_and_not_repeated(
    config: Configuration, kind: str
) -> None:
    provider = {"embedders": "openai", "language_models": "openai-responses"}[kind]
    for body in (
        {"name": "mine", "provider": provider, "config": {"api_key": KEY, "hunter": "x"}},
        {"name": "mine", "provider": provider, "config": {"base_url": f"ftp://{KEY}"}},
        {"name": "mine", "provider": "amazon-bedrock", "config": {"region": KEY}},
        {"name": "mine", "provider": "floppy", "config": {"region": KEY}},
        {"name": "mine", "provider": provider, "config": KEY},
        {"name": "", "provider": provider, "config": {"api_key": KEY}},
    ):
        await config.ask("POST", f"/resources/{kind}", body, 422)
    everything = await config.get("/resources")
    assert "mine" not in [resource["name"] for resource in everything[kind]]
