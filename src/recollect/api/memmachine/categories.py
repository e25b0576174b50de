"""The routes of categories, of their templates and of their tags."""

from contextlib import suppress
from typing import Literal

from fastapi import APIRouter

from recollect.api.asking import Asked
from recollect.api.memmachine.errors import ERRORS
from recollect.api.memmachine.schemas import Answering, FromProject, numbered
from recollect.errors import NotFound
from recollect.operations import conversations
from recollect.operations.categories import CategoryName, Prompt
from recollect.operations.projects import Description
from recollect.operations.request import Text

router = APIRouter(prefix="/memories/semantic/category", tags=["categories"], responses=ERRORS)


class CategoryCreation(FromProject):
    """Give a set a category."""

    set_id: Text
    category_name: CategoryName
    prompt: Prompt
    description: Description | None = None


class TemplateCreation(FromProject):
    """Give all sets of a type a category."""

    set_type_id: Text
    category_name: CategoryName
    prompt: Prompt
    description: Description | None = None


class CategoryCreated(Answering):
    """The category's id."""

    category_id: str


class CategoryAsked(FromProject):
    """Names a category."""

    category_id: Text


class CategoryShown(Answering):
    """A category."""

    id: str
    name: str
    prompt: str
    description: str | None


class TemplatesAsked(FromProject):
    """Ask for the templates of a type of sets."""

    set_type_id: Text


class TemplateShown(Answering):
    """A category that the sets of a type inherit."""

    id: str
    name: str
    origin_type: Literal["set_type"] = "set_type"
    origin_id: str
    inherited: Literal[True] = True


class Templates(Answering):
    """The templates of a type of sets."""

    categories: list[TemplateShown]


class Disabling(FromProject):
    """Let a set do without a default category."""

    set_id: Text
    category_name: CategoryName


class SetsOfCategory(Answering):
    """The sets that have a category."""

    set_ids: list[str]


class TagCreation(FromProject):
    """Give a category a tag."""

    category_id: Text
    tag_name: CategoryName
    tag_description: Description


class TagCreated(Answering):
    """The tag's id."""

    tag_id: str


class TagNamed(FromProject):
    """Names a tag."""

    tag_id: Text


@router.post("", status_code=201)
async def create_category(context: Asked, body: CategoryCreation) -> CategoryCreated:
    """Give a set a category of its own."""
    request = conversations.CreateCategory(
        org=body.org_id,
        project=body.project_id,
        set_id=body.set_id,
        name=body.category_name,
        prompt=body.prompt,
        description=body.description,
    )
    created = await conversations.create_category(body.narrowed(context), request)
    return CategoryCreated(category_id=str(created.id))


@router.post("/get")
async def get_category(context: Asked, body: CategoryAsked) -> CategoryShown:
    """Give a category or a template."""
    request = conversations.ReadCategory(id=numbered(body.category_id))
    found = await conversations.read_category(body.narrowed(context), request)
    return CategoryShown(
        id=body.category_id, name=found.name, prompt=found.prompt, description=found.description
    )


@router.post("/template", status_code=201)
async def create_template(context: Asked, body: TemplateCreation) -> CategoryCreated:
    """Give all sets of a type a category."""
    request = conversations.CreateTemplate(
        set_type_id=body.set_type_id,
        name=body.category_name,
        prompt=body.prompt,
        description=body.description,
    )
    created = await conversations.create_template(body.narrowed(context), request)
    return CategoryCreated(category_id=str(created.id))


@router.post("/template/list")
async def list_templates(context: Asked, body: TemplatesAsked) -> Templates:
    """List the categories that the sets of a type inherit; an unknown type has none."""
    request = conversations.ListTemplates(set_type_id=body.set_type_id)
    with suppress(NotFound):
        found = await conversations.list_templates(body.narrowed(context), request)
        return Templates(
            categories=[
                TemplateShown(id=str(one.id), name=one.name, origin_id=body.set_type_id)
                for one in found.categories
            ]
        )
    return Templates(categories=[])


@router.post("/disable", status_code=204)
async def disable_category(context: Asked, body: Disabling) -> None:
    """Let a set do without a default category."""
    request = conversations.DisableCategory(
        org=body.org_id, project=body.project_id, set_id=body.set_id, name=body.category_name
    )
    await conversations.disable_category(body.narrowed(context), request)


@router.post("/set_ids/get")
async def list_category_sets(context: Asked, body: CategoryAsked) -> SetsOfCategory:
    """List the sets that have a category; an unknown one is in none."""
    request = conversations.ListCategorySets(id=body.category_id)
    with suppress(NotFound):
        found = await conversations.list_category_sets(body.narrowed(context), request)
        return SetsOfCategory(set_ids=found.set_ids)
    return SetsOfCategory(set_ids=[])


@router.post("/delete", status_code=204)
async def delete_category(context: Asked, body: CategoryAsked) -> None:
    """Delete a category with its features and tags; an unknown one is gone already."""
    request = conversations.DeleteCategory(id=body.category_id)
    with suppress(NotFound):
        await conversations.delete_category(body.narrowed(context), request)


@router.post("/tag", status_code=201)
async def create_tag(context: Asked, body: TagCreation) -> TagCreated:
    """Give a category a tag."""
    request = conversations.CreateCategoryTag(
        category_id=numbered(body.category_id),
        name=body.tag_name,
        description=body.tag_description,
    )
    created = await conversations.create_category_tag(body.narrowed(context), request)
    return TagCreated(tag_id=str(created.id))


@router.post("/tag/delete", status_code=204)
async def delete_tag(context: Asked, body: TagNamed) -> None:
    """Delete a tag; an unknown one is gone already."""
    request = conversations.DeleteCategoryTag(id=body.tag_id)
    with suppress(NotFound):
        await conversations.delete_category_tag(body.narrowed(context), request)
