"""Projects of conversations: what lies in the scope `org/project`, and how it is set up."""

from typing import Annotated

from pydantic import Field

from recollect.domain.access import Right
from recollect.domain.changes import Expect, PutRecord
from recollect.domain.memory import Kind, RegistryRecord
from recollect.domain.scopes import Look, check_scope
from recollect.domain.sets import Project, check_owner
from recollect.errors import AlreadyExists, NotFound, RevisionConflict
from recollect.operations.citations import CHANGED_MEANWHILE
from recollect.operations.context import Context, commit, operation, store
from recollect.operations.project_config import ProjectConfig, resolved
from recollect.operations.project_remains import remains
from recollect.operations.registry import PROJECT, found, written
from recollect.operations.request import Request, Result, Text, checked
from recollect.operations.retrying import retried
from recollect.operations.selecting import of_kinds

MAX_DESCRIPTION_CHARACTERS = 10_000
EMPTYING_ATTEMPTS = 20
"""What a project holds may be changed, forgotten and cited while it is gathered."""

_DELETED = "deleted"

Owner = Annotated[str, checked(check_owner)]
Org = Annotated[Owner, checked(check_scope)]
Description = Annotated[Text, Field(max_length=MAX_DESCRIPTION_CHARACTERS)]


class InProject(Request):
    """A request about a project of an organisation."""

    org: Org
    project: Owner

    @property
    def owner(self) -> Project:
        """The project."""
        return Project(self.org, self.project)


class ToProject(InProject):
    """A request that writes to the project's own scope."""

    def touches(self) -> tuple[str, ...]:
        """The project's scope."""
        return (self.owner.scope,)


class ProjectView(Result):
    """A project and how it is set up."""

    org: str
    project: str
    description: str
    config: ProjectConfig
    enabled: bool = True
    """Whether its episodes are looked at when somebody searches."""
    long_term_memory_enabled: bool = True
    short_term_memory_enabled: bool = True


class CreateProject(ToProject):
    """Create a project, or find it there with the same configuration."""

    description: Description = ""
    """That of the first creation stays."""
    config: ProjectConfig = Field(default_factory=ProjectConfig)


class ReadProject(InProject):
    """Ask how a project is set up."""


class ListProjects(Request):
    """List the projects in reach."""


class ProjectName(Result):
    """Which project of which organisation."""

    org: str
    project: str


class Projects(Result):
    """Projects, ordered by organisation and name."""

    projects: list[ProjectName]


class ConfigureProject(ToProject):
    """Switch memories of a project on or off; what is left out stays."""

    enabled: bool | None = None
    long_term_memory_enabled: bool | None = None
    short_term_memory_enabled: bool | None = None


class CountEpisodes(InProject):
    """Count the episodes of a project."""


class EpisodeCount(Result):
    """How many episodes there are."""

    count: int


class DeleteProject(ToProject):
    """Delete a project for good, with its episodes, facts, categories and sets.

    What belongs to the organisation or to other projects stays, and so do notes.
    """


class DeletedProject(Result):
    """The receipt."""

    episodes: int
    """How many episodes were erased."""
    facts: int
    """How many facts."""


@operation(Right.WRITE)
async def create_project(context: Context, request: CreateProject) -> ProjectView:
    """Create a project, or give the one that is there.

    Raises:
        AlreadyExists: It is there with another configuration.
        InvalidRequest: The configuration names a model that the server does not have.
    """
    config = await resolved(context, request.config)

    async def created() -> ProjectView:
        stored = await _standing(context, request.owner)
        if stored is None:
            view = _new(request.owner, config, request.description)
            return await commit(context, request, view, _written(context, view))
        view = _view(stored)
        if view.config != config:
            raise AlreadyExists(
                f"the project {stored.id} exists with another configuration: create it with that "
                "one, or delete it first"
            )
        return view

    return await retried(created, AlreadyExists)


async def ensure_project(context: Context, owner: Project) -> Expect | PutRecord:
    """What to commit together with what is added to a project, which may not be there yet.

    It makes the project, or insists that the one there is not deleted in between: then the commit
    fails with AlreadyExists, NotFound or RevisionConflict, and is to be tried again from here.
    """
    stored = await _standing(context, owner)
    if stored is None:
        return _written(context, _new(owner, await resolved(context, ProjectConfig())))
    return Expect(type=PROJECT, id=stored.id, revision=stored.revision)


async def find_project(context: Context, owner: Project) -> ProjectView | None:
    """The project; None if there is none, or none that the principal may see."""
    stored = await found(context, PROJECT, owner.scope)
    if stored is None or _is_deleted(stored) or not context.principal.scopes.covers(owner.scope):
        return None
    return _view(stored)


