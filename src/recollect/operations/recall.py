"""Find memories by meaning, by words, by when they happened and by what they are linked to."""

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Annotated

from pydantic import Field

from recollect.domain import ranking
from recollect.domain.access import Right
from recollect.domain.features import Candidate
from recollect.domain.filters import all_of, parse
from recollect.domain.memory import Memory
from recollect.domain.ranking import Ranked
from recollect.domain.scopes import Look
from recollect.domain.selection import Selection
from recollect.operations import arms, meaning
from recollect.operations.arms import Found
from recollect.operations.context import Context, operation
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
from recollect.operations.selecting import happened, of_kinds, tagged, true_at, unexpired
from recollect.operations.views import Arm, MemoryView
from recollect.ports import ScoredId, ScoredPassage

MAX_LIMIT = 100
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
    """Only facts that were true then; now when left out."""
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = 10
    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """As many results as fit in this many tokens (bytes of JSON by four), at most `limit`."""
    before: Annotated[int, Field(ge=0, le=MAX_NEIGHBOURS)] = 0
    """How many earlier messages of the session to give with each episode."""
    after: Annotated[int, Field(ge=0, le=MAX_NEIGHBOURS)] = 0
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
    """0 to 1 within this answer: the best of a poor lot is near 1 too. `arms` are absolute."""
    matched: Matched
    arms: dict[str, Arm]
    """`dense`: cosine similarity; `lexical`: BM25; `time`: 1; `links`: the heaviest link's weight.

    `time` found what happened when the question says, `links` what is linked to one of the best
    that meaning or words found.
    """
    neighbours: list[MemoryView] = Field(default_factory=list[MemoryView])
    features: dict[str, float] | None = None


class Recalled(Result):
    """The memories that answer best, best first."""

    recall_id: str
    results: list[Hit]
    degraded: list[str]
    """The arms that could not do their part."""
    candidates: int
    """How many memories the arms brought, before ranking."""
    took_ms: float


@operation(Right.READ)
async def recall(context: Context, request: Recall) -> Recalled:
    """Find the memories that answer the question best.

    Raises:
        InvalidFilter: The filter does not parse.
    """
    started = perf_counter()
    selection = _selection(context, request)
    found = await arms.search(context, request.query, selection)
    pool = await arms.pool(context, selection, found)
    ranked = ranking.rank(request.query, pool, context.weights)[: request.limit]
    hits = await _hits(context, request, selection, found, ranked)
    answer = Recalled(
        recall_id=f"r_{context.new_id().replace('-', '')}",
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
    selection = _selection(context, request)
    found = await arms.search(context, request.query, selection)
    return await arms.pool(context, selection, found)


def _selection(context: Context, request: Recall) -> Selection:
    now = context.now()
    chosen = all_of(
        (
            of_kinds(request.kinds),
            tagged(request.tags),
            happened(request.occurred_after, request.occurred_before),
            parse(request.filter) if request.filter else None,
            true_at(request.valid_at or now),
            unexpired(now),
        )
    )
    return context.selection(request.scope, request.look, chosen, request.scopes)


async def _hits(
    context: Context,
    request: Recall,
    selection: Selection,
    found: Found,
    ranked: Sequence[Ranked],
) -> list[Hit]:
    """The best as they are now; what was changed out of the selection meanwhile is left out."""
    best = await context.records.select(context.tenant, selection, [r.id for r in ranked])
    memories = {memory.id: memory for memory in best}
    passages = await meaning.passages(context, best, found.questions)
    by_arm = found.by_arm()
    return [
        Hit(
            memory=MemoryView.of(memory),
            score=round(r.score, 6),
            matched=_matched(request.query, memory, passages.get(r.id)),
            arms=_arms(by_arm, r.id, passages.get(r.id)),
            neighbours=await _neighbours(context, request, memory),
            features=dict(r.features) if request.explain else None,
        )
        for r in ranked
        if (memory := memories.get(r.id))
    ]


async def _neighbours(context: Context, request: Recall, memory: Memory) -> list[MemoryView]:
    if not (request.before or request.after):
        return []
    around = await context.records.neighbours(context.tenant, memory, request.before, request.after)
    visible = context.selection("", Look.ALL, unexpired(context.now()))
    return [MemoryView.of(neighbour) for neighbour in around if visible.holds(neighbour)]


def _matched(query: str, memory: Memory, passages: Sequence[ScoredPassage] | None) -> Matched:
    passage = best_passage(query, memory.content, passages or ())
    return Matched(
        text=memory.content[passage.start : passage.end],
        start=passage.start,
        end=passage.end,
        heading=passage.heading,
    )


def _arms(
    by_arm: Mapping[str, Sequence[ScoredId]],
    memory_id: str,
    passages: Sequence[ScoredPassage] | None,
) -> dict[str, Arm]:
    found = {
        name: Arm(rank=rank, score=round(hit.score, 6))
        for name, hits in by_arm.items()
        for rank, hit in enumerate(hits, start=1)
        if hit.id == memory_id
    }
    if "dense" not in found and passages:
        found["dense"] = Arm(rank=None, score=round(passages[0].score, 6))
    return found


def _within(hits: list[Hit], envelope: Recalled, max_tokens: int | None) -> list[Hit]:
    """The best hits that the budget holds; a long one that does not fit makes room for the next.

    One token is four bytes of the answer.
    """
    if max_tokens is None:
        return hits
    left = max_tokens * BYTES_PER_TOKEN - len(envelope.model_dump_json().encode())
    kept: list[Hit] = []
    for hit in hits:
        size = len(hit.model_dump_json().encode()) + len(",")
        if size <= left:
            left -= size
            kept.append(hit)
    return kept
