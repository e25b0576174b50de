"""Writing the next revision of a memory."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime

from pydantic import Field

from recollect.domain.access import Right
from recollect.domain.changes import Change, Embedded, NewJob, Put, Verb
from recollect.domain.memory import Memory
from recollect.domain.searchable import passage_source
from recollect.errors import RevisionConflict
from recollect.operations.context import Context, commit
from recollect.operations.embedding import embed_now
from recollect.operations.request import Request, Result
from recollect.operations.retrying import retried
from recollect.operations.summaries import remaking


class Changed(Result):
    """Where the memory now is."""

    id: str
    name: str | None
    scope: str
    revision: int
    updated_at: datetime
    degraded: list[str] = Field(default_factory=list[str])


async def on_the_newest(
    context: Context,
    find: Callable[[], Awaitable[Memory]],
    expected_revision: int | None,
    change: Callable[[Memory], Awaitable[Changed]],
) -> Changed:
    """Change the memory that `find` gives, as often as others change it in between.

    Raises:
        RevisionConflict: It is not at `expected_revision`.
    """

    async def changed() -> Changed:
        before = await find()
        context.principal.require(Right.WRITE, (before.scope,))
        if expected_revision not in (None, before.revision):
            raise RevisionConflict(before.name or before.id, expected_revision, before.revision)
        return await change(before)

    again = () if expected_revision is not None else (RevisionConflict,)
    return await retried(changed, *again)


async def store_revision(
    context: Context, request: Request, before: Memory, after: Memory, verb: Verb, *more: Change
) -> Changed:
    """Store what became of a memory, after the other changes; what tells its text is made anew."""
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
        *more,
        put,
        *summaries.changes,
        embedded=embedded,
        jobs=(*jobs, *summaries.jobs),
    )
