"""The routes that switch the episodic memories of a project on and off."""

from contextlib import suppress
from dataclasses import replace

from fastapi import APIRouter

from recollect import operations
from recollect.api.asking import Asked
from recollect.api.memmachine.errors import ERRORS
from recollect.api.memmachine.schemas import Answering, FromProject
from recollect.errors import NotFound
from recollect.operations import conversations

router = APIRouter(prefix="/memory/episodic", tags=["switches"], responses=ERRORS)


class Switches(Answering):
    """Which episodic memories are in use."""

    enabled: bool = True
    long_term_memory_enabled: bool = True
    short_term_memory_enabled: bool = True


class Switch(Answering):
    """Whether a memory is in use."""

    enabled: bool


class SwitchAll(FromProject):
    """Switch on or off; what is null or left out stays."""

    enabled: bool | None = None
    long_term_memory_enabled: bool | None = None
    short_term_memory_enabled: bool | None = None


class SwitchOne(FromProject):
    """Switch on or off; null changes nothing."""

    enabled: bool | None = None


@router.post("/config/get")
async def get_switches(context: Asked, body: FromProject) -> Switches:
    """Tell which episodic memories of a project are in use."""
    return _switches(await _project(context, body))


@router.post("/config", status_code=204)
async def set_switches(context: Asked, body: SwitchAll) -> None:
    """Switch episodic memories of a project on or off."""
    await _configure(context, body, **body.model_dump(include={*Switches.model_fields}))


@router.post("/short_term/config/get")
async def get_short_term(context: Asked, body: FromProject) -> Switch:
    """Tell whether the short-term memory of a project is in use."""
    return Switch(enabled=(await _project(context, body)).short_term_memory_enabled)


@router.post("/short_term/config", status_code=204)
async def set_short_term(context: Asked, body: SwitchOne) -> None:
    """Switch the short-term memory of a project on or off."""
    await _configure(context, body, short_term_memory_enabled=body.enabled)


@router.post("/long_term/config/get")
async def get_long_term(context: Asked, body: FromProject) -> Switch:
    """Tell whether the long-term memory of a project is in use."""
    return Switch(enabled=(await _project(context, body)).long_term_memory_enabled)


@router.post("/long_term/config", status_code=204)
async def set_long_term(context: Asked, body: SwitchOne) -> None:
    """Switch the long-term memory of a project on or off."""
    await _configure(context, body, long_term_memory_enabled=body.enabled)


async def set_up(
    context: operations.Context, body: FromProject
) -> tuple[Switches, operations.Context]:
    """What is on in the project and in the server, and the context with the project's reranker.

    Of a project that is not there all is as the server has it.
    """
    server = (await operations.configuration_now(context)).episodic_memory
    own = Switches()
    with suppress(NotFound):
        project = await _project(context, body)
        own = _switches(project)
        if name := project.config.reranker:
            context = replace(context, reranker=context.resources.reranker(name))
    switches = Switches(
        enabled=own.enabled and server.enabled,
        long_term_memory_enabled=own.long_term_memory_enabled and server.searches_long_term,
        short_term_memory_enabled=own.short_term_memory_enabled and server.searches_short_term,
    )
    return switches, context


def _switches(project: conversations.ProjectView) -> Switches:
    return Switches(
        enabled=project.enabled,
        long_term_memory_enabled=project.long_term_memory_enabled,
        short_term_memory_enabled=project.short_term_memory_enabled,
    )


async def _project(context: operations.Context, body: FromProject) -> conversations.ProjectView:
    request = conversations.ReadProject(org=body.org_id, project=body.project_id)
    return await conversations.read_project(context, request)


async def _configure(
    context: operations.Context, body: FromProject, **switches: bool | None
) -> None:
    request = conversations.ConfigureProject(org=body.org_id, project=body.project_id, **switches)
    await conversations.configure_project(context, request)
