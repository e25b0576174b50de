"""Categories of facts and their tags: of one set, or of all sets of a type."""

from typing import Annotated, Literal

from pydantic import Field

from recollect.operations.projects import Description
from recollect.operations.request import Label, Request, Result, Text
from recollect.operations.sets import InSet, Number, ToSet

MAX_PROMPT_CHARACTERS = 100_000

CategoryName = Annotated[Label, Field(min_length=1)]
Prompt = Annotated[Text, Field(max_length=MAX_PROMPT_CHARACTERS)]


class CategoryTagView(Result):
    """A tag that a category suggests."""

    id: str | None
    """null of default categories."""
    name: str
    description: str


class CategoryView(Result):
    """A category: a set's own, a template of a type of sets, or a default."""

    id: str | None
    """null of default categories."""
    name: str
    prompt: str
    description: str | None
    origin: Literal["set", "set_type", "default"]
    origin_id: str | None
    """The set's or the type's id; null of default categories."""
    tags: list[CategoryTagView]


class CreateCategory(ToSet):
    """Give a set a category of its own; it stands before an inherited one of its name."""

    name: CategoryName
    prompt: Prompt
    """What a language model is told about what belongs here."""
    description: Description | None = None


class CreateTemplate(Request):
    """Give all sets of a type a category."""

    set_type_id: Number
    name: CategoryName
    prompt: Prompt
    description: Description | None = None


class ReadCategory(Request):
    """Read a category or a template."""

    id: Number


class ListTemplates(Request):
    """List the templates of a type of sets."""

    set_type_id: Number


class ListCategories(InSet):
    """List the categories that a set has: its own, inherited and default ones."""


class Categories(Result):
    """Categories, in the order of their creation; default ones last."""

    categories: list[CategoryView]


class DisableCategory(ToSet):
    """Let a set do without a default category; nothing else happens if there is none."""

    name: CategoryName


class ListCategorySets(Request):
    """List the sets that have this category."""

    id: Number


class CategorySets(Result):
    """The category's own set, or the known sets of its type without one of that name."""

    set_ids: list[str]


class DeleteCategory(Request):
    """Delete a category for good, with its tags and its facts in the sets that have it."""

    id: Number


class DeletedCategory(Result):
    """The receipt."""

    id: str
    facts: int
    """How many facts were erased."""


class CreateCategoryTag(Request):
    """Suggest a tag to a category; several may bear one name."""

    category_id: Number
    name: CategoryName
    description: Description


class DeleteCategoryTag(Request):
    """Delete a tag that a category suggests; facts that bear it stay."""

    id: Number


class DeletedCategoryTag(Result):
    """The receipt."""

    id: str
