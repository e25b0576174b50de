"""The routes that tell how the server is."""

from importlib.metadata import version

from fastapi import APIRouter

from recollect.api import health
from recollect.api.memmachine.schemas import Answering

router = APIRouter(tags=["system"])
router.add_api_route("/metrics", health.metrics, **health.METRICS)


class Health(Answering):
    """That the process answers."""

    status: str = "healthy"
    service: str = "memmachine"
    """What clients look for; this is Recollect."""
    version: str


@router.get("/health")
async def get_health() -> Health:
    """Tell that the process answers."""
    return Health(version=version("recollect"))
