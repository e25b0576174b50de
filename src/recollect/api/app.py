"""The HTTP application: REST, health and whatever other faces are mounted, behind one guard."""

from collections.abc import Sequence
from importlib.metadata import version

from fastapi import FastAPI
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from recollect.api import health, problems, v1
from recollect.api.guard import Guard, Policy
from recollect.api.shared import Shared

DESCRIPTION = "A memory server for AI agents. Errors are `application/problem+json` with a `code`."


def create_app(shared: Shared, policy: Policy, faces: Sequence[BaseRoute] = ()) -> ASGIApp:
    """Build the application.

    Args:
        shared: What its routes work with.
        policy: What the guard lets through.
        faces: Routes of other faces, such as MCP's.
    """
    app = FastAPI(
        title="Recollect",
        version=version("recollect"),
        description=DESCRIPTION,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state = shared
    problems.install(app)
    app.include_router(health.router)
    app.include_router(v1.router, tags=["memories"])
    app.router.routes.extend(faces)
    return Guard(app, policy, shared.context, shared.metrics)
