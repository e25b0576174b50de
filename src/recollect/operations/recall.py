"""Find memories by meaning, by words, by when they happened and by what they are linked to."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Annotated

from pydantic import Field

from recollect.domain import ranking
from recollect.domain.access import Right
from recollect.domain.features import Candidate
from recollect.domain.feedback import id_of_recall
from recollect.domain.filters import all_of, parse
from recollect.domain.memory import Memory
from recollect.domain.passages import ScoredPassage
from recollect.domain.ranking import Ranked
from recollect.domain.scopes import Look
from recollect.domain.selection import Selection
from recollect.operations import arms, meaning
from recollect.operations.arms import Found
from recollect.operations.context import Context, operation
from recollect.operations.hindsight import Moment, then
from recollect.operations.matching import best_passage
from recollect.operations.noting import note_recall
from recollect.operations.request import (
    MAX_QUERY_CHARACTERS,
    Kinds,
    QueryTags,
    Request,
    Result,
    Scope,
    Scopes,
    Text,
    UtcTime,
)
from recollect.operations.reranking import Best, looked_at, reranked
from recollect.operations.selecting import (
    happened,
    known_by,
    of_kinds,
    tagged,
    true_at,
    unexpired,
)
from recollect.operations.views import Arm, MemoryView

MAX_LIMIT = 1000
MAX_NEIGHBOURS = 20
BYTES_PER_TOKEN = 4


class Recall(Request):
    """Ask a question; the memories that answer it best come first."""

    query: Annotated[Text, Field(min_length=1, max_length=MAX_QUERY_CHARACTERS)]
    """A question or some words; no character of it is syntax."""
    scope: Scope = ""
    look: Look = Look.EXACT
    """How far around the scope: `exact`, `subtree`, `subtree+global` or `all`."""
    scopes: Scopes = ()
    """Exactly these scopes, instead of `scope` and `look`."""
    kinds: Kinds = ()
    tags: QueryTags = ()
    """Only memories with all of these tags."""
    filter: Annotated[Text, Field(max_length=10_000)] | None = None
    """A filter such as `m.topic = 'tea' AND created_at >= date('2026-01-01')`."""
    occurred_after: UtcTime | None = None
    """Only what happened then or later."""
    occurred_before: UtcTime | None = None
    """Only what happened earlier than that."""
    valid_at: UtcTime | None = None
    """Facts as they were true then; now, or `known_at`, when left out."""
    known_at: UtcTime | None = None
    """Answer from what was known then, as it was worded then; of what is still kept now.

    Candidates are found by what they say now.
    """
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = 10
    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """As many results as fit in this many tokens (bytes of JSON by four), at most `limit`."""
    before: Annotated[int, Field(ge=0, le=MAX_NEIGHBOURS)] = 0
    """How many earlier messages of the session to give with each episode."""
    after: Annotated[int, Field(ge=0, le=MAX_NEIGHBOURS)] = 0
    """How many later ones."""
    expand: Annotated[int, Field(ge=0, le=MAX_NEIGHBOURS)] = 0
    """At least so many on both sides."""
    explain: bool = False
    """Give the features behind each score."""


class Matched(Result):
    """The passage that answers the question, in code points of the memory's content."""

    text: str
    start: int
    end: int
    heading: str


class Hit(Result):
    """A memory with the passage that matched and why it is here."""

    memory: MemoryView
    score: float
    """0 to 1 within this answer: the best of a poor lot is near 1 too. `arms` are absolute.

    Where a reranker has ordered the answer, its own score, on its own scale.
    """
    matched: Matched
    arms: dict[str, Arm]
    """`dense`: cosine similarity; `lexical`: BM25; `time`: 1; `links`: the heaviest link's weight.

    `time` found what happened when the question says, `links` what is linked to one of the best
    that meaning or words found.
    """
    neighbours: list[MemoryView] = Field(default_factory=list[MemoryView])
    """Messages around it, in their order; none that is a hit or stands with a better one."""
    features: dict[str, float] | None = None


class Recalled(Result):
    """The memories that answer best, best first."""

    recall_id: str
    results: list[Hit]
    degraded: list[str]
    """The arms that could not do their part, and `reranker` if that could not."""
    candidates: int
    """How many memories the arms brought, before ranking."""
    took_ms: float


@dataclass(frozen=True, slots=True)
class _Question:
    """A request, and what follows from the time at which it is asked.

    Attributes:
        candidates: What the arms may bring.
        moment: The time that is asked about; None for what is stored now.
        answers: What the answer may hold, as it was then.
        around: Which messages may stand around a hit.
    """

    request: Recall
    candidates: Selection
    moment: Moment | None
    answers: Selection
    around: Selection


@operation(Right.READ)
async def recall(context: Context, request: Recall) -> Recalled:
    """Find the memories that answer the question best.

    Raises:
        InvalidFilter: The filter does not parse.
    """
    started = perf_counter()
    question = _question(context, request)
    found = await arms.search(context, request.query, question.candidates, request.limit)
    pool = found.pool()
    ranked = ranking.rank(request.query, pool, context.weights)
    best = await _best(context, question, found, ranked)
    best = await reranked(context, request.query, found, best)
    hits = await _hits(context, question, found, best[: request.limit])
    answer = Recalled(
        recall_id=id_of_recall(context.new_id()),
        results=[],
        degraded=found.degraded,
        candidates=len(pool),
        took_ms=round((perf_counter() - started) * 1000, 2),
    )
    kept = _within(hits, answer, request.max_tokens)
    await note_recall(context, answer.recall_id, ((hit.memory, hit.arms) for hit in kept))
    return answer.model_copy(update={"results": kept})


