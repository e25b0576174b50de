"""Projects in the face of MemMachine, and what of a request every route refuses."""

from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.transports.memmachine import PROJECT, Face, refused
from tests.transports.serving import PLANTED, api_with

from recollect.api.guard import Policy

pytestmark = pytest.mark.anyio

CONFIG_KEYS = {
    "backend", "embedder", "reranker", "vector_graph_store", "vector_store", "segment_store",
    "properties_schema",
}  # fmt: skip


async def test_a_project_is_created_and_found(any_face: Face) -> None:
    created = await any_face.ask("/projects", 201, description="Talks.")
    assert created.keys() == {"org_id", "project_id", "description", "config"}
    assert created["config"].keys() == CONFIG_KEYS
    assert await any_face.ask("/projects/get") == created
    listed = (await any_face.http.post("/api/v2/projects/list")).json()
    assert listed == [PROJECT]


async def test_the_same_project_may_be_created_again_and_keeps_its_description(face: Face) -> None:
    await face.ask("/projects", 201, description="First.")
    await face.ask("/projects", 201, description="Second.")
    assert (await face.ask("/projects/get"))["description"] == "First."


async def test_a_project_with_another_configuration_is_a_conflict(face: Face) -> None:
    await face.ask("/projects", 201)
    other = {"properties_schema": {"a": "int"}, "unknown": 1}
    refused(await face.ask("/projects", 409, config=other), "AlreadyExists")


async def test_a_project_asks_only_for_models_that_there_are(face: Face) -> None:
    refused(await face.ask("/projects", 422, config={"embedder": "nobody's"}))


async def test_a_project_that_is_not_there_is_not_found(face: Face) -> None:
    refused(await face.ask("/projects/get", 404))
    refused(await face.ask("/projects/delete", 404), "NotFound")
    assert await face.ask("/projects/episode_count/get") == {"count": 0}


async def test_a_deleted_project_is_gone_with_all_that_was_said(any_face: Face) -> None:
    await any_face.add("Tea.", "Cake.")
    other = any_face.of(project_id="other")
    await other.add("Coffee.")
    assert await any_face.ask("/projects/episode_count/get") == {"count": 2}
    assert await any_face.ask("/projects/delete", 204) is None
    await any_face.ask("/projects/get", 404)
    assert await any_face.texts() == []
    assert await any_face.found("tea") == []
    assert await other.texts() == ["Coffee."]
    await any_face.add("Again.")
    assert await any_face.texts() == ["Again."]


async def test_switches_are_kept_as_they_are_set(face: Face) -> None:
    refused(await face.ask("/memory/episodic/config/get", 404))
    refused(await face.ask("/memory/episodic/config", 404, enabled=False), "NotFound")
    await face.ask("/projects", 201)
    on = {
        "enabled": True,
        "long_term_memory_enabled": True,
        "short_term_memory_enabled": True,
    }
    assert await face.ask("/memory/episodic/config/get") == on
    await face.ask("/memory/episodic/config", 204, long_term_memory_enabled=False, enabled=None)
    assert await face.ask("/memory/episodic/long_term/config/get") == {"enabled": False}
    await face.ask("/memory/episodic/short_term/config", 204, enabled=False)
    await face.ask("/memory/episodic/long_term/config", 204, enabled=True)
    off = on | {"short_term_memory_enabled": False}
    assert await face.ask("/memory/episodic/config/get") == off
    assert await face.ask("/memory/episodic/short_term/config/get") == {"enabled": False}


@pytest.mark.parametrize("name", ["", "a/b", "a b", "a.b", "a@b", "a\n", "ä\0", "%2F", "e\u0301"])
@pytest.mark.parametrize("field", ["org_id", "project_id"])
async def test_names_hold_letters_numbers_and_a_few_signs(
    face: Face, field: str, name: str
) -> None:
    message = refused(await face.ask("/projects", 422, **{field: name}), "RequestValidationError")
    assert message.startswith(f"Invalid request payload: {field}: ")


@pytest.mark.parametrize("name", ["日本:é-_1", "a--b", "٣", "x" * 200])
async def test_names_may_be_in_any_language(face: Face, name: str) -> None:
    other = face.of(org_id=name, project_id=name)
    await other.ask("/projects", 201)
    await other.ask("/projects/get")


