"""The OpenAPI document of MemMachine's face, and that the server keeps to it."""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from starlette.types import ASGIApp
from tests.transports.memmachine import PROJECT
from tests.transports.serving import mounted, settings_for
from tests.transports.test_openapi import CHECKS

from recollect.api.app import create_app
from recollect.api.guard import Policy
from recollect.api.memmachine.app import create_face
from recollect.api.shared import Shared
from recollect.app.wiring import open_context

DOCUMENT = create_face(config_api=True).openapi()
ROUTES = [(method.upper(), path) for path, ways in DOCUMENT["paths"].items() for method in ways]
SET = {"set_id": "mem_project_set_x"}
CATEGORY = {"category_name": "profile"}
PLAUSIBLE: dict[str, dict[str, Any]] = {
    "/projects": {"description": "Talks."},
    "/memories": {"messages": [{"content": "Tea.", "timestamp": "2026-01-02"}]},
    "/memories/search": {"query": "tea", "expand_context": 3, "filter": "m.a = 5"},
    "/memories/list": {"page_size": 2},
    "/memories/episodic/delete": {"episodic_ids": ["00000000-0000-4000-8000-000000000000"]},
    "/memories/semantic/delete": {"semantic_ids": ["1"]},
    "/memories/semantic/feature": SET | CATEGORY | {"tag": "t", "feature": "f", "value": "v"},
    "/memories/semantic/feature/get": {"feature_id": ""},
    "/memories/semantic/feature/update": {"feature_id": "", "value": "w"},
    "/memories/semantic/set_type": {"metadata_tags": ["team"]},
    "/memories/semantic/set_type/delete": {"set_type_id": ""},
    "/memories/semantic/set_id/get": {"metadata_tags": ["team"], "set_metadata": {"team": 1}},
    "/memories/semantic/set/configure": SET,
    "/memories/semantic/category": SET | {"category_name": "c", "prompt": "p"},
    "/memories/semantic/category/get": {"category_id": ""},
    "/memories/semantic/category/template": {"set_type_id": "", "category_name": "c"}
    | {"prompt": "p"},
    "/memories/semantic/category/template/list": {"set_type_id": ""},
    "/memories/semantic/category/disable": SET | {"category_name": "none"},
    "/memories/semantic/category/set_ids/get": {"category_id": ""},
    "/memories/semantic/category/delete": {"category_id": ""},
    "/memories/semantic/category/tag": {"category_id": "", "tag_name": "t"}
    | {"tag_description": "d"},
    "/memories/semantic/category/tag/delete": {"tag_id": "999"},
}
"""What is sent in half of the cases, so that the good days are tested too; ids are filled in."""


def made_before(path: str) -> list[tuple[str, dict[str, Any]]]:
    """What each route finds there, of its own."""
    return [
        ("/projects", {}),
        ("/memories/semantic/set_type", {"metadata_tags": ["t"]}),
        ("/memories/semantic/category", SET | {"category_name": path, "prompt": "p"}),
        ("/memories/semantic/feature", SET | CATEGORY | {"tag": "t", "feature": "f", "value": "v"}),
    ]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Generator[ASGIApp]:
    with start_blocking_portal() as portal:
        folder: Path = tmp_path_factory.mktemp("served")
        opening = portal.wrap_async_context_manager(open_context(settings_for(folder)))
        with opening as (context, _):
            shared = Shared(context)
            shared.starting = None
            yield create_app(shared, Policy(any_host=True), [mounted(shared)])


def test_every_route_says_what_it_does() -> None:
    assert len(ROUTES) >= 50
    for ways in DOCUMENT["paths"].values():
        for described in ways.values():
            assert described["summary"]
            assert described["description"]
            for status, answer in described["responses"].items():
                if status[0] not in "25":
                    assert answer["content"]["application/json"]["schema"]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_the_server_keeps_to_its_document(served: ASGIApp, method: str, path: str) -> None:
    schema = schemathesis.openapi.from_asgi("/api/v2/openapi.json", served)
    operation = schema[path][method]
    made: dict[str, str] = {}
    for earlier, body in made_before(path):
        before = schema[earlier]["POST"].Case(body=PROJECT | body, media_type="application/json")
        made |= before.call().json()

    @settings(
        max_examples=50,
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
        # A path with a line break is under no prefix, so our own 404 answers.
        assume("%0A" not in case.formatted_path)
        if plausible and path in PLAUSIBLE:
            ids = {name: made[name] for name in PLAUSIBLE[path] if name in made}
            case.body = json.loads(json.dumps(PROJECT | PLAUSIBLE[path] | ids))
            case.headers = {}
        response = case.call_and_validate(checks=CHECKS)
        statuses.append(response.status_code)

    statuses: list[int] = []
    ask()
    if path in PLAUSIBLE:
        assert any(200 <= status < 300 for status in statuses), statuses