async def candidates(context: Context, request: Recall) -> list[Candidate]:
    """What the arms bring for a question, before ranking: for evaluation and training."""
    context.principal.require(Right.READ, ())
    selection = _question(context, request).candidates
    return (await arms.search(context, request.query, selection, request.limit)).pool()


def _question(context: Context, request: Recall) -> _Question:
    now = context.now()
    moment = _moment(request, now)
    if moment is None:
        timely = true_at(request.valid_at or now)
    else:
        timely = known_by(moment.known_at) if request.known_at else None
    matching = parse(request.filter) if request.filter else None
    asked = all_of(
        (
            of_kinds(request.kinds),
            tagged(request.tags),
            happened(request.occurred_after, request.occurred_before),
            matching,
        )
    )
    return _Question(
        request=request,
        candidates=context.selection(
            request.scope, request.look, all_of((asked, timely, unexpired(now))), request.scopes
        ),
        moment=moment,
        answers=context.selection(request.scope, request.look, asked, request.scopes),
        around=context.selection("", Look.ALL, all_of((matching, unexpired(now)))),
    )


def _moment(request: Recall, now: datetime) -> Moment | None:
    """The time that is asked about; None when what is stored now says what is true then."""
    known_at = min(request.known_at or now, now)
    valid_at = request.valid_at or known_at
    if request.known_at is None and valid_at >= now:
        return None
    return Moment(valid_at=valid_at, known_at=known_at)


async def _best(
    context: Context, question: _Question, found: Found, ranked: Sequence[Ranked]
) -> Sequence[Best]:
    """The best as they are now, or were at the moment that is asked about.

    What was not, or was changed out of the selection meanwhile, leaves its place to the next.
    """
    limit = looked_at(context, question.request.limit)
    best: list[Best] = []
    for start in range(0, len(ranked), limit):
        portion = ranked[start : start + limit]
        whole = await _whole(context, question, found, [r.id for r in portion])
        best += [Best(r, *whole[r.id]) for r in portion if r.id in whole]
        if len(best) >= limit:
            break
    return best[:limit]


async def _whole(
    context: Context, question: _Question, found: Found, ids: Sequence[str]
) -> Mapping[str, tuple[Memory, Sequence[ScoredPassage]]]:
    """These memories by id, each with its passages, which an earlier revision has none of."""
    seen = await context.vectors.embedded(context.tenant, question.candidates, ids)
    passages = {(m.id, m.revision): meaning.passages(e, found.questions) for m, e in seen}
    memories = await _then(context, question, [memory for memory, _ in seen])
    return {m.id: (m, passages.get((m.id, m.revision), ())) for m in memories}


async def _then(
    context: Context, question: _Question, memories: Sequence[Memory]
) -> Sequence[Memory]:
    if question.moment is None:
        return memories
    return list(filter(question.answers.holds, await then(context, question.moment, memories)))


async def _hits(
    context: Context, question: _Question, found: Found, best: Sequence[Best]
) -> list[Hit]:
    request = question.request
    by_arm = {
        name: {i: (rank, score) for rank, (i, score) in enumerate(scores.items(), start=1)}
        for name, scores in found.by_arm().items()
    }
    return [
        Hit(
            memory=MemoryView.of(memory),
            score=round(r.score, 6),
            matched=_matched(request.query, memory, passages),
            arms=_arms(by_arm, r.id, passages),
            neighbours=await _neighbours(context, question, memory),
            features=dict(r.features) if request.explain else None,
        )
        for r, memory, passages in best
    ]


async def _neighbours(context: Context, question: _Question, memory: Memory) -> list[MemoryView]:
    request = question.request
    before, after = max(request.before, request.expand), max(request.after, request.expand)
    if not (before or after):
        return []
    around = await context.records.neighbours(context.tenant, memory, before, after)
    shown = [neighbour for neighbour in around if question.around.holds(neighbour)]
    if question.moment:
        shown = await then(context, question.moment, shown)
    return [MemoryView.of(neighbour) for neighbour in shown]


def _matched(query: str, memory: Memory, passages: Sequence[ScoredPassage]) -> Matched:
    passage = best_passage(query, memory.content, passages)
    return Matched(
        text=memory.content[passage.start : passage.end],
        start=passage.start,
        end=passage.end,
        heading=passage.heading,
    )


def _arms(
    by_arm: Mapping[str, Mapping[str, tuple[int, float]]],
    memory_id: str,
    passages: Sequence[ScoredPassage],
) -> dict[str, Arm]:
    found = {
        name: Arm(rank=hits[memory_id][0], score=round(hits[memory_id][1], 6))
        for name, hits in by_arm.items()
        if memory_id in hits
    }
    if "dense" not in found and passages:
        found["dense"] = Arm(rank=None, score=round(passages[0].score, 6))
    return found


def _within(hits: list[Hit], envelope: Recalled, max_tokens: int | None) -> list[Hit]:
    """The best hits that the budget holds; a long one that does not fit makes room for the next.

    One token is four bytes of the answer. No memory is given twice: a neighbour that is a hit
    itself, or was given with a better one, is left out.
    """
    left = math.inf
    if max_tokens is not None:
        left = max_tokens * BYTES_PER_TOKEN - len(envelope.model_dump_json().encode())
    given = {hit.memory.id for hit in hits}
    kept: list[Hit] = []
    for whole in hits:
        new = [neighbour for neighbour in whole.neighbours if neighbour.id not in given]
        hit = whole.model_copy(update={"neighbours": new})
        size = 0 if max_tokens is None else len(hit.model_dump_json().encode()) + len(",")
        if size <= left:
            left -= size
            kept.append(hit)
            given.update(neighbour.id for neighbour in new)
    return kept
