"""Work in the background: the queues, what is done with their jobs, and with jobs that fail."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from anyio import CancelScope, get_cancelled_exc_class

from recollect.domain.changes import NewJob
from recollect.errors import RecollectError
from recollect.operations.context import Context
from recollect.operations.embedding import BACKLOG, embed_backlog, model_key
from recollect.operations.embedding import QUEUE as EMBED
from recollect.operations.summaries import SUMMARISE, summarise
from recollect.ports import Job

LEASE = timedelta(minutes=5)
FIRST_PAUSE = timedelta(seconds=10)

Handler: TypeAlias = Callable[[Context, Job, datetime], Awaitable[bool]]
"""Does a job as far as it comes until the given time, and says whether more of it is left.

A job may be done twice, when its lease ran out: doing it again must change nothing. It raises the
errors of `recollect.errors` when it should be tried again later.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A queue, and what is done with its jobs.

    Attributes:
        attempts: A job that failed so often is put among the dead letters; None for never.
        longest_pause: Pauses between attempts double from `FIRST_PAUSE` on, up to this.
    """

    name: str
    handle: Handler
    attempts: int | None = 10
    longest_pause: timedelta = timedelta(hours=1)

    def gives_up(self, attempts: int) -> bool:
        """Whether a job that was tried so often is not tried again."""
        return self.attempts is not None and attempts >= self.attempts

    def pause(self, attempts: int) -> timedelta:
        """How long a job that was tried so often waits for the next attempt."""
        # Beyond 20 doublings every pause is the longest.
        return min(FIRST_PAUSE * 2 ** min(attempts - 1, 20), self.longest_pause)


EMBEDDING = Queue(
    name=EMBED, handle=embed_backlog, attempts=None, longest_pause=timedelta(seconds=30)
)
"""Without a model its job fails, for as long as there is none: it is not given up."""

QUEUES = (EMBEDDING, Queue(name=SUMMARISE, handle=summarise))
"""Every queue. The one of `extraction` joins here with its handler."""


async def work(context: Context, queues: Sequence[Queue] = QUEUES) -> bool:
    """Do one job of each of these queues; False when none had any that was due.

    What fails now is tried again later, after growing pauses.

    Raises:
        RecollectError: What a job failed with; the job is given back if the store can be written.
    """
    done = [await _work_on(context, queue) for queue in queues]
    return any(done)


async def _work_on(context: Context, queue: Queue) -> bool:
    started = context.now()
    job = await context.jobs.lease(context.tenant, queue.name, LEASE, started)
    if job is None:
        return False
    if queue.gives_up(job.attempts - 1):
        # Whoever tried it last did not live to say so.
        await context.jobs.fail(context.tenant, job, None)
        return True
    try:
        more = await queue.handle(context, job, started + LEASE / 2)
    except RecollectError:
        again = None if queue.gives_up(job.attempts) else context.now() + queue.pause(job.attempts)
        await context.jobs.fail(context.tenant, job, again)
        raise
    except get_cancelled_exc_class():
        # Others need not wait until the lease of a process that is ending runs out.
        with CancelScope(shield=True):
            await context.jobs.fail(context.tenant, job, context.now())
        raise
    if more:
        await context.jobs.enqueue(context.tenant, _rest_of(job))
    await context.jobs.complete(context.tenant, job)
    return True


def _rest_of(job: Job) -> NewJob:
    return NewJob(
        queue=job.queue,
        dedupe_key=job.dedupe_key,
        order_key=job.order_key,
        payload=job.payload,
    )


async def catch_up(context: Context) -> None:
    """Enqueue what must be done after a start: embedding what has waited for this model."""
    if await context.vectors.waiting(context.tenant, model_key(context), 1):
        await context.jobs.enqueue(context.tenant, BACKLOG)
