"""The face as an application of its own: its routes, its errors, its OpenAPI document."""

from importlib.metadata import version

from fastapi import APIRouter, FastAPI

from recollect.api.memmachine import (
    categories,
    configuration,
    errors,
    features,
    memories,
    projects,
    search,
    sets,
    switches,
    system,
)
from recollect.api.shared import Shared

DESCRIPTION = "The REST API of MemMachine, version 2, over the memories of Recollect."
ROUTERS: tuple[APIRouter, ...] = tuple(
    topic.router
    for topic in (projects, memories, search, features, sets, categories, switches, system)
)


def create_face(shared: Shared | None = None, *, config_api: bool) -> FastAPI:
    """Build the face.

    Args:
        shared: What its routes work with; None if it is only to be described.
        config_api: Whether the server's configuration can be read and changed here.
    """
    face = FastAPI(
        title="Recollect for clients of MemMachine",
        version=version("recollect"),
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    if shared is not None:
        face.state = shared
    errors.install(face)
    for router in (*ROUTERS, configuration.router) if config_api else ROUTERS:
        face.include_router(router)
    return face
