"""The arms of recall: by meaning, by words, by time and along links, independent of each other."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime

from anyio import create_task_group
from anyio.abc import TaskGroup

from recollect.domain.features import Candidate
from recollect.domain.questions import named_dates
from recollect.domain.selection import Period, Selection
from recollect.errors import Unavailable
from recollect.operations import meaning
from recollect.operations.context import Context
from recollect.ports import Outline, ScoredId

OVER_FETCH = 100
"""How many memories each arm brings at least; at most so many links are followed."""

LINKED_FROM = 10
"""Links are followed from so many of the best by meaning and of the best by words."""

MAX_PERIODS = 4
"""More than any sensible question names; the arm's share is divided among them."""


@dataclass(slots=True)
class Found:
    """What the arms found, each best first.

    Attributes:
        linked: By the id of what is linked to one of the best: the ids of these, each with the
            weight of the heaviest link, 0 to 1.
        degraded: The arms that could not do their part.
    """

    dense: list[ScoredId] = field(default_factory=list[ScoredId])
    lexical: list[ScoredId] = field(default_factory=list[ScoredId])
    time: list[ScoredId] = field(default_factory=list[ScoredId])
    linked: dict[str, dict[str, float]] = field(default_factory=dict[str, dict[str, float]])
    questions: meaning.Questions = ()
    degraded: list[str] = field(default_factory=list[str])

    def by_arm(self) -> Mapping[str, Sequence[ScoredId]]:
        """What each arm found, by its name."""
        links = [ScoredId(id=i, score=max(ends.values())) for i, ends in self.linked.items()]
        links.sort(key=lambda hit: (-hit.score, hit.id))
        return {"dense": self.dense, "lexical": self.lexical, "time": self.time, "links": links}


async def search(
    context: Context, query: str, selection: Selection, most: int = OVER_FETCH
) -> Found:
    """Let every arm look for up to `most` memories that answer the question."""
    found = Found()
    periods = _periods(query, context.now())
    async with together() as arms:
        arms.start_soon(_lexical, context, query, selection, most, found)
        arms.start_soon(_dense, context, query, selection, most, found)
        if periods:
            arms.start_soon(_time, context, periods, selection, most // len(periods), found)
    return found


async def pool(context: Context, selection: Selection, found: Found) -> list[Candidate]:
    """The candidates of all arms, each with both scores where they can be had."""
    lexical = {hit.id: hit.score for hit in found.lexical}
    ids = list(dict.fromkeys(hit.id for hits in found.by_arm().values() for hit in hits))
    dense: dict[str, float] = {}
    outlines: list[Outline] = []

    async def score() -> None:
        # Those that the dense arm found as well: among near equals its rounding would decide.
        dense.update(await meaning.scores(context, ids, found.questions))

    async def outline() -> None:
        # An index may lag behind, and a link may lead anywhere: the records decide what the answer
        # may hold.
        outlines.extend(await context.records.outlines(context.tenant, selection, ids))

    async with together() as reads:
        reads.start_soon(score)
        reads.start_soon(outline)
    return [
        Candidate(
            o.id,
            o.content,
            o.kind,
            o.producer,
            None if o.session is None else (o.scope, o.session),
            o.position,
            o.occurred_at,
            dense.get(o.id),
            lexical.get(o.id),
            tuple(found.linked.get(o.id, {}).items()),
        )
        for o in outlines
    ]


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


async def _lexical(
    context: Context, query: str, selection: Selection, most: int, found: Found
) -> None:
    found.lexical = await context.text.search(context.tenant, selection, query, most)
    await _follow_links(context, found.lexical, found)


async def _dense(
    context: Context, query: str, selection: Selection, most: int, found: Found
) -> None:
    """The search by meaning; when it cannot be done, or not all, the answer says so."""
    found.degraded.append("dense")
    with suppress(Unavailable):
        meant = await meaning.search(context, selection, query, most)
        found.dense, found.questions = meant.hits, meant.questions
        if meant.complete:
            found.degraded.remove("dense")
    await _follow_links(context, found.dense, found)


async def _time(
    context: Context, periods: Sequence[Period], selection: Selection, share: int, found: Found
) -> None:
    ids = [
        memory_id
        for period in periods
        for memory_id in await context.records.occurred(context.tenant, selection, period, share)
    ]
    found.time = [ScoredId(id=memory_id, score=1.0) for memory_id in dict.fromkeys(ids)]


async def _follow_links(context: Context, hits: Sequence[ScoredId], found: Found) -> None:
    """Add what is linked to the best of these, in either direction."""
    best = {hit.id for hit in hits[:LINKED_FROM]}
    if not best:
        return
    links = await context.records.links_touching(context.tenant, list(best), OVER_FETCH)
    for link in links:
        weight = min(max(link.weight, 0.0), 1.0)
        for near, far in ((link.from_id, link.to_id), (link.to_id, link.from_id)):
            if near in best and near != far:
                ends = found.linked.setdefault(far, {})
                ends[near] = max(weight, ends.get(near, 0.0))
