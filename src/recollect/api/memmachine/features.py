"""The routes of semantic features: facts, one by one."""

from fastapi import APIRouter, Response
from pydantic import JsonValue

from recollect import operations
from recollect.api.asking import Asked, answer
from recollect.api.memmachine.errors import ERRORS
from recollect.api.memmachine.memories import EpisodeId
from recollect.api.memmachine.schemas import Answering, FromProject, numbered
from recollect.api.memmachine.views import FeatureView
from recollect.domain.sets import Project, located
from recollect.errors import NotFound
from recollect.operations import Context, MemoryView, conversations
from recollect.operations.facts import Filed
from recollect.operations.request import Content, Text

router = APIRouter(prefix="/memories/semantic/feature", tags=["features"], responses=ERRORS)


class FeatureAddition(FromProject):
    """Add a feature."""

    set_id: Text
    category_name: Filed
    tag: Filed
    feature: Filed
    value: Content
    feature_metadata: dict[Text, JsonValue] | None = None
    """Values are kept as text."""
    citations: tuple[EpisodeId, ...] | None = None
    """The episodes that support it."""


class FeatureAdded(Answering):
    """The feature's id."""

    feature_id: str


class FeatureAsked(FromProject):
    """Names a feature."""

    feature_id: Text
    load_citations: bool = False


class FeatureUpdate(FromProject):
    """Change a feature; what is null or left out stays."""

    feature_id: Text
    category_name: Filed | None = None
    tag: Filed | None = None
    feature: Filed | None = None
    value: Content | None = None
    metadata: dict[Text, Text | None] | None = None
    """Replaces what was there."""


@router.post("", status_code=201)
async def add_feature(context: Asked, body: FeatureAddition) -> FeatureAdded:
    """Store a feature in a set that knows its category."""
    own = body.narrowed(context)
    await _check_category(own, body, body.set_id, body.category_name)
    key = located(Project(body.org_id, body.project_id), body.set_id)
    request = operations.Learn(
        content=body.value,
        scope=key.scope,
        set_id=key.set_id,
        category=body.category_name,
        tag=body.tag,
        feature=body.feature,
        citations=tuple(map(str, body.citations or ())),
        metadata={name: str(value) for name, value in (body.feature_metadata or {}).items()},
    )
    learned = await operations.learn(own, request)
    return FeatureAdded(feature_id=learned.external_id)


@router.post("/get", response_model=FeatureView, response_model_exclude_none=True)
async def get_feature(context: Asked, body: FeatureAsked) -> Response:
    """Give a feature."""
    own = body.narrowed(context)
    fact = await _fact(own, body, body.feature_id)
    found = await operations.read(own, operations.Read(id=fact.id))
    citations = found.citations if body.load_citations else None
    return answer(FeatureView.of(fact, citations), exclude_none=True)


@router.post("/update", status_code=204)
async def update_feature(context: Asked, body: FeatureUpdate) -> None:
    """Change a feature; what it said before stays true for its time."""
    own = body.narrowed(context)
    fact = await _fact(own, body, body.feature_id)
    if body.category_name is not None:
        await _check_category(own, body, fact.set_id or "", body.category_name)
    given = {
        "content": body.value,
        "category": body.category_name,
        "tag": body.tag,
        "feature": body.feature,
        "metadata": body.metadata,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    if changes:
        request = operations.Correct.model_validate({"id": fact.id, **changes})
        await operations.correct(own, request)


async def _fact(context: Context, body: FromProject, number: str) -> MemoryView:
    """The fact that bears this number, of the organisation or of the project."""
    scopes = (body.org_id, body.scope)
    return MemoryView.of(await conversations.fact_numbered(context, scopes, numbered(number)))


async def _check_category(context: Context, body: FromProject, set_id: str, name: str) -> None:
    """Raise NotFound unless the set has this category."""
    request = conversations.ListCategories(org=body.org_id, project=body.project_id, set_id=set_id)
    there = await conversations.list_categories(context, request)
    if all(category.name != name for category in there.categories):
        raise NotFound(name, what="category")