@operation(Right.READ)
async def read_project(context: Context, request: ReadProject) -> ProjectView:
    """Say how a project is set up. Raises NotFound."""
    view = await find_project(context, request.owner)
    if view is None:
        raise NotFound(request.owner.scope, what=PROJECT)
    return view


@operation(Right.READ)
async def list_projects(context: Context, request: ListProjects) -> Projects:
    """List the projects in reach."""
    del request
    stored = await context.records.registry(context.tenant, PROJECT)
    return Projects(
        projects=[
            ProjectName(org=org, project=name)
            for record in stored
            if context.principal.scopes.covers(record.id) and not _is_deleted(record)
            for org, name in [_owner(record)]
        ]
    )


@operation(Right.WRITE)
async def configure_project(context: Context, request: ConfigureProject) -> ProjectView:
    """Switch memories of a project on or off. Raises NotFound."""
    switched = request.model_dump(exclude={"org", "project"}, exclude_none=True)

    async def configured() -> ProjectView:
        stored = await found(context, PROJECT, request.owner.scope)
        if stored is None or _is_deleted(stored):
            raise NotFound(request.owner.scope, what=PROJECT)
        view = _view(stored).model_copy(update=switched)
        return await commit(context, request, view, _written(context, view, stored))

    return await retried(configured, RevisionConflict)


@operation(Right.READ)
async def count_episodes(context: Context, request: CountEpisodes) -> EpisodeCount:
    """Count the episodes of a project; a project that is not there has none."""
    episodes = context.selection(request.owner.scope, Look.EXACT, of_kinds((Kind.EPISODE,)))
    return EpisodeCount(count=await context.records.count(context.tenant, episodes))


@operation(Right.ERASE)
async def delete_project(context: Context, request: DeleteProject) -> DeletedProject:
    """Delete a project for good.

    It is closed first: from then on nothing is added to it, so that nothing is left behind. Then
    all that is there goes in one transaction. Should that be interrupted, the project is gone for
    everybody all the same, and whoever deletes, creates or adds to it next finishes the work.

    Raises:
        NotFound: There is no such project.
    """
    closed = await retried(lambda: _closed(context, request.owner), RevisionConflict)

    async def emptied() -> DeletedProject:
        if await found(context, PROJECT, closed.id) != closed:
            return DeletedProject(episodes=0, facts=0)  # somebody else has finished it
        there = await remains(context, closed)
        result = DeletedProject(episodes=there.episodes, facts=there.facts)
        return await commit(context, request, result, *there.changes)

    return await retried(emptied, *CHANGED_MEANWHILE, attempts=EMPTYING_ATTEMPTS)


async def _standing(context: Context, owner: Project) -> RegistryRecord | None:
    """The project's record; one whose deletion was interrupted is deleted first."""

    async def standing() -> RegistryRecord | None:
        stored = await found(context, PROJECT, owner.scope)
        if stored is None or not _is_deleted(stored):
            return stored
        await store(context, *(await remains(context, stored)).changes)
        return None

    # Whoever closed it, or somebody else who came upon it, may be deleting it right now.
    return await retried(standing, *CHANGED_MEANWHILE, attempts=EMPTYING_ATTEMPTS)


async def _closed(context: Context, owner: Project) -> RegistryRecord:
    """The record of the project, to which nothing is added any more."""
    stored = await found(context, PROJECT, owner.scope)
    if stored is None:
        raise NotFound(owner.scope, what=PROJECT)
    if _is_deleted(stored):
        return stored
    closing = written(context, PROJECT, stored.id, {**stored.content, _DELETED: True}, stored)
    await store(context, closing)
    return closing.record


def _new(owner: Project, config: ProjectConfig, description: str = "") -> ProjectView:
    return ProjectView(org=owner.org, project=owner.name, description=description, config=config)


def _owner(record: RegistryRecord) -> tuple[str, str]:
    org, _, name = record.id.partition("/")
    return (org, name)


def _view(record: RegistryRecord) -> ProjectView:
    org, name = _owner(record)
    return ProjectView.model_validate({"org": org, "project": name, **record.content})


def _written(
    context: Context, view: ProjectView, before: RegistryRecord | None = None
) -> PutRecord:
    content = view.model_dump(exclude={"org", "project"})
    return written(context, PROJECT, f"{view.org}/{view.project}", content, before)


def _is_deleted(record: RegistryRecord) -> bool:
    return record.content.get(_DELETED) is True
