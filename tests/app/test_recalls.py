"""The log that recalls are given: quick, late, and never in the way."""

from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Generator,
    MutableMapping,
    Sequence,
)
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from anyio import Event, fail_after
from structlog.testing import capture_logs
from tests.contract.stores import STORES, empty_store
from tests.examples import TENANT, THEN, storing
from tests.examples import note as a_note

from recollect.adapters.in_memory.recalls import InMemoryRecallLog
from recollect.adapters.in_memory.tables import World
from recollect.app.recalls import (
    MOST_WAITING,
    PRUNED_AT_ONCE,
    BufferedRecallLog,
    Pauses,
    Retention,
    open_recall_log,
    prune_all,
)
from recollect.app.wiring import open_context, open_store
from recollect.domain.feedback import Judgement, NotedRecall, RecallLine, Verdict, id_of_recall
from recollect.domain.scopes import EVERYWHERE, ScopeSet
from recollect.errors import StorageFull
from recollect.ports import RecallLog
from recollect.settings import HashingSettings, Settings

pytestmark = pytest.mark.anyio

AT_ONCE = Pauses(
    writing=timedelta(0), failing=timedelta(0), starting=timedelta(0), pruning=timedelta(hours=1)
)
NEVER = Pauses(writing=timedelta(hours=1), starting=timedelta(hours=1))


def noted(number: int = 0, **fields: object) -> NotedRecall:
    line = RecallLine(rank=0, memory_id=None, scope="", name="n", distance=0.5)
    usual = {"id": f"r{number}", "at": THEN, "principal": "ann", "lines": (line,)}
    return NotedRecall(**(usual | fields))  # type: ignore[arg-type]


class Watched(InMemoryRecallLog):
    """Tells of every write; fails as long as it is told to."""

    def __init__(self) -> None:
        super().__init__(World())
        self.written: list[tuple[str, int]] = []
        self.wrote = Event()
        self.pruned = Event()
        self.failures: list[BaseException] = []
        self.failing_tenant: str | None = None
        self.meanwhile: list[NotedRecall] = []
        """What another process writes after the first verdicts were given."""

    async def add(self, tenant: str, recalls: Sequence[NotedRecall]) -> int:
        if self.failures:
            raise self.failures.pop()
        if tenant == self.failing_tenant:
            raise StorageFull("full")
        self.written.append((tenant, len(recalls)))
        self.wrote.set()
        return await super().add(tenant, recalls)

    async def judge(
        self, tenant: str, scopes: ScopeSet, judgements: Sequence[Judgement]
    ) -> list[int]:
        reached = await super().judge(tenant, scopes, judgements)
        await super().add(tenant, self.meanwhile)
        return reached

    async def prune(self, tenant: str, before: object, limit: int) -> int:
        self.pruned.set()
        if tenant == self.failing_tenant:
            raise StorageFull("full")
        return await super().prune(tenant, before, limit)  # type: ignore[arg-type]


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture(autouse=True)
def told() -> Generator[list[MutableMapping[str, Any]]]:
    """The events that were logged."""
    with capture_logs() as events:
        yield events


@asynccontextmanager
async def opened(kept_in: RecallLog, pauses: Pauses = NEVER) -> AsyncGenerator[RecallLog]:
    async with open_recall_log(kept_in, retention(TENANT), pauses) as log:
        yield log


def retention(*names: str) -> Retention:
    async def tenants() -> list[str]:
        return list(names)

    return Retention(tenants=tenants, keep=timedelta(days=1), now=lambda: THEN)


async def test_noting_a_recall_does_not_wait_for_the_store(watched: Watched) -> None:
    async with opened(watched) as log:
        for number in range(3):
            await log.note(TENANT, noted(number))
        assert watched.written == []
    assert watched.written == [(TENANT, 3)]


