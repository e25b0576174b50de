"""Read one memory, and the revisions it went through."""

from datetime import datetime

from pydantic import Field

from recollect.domain.access import Right
from recollect.domain.memory import Kind
from recollect.errors import NotFound
from recollect.operations.citations import cited_by
from recollect.operations.context import Context, operation
from recollect.operations.reference import Reference, find
from recollect.operations.request import Result
from recollect.operations.views import MemoryView


class Read(Reference):
    """Read one memory whole."""


class WholeMemory(MemoryView):
    """A memory with what supports it."""

    citations: list[str] = Field(default_factory=list[str])
    """Ids of the messages that a fact cites."""


@operation(Right.READ)
async def read(context: Context, request: Read) -> WholeMemory:
    """Read one memory whole. Raises NotFound."""
    memory = await find(context, request)
    citations = await cited_by(context, memory) if memory.kind is Kind.FACT else []
    return WholeMemory.of(memory).model_copy(update={"citations": citations})


class History(Reference):
    """List the revisions of a memory; what was forgotten has no name any more, only its id."""


class RevisionView(Result):
    """A memory as one change left it; `memory` is null where it was forgotten."""

    revision: int
    recorded_at: datetime
    actor: str
    verb: str
    memory: MemoryView | None


class Revisions(Result):
    """Every kept revision, oldest first."""

    revisions: list[RevisionView]


@operation(Right.READ)
async def history(context: Context, request: History) -> Revisions:
    """List the revisions of a memory, of a forgotten one too. Raises NotFound."""
    memory_id = request.id or (await find(context, request)).id
    found = await context.records.history(context.tenant, memory_id)
    seen = [r.memory for r in found if r.memory is not None]
    if not seen or not context.principal.scopes.covers(seen[-1].scope):
        raise NotFound(memory_id)
    return Revisions(
        revisions=[
            RevisionView(
                revision=r.revision,
                recorded_at=r.recorded_at,
                actor=r.actor,
                verb=r.verb,
                memory=MemoryView.of(r.memory) if r.memory else None,
            )
            for r in found
            if r.memory is None or context.principal.scopes.covers(r.memory.scope)
        ]
    )
