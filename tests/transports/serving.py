"""Ways to serve for a test, with fakes where the test needs them."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
from starlette.routing import Mount
from starlette.types import ASGIApp

from recollect.api.app import create_app
from recollect.api.guard import Policy
from recollect.api.memmachine.app import create_face
from recollect.api.shared import Shared
from recollect.app.faces import MEMMACHINE
from recollect.app.wiring import open_context
from recollect.settings import HashingSettings, InMemoryStoreSettings, Settings

PLANTED = "hunter2-SECRET-Xyzzy"
"""What must never come back in an error, nor be logged."""

JSON = {"content-type": "application/json"}
MCP_JSON = JSON | {"accept": "application/json, text/event-stream"}
ROUTES = [
    ("POST", "/v1/memories"),
    ("GET", "/v1/memories"),
    ("DELETE", "/v1/memories"),
    ("GET", "/v1/memories/{id}"),
    ("PATCH", "/v1/memories/{id}"),
    ("DELETE", "/v1/memories/{id}"),
    ("POST", "/v1/memories/{id}/move"),
    ("POST", "/v1/memories/{id}/erase"),
    ("GET", "/v1/memories/{id}/history"),
    ("POST", "/v1/facts"),
    ("PATCH", "/v1/facts/{id}"),
    ("POST", "/v1/recall"),
    ("POST", "/v1/messages"),
    ("POST", "/v1/context"),
    ("POST", "/v1/recalls/verdicts"),
    ("GET", "/v1/recalls/stats"),
    ("POST", "/v1/sync"),
    ("GET", "/v1/stats"),
    ("POST", "/v1/reindex"),
    ("POST", "/v1/check"),
    ("GET", "/v1/export"),
    ("POST", "/v1/import"),
    ("GET", "/metrics"),
]
FACE_ROUTES = [
    ("POST", "/api/v2/projects"),
    ("POST", "/api/v2/projects/list"),
    ("POST", "/api/v2/memories/search"),
    ("GET", "/api/v2/health"),
    ("GET", "/api/v2/metrics"),
    ("GET", "/api/v2/openapi.json"),
    ("GET", "/api/v2/nowhere"),
]
"""Some of the face of MemMachine; it has its own document."""
METHODS = {"browse": "list", "prompt_context": "context"}
"""What operations are called in the client, where it is not the same."""

OPEN_ROUTES = [("GET", "/healthz"), ("GET", "/startupz"), ("GET", "/readyz")]
HIDDEN_ROUTES = [("POST", "/mcp"), ("POST", "/mcp/"), ("GET", "/v1/openapi.json")]


def settings_for(data_dir: Path, **fields: Any) -> Settings:
    """Settings for a server that needs no model and, unless told otherwise, no disk."""
    usual = {"store": InMemoryStoreSettings(), "embedder": HashingSettings(), "port": 0}
    return Settings(data_dir=data_dir, **(usual | fields))


def client_of(app: ASGIApp, **options: Any) -> AbstractAsyncContextManager[httpx2.AsyncClient]:
    """A client that asks the application itself, without a network."""
    usual = {"base_url": "http://localhost:8080", "transport": httpx2.ASGITransport(app)}
    return httpx2.AsyncClient(**(usual | options))


def mounted(shared: Shared) -> Mount:
    """MemMachine's face, its configuration included, where a server has it."""
    return Mount(MEMMACHINE, create_face(shared, config_api=True))


@asynccontextmanager
async def api_with(
    data_dir: Path, policy: Policy | None = None, starting: str | None = None, **ports: Any
) -> AsyncGenerator[httpx2.AsyncClient]:
    """A client of a server some of whose ports, or whose policy, are the test's own."""
    async with open_context(settings_for(data_dir)) as (usual, _):
        shared = Shared(replace(usual, **ports))
        shared.starting = starting
        app = create_app(shared, policy or Policy(), [mounted(shared)])
        async with client_of(app) as client:
            yield client


async def stored(api: httpx2.AsyncClient, content: str = "Tea at four.", **fields: Any) -> Any:
    """Store a note and give the answer."""
    answer = await api.post("/v1/memories", json={"content": content} | fields)
    assert answer.status_code == 201
    return answer.json()


async def told(api: httpx2.AsyncClient, *messages: dict[str, Any], **fields: Any) -> list[str]:
    """Store messages and give their ids."""
    answer = await api.post("/v1/messages", json={"messages": list(messages)} | fields)
    assert answer.status_code == 200
    return answer.json()["ids"]


def message(content: str = "Hello.", **fields: Any) -> dict[str, Any]:
    """A message by Ann."""
    return {"content": content, "producer": "Ann"} | fields


def refused(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """Check that the answer is a problem document with this status and code; give its body."""
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert problem["type"] == f"urn:recollect:error:{code}"
    assert problem["title"]
    assert isinstance(problem["detail"], str)
    assert answer.headers["x-request-id"]
    assert PLANTED not in answer.text
    return problem