READS: dict[str, Callable[[RecallLog], Awaitable[object]]] = {
    "judge": lambda log: log.judge(
        TENANT, EVERYWHERE, [Judgement(recall_id="r0", memory="n", verdict=Verdict.APPLIED)]
    ),
    "tally": lambda log: log.tally(TENANT, EVERYWHERE),
    "add": lambda log: log.add(TENANT, [noted(1)]),
    "prune": lambda log: log.prune(TENANT, THEN, 1),
}


@pytest.mark.parametrize("ask", READS.values(), ids=READS)
async def test_what_was_noted_is_there_when_the_log_is_asked(
    watched: Watched, ask: Callable[[RecallLog], Awaitable[object]]
) -> None:
    async with opened(watched) as log:
        await log.note("other", noted())
        await log.note(TENANT, noted())
        await ask(log)
        assert watched.written[0] == (TENANT, 1)
        assert "other" not in [tenant for tenant, _ in watched.written]


async def test_a_verdict_follows_a_recall_at_once(watched: Watched) -> None:
    judgement = Judgement(recall_id="r0", memory="n", verdict=Verdict.APPLIED)
    async with opened(watched) as log:
        await log.note(TENANT, noted())
        assert await log.judge(TENANT, EVERYWHERE, [judgement]) == [1]
        assert (await log.tally(TENANT, EVERYWHERE)).by_rank[0].applied == 1


def made(age: timedelta) -> str:
    """The id of a recall that was answered so long ago."""
    milliseconds = int((THEN - age).timestamp() * 1000)
    return id_of_recall(str(UUID(int=milliseconds << 80 | 0x7 << 76 | 0b10 << 62)))


async def test_a_verdict_waits_for_what_another_process_noted_a_moment_ago(
    watched: Watched,
) -> None:
    fresh, old = made(timedelta(milliseconds=990)), made(timedelta(hours=1))
    judgements = [
        Judgement(recall_id=name, memory="n", verdict=Verdict.APPLIED)
        for name in (fresh, "r0", old, "nobody's")
    ]
    watched.meanwhile = [noted(0), noted(id=fresh), noted(id=old)]

    async with opened(watched) as log:
        assert await log.judge(TENANT, EVERYWHERE, judgements) == [1, 1, 1, 0]
        with fail_after(NEVER.settling.total_seconds() / 2):
            await log.judge(TENANT, EVERYWHERE, [replace(judgements[0], recall_id=old)])


async def test_a_repeated_verdict_on_a_recall_of_this_process_waits_for_nothing(
    watched: Watched,
) -> None:
    fresh = made(timedelta(0))
    judgement = Judgement(recall_id=fresh, memory="n", verdict=Verdict.APPLIED)
    async with opened(watched, replace(NEVER, settling=timedelta(hours=1))) as log:
        await log.note(TENANT, noted(id=fresh))
        with fail_after(5):
            assert await log.judge(TENANT, EVERYWHERE, [judgement]) == [1]
            assert await log.judge(TENANT, EVERYWHERE, [judgement]) == [0]


async def test_what_is_noted_is_written_in_the_background(watched: Watched) -> None:
    async with opened(watched, AT_ONCE) as log:
        for number in range(2):
            watched.wrote = Event()
            await log.note(TENANT, noted(number))
            with fail_after(5):
                await watched.wrote.wait()
    assert watched.written == [(TENANT, 1), (TENANT, 1)]


async def test_what_cannot_be_written_is_logged_and_tried_again(
    watched: Watched, told: list[MutableMapping[str, Any]]
) -> None:
    watched.failures = [ZeroDivisionError(), StorageFull("full"), StorageFull("full")]
    async with opened(watched, AT_ONCE) as log:
        await log.note(TENANT, noted())
        with fail_after(5):
            await watched.wrote.wait()
    assert watched.written == [(TENANT, 1)]
    assert [(event["event"], event.get("code")) for event in told] == [
        ("recalls.failed", "storage_full"),
        ("recalls.failed", "storage_full"),
        ("recalls.crashed", None),
    ]


