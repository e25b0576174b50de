"""Take memories out of every answer, or delete them for good."""

from typing import Literal

from pydantic import Field

from recollect.domain.access import Right
from recollect.domain.changes import Erase, Forget
from recollect.domain.scopes import Look
from recollect.errors import NotFound
from recollect.operations.citations import CHANGED_MEANWHILE, consequences
from recollect.operations.context import Context, commit, operation
from recollect.operations.reference import Reference, find
from recollect.operations.request import Kinds, Request, Result, Revision, Scope
from recollect.operations.retrying import retried
from recollect.operations.selecting import of_kinds


class ForgetOne(Reference):
    """Forget one memory: it is in no answer any more. Its history stays until it is erased."""

    expected_revision: Revision | None = None


class Forgotten(Result):
    """What was forgotten."""

    forgotten: int
    """How many memories."""
    ids: list[str]
    """Theirs: what is forgotten has no name any more, but can be looked up and erased by its id."""
    degraded: list[str] = Field(default_factory=list[str])


@operation(Right.WRITE)
async def forget(context: Context, request: ForgetOne) -> Forgotten:
    """Forget one memory. Raises NotFound, RevisionConflict."""

    async def forgotten() -> Forgotten:
        memory = await find(context, request)
        context.principal.require(Right.WRITE, (memory.scope,))
        change = Forget(id=memory.id, expected_revision=request.expected_revision)
        more = await consequences(context, [memory])
        result = Forgotten(forgotten=1, ids=[memory.id])
        return await commit(context, request, result, *more.changes, change, jobs=more.jobs)

    return await retried(forgotten, *CHANGED_MEANWHILE)


class ForgetScope(Request):
    """Forget every memory of a scope."""

    scope: Scope
    look: Literal[Look.EXACT, Look.SUBTREE] = Look.EXACT
    """`subtree` takes what lies below along."""
    kinds: Kinds = ()
    """Only these kinds; all when left out."""
    confirm: Literal[True]
    """Must be true."""

    def touches(self) -> tuple[str, ...]:
        """The scope itself."""
        return (self.scope,)


@operation(Right.WRITE)
async def forget_scope(context: Context, request: ForgetScope) -> Forgotten:
    """Forget every memory of a scope, all or none of them."""
    selection = context.selection(request.scope, request.look, of_kinds(request.kinds))

    async def forgotten() -> Forgotten:
        count = await context.records.count(context.tenant, selection)
        memories = await context.records.browse(context.tenant, selection, None, count)
        result = Forgotten(forgotten=len(memories), ids=[memory.id for memory in memories])
        changes = (Forget(id=m.id, expected_revision=m.revision) for m in memories)
        more = await consequences(context, memories)
        return await commit(context, request, result, *more.changes, *changes, jobs=more.jobs)

    return await retried(forgotten, *CHANGED_MEANWHILE)


class EraseOne(Reference):
    """Delete a memory for good: its text, all its revisions and vectors.

    What was forgotten has no name any more, only its id.
    """


class Erased(Result):
    """The receipt."""

    id: str
    revisions: int
    """How many revisions were deleted."""
    degraded: list[str] = Field(default_factory=list[str])


@operation(Right.ERASE)
async def erase(context: Context, request: EraseOne) -> Erased:
    """Delete a memory for good, a forgotten one too; the log keeps a line without text.

    Raises:
        NotFound: There is nothing left of such a memory.
    """

    async def erased() -> Erased:
        memory_id = request.id or (await find(context, request)).id
        history = await context.records.history(context.tenant, memory_id)
        scopes = [r.memory.scope for r in history if r.memory]
        if not scopes or not context.principal.scopes.covers(scopes[-1]):
            raise NotFound(memory_id)
        context.principal.require(Right.ERASE, tuple(scopes))
        result = Erased(id=memory_id, revisions=len(history))
        more = await consequences(context, await context.records.get(context.tenant, [memory_id]))
        change = Erase(id=memory_id)
        return await commit(context, request, result, *more.changes, change, jobs=more.jobs)

    return await retried(erased, *CHANGED_MEANWHILE)