async def test_several_problems_are_told_as_a_list(face: Face) -> None:
    answer = await face.http.post("/api/v2/projects", json={"project_id": PLANTED + "/"})
    message = refused(answer.json(), "RequestValidationError")
    assert [line.split(":")[0] for line in message.split("\n- ")] == [
        "Invalid request payload", "org_id", "project_id",
    ]  # fmt: skip
    assert PLANTED not in answer.text


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, b'{"org_id": "a", "project_id": "b"}', 422),
        ({"content-type": "text/plain"}, b'{"org_id": "a", "project_id": "b"}', 422),
        ({"content-type": "application/json"}, b"{", 422),
        ({"content-type": "application/json"}, b"[]", 422),
        ({"content-type": "application/json"}, b"", 422),
        ({"content-type": "application/json"}, b"\xff", 400),
        ({"content-type": "application/json; charset=utf-8"}, b'{"org_id": "a"}', 422),
        ({"content-type": "application/json"}, b'{"org_id": "\\ud800", "project_id": "b"}', 422),
    ],
)
async def test_a_body_must_be_json_and_say_so(
    face: Face, headers: dict[str, str], body: bytes, status: int
) -> None:
    answer = await face.http.post("/api/v2/projects/get", content=body, headers=headers)
    assert answer.status_code == status
    assert answer.json().keys() == {"detail"}


@pytest.mark.parametrize("headers", [{}, {"content-type": "application/json"}])
async def test_a_list_of_projects_needs_no_body(face: Face, headers: dict[str, str]) -> None:
    assert (await face.http.post("/api/v2/projects/list", headers=headers)).json() == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/projects", 405), ("PUT", "/memories/search", 405), ("POST", "/health", 405),
        ("GET", "/", 404), ("POST", "/nowhere", 404), ("GET", "/version", 404),
        ("POST", "/projects/", 404),
    ],
)  # fmt: skip
async def test_wrong_methods_and_paths_are_told_in_a_text(
    face: Face, method: str, path: str, status: int
) -> None:
    answer = await face.http.request(method, f"/api/v2{path}")
    assert answer.status_code == status
    refused(answer.json())


async def test_health_needs_no_token_and_everything_else_does(tmp_path: Path) -> None:
    async with api_with(tmp_path, Policy(token=PLANTED)) as http:
        health = await http.get("/api/v2/health")
        assert health.status_code == 200
        assert health.json().keys() == {"status", "service", "version"}
        assert all(isinstance(value, str) for value in health.json().values())
        for path in ("/api/v2/metrics", "/api/v2/openapi.json", "/api/v2/nowhere"):
            assert (await http.get(path)).status_code == 401
        answer = await http.post("/api/v2/projects/list")
        assert answer.status_code == 401
        assert isinstance(answer.json()["detail"], str)
        bearer = {"authorization": f"Bearer {PLANTED}"}
        assert (await http.post("/api/v2/projects/list", headers=bearer)).json() == []


async def test_metrics_count_routes_under_the_names_that_dashboards_know(face: Face) -> None:
    await face.ask("/projects/get", 404)
    await face.http.get("/api/v2/nowhere")
    for path in ("/api/v2/metrics", "/metrics"):
        text = (await face.http.get(path)).text
        route = 'method="POST",path="/api/v2/projects/get",status="404"'
        assert f"http_requests_total{{{route}}} 1.0" in text
        assert f"http_request_duration_seconds_count{{{route}}} 1.0" in text
        assert 'http_requests_total{method="GET",path="unknown",status="404"} 1.0' in text


async def test_a_crash_is_told_without_its_cause(tmp_path: Path) -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError(PLANTED + name)

    async with api_with(tmp_path, records=Broken()) as http:
        answer = await http.post("/api/v2/projects/list")
        assert answer.status_code == 500
        assert PLANTED not in answer.text
        refused(answer.json(), "RecollectError")


async def test_the_document_of_the_face_names_its_routes(api: httpx2.AsyncClient) -> None:
    document = (await api.get("/api/v2/openapi.json")).json()
    assert {"/projects", "/memories/search", "/health"} <= document["paths"].keys()
    assert document["servers"] == [{"url": "/api/v2"}]
    for ways in document["paths"].values():
        for described in ways.values():
            assert described["summary"]
            assert described["description"]
