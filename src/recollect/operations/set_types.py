"""Types of sets: those of an organisation that differ in the values of the same metadata."""

from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from recollect.domain.access import Right
from recollect.domain.changes import DropRecord, Expect, PutRecord
from recollect.domain.memory import RegistryRecord
from recollect.domain.sets import SetType, set_type
from recollect.errors import RevisionConflict
from recollect.operations.context import Context, commit, operation
from recollect.operations.numbers import numbered
from recollect.operations.projects import Description, Org
from recollect.operations.registry import (
    CATEGORY,
    CATEGORY_TAG,
    SET_TYPE,
    visible,
    with_owner,
    written,
)
from recollect.operations.request import Label, Request, Result, Tag
from recollect.operations.retrying import retried

MAX_SET_TAGS = 100

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


@operation(Right.WRITE)
async def create_set_type(context: Context, request: CreateSetType) -> SetTypeView:
    """Create a type of sets, or give the one of its level with these tags that is there."""
    asked = set_type(request.tags, is_org_level=request.is_org_level)

    async def attempt(number: str, counter: PutRecord) -> SetTypeView:
        for known in await set_types(context, request.org):
            if (known.tags, known.is_org_level) == (asked.tags, asked.is_org_level):
                return SetTypeView(id=known.id or "", **description_of(known))
        named = replace(asked, id=number, name=request.name, description=request.description)
        result = SetTypeView(id=number, **description_of(named))
        content = {"scope": request.org, **description_of(named)}
        record = written(context, SET_TYPE, number, content)
        return await commit(context, request, result, counter, record)

    return await numbered(context, SET_TYPE, attempt)


async def set_types(context: Context, org: str) -> list[SetType]:
    """The types that the organisation made, in the order of their creation.

    They say what the sets of its projects are called, so they are the same for everybody who sees
    a project, whether or not the organisation itself is in reach.
    """
    return [_set_type(r) for r in await with_owner(context, SET_TYPE, "scope", org)]


@operation(Right.READ)
async def list_set_types(context: Context, request: ListSetTypes) -> SetTypes:
    """List an organisation's types of sets."""
    in_reach = context.principal.scopes.covers(request.org)
    known = await set_types(context, request.org) if in_reach else []
    return SetTypes(set_types=[SetTypeView(id=t.id or "", **description_of(t)) for t in known])


@operation(Right.WRITE)
async def delete_set_type(context: Context, request: DeleteSetType) -> DeletedSetType:
    """Delete a type of sets with its templates. Raises NotFound."""

    async def deleted() -> DeletedSetType:
        stored = await visible(context, SET_TYPE, request.id)
        templates = await with_owner(context, CATEGORY, "set_type_id", stored.id)
        ids = [template.id for template in templates]
        tags = await with_owner(context, CATEGORY_TAG, "category_id", *ids)
        return await commit(
            context,
            request,
            DeletedSetType(id=stored.id, templates=len(templates)),
            Expect(type=SET_TYPE, id=stored.id, revision=stored.revision),
            *(DropRecord(type=r.type, id=r.id) for r in (stored, *templates, *tags)),
        )

    return await retried(deleted, RevisionConflict)


def _set_type(record: RegistryRecord) -> SetType:
    view = SetTypeView.model_validate({"id": record.id, **record.content})
    return SetType(
        id=view.id,
        tags=tuple(view.tags),
        is_org_level=view.is_org_level,
        name=view.name,
        description=view.description,
    )


def description_of(of_type: SetType) -> dict[str, Any]:
    """What sets of this type have in common, as `Described` shows it."""
    return {
        "is_org_level": of_type.is_org_level,
        "tags": list(of_type.tags),
        "name": of_type.name,
        "description": of_type.description,
    }
