"""The HTTP application: REST, health and whatever other faces are mounted, behind one guard."""

from collections.abc import Sequence
from importlib.metadata import version

from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import ASGIApp

from recollect.api import health, problems, v1
from recollect.api.guard import Guard, Policy
from recollect.api.memmachine.app import PREFIX, create_face
from recollect.api.metrics import Metrics
from recollect.operations.context import Context

DESCRIPTION = "A memory server for AI agents. Errors are `application/problem+json` with a `code`."


def create_app(
    context: Context,
    policy: Policy,
    state: health.State,
    *,
    faces: Sequence[Route] = (),
    config_api: bool = False,
) -> ASGIApp:
    """Build the application over one context.

    Args:
        context: What operations are given; the guard puts the caller in.
        policy: What the guard lets through.
        state: What the serving process tells of itself.
        faces: Routes of other faces, such as MCP's.
        config_api: Whether MemMachine's clients can read and change the server's configuration.
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
    metrics = Metrics([face.path for face in faces])
    app.state.context = context
    app.state.state = state
    app.state.metrics = metrics
    problems.install(app)
    app.include_router(health.router)
    app.include_router(v1.router, tags=["memories"])
    app.router.routes.extend(faces)
    app.mount(PREFIX, create_face(app.state, config_api=config_api))
    return Guard(app, policy, context, metrics)
