"""The OpenAPI document, and that the server keeps to it whatever it is sent."""

import json
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
import schemathesis
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.types import ASGIApp
from tests.transports.serving import OPEN_ROUTES, ROUTES, settings_for

from recollect.api.app import create_app
from recollect.api.guard import Policy
from recollect.api.shared import Shared
from recollect.app.wiring import open_context
from recollect.operations import Context, Learn, Remember, learn, remember
from recollect.ports import Exchange, SkippedFile

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
HEADER = '{"format": "recollect", "version": 1}\n'
PLAUSIBLE: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/v1/memories"): {"body": {"content": "Tea."}},
    ("DELETE", "/v1/memories"): {"query": {"scope": "gone", "confirm": True}},
    ("PATCH", "/v1/memories/{id}"): {"body": {"content": "Ice."}, "query": {}},
    ("DELETE", "/v1/memories/{id}"): {"query": {}},
    ("POST", "/v1/memories/{id}/move"): {"body": {"to_scope": "elsewhere"}},
    ("POST", "/v1/recall"): {"body": {"query": "tea", "look": "all"}},
    ("POST", "/v1/messages"): {"body": {"messages": [{"content": "Hi.", "producer": "Ann"}]}},
    ("POST", "/v1/facts"): {"body": {"content": "x", "category": "c", "tag": "t", "feature": "f"}},
    ("PATCH", "/v1/facts/{id}"): {"body": {"content": "y"}},
    ("POST", "/v1/recalls/verdicts"): {
        "body": {"verdicts": [{"recall_id": "r_0", "memory": "tea", "verdict": "maybe"}]}
    },
    ("POST", "/v1/import"): {"body": HEADER},
}
"""What is sent in half of the cases, so that the good days are tested too."""


@schemathesis.serializer("application/x-ndjson")
def _lines(_: Any, value: Any) -> bytes:
    return str(value).encode("utf-8", "replace")


class LoneMirror:
    """Holds everything at once and has no remote; a real one belongs to one event loop."""

    async def check_place(self, scope: str, name: str, own_id: str = "") -> None:
        """Every place is free."""

    async def reached(self, tenant: str, seq: int) -> bool:
        return bool(tenant) and seq > 0

    async def sync(self, *, pull: bool) -> list[Exchange]:
        done = "no-remote" if pull else "skipped"
        return [Exchange(label="default", branch="main", pull=done)]

    def skipped(self) -> list[SkippedFile]:
        return []


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory,
) -> Generator[tuple[ASGIApp, Context]]:
    with start_blocking_portal() as portal:
        folder: Path = tmp_path_factory.mktemp("served")
        opening = portal.wrap_async_context_manager(open_context(settings_for(folder)))
        with opening as (plain, _):
            context = replace(plain, mirror=LoneMirror())
            shared = Shared(context)
            shared.starting = None
            yield create_app(shared, Policy(any_host=True)), replace(context)


@pytest.mark.anyio
async def test_every_route_is_documented(api: httpx2.AsyncClient) -> None:
    document = (await api.get("/v1/openapi.json")).json()
    found = {(m.upper(), path) for path, ways in document["paths"].items() for m in ways}
    assert found == {*ROUTES, *OPEN_ROUTES}
    for path, ways in document["paths"].items():
        for described in ways.values():
            assert described.get("summary")
            assert described.get("description")
            good = next(a for status, a in described["responses"].items() if status[0] == "2")
            for media_type, content in good["content"].items():
                if media_type == "application/json":
                    assert content["schema"], path


@pytest.mark.anyio
async def test_problems_are_documented(api: httpx2.AsyncClient) -> None:
    document = (await api.get("/v1/openapi.json")).json()
    for path, ways in document["paths"].items():
        if path.startswith("/v1/"):
            for described in ways.values():
                for status, answer in described["responses"].items():
                    if status[0] != "2":
                        assert answer["content"].keys() == {"application/problem+json"}


@pytest.mark.parametrize(("method", "path"), [*ROUTES, *OPEN_ROUTES])
def test_the_server_keeps_to_its_document(
    served: tuple[ASGIApp, Context], method: str, path: str
) -> None:
    app, context = served
    schema = schemathesis.openapi.from_asgi("/v1/openapi.json", app)
    operation = schema[path][method]
    statuses: list[int] = []

    @settings(
        max_examples=80,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=operation.as_strategy(GenerationMode.POSITIVE)
        | operation.as_strategy(GenerationMode.NEGATIVE),
        plausible=st.booleans(),
    )
    def ask(case: schemathesis.Case, *, plausible: bool) -> None:
        if plausible:
            if "{id}" in path:
                fresh = _fresh_fact if "facts" in path else _fresh_note
                case.path_parameters = {"id": fresh(context)}
            for part, value in PLAUSIBLE.get((method, path), {}).items():
                setattr(case, part, json.loads(json.dumps(value)))
            case.headers = {}
        response = case.call_and_validate(checks=CHECKS)
        statuses.append(response.status_code)

    ask()
    assert any(200 <= status < 300 for status in statuses), statuses


def _fresh_note(context: Context) -> str:
    with start_blocking_portal() as portal:
        return portal.call(remember, context, Remember(content="Tea.", name=None)).id


def _fresh_fact(context: Context) -> str:
    fact = Learn(content="Ann likes tea.", category="profile", tag="taste", feature="drink")
    with start_blocking_portal() as portal:
        return portal.call(learn, context, fact).id
