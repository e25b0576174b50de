"""The episodes of a project of conversations: adding and listing them."""

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from recollect.domain.access import Right
from recollect.domain.changes import Change
from recollect.domain.filters import all_of, parse
from recollect.domain.memory import Kind
from recollect.domain.scopes import Look
from recollect.errors import AlreadyExists, NotFound, RevisionConflict
from recollect.operations.context import Context, operation
from recollect.operations.ingest import Ingest, Ingested, Messages, ingest
from recollect.operations.projects import InProject, ToProject, ensure_project, find_project
from recollect.operations.request import Result, Text
from recollect.operations.retrying import retried
from recollect.operations.selecting import of_kinds, unexpired
from recollect.operations.views import MemoryView

MAX_LISTED = 2**61
"""More than any project has, and still a number to every store."""
_Number = Annotated[int, Field(ge=0, le=MAX_LISTED)]


class AddMessages(ToProject):
    """Store messages in the project's scope, in order; all or none."""

    messages: Messages
    create: bool = True
    """Create the project in the same transaction if it is not there."""


class ListEpisodes(InProject):
    """List the episodes of a project by pages that are counted."""

    filter: Text | None = None
    offset: _Number = 0
    limit: _Number


class Episodes(Result):
    """Episodes in their order."""

    episodes: list[MemoryView]


@operation(Right.WRITE)
async def add_messages(context: Context, request: AddMessages) -> Ingested:
    """Store messages as episodes of a project; none is stored in a project being deleted.

    Raises:
        AlreadyExists: A message's id is taken by another message; nothing was stored.
    """
    told = Ingest(scope=request.owner.scope, messages=request.messages)

    async def added() -> Ingested:
        return await ingest(replace(context, beside=await _beside(context, request)), told)

    # Somebody may create, switch or delete the project meanwhile.
    return await retried(added, AlreadyExists, NotFound, RevisionConflict)


@operation(Right.READ)
async def list_episodes(context: Context, request: ListEpisodes) -> Episodes:
    """List the episodes of a project, oldest first; one that is not there has none.

    Raises:
        InvalidFilter: The filter does not parse.
    """
    matching = parse(request.filter) if request.filter else None
    chosen = all_of((of_kinds((Kind.EPISODE,)), matching, unexpired(context.now())))
    selection = context.selection(request.owner.scope, Look.EXACT, chosen)
    found = await context.records.browse(
        context.tenant, selection, None, request.limit, request.offset
    )
    return Episodes(episodes=[MemoryView.of(memory) for memory in found])


async def _beside(context: Context, request: AddMessages) -> tuple[Change, ...]:
    if not request.create and await find_project(context, request.owner) is None:
        return ()
    return (await ensure_project(context, request.owner),)
