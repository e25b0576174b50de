"""Queues: leases, growing pauses, order and dead letters."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from anyio import Event, create_task_group
from tests.examples import THEN
from tests.operations.fakes import FakeClock

from recollect.errors import LanguageModelUnavailable
from recollect.operations import QUEUES, Context, Queue, work
from recollect.operations.extraction import EXTRACT, SETTLING, extraction
from recollect.operations.work import FIRST_PAUSE, LEASE
from recollect.ports import Job

pytestmark = pytest.mark.anyio

MOMENT = timedelta(microseconds=1)


@dataclass
class Extraction:
    """What a handler of the queue does: fails as often as it is told, then works in portions."""

    failures: int = 0
    portions: int = 1
    done: list[str] = field(default_factory=list[str])

    async def __call__(self, context: Context, job: Job, until: datetime) -> bool:
        assert until > context.now()
        if self.failures:
            self.failures -= 1
            raise LanguageModelUnavailable("away")
        self.done.append(str(job.payload["set_id"]))
        self.portions -= 1
        return self.portions > 0


def extracting(handle: Extraction, attempts: int | None = 3) -> Sequence[Queue]:
    return [
        Queue(name=EXTRACT, handle=handle, attempts=attempts, longest_pause=timedelta(seconds=25))
    ]


async def said(context: Context, *set_ids: str) -> None:
    for set_id in set_ids:
        await context.jobs.enqueue("default", extraction(context, "acme/app", set_id))


async def attempts_until_given_up(
    context: Context, queues: Sequence[Queue], clock: FakeClock
) -> list[timedelta]:
    """The pause before each attempt."""
    pauses: list[timedelta] = []
    since = clock.time
    while not await context.jobs.dead("default", EXTRACT) and len(pauses) < 9:
        try:
            worked = await work(context, queues)
        except LanguageModelUnavailable:
            worked = True
        if worked:
            pauses.append(clock.time - since)
            since = clock.time
        else:
            clock.pass_by(timedelta(seconds=5))
    return pauses


def test_every_queue_has_its_own_name() -> None:
    assert len({queue.name for queue in QUEUES}) == len(QUEUES)
    assert EXTRACT not in {queue.name for queue in QUEUES}


async def test_what_is_said_in_a_burst_is_one_job_of_the_set_and_done_once_it_settled(
    context: Context, clock: FakeClock
) -> None:
    handle = Extraction()
    await said(context, "ann", "ben", "ann")

    clock.pass_by(SETTLING - MOMENT)
    assert not await work(context, extracting(handle))
    clock.pass_by(MOMENT)
    while await work(context, extracting(handle)):
        pass

    assert handle.done == ["ann", "ben"]


async def test_jobs_of_one_set_run_one_after_another_and_those_of_others_beside_them(
    context: Context, clock: FakeClock
) -> None:
    started, finished = Event(), Event()
    running: list[str] = []

    async def handle(_: Context, job: Job, until: datetime) -> bool:
        assert until > THEN
        running.append(str(job.payload["set_id"]))
        if running == ["ann"]:
            started.set()
            await finished.wait()
        return False

    queues = [Queue(name=EXTRACT, handle=handle)]
    await said(context, "ann")
    clock.pass_by(SETTLING)
    async with create_task_group() as tasks:
        tasks.start_soon(work, context, queues)
        await started.wait()
        await said(context, "ann", "ben")
        clock.pass_by(SETTLING)

        assert await work(context, queues)
        assert not await work(context, queues)
        assert running == ["ann", "ben"]
        finished.set()

    assert await work(context, queues)
    assert running == ["ann", "ben", "ann"]


async def test_what_is_left_of_a_job_is_done_next(context: Context, clock: FakeClock) -> None:
    handle = Extraction(portions=3)
    await said(context, "ann")
    clock.pass_by(SETTLING)

    turns = 0
    while await work(context, extracting(handle)):
        turns += 1

    assert (turns, handle.done) == (3, ["ann"] * 3)


async def test_a_job_that_fails_is_tried_again_after_growing_pauses_and_then_given_up(
    context: Context, clock: FakeClock
) -> None:
    handle = Extraction(failures=9)
    await said(context, "ann")
    clock.pass_by(SETTLING)

    pauses = await attempts_until_given_up(context, extracting(handle, attempts=4), clock)

    capped = timedelta(seconds=25)
    assert pauses == [timedelta(0), FIRST_PAUSE, 2 * FIRST_PAUSE, capped]
    [dead] = await context.jobs.dead("default", EXTRACT)
    assert (dead.payload["set_id"], dead.attempts) == ("ann", 4)
    clock.pass_by(timedelta(days=1))
    assert not await work(context, extracting(handle))


async def test_a_job_that_must_be_done_is_never_given_up(
    context: Context, clock: FakeClock
) -> None:
    handle = Extraction(failures=50)
    await said(context, "ann")
    for _ in range(60):
        clock.pass_by(timedelta(hours=1))
        try:
            await work(context, extracting(handle, attempts=None))
        except LanguageModelUnavailable:
            continue

    assert handle.done == ["ann"]
    assert await context.jobs.dead("default", EXTRACT) == []


async def test_a_job_whose_workers_died_every_time_is_given_up(
    context: Context, clock: FakeClock
) -> None:
    handle = Extraction()
    await said(context, "ann", "ben")
    for _ in range(3):
        clock.pass_by(LEASE)
        assert await context.jobs.lease("default", EXTRACT, LEASE, clock()) is not None
    clock.pass_by(LEASE)

    while await work(context, extracting(handle, attempts=3)):
        pass

    assert handle.done == ["ben"]
    assert [j.payload["set_id"] for j in await context.jobs.dead("default", EXTRACT)] == ["ann"]


async def test_a_set_whose_job_was_given_up_is_served_again_when_more_is_said(
    context: Context, clock: FakeClock
) -> None:
    handle = Extraction(failures=3)
    await said(context, "ann")
    await attempts_until_given_up(context, extracting(handle), clock)

    await said(context, "ann")
    clock.pass_by(SETTLING)

    assert await work(context, extracting(handle))
    assert handle.done == ["ann"]


async def test_a_worker_that_is_ended_gives_its_job_back_at_once(
    context: Context, clock: FakeClock
) -> None:
    started = Event()

    async def endless(_: Context, job: Job, until: datetime) -> bool:
        assert job.attempts == 1
        assert until
        started.set()
        await Event().wait()
        return False

    await said(context, "ann")
    clock.pass_by(SETTLING)
    async with create_task_group() as tasks:
        tasks.start_soon(work, context, [Queue(name=EXTRACT, handle=endless)])
        await started.wait()
        tasks.cancel_scope.cancel()

    handle = Extraction()
    assert await work(context, extracting(handle))
    assert handle.done == ["ann"]
