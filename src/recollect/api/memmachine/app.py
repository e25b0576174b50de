"""The face as an application of its own: its routes, its errors, its OpenAPI document."""

from importlib.metadata import version

from fastapi import APIRouter, FastAPI
from starlette.datastructures import State

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

PREFIX = "/api/v2"
DESCRIPTION = "The REST API of MemMachine, version 2, over the memories of Recollect."
ROUTERS: tuple[APIRouter, ...] = tuple(
    topic.router
    for topic in (projects, memories, search, features, sets, categories, switches, system)
)


def create_face(state: State, *, config_api: bool) -> FastAPI:
    """Build the face, to be mounted at PREFIX.

    Args:
        state: That of the application which it is mounted in.
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
    face.state = state
    errors.install(face)
    for router in (*ROUTERS, configuration.router) if config_api else ROUTERS:
        face.include_router(router)
    return face
