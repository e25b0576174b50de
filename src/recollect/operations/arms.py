"""The arms of recall: by meaning, by words, by time and along links, independent of each other."""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from anyio import create_task_group
from anyio.abc import TaskGroup

from recollect.domain.features import Candidate
from recollect.domain.questions import named_dates
from recollect.domain.selection import Period, Selection
from recollect.errors import Unavailable
from recollect.operations import meaning
from recollect.operations.context import Context
from recollect.ports import Outline, ScoredOutline

OVER_FETCH = 80
"""How many memories each arm brings at least; at most so many links are followed."""

DENSE_OVER_FETCH = 50
"""The same for the search by meaning: its best stand nearer to the top, and recall waits for it.

Recall@10 on LoCoMo is .818 with it and .817 with 80, on BEAM .633 and .631. Fewer by words cost
more: with 64 of each it is .811 on LoCoMo. Ten more of one arm cost a recall 0.3 ms.
"""

LINKED_FROM = 10
"""Links are followed from so many of the best by meaning and of the best by words."""

MAX_PERIODS = 4
"""More than any sensible question names; the arm's share is divided among them."""


@dataclass(slots=True)
class Found:
    """What the arms found: ids with scores, best first.

    Attributes:
        linked: By the id of what is linked to one of the best: the ids of these, each with the
            weight of the heaviest link, 0 to 1.
        outlines: By id, of what the selection keeps; a link may lead anywhere.
        similarity: By id, to the question.
        degraded: The arms that could not do their part.
    """

    dense: dict[str, float] = field(default_factory=dict[str, float])
    lexical: dict[str, float] = field(default_factory=dict[str, float])
    time: dict[str, float] = field(default_factory=dict[str, float])
    linked: dict[str, dict[str, float]] = field(default_factory=dict[str, dict[str, float]])
    questions: meaning.Questions = ()
    outlines: dict[str, Outline | None] = field(default_factory=dict[str, Outline | None])
    similarity: dict[str, float] = field(default_factory=dict[str, float])
    degraded: list[str] = field(default_factory=list[str])

    def by_arm(self) -> Mapping[str, Mapping[str, float]]:
        """What each arm found, by its name."""
        weights = [(i, max(ends.values())) for i, ends in self.linked.items()]
        links = dict(sorted(weights, key=lambda found: (-found[1], found[0])))
        return {"dense": self.dense, "lexical": self.lexical, "time": self.time, "links": links}

    def keep(self, hits: Iterable[ScoredOutline]) -> dict[str, float]:
        """Remember what an index knows of its hits, and give their scores by id."""
        self.outlines |= {hit.id: hit.outline for hit in hits}
        return {hit.id: hit.score for hit in hits}

    def pool(self) -> list[Candidate]:
        """The candidates of all arms, each with both scores where they can be had."""
        nothing: Mapping[str, float] = {}
        return [
            Candidate(
                id_,
                content,
                kind,
                producer,
                None if session is None else (scope, session),
                position,
                occurred_at,
                self.similarity.get(id_),
                self.lexical.get(id_),
                tuple(self.linked.get(id_, nothing).items()),
            )
            for (id_, scope, kind, content, occurred_at, producer, session, position, *_) in (
                filter(None, self.outlines.values())
            )
        ]


async def search(context: Context, query: str, selection: Selection, limit: int) -> Found:
    """Let every arm look for `limit` memories that answer the question, or more."""
    asked = _Search(context, query, selection, limit)
    found = asked.found
    async with together() as arms:
        arms.start_soon(asked.lexical)
        if periods := _periods(query, context.now()):
            arms.start_soon(asked.time, periods)
        await asked.dense()  # takes longest, so it begins first
    found.similarity |= found.dense
    await asked.compare((*found.lexical, *found.time))
    await asked.follow_links()
    if found.linked:
        await asked.look_up(found.linked)
        await asked.compare(found.linked)
    return found


@dataclass(frozen=True, slots=True)
class _Search:
    """A question on its way through the arms."""

    context: Context
    query: str
    selection: Selection
    limit: int
    found: Found = field(default_factory=Found)

    async def lexical(self) -> None:
        """Search by words."""
        hits = await self.context.text.search(
            self.context.tenant, self.selection, self.query, max(self.limit, OVER_FETCH)
        )
        self.found.lexical = self.found.keep(hits)

    async def dense(self) -> None:
        """Search by meaning; when that cannot be done, or not all, the answer says so."""
        self.found.degraded.append("dense")
        with suppress(Unavailable):
            self.found.questions = await meaning.to_current(self.context, self.query)
            meant = await meaning.search(
                self.context,
                self.selection,
                self.query,
                self.found.questions,
                max(self.limit, DENSE_OVER_FETCH),
            )
            self.found.dense = self.found.keep(meant.hits)
            self.found.questions = meant.questions
            if meant.complete:
                self.found.degraded.remove("dense")

    async def time(self, periods: Sequence[Period]) -> None:
        """Take the newest of each period that the question names."""
        share = max(self.limit, OVER_FETCH) // len(periods)
        ids = [
            memory_id
            for period in periods
            for memory_id in await self.context.records.occurred(
                self.context.tenant, self.selection, period, share
            )
        ]
        self.found.time = dict.fromkeys(ids, 1.0)
        await self.look_up(ids)

    async def follow_links(self) -> None:
        """Find what is linked to the best by meaning and the best by words, either way."""
        found = self.found
        tops = {i for ids in (found.dense, found.lexical) for i in islice(ids, LINKED_FROM)}
        best = {i for i in tops if (outline := found.outlines[i]) and outline.linked}
        if not best:
            return
        links = await self.context.records.links_touching(
            self.context.tenant, list(best), OVER_FETCH
        )
        for link in links:
            weight = min(max(link.weight, 0.0), 1.0)
            for near, far in ((link.from_id, link.to_id), (link.to_id, link.from_id)):
                if near in best and near != far:
                    ends = found.linked.setdefault(far, {})
                    ends[near] = max(weight, ends.get(near, 0.0))

    async def look_up(self, ids: Iterable[str]) -> None:
        """Add the outlines of those that no arm has asked for yet."""
        new = [i for i in ids if i not in self.found.outlines]
        if new:
            self.found.outlines |= dict.fromkeys(new)
            outlines = await self.context.records.outlines(self.context.tenant, self.selection, new)
            self.found.outlines |= {outline.id: outline for outline in outlines}

    async def compare(self, ids: Iterable[str]) -> None:
        """Add how similar these are to the question, unless that is known."""
        found = self.found
        outlines = (found.outlines[i] for i in dict.fromkeys(ids) if i not in found.similarity)
        new = [outline for outline in outlines if outline]
        found.similarity |= await meaning.scores(self.context, new, found.questions)


@asynccontextmanager
async def together() -> AsyncGenerator[TaskGroup]:
    """Do several things at once; the first to fail stops the others.

    Its error is raised as it is: callers know single errors, not groups.
    """
    try:
        async with create_task_group() as tasks:
            yield tasks
    except ExceptionGroup as group:
        raise group.exceptions[0] from None


def _periods(query: str, now: datetime) -> list[Period]:
    """The periods that the question names.

    A year alone is none: the newest hundred of all that happened in a year tell nothing.
    """
    meant = (named.meant(now) for named in named_dates(query.lower()))
    return [period for period in dict.fromkeys(meant) if period][:MAX_PERIODS]
