"""RecallLog in dictionaries."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from recollect.adapters.in_memory.tables import Tables, World
from recollect.domain.feedback import (
    Acceptance,
    Judgement,
    NotedRecall,
    RecallLine,
    Tally,
    Verdict,
    bucket_of,
)
from recollect.domain.scopes import ScopeSet

K = TypeVar("K", int, str)


def erase_lines(tables: Tables, memory_id: str) -> None:
    """Delete every line about a memory; call it while the log still knows its names."""
    places = {
        (e.before.scope, e.before.name) for e in tables.log if e.record_id == memory_id and e.before
    }
    if memory := tables.memories.get(memory_id):
        places.add((memory.scope, memory.name))
    places = {place for place in places if place[1] is not None}
    _keep(
        tables,
        lambda _, line: (
            line.memory_id != memory_id
            and (line.memory_id is not None or (line.scope, line.name) not in places)
        ),
    )


class InMemoryRecallLog:
    """A RecallLog that is lost when the process ends."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def note(self, tenant: str, recall: NotedRecall) -> None:
        await self.add(tenant, [recall])

    async def add(self, tenant: str, recalls: Sequence[NotedRecall]) -> int:
        tables = self._world[tenant]
        before = len(tables.recalled)
        for recall in recalls:
            tables.recalls.setdefault(recall.id, recall.at)
            for line in recall.lines:
                # What was erased has no revisions.
                if line.memory_id is None or line.memory_id in tables.revisions:
                    tables.recalled.setdefault((recall.id, line.rank), line)
        return len(tables.recalled) - before

    async def judge(
        self, tenant: str, scopes: ScopeSet, judgements: Sequence[Judgement]
    ) -> list[int]:
        tables = self._world[tenant]
        return [_judge(tables, scopes, judgement) for judgement in judgements]

    async def tally(self, tenant: str, scopes: ScopeSet) -> Acceptance:
        tables = self._world[tenant]
        seen = {key: line for key, line in tables.recalled.items() if scopes.covers(line.scope)}

        def tallies(groups: Callable[[RecallLine], Iterable[K]]) -> Mapping[K, Tally]:
            return _tallies(
                (group, tables.judged[key].verdict if key in tables.judged else None)
                for key, line in seen.items()
                for group in groups(line)
            )

        return Acceptance(
            recalls=len({recall_id for recall_id, _ in seen}),
            by_bucket=tallies(_buckets),
            by_rank=tallies(lambda line: [line.rank]),
            by_arm=tallies(lambda line: line.arms),
        )

    async def prune(self, tenant: str, before: datetime, limit: int) -> int:
        tables = self._world[tenant]
        old = sorted((at, key) for key, at in tables.recalls.items() if at < before)[:limit]
        gone = {key for _, key in old}
        tables.recalls = {k: at for k, at in tables.recalls.items() if k not in gone}
        _keep(tables, lambda recall_id, _: recall_id not in gone)
        return len(gone)


def _keep(tables: Tables, is_kept: Callable[[str, RecallLine], bool]) -> None:
    """Delete the other lines, with their verdicts."""
    tables.recalled = {k: line for k, line in tables.recalled.items() if is_kept(k[0], line)}
    tables.judged = {k: judged for k, judged in tables.judged.items() if k in tables.recalled}


def _judge(tables: Tables, scopes: ScopeSet, judgement: Judgement) -> int:
    meant = [
        key
        for key, line in tables.recalled.items()
        if key not in tables.judged
        and judgement.is_about(key[0], line)
        and scopes.covers(line.scope)
    ]
    tables.judged |= dict.fromkeys(meant, judgement)
    return len(meant)


def _buckets(line: RecallLine) -> Iterator[int]:
    bucket = bucket_of(line.distance)
    if bucket is not None:
        yield bucket


def _tallies(judged: Iterable[tuple[K, Verdict | None]]) -> Mapping[K, Tally]:
    counts = Counter(judged)
    return {
        group: Tally(
            total=sum(n for (g, _), n in counts.items() if g == group),
            applied=counts[group, Verdict.APPLIED],
            maybe=counts[group, Verdict.MAYBE],
            not_applied=counts[group, Verdict.NOT_APPLIED],
        )
        for group in sorted({group for group, _ in counts})
    }
