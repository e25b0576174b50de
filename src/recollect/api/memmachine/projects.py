"""The routes of projects."""

from fastapi import APIRouter
from pydantic import ConfigDict

from recollect.api.asking import Asked
from recollect.api.memmachine.errors import ERRORS
from recollect.api.memmachine.schemas import Answering, OfProject
from recollect.operations import conversations
from recollect.operations.project_config import ProjectConfig
from recollect.operations.projects import Description

router = APIRouter(prefix="/projects", tags=["projects"], responses=ERRORS)


class AskedConfig(ProjectConfig):
    """The resources that a project asks for; empty names leave the choice to the server."""

    model_config = ConfigDict(extra="ignore")


class Creation(OfProject):
    """Create a project."""

    description: Description = ""
    config: AskedConfig = AskedConfig()


class ProjectShown(Answering):
    """A project; names of resources are those that it uses."""

    org_id: str
    project_id: str
    description: str
    config: ProjectConfig

    @classmethod
    def of(cls, project: conversations.ProjectView) -> "ProjectShown":
        """The view of this project."""
        return cls(
            org_id=project.org,
            project_id=project.project,
            description=project.description,
            config=project.config,
        )


class Count(Answering):
    """How many episodes a project has."""

    count: int


class ProjectNamed(Answering):
    """Which project of which organisation."""

    org_id: str
    project_id: str


@router.post("", status_code=201)
async def create_project(context: Asked, body: Creation) -> ProjectShown:
    """Create a project, or find it there with the same configuration."""
    request = conversations.CreateProject(
        org=body.org_id, project=body.project_id, description=body.description, config=body.config
    )
    return ProjectShown.of(await conversations.create_project(context, request))


@router.post("/get")
async def get_project(context: Asked, body: OfProject) -> ProjectShown:
    """Tell how a project is set up."""
    request = conversations.ReadProject(org=body.org_id, project=body.project_id)
    return ProjectShown.of(await conversations.read_project(context, request))


@router.post("/episode_count/get")
async def count_episodes(context: Asked, body: OfProject) -> Count:
    """Count the episodes of a project; an unknown project has none."""
    request = conversations.CountEpisodes(org=body.org_id, project=body.project_id)
    return Count(count=(await conversations.count_episodes(context, request)).count)


@router.post("/list")
async def list_projects(context: Asked) -> list[ProjectNamed]:
    """List all projects in reach."""
    found = await conversations.list_projects(context, conversations.ListProjects())
    return [ProjectNamed(org_id=name.org, project_id=name.project) for name in found.projects]


@router.post("/delete", status_code=204)
async def delete_project(context: Asked, body: OfProject) -> None:
    """Delete a project for good, with all that belongs to it alone."""
    request = conversations.DeleteProject(org=body.org_id, project=body.project_id)
    await conversations.delete_project(context, request)
