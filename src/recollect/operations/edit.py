"""Change a memory in place, or move a note."""

from dataclasses import replace
from functools import partial
from typing import Any, Self

from pydantic import model_validator

from recollect.domain.access import Right
from recollect.domain.changes import Forget
from recollect.domain.memory import Kind, Memory, Note
from recollect.errors import AlreadyExists, InvalidRequest
from recollect.operations.context import Context, operation
from recollect.operations.reference import Reference, find
from recollect.operations.request import (
    Content,
    Importance,
    Label,
    Metadata,
    Name,
    Request,
    Revision,
    Scope,
    Tags,
    UtcTime,
)
from recollect.operations.revising import Changed, on_the_newest, store_revision

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
        return await store_revision(context, request, before, after, "edit")

    return await on_the_newest(
        context, partial(find, context, request), request.expected_revision, changed
    )


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
            await context.mirror.check_place(request.to_scope, name, before.id)
        freeing = await _free(context, request.to_scope, name)
        after = replace(before, scope=request.to_scope, detail=Note(name=name))
        return await store_revision(context, request, before, after, "move", *freeing)

    return await on_the_newest(
        context, partial(find, context, request), request.expected_revision, moved
    )


async def _free(context: Context, scope: str, name: str) -> list[Forget]:
    """What must be done before a note can bear the name; raises AlreadyExists."""
    there = await context.records.named(context.tenant, scope, name)
    if there is None:
        return []
    if not context.has_expired(there):
        raise AlreadyExists(f"there is a note {name!r} in the scope {scope!r} already")
    return [Forget(id=there.id, expected_revision=there.revision)]
