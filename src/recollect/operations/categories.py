"""Categories of facts: of one set, or of all sets of a type."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from pydantic import Field

from recollect.domain.access import Right
from recollect.domain.categories import Category, default_categories
from recollect.domain.changes import DropRecord, Erase, Expect, PutRecord
from recollect.domain.filters import Comparison, Operator, RecordField, all_of
from recollect.domain.memory import Kind, Memory, RegistryRecord
from recollect.domain.scopes import Look
from recollect.domain.sets import SetKey, audience_of
from recollect.errors import AlreadyExists, NotFound, RevisionConflict
from recollect.operations.category_tags import CategoryName, CategoryTagView
from recollect.operations.context import Context, commit, operation
from recollect.operations.numbers import numbered
from recollect.operations.projects import Description
from recollect.operations.registry import (
    CATEGORY,
    CATEGORY_TAG,
    SET,
    SET_TYPE,
    found,
    touched,
    visible,
    with_owner,
    written,
)
from recollect.operations.request import Request, Result, Text
from recollect.operations.retrying import retried
from recollect.operations.selecting import of_kinds
from recollect.operations.set_facts import set_of
from recollect.operations.set_types import Number, set_types
from recollect.operations.sets import InSet, SetConfiguration, ToSet, reconfigured, record_id

MAX_PROMPT_CHARACTERS = 100_000

Prompt = Annotated[Text, Field(max_length=MAX_PROMPT_CHARACTERS)]


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


@operation(Right.WRITE)
async def create_category(context: Context, request: CreateCategory) -> CategoryView:
    """Give a set a category. Raises AlreadyExists if it has its own of that name."""
    key = request.key

    async def attempt(number: str, counter: PutRecord) -> CategoryView:
        _refuse_another(await own_categories(context, key), request.name)
        content = {"scope": key.scope, "set_id": key.set_id, **_said(request)}
        record = written(context, CATEGORY, number, content)
        return await commit(context, request, _view(record.record), counter, record)

    return await numbered(context, CATEGORY, attempt)


@operation(Right.WRITE)
async def create_template(context: Context, request: CreateTemplate) -> CategoryView:
    """Give all sets of a type a category.

    Raises:
        NotFound: There is no such type.
        AlreadyExists: It has a template of that name.
    """

    async def attempt(number: str, counter: PutRecord) -> CategoryView:
        of_type = await visible(context, SET_TYPE, request.set_type_id)
        _refuse_another(
            await with_owner(context, CATEGORY, "set_type_id", of_type.id), request.name
        )
        content = {"scope": of_type.content["scope"], "set_type_id": of_type.id, **_said(request)}
        record = written(context, CATEGORY, number, content)
        made = (touched(context, of_type), counter, record)
        return await commit(context, request, _view(record.record), *made)

    return await numbered(context, CATEGORY, attempt)


@operation(Right.READ)
async def read_category(context: Context, request: ReadCategory) -> CategoryView:
    """Read a category or a template. Raises NotFound."""
    stored = await visible(context, CATEGORY, request.id)
    return _view(stored, await with_owner(context, CATEGORY_TAG, "category_id", stored.id))


@operation(Right.READ)
async def list_templates(context: Context, request: ListTemplates) -> Categories:
    """List the templates of a type of sets. Raises NotFound if there is no such type."""
    of_type = await visible(context, SET_TYPE, request.set_type_id)
    templates = await with_owner(context, CATEGORY, "set_type_id", of_type.id)
    return Categories(categories=await _views(context, templates))


@operation(Right.READ)
async def list_categories(context: Context, request: ListCategories) -> Categories:
    """List the categories that a set has.

    Its own stand before the inherited ones of the same name, and both before the default ones,
    of which it has those that it does not disable.
    """
    key = request.key
    if not context.principal.scopes.covers(key.scope):
        raise NotFound(key.set_id, what=SET)
    inherited = await with_owner(context, CATEGORY, "set_type_id", *await _types_of(context, key))
    views = await _views(context, [*await own_categories(context, key), *inherited])
    configuration = SetConfiguration.of(key, await found(context, SET, record_id(key)))
    defaults = [
        _default(category)
        for category in default_categories(_templates(context, key))
        if category.name not in configuration.disabled_categories
    ]
    first: dict[str, CategoryView] = {}
    for view in (*views, *defaults):
        first.setdefault(view.name, view)
    return Categories(categories=list(first.values()))


def _templates(context: Context, key: SetKey) -> tuple[str, ...]:
    """The templates that sets of this audience have; those of projects a profile usually."""
    semantic = context.configuration.semantic_memory
    match audience_of(key.set_id):
        case "organisation":
            return semantic.org_categories
        case "project":
            return semantic.project_categories
        case "user":
            return semantic.user_categories
        case "other":
            return ()


@operation(Right.WRITE)
async def disable_category(context: Context, request: DisableCategory) -> SetConfiguration:
    """Let a set do without a default category."""

    def without(before: SetConfiguration) -> dict[str, object]:
        return {"disabled_categories": sorted({*before.disabled_categories, request.name})}

    return await reconfigured(context, request, without)


@operation(Right.READ)
async def list_category_sets(context: Context, request: ListCategorySets) -> CategorySets:
    """List the sets that have a category. Raises NotFound."""
    category = await visible(context, CATEGORY, request.id)
    if "set_id" in category.content:
        return CategorySets(set_ids=[str(category.content["set_id"])])
    known = [_key(record) for record in await context.records.registry(context.tenant, SET)]
    there = [key for key in known if context.principal.scopes.covers(key.scope)]
    return CategorySets(set_ids=[key.set_id for key in await _inheriting(context, category, there)])


@operation(Right.ERASE)
async def delete_category(context: Context, request: DeleteCategory) -> DeletedCategory:
    """Delete a category, its tags and its facts in one transaction. Raises NotFound."""

    async def deleted() -> DeletedCategory:
        category = await visible(context, CATEGORY, request.id)
        facts = await _facts(context, category)
        tags = await with_owner(context, CATEGORY_TAG, "category_id", category.id)
        return await commit(
            context,
            request,
            DeletedCategory(id=category.id, facts=len(facts)),
            Expect(type=CATEGORY, id=category.id, revision=category.revision),
            *(Erase(id=fact.id) for fact in facts),
            *(DropRecord(type=r.type, id=r.id) for r in (category, *tags)),
        )

    return await retried(deleted, RevisionConflict, NotFound)


async def own_categories(context: Context, key: SetKey) -> list[RegistryRecord]:
    """The categories that belong to this very set."""
    of_id = await with_owner(context, CATEGORY, "set_id", key.set_id)
    return [category for category in of_id if category.content["scope"] == key.scope]


async def _types_of(context: Context, key: SetKey) -> list[str]:
    """The ids of the types that the set is of: one at most."""
    org = key.scope.partition("/")[0]
    types = await set_types(context, org)
    return [t.id for t in types if t.id is not None and t.holds(org, key)]


async def _inheriting(
    context: Context, template: RegistryRecord, keys: Iterable[SetKey]
) -> list[SetKey]:
    """Those of the sets that have a category by this template: none of their own is called so."""
    org, type_id = str(template.content["scope"]), template.content["set_type_id"]
    types = [t for t in await set_types(context, org) if t.id == type_id]
    namesakes = await with_owner(context, CATEGORY, "name", _name(template))
    own = {_key(category) for category in namesakes if "set_id" in category.content}
    return [key for key in keys if key not in own and any(t.holds(org, key) for t in types)]


async def _facts(context: Context, category: RegistryRecord) -> list[Memory]:
    """The facts of the category in the sets that have it."""
    named = Comparison(RecordField("category"), Operator.EQ, _name(category))
    chosen = all_of((of_kinds((Kind.FACT,)), named))
    selection = context.selection(str(category.content["scope"]), Look.SUBTREE, chosen)
    count = await context.records.count(context.tenant, selection)
    facts = await context.records.browse(context.tenant, selection, None, count)
    keys = {set_of(fact) for fact in facts}
    if "set_id" in category.content:
        having = keys & {_key(category)}
    else:
        having = set(await _inheriting(context, category, keys))
    return [fact for fact in facts if set_of(fact) in having]


def _refuse_another(there: Iterable[RegistryRecord], name: str) -> None:
    if any(_name(category) == name for category in there):
        raise AlreadyExists(f"there is a category {name!r} here already")


def _name(category: RegistryRecord) -> str:
    return str(category.content["name"])


def _key(record: RegistryRecord) -> SetKey:
    """The set that a record is of, or belongs to."""
    return SetKey(str(record.content["scope"]), str(record.content["set_id"]))


def _said(request: CreateCategory | CreateTemplate) -> dict[str, str | None]:
    return request.model_dump(include={"name", "prompt", "description"})


async def _views(context: Context, categories: Sequence[RegistryRecord]) -> list[CategoryView]:
    ids = [category.id for category in categories]
    tags = await with_owner(context, CATEGORY_TAG, "category_id", *ids)
    return [
        _view(category, [tag for tag in tags if tag.content["category_id"] == category.id])
        for category in categories
    ]


def _view(category: RegistryRecord, tags: Iterable[RegistryRecord] = ()) -> CategoryView:
    content = category.content
    own = "set_id" in content
    return CategoryView.model_validate(
        {
            **content,
            "id": category.id,
            "origin": "set" if own else "set_type",
            "origin_id": content["set_id" if own else "set_type_id"],
            "tags": [CategoryTagView.of(tag) for tag in tags],
        }
    )


def _default(category: Category) -> CategoryView:
    tags = [
        CategoryTagView(id=None, name=name, description=description)
        for name, description in category.tags.items()
    ]
    return CategoryView(
        id=None,
        name=category.name,
        prompt=category.prompt,
        description=category.description,
        origin="default",
        origin_id=None,
        tags=tags,
    )
