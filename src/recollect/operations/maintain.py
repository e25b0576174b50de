"""Keep the store healthy: figures, checks, rebuilding, backups."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from recollect.domain.access import Right
from recollect.operations.context import Context, operation
from recollect.operations.embedding import (
    BACKLOG,
    embedder_of,
    model_key,
    model_of,
)
from recollect.operations.mirror.skipped import skipped_files
from recollect.operations.request import Request, Result


class Stats(Request):
    """Ask how much there is."""


class JobFigures(Result):
    """How many jobs of a queue are still to be done, and how many were given up."""

    waiting: int
    dead: int


class Figures(Result):
    """How much the tenant holds, and how well it can be searched."""

    memories: int
    by_kind: dict[str, int]
    by_scope: dict[str, int]
    links: int
    revisions: int
    last_seq: int
    """The newest line of the change log."""
    waiting: int
    """Memories that have no complete vectors of the model yet."""
    by_model: dict[str, int]
    """Memories with complete vectors of each model; older ones are embedded anew."""
    advice: str | None
    """What would let memories that wait be found by meaning; null when nothing is missing."""
    jobs: dict[str, JobFigures]
    """Work in the background, by queue."""
    size_bytes: int
    indexed: float | None
    """Which part of an index for search by meaning is made, 0 to 1; null if none is being made."""
    model: str
    problem: str | None
    """Why search by meaning does not work, with the remedy; null when it does."""


@operation(Right.READ)
async def stats(context: Context, request: Stats) -> Figures:
    """Count what the principal's tenant holds; scopes out of its reach are left out."""
    del request
    counts = await context.records.counts(context.tenant, model_key(context))
    seen = {s: n for s, n in counts.by_scope.items() if context.principal.scopes.covers(s)}
    everything = len(seen) == len(counts.by_scope)
    return Figures(
        memories=sum(seen.values()),
        by_kind=dict(counts.by_kind) if everything else {},
        by_scope=seen,
        links=counts.links if everything else 0,
        revisions=counts.revisions if everything else 0,
        last_seq=counts.last_seq,
        waiting=counts.waiting if everything else 0,
        by_model=dict(counts.by_model) if everything else {},
        advice=_advice(context, counts.by_model) if everything else None,
        jobs=await _jobs(context) if everything else {},
        size_bytes=counts.size_bytes if everything else 0,
        indexed=await context.vectors.indexed(context.tenant, model_key(context)),
        model=model_key(context),
        problem=context.embedder.problem,
    )


async def _jobs(context: Context) -> dict[str, JobFigures]:
    counts = await context.jobs.counts(context.tenant)
    return {
        queue: JobFigures(waiting=count.waiting, dead=count.dead)
        for queue, count in sorted(counts.items())
    }


def _advice(context: Context, by_model: Mapping[str, int]) -> str | None:
    """What would let older vectors answer, if they cannot."""
    previous = context.previous_embedder
    asked = {key: embedder_of(context, key) for key in by_model}
    if previous and previous.problem and previous in asked.values():
        return f"the previous model cannot answer: {previous.problem}"
    idle = {key: by_model[key] for key, embedder in asked.items() if embedder is None}
    if not idle:
        return None
    models = ", ".join(sorted({model_of(key) for key in idle}))
    return (
        f"vectors of {models} lie idle ({sum(idle.values())} of the memories): these are found by "
        "words alone until they are embedded anew; name that model in "
        "RECOLLECT_PREVIOUS_EMBEDDER__KIND and start again to have them found by meaning meanwhile"
    )


class Reindex(Request):
    """Rebuild every index from the records."""


class Reindexed(Result):
    """How many memories are embedded anew in the background.

    `stats` tells how far that is: `waiting`, and `indexed` while an index is made of the vectors.
    """

    waiting: int


@operation(Right.ADMIN)
async def reindex(context: Context, request: Reindex) -> Reindexed:
    """Rebuild the text index now, and drop all vectors to be made anew in the background."""
    del request
    waiting = await context.maintenance.rebuild(context.tenant)
    await context.jobs.enqueue(context.tenant, BACKLOG)
    return Reindexed(waiting=waiting)


class Check(Request):
    """Compare every projection with the records."""

    repair: bool = True
    """Make wrong ones true again."""


class FaultView(Result):
    """A place where a projection differed from the records."""

    projection: str
    """`text`, `vectors`, or `mirror`: the files of notes."""
    memory_id: str
    """Empty for a file that holds no note."""
    problem: str
    repaired: bool


class Checked(Result):
    """What was found; empty when all is well."""

    faults: list[FaultView]


@operation(Right.ADMIN)
async def check(context: Context, request: Check) -> Checked:
    """Find, and repair, every projection that differs from the records."""
    faults = await context.maintenance.check(context.tenant, repair=request.repair)
    if any(fault.repaired and fault.projection == "vectors" for fault in faults):
        await context.jobs.enqueue(context.tenant, BACKLOG)
    return Checked(
        faults=[
            FaultView(
                projection=fault.projection,
                memory_id=fault.memory_id,
                problem=fault.problem,
                repaired=fault.repaired,
            )
            for fault in faults
        ]
        + [
            FaultView(
                projection="mirror",
                memory_id=skipped.note_id or "",
                problem=f"could not be mirrored at {skipped.path}: {skipped.reason}",
                repaired=False,
            )
            for skipped in skipped_files(context)
        ]
    )


class Backup(Request):
    """Copy the store to a new file while it is in use."""

    target: Annotated[str, Field(min_length=1, max_length=4096)]
    """A path on the machine of the store."""


class BackedUp(Result):
    """The size of the copy."""

    size_bytes: int


@operation(Right.ADMIN)
async def backup(context: Context, request: Backup) -> BackedUp:
    """Write a consistent copy of the store to a new file. Raises AlreadyExists."""
    return BackedUp(size_bytes=await context.maintenance.backup(context.tenant, request.target))
