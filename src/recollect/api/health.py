"""The routes that tell how the server is."""

from typing import Any

from fastapi import APIRouter, Request, Response

from recollect import operations
from recollect.api.asking import Asked
from recollect.api.metrics import Metrics
from recollect.errors import Unavailable

router = APIRouter(tags=["health"])
_UNREADY: dict[int | str, dict[str, Any]] = {
    503: {"description": "Not now; retry later.", "content": {"application/problem+json": {}}}
}


class State:
    """What the server knows of itself; the serving process changes it.

    Attributes:
        starting: What the server still waits for; None once it has started.
    """

    def __init__(self) -> None:
        self.starting: str | None = "the server is starting"


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Alive: the process answers."""
    return {"status": "ok"}


@router.get("/startupz", responses=_UNREADY)
async def startupz(request: Request) -> dict[str, str]:
    """Started: questions are answered, from text at least."""
    state: State = request.app.state.state
    if state.starting is not None:
        raise Unavailable(state.starting)
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
    shown: Metrics = request.app.state.metrics
    text = shown.show(figures.by_kind, figures.waiting)
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")
