"""The part of the Kubernetes API that keeps Secrets, for tests."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

ACCOUNT_TOKEN = "service-account-s3cret"  # noqa: S105
SECRETS = "/api/v1/namespaces/{namespace}/secrets"


@dataclass
class Cluster:
    """A cluster with one namespace.

    Attributes:
        secrets: What it keeps, by name.
        asked: The methods of the requests.
        refused: The status with which a request of this method ends, whatever it asks.
        meanwhile: What somebody else does right after a Secret was read.
    """

    secrets: dict[str, Any] = field(default_factory=dict[str, Any])
    asked: list[str] = field(default_factory=list[str])
    refused: dict[str, int] = field(default_factory=dict[str, int])
    meanwhile: Callable[[], None] = lambda: None
    version: int = 0

    def app(self) -> Starlette:
        one = SECRETS + "/{name}"
        return Starlette(
            routes=[
                Route(SECRETS, self._create, methods=["POST"]),
                Route(one, self._read, methods=["GET"]),
                Route(one, self._replace, methods=["PUT"]),
                Route(one, self._delete, methods=["DELETE"]),
            ]
        )

    def keep(self, secret: Any) -> Response:
        self.version += 1
        metadata = secret["metadata"] | {"resourceVersion": str(self.version)}
        self.secrets[metadata["name"]] = secret | {"metadata": metadata}
        return JSONResponse(self.secrets[metadata["name"]])

    async def _create(self, request: Request) -> Response:
        secret = await request.json()
        name = secret["metadata"]["name"]
        problem = self._problem(request)
        if problem is None and name in self.secrets:
            problem = status(409, "AlreadyExists")
        return problem or self.keep(secret)

    async def _read(self, request: Request) -> Response:
        if problem := self._problem(request) or self._missing(request):
            return problem
        answer = JSONResponse(self.secrets[request.path_params["name"]])
        self.meanwhile()
        return answer

    async def _replace(self, request: Request) -> Response:
        if problem := self._problem(request) or self._missing(request):
            return problem
        secret = await request.json()
        kept = self.secrets[request.path_params["name"]]
        if secret["metadata"]["resourceVersion"] != kept["metadata"]["resourceVersion"]:
            # As a real one does, it may repeat what it was sent.
            return status(409, json.dumps(secret))
        return self.keep(secret)

    async def _delete(self, request: Request) -> Response:
        if problem := self._problem(request) or self._missing(request):
            return problem
        del self.secrets[request.path_params["name"]]
        return JSONResponse({"kind": "Status", "status": "Success"})

    def _problem(self, request: Request) -> Response | None:
        assert request.headers["authorization"] == f"Bearer {ACCOUNT_TOKEN}"
        self.asked.append(request.method)
        if request.method in self.refused:
            return status(self.refused[request.method], "refused")
        return None if request.path_params["namespace"] == "recollect" else status(404, "namespace")

    def _missing(self, request: Request) -> Response | None:
        return None if request.path_params["name"] in self.secrets else status(404, "secret")


def status(code: int, message: str) -> Response:
    return JSONResponse({"kind": "Status", "code": code, "message": message}, status_code=code)


def kubeconfig(folder: Path, url: str) -> Path:
    """A file that leads kubectl, and us, to this cluster."""
    file = folder / "kubeconfig"
    user = {"token": ACCOUNT_TOKEN}
    here = {"cluster": "here", "user": "us"}
    file.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "here", "cluster": {"server": url}}],
                "users": [{"name": "us", "user": user}],
                "contexts": [{"name": "here", "context": here}],
                "current-context": "here",
            }
        )
    )
    return file
