"""Change a memory in place, or move a note."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Self

from pydantic import Field, model_validator

from recollect.domain.access import Right
from recollect.domain.changes import Embedded, Forget, NewJob, Put, Verb
from recollect.domain.memory import Kind, Memory, Note
from recollect.domain.searchable import passage_source
from recollect.errors import AlreadyExists, InvalidRequest, RevisionConflict
from recollect.operations.context import Context, commit, operation
from recollect.operations.embedding import embed_now
from recollect.operations.reference import Reference, find
from recollect.operations.request import (
    Content,
    Importance,
    Label,
    Metadata,
    Name,
    Request,
    Result,
    Revision,
    Scope,
    Tags,
    UtcTime,
)
from recollect.operations.retrying import retried
from recollect.operations.summaries import remaking
from recollect.operations.views import Time

_CLEARABLE = ("source", "importance", "expires_at")
_EDITABLE = ("content", "tags", "metadata", *_CLEARABLE)


class EditFields(Request):
    """What can be changed of a memory; what is left out stays."""

    content: Content | None = None
    tags: Tags | None = None
    """Replaces the tags; [] clears them."""
    metadata: Metadata | None = None
    """Replaces the metadata; {} clears it."""
    source: Label | None = None
    """null clears it, as for the fields below."""
    importance: Importance | None = None
    expires_at: UtcTime | None = None
    expected_revision: Revision | None = None
    """Change only this revision of the memory."""

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.changes():
            raise ValueError("nothing to update: provide content or tags")
        return self

    def changes(self) -> dict[str, Any]:
        """The memory's new field values."""
        given = {name: getattr(self, name) for name in _EDITABLE if name in self.model_fields_set}
        return {n: value for n, value in given.items() if value is not None or n in _CLEARABLE}


class Edit(Reference, EditFields):
    """Change a memory in place. Its id and creation time stay."""


class Changed(Result):
    """Where the memory now is."""

    id: str
    name: str | None
    scope: str
    revision: int
    updated_at: Time
    degraded: list[str] = Field(default_factory=list[str])


@operation(Right.WRITE)
async def edit(context: Context, request: Edit) -> Changed:
    """Change a memory in place.

    Raises:
        NotFound: There is no such memory.
        InvalidRequest: `expires_at` has passed already.
        RevisionConflict: It is not at `expected_revision`.
    """

    async def changed(before: Memory) -> Changed:
        after = replace(before, **request.changes())
        context.refuse_expired(after)
        return await _store(context, request, before, after, "edit")

    return await _on_the_newest(context, request, changed)


class MoveFields(Request):
    """Where a note goes to."""

    to_scope: Scope
    new_name: Name | None = None
    """The same name when left out."""
    expected_revision: Revision | None = None


class Move(Reference, MoveFields):
    """Move a note to another scope, or rename it. It keeps its id and its history."""

    def touches(self) -> tuple[str, ...]:
        """Where it goes to."""
        return (self.to_scope,)


@operation(Right.WRITE)
async def move(context: Context, request: Move) -> Changed:
    """Move or rename a note.

    Raises:
        InvalidRequest: It is no note, or would stay where it is.
        AlreadyExists: There is a note of that name already.
        NotFound, RevisionConflict: As for `edit`.
    """

    async def moved(before: Memory) -> Changed:
        if before.kind is not Kind.NOTE:
            raise InvalidRequest("only notes can be moved; this is an episode or a fact")
        name = request.new_name or before.name or ""
        if (request.to_scope, name) == (before.scope, before.name):
            raise InvalidRequest("source and destination are the same")
        if context.mirror is not None:
            await context.mirror.check_place(request.to_scope, name)
        freeing = await _free(context, request.to_scope, name)
        after = replace(before, scope=request.to_scope, detail=Note(name=name))
        return await _store(context, request, before, after, "move", *freeing)

    return await _on_the_newest(context, request, moved)


async def _free(context: Context, scope: str, name: str) -> list[Forget]:
    """What must be done before a note can bear the name; raises AlreadyExists."""
    there = await context.records.named(context.tenant, scope, name)
    if there is None:
        return []
    if not context.has_expired(there):
        raise AlreadyExists(f"there is a note {name!r} in the scope {scope!r} already")
    return [Forget(id=there.id, expected_revision=there.revision)]


async def _on_the_newest(
    context: Context, request: Edit | Move, change: Callable[[Memory], Awaitable[Changed]]
) -> Changed:
    """Change the memory that the request names, as often as others change it in between."""

    async def changed() -> Changed:
        before = await find(context, request)
        context.principal.require(Right.WRITE, (before.scope,))
        _expect(before, request.expected_revision)
        return await change(before)

    again = () if request.expected_revision is not None else (RevisionConflict,)
    return await retried(changed, *again)


def _expect(memory: Memory, revision: int | None) -> None:
    if revision is not None and memory.revision != revision:
        raise RevisionConflict(memory.name or memory.id, revision, memory.revision)


async def _store(
    context: Context, request: Request, before: Memory, after: Memory, verb: Verb, *first: Forget
) -> Changed:
    after = replace(after, revision=before.revision + 1, updated_at=context.now())
    embedded: tuple[Embedded, ...] = ()
    jobs: tuple[NewJob, ...] = ()
    degraded: tuple[str, ...] = ()
    if passage_source(before) != passage_source(after):
        embedding = await embed_now(context, [after])
        embedded, jobs, degraded = embedding.embedded, embedding.jobs, embedding.degraded
    result = Changed(
        id=after.id,
        name=after.name,
        scope=after.scope,
        revision=after.revision,
        updated_at=after.updated_at,
        degraded=list(degraded),
    )
    put = Put(memory=after, expected_revision=before.revision, verb=verb)
    told = (before.content, before.expires_at) != (after.content, after.expires_at)
    summaries = remaking(context, [before] if told else [])
    return await commit(
        context,
        request,
        result,
        *first,
        put,
        *summaries.changes,
        embedded=embedded,
        jobs=(*jobs, *summaries.jobs),
    )