async def test_a_tenant_whose_store_fails_does_not_hold_up_another(watched: Watched) -> None:
    watched.failing_tenant = "full"
    async with opened(watched, AT_ONCE) as log:
        await log.note("full", noted())
        await log.note(TENANT, noted())
        with fail_after(5):
            await watched.wrote.wait()
        with pytest.raises(StorageFull):
            await log.tally("full", EVERYWHERE)
        assert (await log.tally(TENANT, EVERYWHERE)).recalls == 1
        watched.failing_tenant = None
        assert (await log.tally("full", EVERYWHERE)).recalls == 1


async def test_recalls_keep_their_order_when_writing_fails(watched: Watched) -> None:
    watched.failures = [StorageFull("full")]
    buffered = BufferedRecallLog(watched, lambda: THEN, NEVER)
    await buffered.note(TENANT, noted(0))
    with pytest.raises(StorageFull):
        await buffered.flush(TENANT)
    await buffered.note(TENANT, noted(1))
    await buffered.flush(TENANT)
    assert watched.written == [(TENANT, 2)]


async def test_the_oldest_are_lost_when_too_many_wait(watched: Watched) -> None:
    buffered = BufferedRecallLog(watched, lambda: THEN, NEVER)
    for number in range(MOST_WAITING + 2):
        await buffered.note(TENANT, noted(number))
    await buffered.flush(TENANT)
    assert watched.written == [(TENANT, MOST_WAITING)]
    judgements = [
        Judgement(recall_id=f"r{number}", memory="n", verdict=Verdict.MAYBE) for number in (0, 1, 2)
    ]
    assert await buffered.judge(TENANT, EVERYWHERE, judgements) == [0, 0, 1]


async def test_a_store_that_fails_at_the_end_does_not_fail_the_end(watched: Watched) -> None:
    watched.failing_tenant = TENANT
    async with opened(watched) as log:
        await log.note(TENANT, noted())
    assert watched.written == []


async def test_old_recalls_are_deleted_in_the_background(watched: Watched) -> None:
    await watched.add(TENANT, [noted(0, at=THEN - timedelta(days=2)), noted(1)])
    async with opened(watched, AT_ONCE) as log:
        with fail_after(5):
            await watched.pruned.wait()
        assert (await log.tally(TENANT, EVERYWHERE)).recalls == 1


async def test_all_old_recalls_of_all_tenants_are_deleted(watched: Watched) -> None:
    old = THEN - timedelta(days=1, seconds=1)
    for tenant in ("a", "b"):
        recalls = [noted(number, at=old) for number in range(2 * PRUNED_AT_ONCE + 1)]
        await watched.add(tenant, [*recalls, noted(-1, at=THEN - timedelta(days=1))])
    await prune_all(watched, retention("a", "b"))
    for tenant in ("a", "b"):
        assert (await watched.tally(tenant, EVERYWHERE)).recalls == 1


async def test_a_tenant_that_cannot_be_pruned_does_not_hold_up_another(watched: Watched) -> None:
    old = THEN - timedelta(days=2)
    for tenant in ("full", TENANT):
        await watched.add(tenant, [noted(at=old)])
    watched.failing_tenant = "full"
    await prune_all(watched, retention("full", TENANT))
    assert (await watched.tally("full", EVERYWHERE)).recalls == 1
    assert (await watched.tally(TENANT, EVERYWHERE)).recalls == 0


@pytest.mark.parametrize("kind", STORES)
async def test_recalls_outlive_the_process_that_closes_in_order(tmp_path: Path, kind: str) -> None:
    with empty_store(kind) as chosen:
        settings = Settings(data_dir=tmp_path, store=chosen, embedder=HashingSettings())
        memory = a_note(name="n")
        async with open_context(settings) as (context, _):
            await context.records.commit(TENANT, storing(memory))
            await context.recalls.note(TENANT, noted())
            assert (await context.recalls.tally(TENANT, EVERYWHERE)).recalls == 1
            await context.recalls.note(TENANT, noted(1))
        if kind != "in_memory":
            async with open_store(settings) as store:
                assert (await store.recalls.tally(TENANT, EVERYWHERE)).recalls == 2
