"""Sets of facts: their types, their ids, and which of them a question looks at."""

from typing import Annotated

from pydantic import Field

from recollect.domain.sets import MAX_SET_ID_CHARACTERS, SetKey, located, set_type
from recollect.operations.projects import Description, InProject, Org
from recollect.operations.request import Label, Metadata, Request, Result, Tag, Text

MAX_SET_TAGS = 100

SetId = Annotated[Text, Field(min_length=1, max_length=MAX_SET_ID_CHARACTERS)]
Number = Annotated[str, Field(pattern="^[0-9]{1,18}$")]
"""The id of a set type, a category or a tag."""
SetTags = Annotated[tuple[Tag, ...], Field(max_length=MAX_SET_TAGS, fail_fast=True)]


class Described(Result):
    """What sets of one type have in common."""

    is_org_level: bool
    """Whether the projects of the organisation share the sets."""
    tags: list[str]
    """The keys of the metadata."""
    name: str | None
    description: str | None


class SetTypeView(Described):
    """Sets that differ in the values of the same metadata."""

    id: str


class CreateSetType(Request):
    """Create a type of sets, or find the one with these tags there; the first name stays."""

    org: Org
    tags: SetTags
    """Keys of metadata; trimmed, each once, without order."""
    is_org_level: bool = False
    name: Label | None = None
    description: Description | None = None

    def touches(self) -> tuple[str, ...]:
        """The organisation's scope."""
        return (self.org,)


class ListSetTypes(Request):
    """List an organisation's types of sets."""

    org: Org


class SetTypes(Result):
    """Types of sets, in the order of their creation."""

    set_types: list[SetTypeView]


class DeleteSetType(Request):
    """Delete a type of sets and its templates of categories; its sets and their facts stay."""

    id: Number


class DeletedSetType(Result):
    """The receipt."""

    id: str
    templates: int
    """How many templates of categories went along."""


class RegisterSet(InProject):
    """Get the id of the set with these values, and make the set known."""

    tags: SetTags
    """Keys of metadata; those without a value are left out."""
    is_org_level: bool = False
    metadata: Metadata = Field(default_factory=dict)

    @property
    def key(self) -> SetKey:
        """The set."""
        of_type = set_type(self.tags, is_org_level=self.is_org_level)
        return of_type.key(self.owner, self.metadata)

    def touches(self) -> tuple[str, ...]:
        """The scope that the set lies in."""
        return (self.key.scope,)


class SetName(Result):
    """What identifies a set."""

    scope: str
    set_id: str


class ListSets(InProject):
    """List the sets that metadata belongs to."""

    metadata: Metadata = Field(default_factory=dict)


class SetView(Described):
    """A set, and what its type says of it."""

    scope: str
    set_id: str


class Sets(Result):
    """Sets; those of the organisation and of the project are always among them."""

    sets: list[SetView]


class InSet(InProject):
    """A request about a set, as a caller of this project names it."""

    set_id: SetId

    @property
    def key(self) -> SetKey:
        """The set; raises InvalidRequest if no set is called so."""
        return located(self.owner, self.set_id)


class ToSet(InSet):
    """A request that changes a set."""

    def touches(self) -> tuple[str, ...]:
        """The scope that the set lies in."""
        return (self.key.scope,)


class ConfigureSet(ToSet):
    """Choose the models of a set; null leaves the choice to the server."""

    embedder_name: Label | None = None
    llm_name: Label | None = None


class SetConfiguration(Result):
    """How a set is set up."""

    scope: str
    set_id: str
    embedder_name: str | None
    llm_name: str | None
    disabled_categories: list[str]
    """Default categories that the set does without."""
