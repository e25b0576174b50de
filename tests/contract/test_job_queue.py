"""What every job queue promises."""

from datetime import datetime, timedelta

import pytest
from tests.examples import TENANT, THEN, note, storing

from recollect.app.wiring import Store
from recollect.domain.changes import NewJob
from recollect.ports import Job

pytestmark = pytest.mark.anyio

LEASE = timedelta(minutes=5)


async def lease(store: Store, at: datetime = THEN, queue: str = "q") -> Job | None:
    return await store.jobs.lease(TENANT, queue, LEASE, at)


async def enqueue(store: Store, *keys: str, order_key: str = "") -> None:
    for key in keys:
        job = NewJob(queue="q", dedupe_key=key, order_key=order_key, payload={"k": key, "n": 1.5})
        await store.jobs.enqueue(TENANT, job)


async def leased(store: Store, at: datetime = THEN) -> Job:
    job = await lease(store, at)
    assert job is not None
    return job


async def test_jobs_are_leased_oldest_first_each_to_one_holder(store: Store) -> None:
    await enqueue(store, "a", "b")

    first, second = await leased(store), await leased(store)

    assert (first.dedupe_key, second.dedupe_key) == ("a", "b")
    assert first.payload == {"k": "a", "n": 1.5}
    assert (first.queue, first.order_key, first.attempts) == ("q", "", 1)
    assert first.token != second.token
    assert await lease(store) is None
    assert await lease(store, queue="other") is None


async def test_a_job_that_waits_already_is_not_added_again(store: Store) -> None:
    await enqueue(store, "a", "a")
    await leased(store)

    assert await lease(store) is None


async def test_a_job_is_added_while_its_like_is_being_done(store: Store) -> None:
    await enqueue(store, "a")
    first = await leased(store)
    await enqueue(store, "a", "a")
    second = await leased(store)

    assert first.id != second.id
    assert await lease(store) is None


async def test_the_same_key_in_another_queue_is_another_job(store: Store) -> None:
    await enqueue(store, "a")
    await store.jobs.enqueue(TENANT, NewJob(queue="other", dedupe_key="a"))

    assert await lease(store) is not None
    assert await lease(store, queue="other") is not None


async def test_a_job_that_is_done_is_gone(store: Store) -> None:
    await enqueue(store, "a", "b")
    await store.jobs.complete(TENANT, await leased(store))

    assert (await leased(store)).dedupe_key == "b"
    assert await lease(store, THEN + 2 * LEASE) is not None
    assert await lease(store, THEN + 2 * LEASE) is None


async def test_a_job_whose_lease_ran_out_is_leased_again(store: Store) -> None:
    await enqueue(store, "a")
    first = await leased(store)

    assert await lease(store, THEN + LEASE - timedelta(microseconds=1)) is None
    second = await leased(store, THEN + LEASE)
    assert (second.id, second.attempts) == (first.id, 2)
    assert second.token != first.token


async def test_who_lost_the_lease_can_neither_complete_nor_fail_the_job(store: Store) -> None:
    await enqueue(store, "a")
    lost = await leased(store)
    holder = await leased(store, THEN + LEASE)

    await store.jobs.complete(TENANT, lost)
    await store.jobs.fail(TENANT, lost, THEN)
    await store.jobs.fail(TENANT, lost, None)

    assert await lease(store, THEN + LEASE) is None
    assert await store.jobs.dead(TENANT, "q") == []
    await store.jobs.complete(TENANT, holder)
    assert await lease(store, THEN + 9 * LEASE) is None


async def test_a_failed_job_runs_again_when_it_is_due(store: Store) -> None:
    await enqueue(store, "a")
    due = THEN + timedelta(hours=1)
    await store.jobs.fail(TENANT, await leased(store), due)

    assert await lease(store, due - timedelta(microseconds=1)) is None
    assert (await leased(store, due)).attempts == 2


async def test_a_failed_job_waits_like_a_new_one(store: Store) -> None:
    await enqueue(store, "a")
    await store.jobs.fail(TENANT, await leased(store), THEN)
    await enqueue(store, "a")

    await leased(store)

    assert await lease(store) is None


