"""Many writers on one database: the log stays in order, jobs have one holder, nothing is lost."""

import random
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, suppress
from datetime import timedelta

import pytest
from anyio import Event, create_task_group
from tests.examples import (
    ALL,
    MODEL,
    TENANT,
    THEN,
    batch,
    embedded,
    episode,
    note,
    put,
    storing,
    unit,
)
from tests.postgres import lent_database

from recollect.app.wiring import Store, open_store
from recollect.domain.changes import UNPLACED, Forget, Idempotency, LogEntry, NewJob
from recollect.domain.memory import Episode
from recollect.errors import NotFound, RevisionConflict
from recollect.settings import Settings

pytestmark = pytest.mark.anyio

WRITERS = 16
BATCHES = 12


@pytest.fixture
async def replicas() -> AsyncGenerator[list[Store]]:
    """Two programs over one database, each with connections of its own."""
    with lent_database() as database:
        settings = database.settings.model_copy(update={"pool_size": WRITERS})
        async with AsyncExitStack() as stack:
            yield [
                await stack.enter_async_context(open_store(Settings(store=settings)))
                for _ in range(2)
            ]


async def write(store: Store, seed: int) -> int:
    """Commit batches of any size, some of which fail half-way; returns how many lines they made."""
    dice = random.Random(seed)
    lines = 0
    for _ in range(BATCHES):
        memories = [
            episode(session="s", position=UNPLACED) for _ in range(dice.choice((1, 1, 2, 30)))
        ]
        if dice.random() < 0.3:
            with suppress(NotFound):
                await store.records.commit(TENANT, batch(*map(put, memories), Forget(id="nobody")))
            continue
        receipt = await store.records.commit(TENANT, storing(*memories))
        lines += len(receipt.entries)
    return lines


async def follow(store: Store, done: Event) -> list[LogEntry]:
    """Read the log as it grows; it must never have a gap that is filled later."""
    seen: list[LogEntry] = []
    while True:
        last = done.is_set()
        entries = await store.records.entries(TENANT, len(seen), 7)
        seen += entries
        assert [entry.seq for entry in seen[-7:]] == [*range(max(len(seen) - 6, 1), len(seen) + 1)]
        if last and not entries:
            return seen


async def test_followers_see_every_line_in_order_whoever_commits_first(
    replicas: list[Store],
) -> None:
    done, lines = Event(), list[int]()
    followed: list[list[LogEntry]] = []

    async def writer(seed: int) -> None:
        lines.append(await write(replicas[seed % 2], seed))

    async def follower(store: Store) -> None:
        followed.append(await follow(store, done))

    async with create_task_group() as following:
        for store in replicas:
            following.start_soon(follower, store)
        async with create_task_group() as writing:
            for seed in range(WRITERS):
                writing.start_soon(writer, seed)
        done.set()

    log = await replicas[0].records.entries(TENANT, 0, 100_000)
    assert [entry.seq for entry in log] == list(range(1, sum(lines) + 1))
    assert followed == [log, log]
    said = await replicas[1].records.browse(TENANT, ALL, None, 100_000)
    places = [m.detail.position for m in said if isinstance(m.detail, Episode)]
    assert sorted(places) == list(range(len(log)))


async def test_of_writers_who_read_the_same_revision_one_wins(replicas: list[Store]) -> None:
    memory = note("0")
    await replicas[0].records.commit(TENANT, storing(memory))
    outcomes: Counter[str] = Counter()

    async def edit(number: int) -> None:
        store = replicas[number % 2]
        for revision in range(1, 6):
            second = note(f"{number}", name=memory.name, id=memory.id, revision=revision + 1)
            made = (embedded(second, [unit(1, number)]),)
            try:
                await store.records.commit(TENANT, batch(put(second, revision), embedded=made))
            except RevisionConflict:
                outcomes["lost"] += 1
            else:
                outcomes["won"] += 1

    async with create_task_group() as tasks:
        for number in range(WRITERS):
            tasks.start_soon(edit, number)

    history = await replicas[0].records.history(TENANT, memory.id)
    assert outcomes["won"] == len(history) - 1 == 5
    assert outcomes["lost"] == 5 * WRITERS - 5
    assert await replicas[0].maintenance.check(TENANT, repair=False) == []


async def test_a_request_that_is_repeated_at_once_is_carried_out_once(
    replicas: list[Store],
) -> None:
    request = Idempotency(key="k", request="r", response="first", at=THEN)
    answers: list[str | None] = []

    async def ask(number: int) -> None:
        storing_one = storing(note(), idempotency=request)
        receipt = await replicas[number % 2].records.commit(TENANT, storing_one)
        answers.append(receipt.replayed)

    async with create_task_group() as tasks:
        for number in range(WRITERS):
            tasks.start_soon(ask, number)

    assert Counter(answers) == {"first": WRITERS - 1, None: 1}
    assert await replicas[0].records.last_seq(TENANT) == 1


async def test_a_job_has_one_holder_and_those_of_an_order_key_follow_each_other(
    replicas: list[Store],
) -> None:
    for number in range(30):
        order_key = f"o{number % 3}" if number % 2 else ""
        job = NewJob(queue="q", dedupe_key=f"{number:02}", order_key=order_key)
        await replicas[0].jobs.enqueue(TENANT, job)
    held: set[str] = set()
    finished: list[tuple[str, str]] = []

    async def work(store: Store) -> None:
        while len(finished) < 30:
            job = await store.jobs.lease(TENANT, "q", timedelta(minutes=1), THEN)
            if job is None:
                continue
            assert job.attempts == 1
            assert job.order_key not in held
            held.update({job.order_key} - {""})
            await store.records.last_seq(TENANT)
            held.discard(job.order_key)
            finished.append((job.order_key, job.dedupe_key))
            await store.jobs.complete(TENANT, job)

    async with create_task_group() as tasks:
        for number in range(WRITERS):
            tasks.start_soon(work, replicas[number % 2])

    assert len(set(finished)) == 30
    for order_key in ("o0", "o1", "o2"):
        done = [dedupe_key for key, dedupe_key in finished if key == order_key]
        assert done == sorted(done)


async def test_what_one_program_stores_the_other_recalls_at_once(replicas: list[Store]) -> None:
    one, other = replicas
    memory = note("Tea at four.")
    made = (embedded(memory, [unit(1, 0)]),)
    await one.records.commit(TENANT, storing(memory, embedded=made))

    assert [hit.id for hit in await other.text.search(TENANT, ALL, "tea", 5)] == [memory.id]
    found = await other.vectors.search(TENANT, ALL, MODEL, unit(1, 0), 5)
    assert [hit.id for hit in found.hits] == [memory.id]
