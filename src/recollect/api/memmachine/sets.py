"""The routes of semantic sets and of their types."""

from contextlib import suppress

from fastapi import APIRouter

from recollect.api.asking import Asked
from recollect.api.memmachine.errors import ERRORS
from recollect.api.memmachine.schemas import Answering, FromProject, SetMetadata
from recollect.errors import NotFound
from recollect.operations import conversations
from recollect.operations.projects import Description
from recollect.operations.request import Label, Text
from recollect.operations.sets import Described

router = APIRouter(prefix="/memories/semantic", tags=["sets"], responses=ERRORS)


class SetTypeCreation(FromProject):
    """Create a type of sets."""

    metadata_tags: list[Text]
    """Keys of metadata; sets of the type differ in the values of these."""
    is_org_level: bool = False
    """Whether all projects of the organisation share the sets."""
    name: Label | None = None
    description: Description | None = None


class SetTypeCreated(Answering):
    """The type's id."""

    set_type_id: str


class SetDescribed(Answering):
    """A type of sets, or a set."""

    id: str
    is_org_level: bool
    tags: list[str]
    name: str | None
    description: str | None

    @classmethod
    def of(cls, id: str, described: Described) -> "SetDescribed":  # noqa: A002
        """The view of a type, or of a set, under this id."""
        return cls(
            id=id,
            is_org_level=described.is_org_level,
            tags=described.tags,
            name=described.name,
            description=described.description,
        )


class SetTypes(Answering):
    """The types of sets of an organisation."""

    set_types: list[SetDescribed]


class SetTypeDeletion(FromProject):
    """Delete a type of sets."""

    set_type_id: Text


class SetAsked(FromProject):
    """Ask for the id of a set."""

    metadata_tags: list[Text]
    is_org_level: bool = False
    set_metadata: SetMetadata | None = None


class SetNamed(Answering):
    """The set's id."""

    set_id: str


class SetsAsked(FromProject):
    """Ask which sets metadata belongs to."""

    set_metadata: SetMetadata | None = None


class Sets(Answering):
    """The sets; those of the organisation and of the project are always among them."""

    sets: list[SetDescribed]


class SetConfiguration(FromProject):
    """Choose the models of a set."""

    set_id: Text
    embedder_name: Label | None = None
    llm_name: Label | None = None


@router.post("/set_type", status_code=201)
async def create_set_type(context: Asked, body: SetTypeCreation) -> SetTypeCreated:
    """Create a type of sets; the organisation's type with the same tags is found again."""
    request = conversations.CreateSetType(
        org=body.org_id,
        tags=tuple(tag for tag in body.metadata_tags if tag.strip()),
        is_org_level=body.is_org_level,
        name=body.name,
        description=body.description,
    )
    created = await conversations.create_set_type(body.narrowed(context), request)
    return SetTypeCreated(set_type_id=created.id)


@router.post("/set_type/list")
async def list_set_types(context: Asked, body: FromProject) -> SetTypes:
    """List the organisation's types of sets."""
    request = conversations.ListSetTypes(org=body.org_id)
    found = await conversations.list_set_types(body.narrowed(context), request)
    return SetTypes(set_types=[SetDescribed.of(one.id, one) for one in found.set_types])


@router.post("/set_type/delete", status_code=204)
async def delete_set_type(context: Asked, body: SetTypeDeletion) -> None:
    """Delete a type of sets with its templates of categories."""
    request = conversations.DeleteSetType(id=body.set_type_id)
    with suppress(NotFound):
        await conversations.delete_set_type(body.narrowed(context), request)


@router.post("/set_id/get")
async def get_set_id(context: Asked, body: SetAsked) -> SetNamed:
    """Give the id of the set with these values, and make the set known."""
    request = conversations.RegisterSet(
        org=body.org_id,
        project=body.project_id,
        tags=tuple(tag for tag in body.metadata_tags if tag.strip()),
        is_org_level=body.is_org_level,
        metadata=body.set_metadata or {},
    )
    found = await conversations.register_set(body.narrowed(context), request)
    return SetNamed(set_id=found.set_id)


@router.post("/set_id/list")
async def list_sets(context: Asked, body: SetsAsked) -> Sets:
    """List the sets that metadata belongs to."""
    request = conversations.ListSets(
        org=body.org_id, project=body.project_id, metadata=body.set_metadata or {}
    )
    found = await conversations.list_sets(body.narrowed(context), request)
    return Sets(sets=[SetDescribed.of(one.set_id, one) for one in found.sets])


@router.post("/set/configure", status_code=204)
async def configure_set(context: Asked, body: SetConfiguration) -> None:
    """Choose the models of a set; null leaves the choice to the server."""
    request = conversations.ConfigureSet(
        org=body.org_id,
        project=body.project_id,
        set_id=body.set_id,
        embedder_name=body.embedder_name,
        llm_name=body.llm_name,
    )
    await conversations.configure_set(body.narrowed(context), request)
