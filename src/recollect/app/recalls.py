"""The log that recalls are given: it keeps a note in memory and writes it a little later."""

from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from anyio import CancelScope, Event, Lock, sleep

from recollect.app.beside import beside
from recollect.domain.feedback import Acceptance, Judgement, NotedRecall, recalled_at
from recollect.domain.scopes import ScopeSet
from recollect.errors import RecollectError
from recollect.ports import Clock, RecallLog

log = structlog.get_logger()

MOST_WAITING = 10_000
"""How many recalls of a tenant wait at most; then, as nothing can be written, the oldest go."""

OWN = 1000
"""So many recalls of this process are known as its own."""

PRUNED_AT_ONCE = 1000
"""Recalls deleted in one transaction, so that other writers need not wait long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pauses:
    """How long the work in the background rests.

    Attributes:
        writing: Before what was noted is written; a killed process loses as much.
        failing: Before what failed is tried again.
        starting: Before old recalls are deleted for the first time: short commands never do.
        pruning: Before they are looked for again.
        settling: After a recall, until other processes are sure to see it.
    """

    writing: timedelta = timedelta(milliseconds=500)
    failing: timedelta = timedelta(seconds=10)
    starting: timedelta = timedelta(seconds=10)
    pruning: timedelta = timedelta(hours=1)
    settling: timedelta = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What is deleted in the background, and whose.

    Attributes:
        tenants: Gives everybody's names.
        keep: Older recalls are deleted.
    """

    tenants: Callable[[], Awaitable[list[str]]]
    keep: timedelta
    now: Clock


class BufferedRecallLog:
    """A RecallLog over another one, in which noting a recall waits for nothing."""

    def __init__(self, kept_in: RecallLog, now: Clock, pauses: Pauses) -> None:
        self._kept_in = kept_in
        self._now = now
        self._pauses = pauses
        self._own: deque[str] = deque(maxlen=OWN)
        self._waiting: dict[str, list[NotedRecall]] = {}
        self._writing: defaultdict[str, Lock] = defaultdict(Lock)
        self._noted = Event()

    async def note(self, tenant: str, recall: NotedRecall) -> None:
        """Keep the recall in memory."""
        waiting = self._waiting.setdefault(tenant, [])
        waiting.append(recall)
        del waiting[:-MOST_WAITING]
        self._own.append(recall.id)
        self._noted.set()

    async def add(self, tenant: str, recalls: Sequence[NotedRecall]) -> int:
        """Write these recalls now."""
        await self.flush(tenant)
        return await self._kept_in.add(tenant, recalls)

    async def judge(
        self, tenant: str, scopes: ScopeSet, judgements: Sequence[Judgement]
    ) -> list[int]:
        """Give verdicts, also on what was noted just now, here or in another process."""
        await self.flush(tenant)
        reached = await self._kept_in.judge(tenant, scopes, judgements)
        missed = [place for place, count in enumerate(reached) if count == 0]
        if wait := max((self._unsettled(judgements[place]) for place in missed), default=0):
            await sleep(wait)
            late = await self._kept_in.judge(tenant, scopes, [judgements[p] for p in missed])
            for place, count in zip(missed, late, strict=True):
                reached[place] = count
        return reached

    def _unsettled(self, judgement: Judgement) -> float:
        """For how many seconds another process may still keep the recall to itself."""
        made = recalled_at(judgement.recall_id)
        if made is None or judgement.recall_id in self._own:
            return 0
        settling = self._pauses.settling
        left = made + settling - self._now()
        # Clocks of two machines may differ.
        return min(max(left, timedelta(0)), settling).total_seconds()

    async def tally(self, tenant: str, scopes: ScopeSet) -> Acceptance:
        """Count, also what was noted just now."""
        await self.flush(tenant)
        return await self._kept_in.tally(tenant, scopes)

    async def prune(self, tenant: str, before: datetime, limit: int) -> int:
        """Delete old recalls."""
        await self.flush(tenant)
        return await self._kept_in.prune(tenant, before, limit)

    async def flush(self, tenant: str) -> None:
        """Write what waits of the tenant, in one transaction; if that fails it waits on."""
        async with self._writing[tenant]:
            waiting = self._waiting.pop(tenant, [])
            try:
                if waiting:
                    await self._kept_in.add(tenant, waiting)
            except BaseException:
                self._waiting[tenant] = waiting + self._waiting.pop(tenant, [])
                raise

    async def flush_all(self) -> bool:
        """Write what waits of every tenant; False if some failed, was logged and waits on."""
        self._noted = Event()
        done = [await _attempt(self.flush(tenant)) for tenant in tuple(self._waiting)]
        if not all(done):
            self._noted.set()
        return all(done)

    async def write_in_background(self) -> None:
        """Write what is noted, a moment later: recalls that come together share a transaction."""
        while True:
            await self._noted.wait()
            await sleep(self._pauses.writing.total_seconds())
            if not await self.flush_all():
                await sleep(self._pauses.failing.total_seconds())


@asynccontextmanager
async def open_recall_log(
    kept_in: RecallLog, retention: Retention, pauses: Pauses
) -> AsyncGenerator[RecallLog]:
    """Give the log for recalls; what waits at the end is written."""
    buffered = BufferedRecallLog(kept_in, retention.now, pauses)

    async def prune() -> None:
        await sleep(pauses.starting.total_seconds())
        while True:
            await prune_all(kept_in, retention)
            await sleep(pauses.pruning.total_seconds())

    try:
        async with beside(buffered.write_in_background, prune):
            yield buffered
    finally:
        with CancelScope(shield=True):
            await buffered.flush_all()


async def prune_all(recalls: RecallLog, retention: Retention) -> None:
    """Delete every tenant's old recalls, portion by portion; what fails is logged."""
    before = retention.now() - retention.keep

    async def prune(tenant: str) -> None:
        while await recalls.prune(tenant, before, PRUNED_AT_ONCE) == PRUNED_AT_ONCE:
            pass

    async def prune_each() -> None:
        for tenant in await retention.tenants():
            await _attempt(prune(tenant))

    await _attempt(prune_each())


async def _attempt(work: Awaitable[None]) -> bool:
    """A boundary of the process: what fails here must neither end it nor fail a recall."""
    try:
        await work
    except RecollectError as error:
        log.warning("recalls.failed", code=error.code, problem=str(error))
    except Exception as error:
        log.exception("recalls.crashed", error=type(error).__name__)
    else:
        return True
    return False
