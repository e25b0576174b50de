"""Delete several memories for good at once."""

from typing import Annotated

from pydantic import Field

from recollect.domain.access import Right
from recollect.domain.changes import Erase
from recollect.domain.memory import Kind, Memory
from recollect.domain.scopes import Look
from recollect.operations.citations import CHANGED_MEANWHILE, consequences
from recollect.operations.context import Context, commit, operation
from recollect.operations.request import Label, MemoryId, Request, Result, Scopes
from recollect.operations.retrying import retried
from recollect.operations.selecting import of_kinds

MAX_ERASED = 10_000
_Some = Field(max_length=MAX_ERASED, fail_fast=True)


class EraseMany(Request):
    """Delete memories for good: their text, all their revisions and vectors, all or none.

    What is not there, or not of this kind in these scopes, is passed over.
    """

    scopes: Annotated[Scopes, Field(min_length=1)]
    """Exactly these."""
    kind: Kind
    ids: Annotated[tuple[MemoryId, ...], _Some] = ()
    numbers: Annotated[tuple[Label, ...], _Some] = ()
    """Facts, by the numbers that they bear."""

    def touches(self) -> tuple[str, ...]:
        """The scopes."""
        return self.scopes


class ErasedMany(Result):
    """The receipt."""

    ids: list[str]
    """Of what was deleted: in the order asked, then the facts that numbers named."""


@operation(Right.ERASE)
async def erase_many(context: Context, request: EraseMany) -> ErasedMany:
    """Delete several memories for good; the log keeps lines without text."""

    async def erased() -> ErasedMany:
        going = await _going(context, request)
        result = ErasedMany(ids=[memory.id for memory in going])
        if not going:
            return result
        more = await consequences(context, going)
        erasing = (Erase(id=memory.id) for memory in going)
        return await commit(context, request, result, *more.changes, *erasing, jobs=more.jobs)

    # Somebody else may erase one of them meanwhile.
    return await retried(erased, *CHANGED_MEANWHILE)


async def _going(context: Context, request: EraseMany) -> list[Memory]:
    called = await context.records.facts_called(context.tenant, request.numbers)
    ids = dict.fromkeys((*request.ids, *sorted(fact.id for fact in called)))
    reach = context.selection("", Look.EXACT, of_kinds((request.kind,)), request.scopes)
    found = {m.id: m for m in await context.records.select(context.tenant, reach, list(ids))}
    return [found[memory_id] for memory_id in ids if memory_id in found]
