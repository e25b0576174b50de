"""Projects of conversations: what lies in the scope `org/project`, and how it is set up."""

from typing import Annotated

from pydantic import Field

from recollect.domain.scopes import check_scope
from recollect.domain.sets import Project, check_owner
from recollect.operations.request import Request, Result, Text, checked
from recollect.operations.resources import ProjectConfig

MAX_DESCRIPTION_CHARACTERS = 10_000

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


class Switches(Result):
    """Which memories of conversations are in use."""

    enabled: bool = True
    long_term_memory_enabled: bool = True
    short_term_memory_enabled: bool = True


class ProjectView(Switches):
    """A project and how it is set up."""

    org: str
    project: str
    description: str
    config: ProjectConfig


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
