"""The routes that tell how the server is."""

from typing import Any

from fastapi import APIRouter, Request, Response

from recollect import operations
from recollect.api.asking import Asked
from recollect.api.shared import Shared
from recollect.errors import Unavailable

router = APIRouter(tags=["health"])
_UNREADY: dict[int | str, dict[str, Any]] = {
    503: {"description": "Not now; retry later.", "content": {"application/problem+json": {}}}
}


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Alive: the process answers."""
    return {"status": "ok"}


@router.get("/startupz", responses=_UNREADY)
async def startupz(request: Request) -> dict[str, str]:
    """Started: questions are answered, from text at least."""
    shared: Shared = request.app.state
    if shared.starting is not None:
        raise Unavailable(shared.starting)
    return {"status": "ok"}


@router.get("/readyz", responses=_UNREADY)
async def readyz(request: Request, context: Asked) -> dict[str, str]:
    """Ready: the store can be read and written now. `degraded` names what goes without."""
    await startupz(request)
    await context.maintenance.ping(context.tenant)
    problem = context.embedder.problem
    return {"status": "ok"} if problem is None else {"status": "degraded", "dense": problem}


METRICS: dict[str, Any] = {
    "response_class": Response,
    "responses": _UNREADY
    | {200: {"description": "The text format.", "content": {"text/plain": {}}}},
}


@router.get("/metrics", **METRICS)
async def metrics(request: Request, context: Asked) -> Response:
    """Metrics for Prometheus."""
    figures = await operations.stats(context, operations.Stats())
    shared: Shared = request.app.state
    text = shared.metrics.show(figures.by_kind, figures.waiting)
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")
