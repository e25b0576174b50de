"""Where each operation is found in the REST interface, and how its request is written there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from pydantic import JsonValue

from recollect.errors import InvalidRequest
from recollect.operations import Request

BY_ID = "{id}"
_REFERENCE = ("id", "scope", "name")


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request.

    Attributes:
        query: The values of each parameter.
        body: What is sent as JSON; None sends nothing.
    """

    method: str
    path: str
    query: Mapping[str, list[str]]
    body: Mapping[str, Any] | None

    @property
    def writes(self) -> bool:
        """Whether it may change something, so that it must not happen twice."""
        return self.method != "GET"


@dataclass(frozen=True, slots=True)
class _Route:
    method: str
    path: str
    renamed: Mapping[str, str] = field(default_factory=dict[str, str])


_ROUTES: Mapping[str, _Route] = {
    "remember": _Route("POST", "/v1/memories"),
    "recall": _Route("POST", "/v1/recall"),
    "read": _Route("GET", "/v1/memories/{id}"),
    "edit": _Route("PATCH", "/v1/memories/{id}"),
    "move": _Route("POST", "/v1/memories/{id}/move"),
    "forget": _Route("DELETE", "/v1/memories/{id}"),
    "forget_scope": _Route("DELETE", "/v1/memories", {"kinds": "kind"}),
    "erase": _Route("POST", "/v1/memories/{id}/erase"),
    "browse": _Route("GET", "/v1/memories", {"kinds": "kind", "tags": "tag"}),
    "ingest": _Route("POST", "/v1/messages"),
    "prompt_context": _Route("POST", "/v1/context"),
    "learn": _Route("POST", "/v1/facts"),
    "correct": _Route("PATCH", "/v1/facts/{id}"),
    "history": _Route("GET", "/v1/memories/{id}/history"),
    "batch_mark_applied": _Route("POST", "/v1/recalls/verdicts"),
    "recall_stats": _Route("GET", "/v1/recalls/stats"),
    "sync": _Route("POST", "/v1/sync"),
    "stats": _Route("GET", "/v1/stats"),
    "reindex": _Route("POST", "/v1/reindex"),
    "check": _Route("POST", "/v1/check"),
}


def call_of(operation: str, request: Request) -> Call:
    """The HTTP request for an operation; one about a single memory must name it by its id.

    Raises:
        InvalidRequest: The operation is not offered over HTTP.
    """
    route = _ROUTES.get(operation)
    if route is None:
        raise InvalidRequest(
            f"{operation} works where the store is: run it on that machine, without a URL"
        )
    fields = request.model_dump(mode="json", exclude_unset=True)
    path = route.path
    if BY_ID in path:
        path = path.replace(BY_ID, quote(str(fields["id"]), safe=""))
        fields = {name: value for name, value in fields.items() if name not in _REFERENCE}
    if route.method in ("POST", "PATCH"):
        return Call(route.method, path, {}, fields)
    query = {
        route.renamed.get(name, name): written
        for name, value in fields.items()
        if (written := _written(value))
    }
    return Call(route.method, path, query, None)


def _written(value: JsonValue) -> list[str]:
    """The values of a query parameter; none for null."""
    match value:
        case None:
            return []
        case bool():
            return [str(value).lower()]
        case list():
            return [written for item in value for written in _written(item)]
        case _:
            return [str(value)]
