"""Health, metrics and what is answered when something behind the server is gone."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NoReturn

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.transports.serving import (
    OPEN_ROUTES,
    PLANTED,
    api_with,
    message,
    refused,
    stored,
    told,
)

from recollect.adapters.in_memory.embedding import HashingEmbedder
from recollect.adapters.in_memory.indexes import InMemoryMaintenance, InMemoryTextIndex
from recollect.adapters.in_memory.records import InMemoryRecordStore
from recollect.adapters.in_memory.tables import World
from recollect.domain.passages import FloatMatrix
from recollect.errors import EmbedderUnavailable, StorageFull, StoreUnavailable

pytestmark = pytest.mark.anyio


class NoModel(HashingEmbedder):
    """An embedder without a model."""

    problem = "no model is installed"

    async def embed(
        self, texts: Sequence[str], *, purpose: Literal["query", "document"]
    ) -> FloatMatrix:
        del texts, purpose
        raise EmbedderUnavailable(self.problem)


def _gone(*_: Any, **__: Any) -> NoReturn:
    raise StoreUnavailable("the store is gone")


def _full(*_: Any, **__: Any) -> NoReturn:
    raise StorageFull("the disk is full")


def _broken(*_: Any, **__: Any) -> NoReturn:
    raise ZeroDivisionError(PLANTED)


class GoneMaintenance(InMemoryMaintenance):
    ping = _gone


class GoneRecords(InMemoryRecordStore):
    get = named = browse = count = history = counts = replay = with_external_ids = commit = _gone


class FullRecords(InMemoryRecordStore):
    commit = _full


class BrokenRecords(InMemoryRecordStore):
    get = named = browse = count = history = counts = replay = with_external_ids = commit = _broken


class GoneTextIndex(InMemoryTextIndex):
    search = _gone


class BrokenTextIndex(InMemoryTextIndex):
    search = _broken


ASKED: list[tuple[str, str, Any]] = [
    ("POST", "/v1/memories", {"content": PLANTED}),
    ("GET", "/v1/memories", None),
    ("GET", "/v1/memories/x", None),
    ("PATCH", "/v1/memories/x", {"content": PLANTED}),
    ("DELETE", "/v1/memories/x", None),
    ("GET", "/v1/memories/x/history", None),
    ("POST", "/v1/memories/x/erase", None),
    ("POST", "/v1/memories/x/move", {"to_scope": "a"}),
    ("DELETE", "/v1/memories?scope=&confirm=true", None),
    ("POST", "/v1/messages", {"messages": [message(PLANTED)]}),
    ("GET", "/v1/stats", None),
    ("GET", "/metrics", None),
]


async def test_a_started_server_is_healthy(any_api: httpx2.AsyncClient) -> None:
    for _, path in OPEN_ROUTES:
        answer = await any_api.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_a_starting_server_is_alive_but_neither_started_nor_ready(tmp_path: Path) -> None:
    async with api_with(tmp_path, starting="the server is starting") as api:
        assert (await api.get("/healthz")).status_code == 200
        for path in ("/startupz", "/readyz"):
            answer = await api.get(path)
            refused(answer, 503, "unavailable")
            assert answer.headers["retry-after"]


async def test_without_a_model_the_server_is_ready_but_degraded(tmp_path: Path) -> None:
    async with api_with(tmp_path, embedder=NoModel()) as api:
        answer = await api.get("/readyz")
        assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
        assert answer.json()["dense"] == NoModel.problem
        note = await stored(api, "Tea at four.")
        assert note["degraded"] == ["dense"]
        recalled = (await api.post("/v1/recall", json={"query": "tea"})).json()
        assert recalled["degraded"] == ["dense"]
        assert [hit["memory"]["id"] for hit in recalled["results"]] == [note["id"]]
        assert recalled["results"][0]["arms"].keys() == {"lexical"}


async def test_without_its_store_the_server_is_alive_but_not_ready(tmp_path: Path) -> None:
    async with api_with(tmp_path, maintenance=GoneMaintenance(World())) as api:
        assert (await api.get("/healthz")).status_code == 200
        refused(await api.get("/readyz"), 503, "store_unavailable")


async def test_a_client_s_mistakes_leave_the_server_ready(any_api: httpx2.AsyncClient) -> None:
    for _ in range(3):
        await any_api.delete("/v1/memories/nothing")
        await any_api.post("/v1/import", content=b"\xff")
    assert (await any_api.get("/readyz")).status_code == 200


@pytest.mark.parametrize(("method", "path", "body"), ASKED)
async def test_without_its_store_every_route_says_so(
    tmp_path: Path, method: str, path: str, body: Any
) -> None:
    async with api_with(tmp_path, records=GoneRecords(World())) as api:
        refused(await api.request(method, path, json=body), 503, "store_unavailable")


async def test_a_recall_whose_text_index_is_gone_says_so(tmp_path: Path) -> None:
    async with api_with(tmp_path, text=GoneTextIndex(World())) as api:
        answer = await api.post("/v1/recall", json={"query": PLANTED})
        refused(answer, 503, "store_unavailable")


async def test_a_full_disk_has_its_own_status(tmp_path: Path) -> None:
    async with api_with(tmp_path, records=FullRecords(World())) as api:
        answer = await api.post("/v1/memories", json={"content": PLANTED})
        refused(answer, 507, "storage_full")


@pytest.mark.parametrize(("method", "path", "body"), ASKED)
async def test_a_defect_of_ours_is_an_error_that_tells_nothing(
    tmp_path: Path, method: str, path: str, body: Any, logged: Callable[[], str]
) -> None:
    async with api_with(tmp_path, records=BrokenRecords(World())) as api:
        answer = await api.request(method, path, json=body)
        refused(answer, 500, "internal")
        assert answer.headers["x-request-id"]
    lines = [json.loads(line) for line in logged().splitlines()]
    [crash] = [line for line in lines if line["event"] == "request.crashed"]
    assert crash["request_id"] == answer.headers["x-request-id"]
    assert crash["error"] == "ZeroDivisionError"
    assert crash["places"]
    assert PLANTED not in json.dumps(lines)


async def test_a_defect_within_a_recall_is_an_error_that_tells_nothing(
    tmp_path: Path, logged: Callable[[], str]
) -> None:
    async with api_with(tmp_path, text=BrokenTextIndex(World())) as api:
        refused(await api.post("/v1/recall", json={"query": PLANTED}), 500, "internal")
    assert PLANTED not in logged()


async def test_metrics_count_requests_and_memories(any_api: httpx2.AsyncClient) -> None:
    note = await stored(any_api, PLANTED, scope="plants", tags=["x"])
    await told(any_api, message(PLANTED))
    await any_api.get(f"/v1/memories/{note['id']}")
    await any_api.get(f"/v1/{PLANTED}", params={"q": PLANTED})
    await any_api.request(PLANTED, "/v1/memories")
    answer = await any_api.get("/metrics")
    samples = _samples(answer.text)
    route = {"method": "GET", "route": "/v1/memories/{id}"}
    assert samples["recollect_requests_total", _labels(route | {"status": "200"})] == 1
    assert samples["recollect_request_seconds_count", _labels(route)] == 1
    other = {"method": "other", "route": "/v1/memories", "status": "405"}
    assert samples["recollect_requests_total", _labels(other)] == 1
    lost = {"method": "GET", "route": "other", "status": "404"}
    assert samples["recollect_requests_total", _labels(lost)] == 1
    assert samples["recollect_memories", _labels({"kind": "note"})] == 1
    assert samples["recollect_memories", _labels({"kind": "episode"})] == 1
    for word in (PLANTED, "plants", note["id"], "Ann"):
        assert word not in answer.text


async def test_metrics_count_what_is_there_now(any_api: httpx2.AsyncClient) -> None:
    note = await stored(any_api)
    await any_api.get("/metrics")
    await any_api.delete(f"/v1/memories/{note['id']}")
    samples = _samples((await any_api.get("/metrics")).text)
    assert samples.get(("recollect_memories", _labels({"kind": "note"})), 0) == 0


async def test_metrics_count_the_calls_of_tools(api: httpx2.AsyncClient) -> None:
    await api.post("/mcp/", content=b"{}", headers={"content-type": "application/json"})
    samples = _samples((await api.get("/metrics")).text)
    calls = [labels for name, labels in samples if name == "recollect_requests_total"]
    assert any(("route", "/mcp/") in labels for labels in calls)


def _samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, _labels(sample.labels)): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def _labels(labels: dict[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset(labels.items())
