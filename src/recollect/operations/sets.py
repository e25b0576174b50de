"""Sets of facts: their ids, their models, and which of them a question looks at."""

from collections.abc import Callable, Mapping
from typing import Annotated

from pydantic import Field

from recollect.domain.access import Right
from recollect.domain.changes import PutRecord
from recollect.domain.memory import JsonValue, RegistryRecord
from recollect.domain.sets import (
    MAX_SET_ID_CHARACTERS,
    Project,
    SetKey,
    SetType,
    located,
    set_type,
    sets_of,
)
from recollect.errors import AlreadyExists, NotFound, RevisionConflict
from recollect.operations.configure import check_resource
from recollect.operations.context import Context, commit, operation
from recollect.operations.projects import InProject
from recollect.operations.registry import SET, found, written
from recollect.operations.request import Label, Metadata, Result, Text
from recollect.operations.retrying import retried
from recollect.operations.set_types import Described, SetTags, description_of, set_types
from recollect.ports import ResourceKind

SetId = Annotated[Text, Field(min_length=1, max_length=MAX_SET_ID_CHARACTERS)]


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
    embedder_name: str | None = None
    llm_name: str | None = None
    disabled_categories: list[str] = Field(default_factory=list[str])
    """Default categories that the set does without."""

    @classmethod
    def of(cls, key: SetKey, record: RegistryRecord | None = None) -> "SetConfiguration":
        """What the set's record says; nothing is chosen without one."""
        chosen: Mapping[str, object] = record.content if record else {}
        return cls.model_validate({"scope": key.scope, "set_id": key.set_id, **chosen})


async def looked_at(
    context: Context, owner: Project, metadata: Mapping[str, JsonValue]
) -> dict[SetKey, SetType]:
    """The sets that a question of this project looks at, as far as the principal sees them.

    Those are the organisation's, the project's, and those that the metadata belongs to.
    """
    there = sets_of(owner, await set_types(context, owner.org), metadata)
    return {
        key: of_type for key, of_type in there.items() if context.principal.scopes.covers(key.scope)
    }


@operation(Right.READ)
async def list_sets(context: Context, request: ListSets) -> Sets:
    """List the sets that metadata belongs to; they need not hold anything yet."""
    there = await looked_at(context, request.owner, request.metadata)
    return Sets(
        sets=[
            SetView(scope=key.scope, set_id=key.set_id, **description_of(of_type))
            for key, of_type in there.items()
        ]
    )


@operation(Right.WRITE)
async def register_set(context: Context, request: RegisterSet) -> SetName:
    """Give the id of the set with these values, and make it known to `list_category_sets`."""
    key = request.key
    result = SetName(scope=key.scope, set_id=key.set_id)

    async def registered() -> SetName:
        if await found(context, SET, record_id(key)) is not None:
            return result
        return await commit(context, request, result, _written(context, SetConfiguration.of(key)))

    return await retried(registered, AlreadyExists)


@operation(Right.WRITE)
async def configure_set(context: Context, request: ConfigureSet) -> SetConfiguration:
    """Choose the models of a set. Raises InvalidRequest if the server has none of that name."""
    if request.embedder_name:
        check_resource(context, "embedder_name", ResourceKind.EMBEDDER, request.embedder_name)
    if request.llm_name:
        check_resource(context, "llm_name", ResourceKind.LANGUAGE_MODEL, request.llm_name)
    models = request.model_dump(include={"embedder_name", "llm_name"})
    return await reconfigured(context, request, lambda _: models)


async def reconfigured(
    context: Context,
    request: ToSet,
    change: Callable[[SetConfiguration], Mapping[str, object]],
) -> SetConfiguration:
    """The set as it is after the change of these fields, which is committed."""

    async def changed() -> SetConfiguration:
        stored = await found(context, SET, record_id(request.key))
        before = SetConfiguration.of(request.key, stored)
        after = before.model_copy(update=dict(change(before)))
        return await commit(context, request, after, _written(context, after, stored))

    return await retried(changed, RevisionConflict, AlreadyExists, NotFound)


def record_id(key: SetKey) -> str:
    """What the set's record is called; no scope holds a `|`."""
    return f"{key.scope}|{key.set_id}"


def _written(
    context: Context, configuration: SetConfiguration, before: RegistryRecord | None = None
) -> PutRecord:
    key = SetKey(configuration.scope, configuration.set_id)
    return written(context, SET, record_id(key), configuration.model_dump(), before)