async def test_a_failed_job_and_its_like_enqueued_meanwhile_are_one(store: Store) -> None:
    await enqueue(store, "a")
    first = await leased(store)
    await enqueue(store, "a")
    await store.jobs.fail(TENANT, first, THEN)

    await leased(store)

    assert await lease(store) is None


async def test_a_job_that_was_given_up_lies_among_the_dead_letters(store: Store) -> None:
    await enqueue(store, "a", "b")
    for _ in range(2):
        await store.jobs.fail(TENANT, await leased(store), None)

    dead = await store.jobs.dead(TENANT, "q")

    assert [(job.dedupe_key, job.attempts, job.payload["k"]) for job in dead] == [
        ("a", 1, "a"),
        ("b", 1, "b"),
    ]
    assert await lease(store, THEN + 9 * LEASE) is None
    assert await store.jobs.dead(TENANT, "other") == []


async def test_a_dead_letter_does_not_stand_in_the_way_of_its_like(store: Store) -> None:
    await enqueue(store, "a", order_key="o")
    await store.jobs.fail(TENANT, await leased(store), None)
    await enqueue(store, "a", order_key="o")

    assert await lease(store) is not None


async def test_a_dead_letter_is_held_by_nobody(store: Store) -> None:
    await enqueue(store, "a")
    await store.jobs.fail(TENANT, await leased(store), None)
    await enqueue(store, "b")
    [dead] = await store.jobs.dead(TENANT, "q")

    await store.jobs.complete(TENANT, dead)
    await store.jobs.fail(TENANT, dead, THEN)

    assert (await leased(store)).dedupe_key == "b"
    assert len(await store.jobs.dead(TENANT, "q")) == 1


async def test_jobs_with_the_same_order_key_run_one_after_another(store: Store) -> None:
    await enqueue(store, "a", "b", order_key="session")
    await enqueue(store, "c")

    first, other = await leased(store), await leased(store)

    assert (first.dedupe_key, other.dedupe_key) == ("a", "c")
    assert await lease(store) is None
    await store.jobs.complete(TENANT, first)
    assert (await leased(store)).dedupe_key == "b"


async def test_a_job_that_runs_later_holds_up_those_behind_it_in_order(store: Store) -> None:
    await enqueue(store, "a", "b", order_key="session")
    await store.jobs.fail(TENANT, await leased(store), THEN + LEASE)

    assert await lease(store) is None
    assert (await leased(store, THEN + LEASE)).dedupe_key == "a"


async def test_a_job_may_have_to_wait_from_the_start(store: Store) -> None:
    job = NewJob(queue="q", dedupe_key="a", run_after=THEN + LEASE)
    await store.jobs.enqueue(TENANT, job)

    assert await lease(store) is None
    assert (await leased(store, THEN + LEASE)).dedupe_key == "a"


async def test_jobs_are_enqueued_with_the_commit(store: Store) -> None:
    job = NewJob(queue="q", dedupe_key="a", order_key="o", payload={"ü": [1, None]})
    await store.records.commit(TENANT, storing(note(), jobs=(job, job)))

    found = await leased(store)

    assert (found.dedupe_key, found.order_key, found.payload) == ("a", "o", {"ü": [1, None]})
    assert await lease(store) is None


async def test_jobs_of_one_tenant_are_not_seen_by_another(store: Store) -> None:
    await enqueue(store, "a")

    assert await store.jobs.lease("other", "q", LEASE, THEN) is None


async def test_jobs_are_counted_by_queue(store: Store) -> None:
    assert await store.jobs.counts(TENANT) == {}
    await enqueue(store, "a", "b", "c")
    await store.jobs.enqueue(TENANT, NewJob(queue="other", dedupe_key="a"))
    await store.jobs.fail(TENANT, await leased(store), None)
    await leased(store)

    assert await store.jobs.counts(TENANT) == {"q": (2, 1), "other": (1, 0)}
