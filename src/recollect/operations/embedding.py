"""Cutting memories into passages and embedding them, now or in the background."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import numpy as np
from anyio import fail_after, to_thread

from recollect.domain import chunking
from recollect.domain.changes import Embedded, NewJob
from recollect.domain.memory import Memory
from recollect.domain.passages import Passage
from recollect.domain.searchable import prefix
from recollect.errors import EmbedderUnavailable
from recollect.operations.context import Context
from recollect.ports import Embedder, Job

PASSAGES_AT_ONCE = 8
"""How many passages of a memory are embedded before a write is acknowledged."""

PASSAGES_PER_WRITE = 1000
"""How many of all memories of a write, so that the largest one takes seconds, not minutes."""

MAX_TOKENS = 254
OVERLAP_TOKENS = 32
MAX_LEAD_TOKENS = 64
MAX_LEAD_CHARACTERS = 300
PORTION_MEMORIES = 64
PORTION_CHARACTERS = 100_000
QUEUE = "embed"
BACKLOG = NewJob(queue=QUEUE, dedupe_key="backlog", order_key="backlog")
"""The job that embeds whatever waits: one at a time is enough, however much waits."""


@dataclass(frozen=True, slots=True)
class Embedding:
    """What embedding some memories gave.

    Attributes:
        degraded: Names the arm that will not find them yet.
    """

    embedded: tuple[Embedded, ...]
    jobs: tuple[NewJob, ...]
    degraded: tuple[str, ...]


def model_key(context: Context) -> str:
    """Names everything that vectors depend on: model, rules of cutting, tokenizer."""
    return f"{context.embedder.model}/{chunking.VERSION}/{context.tokens.key}"


def model_of(key: str) -> str:
    """The model of a model key, which may hold slashes itself; the other parts hold none."""
    return key.rsplit("/", 2)[0]


def embedder_of(context: Context, key: str) -> Embedder | None:
    """The embedder that puts questions to vectors of this key; None if no setting names it."""
    at_hand = (context.embedder, context.previous_embedder)
    return next((e for e in at_hand if e and e.model == model_of(key)), None)


async def older_keys(context: Context) -> list[str]:
    """The keys of older vectors that an embedder at hand can ask."""
    stored = await context.vectors.models(context.tenant)
    return [key for key in stored if key != model_key(context) and embedder_of(context, key)]


async def embed_now(context: Context, memories: Sequence[Memory]) -> Embedding:
    """Embed what a write stores: all short ones, the first passages of long ones.

    Without a model, or when it takes too long, nothing is embedded; the backlog job does it later.
    """
    if context.embedder.problem is not None:
        return Embedding((), (BACKLOG,), ("dense",))
    try:
        with fail_after(context.patience.total_seconds()):
            embedded = await _embed(context, memories, _first_passages)
    except (EmbedderUnavailable, TimeoutError):
        return Embedding((), (BACKLOG,), ("dense",))
    complete = all(e.complete for e in embedded)
    return Embedding(embedded, () if complete else (BACKLOG,), ())


async def embed_waiting(context: Context) -> int:
    """Embed a portion of the memories that wait, whole; returns how many there were.

    A portion takes seconds, so that little is lost when the process ends: 64 memories, or fewer
    long ones.

    Raises:
        EmbedderUnavailable: No model is loaded.
    """
    waiting = await context.vectors.waiting(context.tenant, model_key(context), PORTION_MEMORIES)
    sizes = np.cumsum([len(memory.content) for memory in waiting])
    portion = waiting[: max(int((sizes <= PORTION_CHARACTERS).sum()), 1)]
    if portion:
        embedded = await _embed(context, portion, lambda cut: cut)
        await context.vectors.store(context.tenant, list(zip(portion, embedded, strict=True)))
    return len(portion)


async def embed_backlog(context: Context, job: Job, until: datetime) -> bool:
    """Embed what waits, portion by portion; says whether more waits. Raises EmbedderUnavailable."""
    del job
    while await embed_waiting(context):
        if context.now() > until:
            return True
    return False


Cut: TypeAlias = list[list[Passage]]
"""The passages of each memory."""


def _first_passages(cut: Cut) -> Cut:
    """As much as a write embeds at once; the rest waits."""
    left = PASSAGES_PER_WRITE
    taken: Cut = []
    for passages in cut:
        taken.append(passages[: min(PASSAGES_AT_ONCE, left)])
        left -= len(taken[-1])
    return taken


async def _embed(
    context: Context, memories: Sequence[Memory], choose: Callable[[Cut], Cut]
) -> tuple[Embedded, ...]:
    cut = await to_thread.run_sync(lambda: [_cut(context, m) for m in memories])
    taken = choose(cut)
    texts = [
        _text(context, memory, passage)
        for memory, passages in zip(memories, taken, strict=True)
        for passage in passages
    ]
    vectors = await context.embedder.embed(texts, purpose="document")
    bounds = np.cumsum([0, *(len(passages) for passages in taken)]).tolist()
    model = model_key(context)
    return tuple(
        Embedded(
            memory_id=memory.id,
            model=model,
            passages=tuple(passages),
            vectors=vectors[start:end],
            complete=len(passages) == len(whole),
        )
        for memory, passages, whole, start, end in zip(
            memories, taken, cut, bounds, bounds[1:], strict=False
        )
    )


def _cut(context: Context, memory: Memory) -> list[Passage]:
    def budget(heading: str) -> int:
        return MAX_TOKENS - len(context.tokens.spans(_lead(context, memory, heading)))

    return chunking.chunk(memory.content, context.tokens.spans, budget, OVERLAP_TOKENS)


def _text(context: Context, memory: Memory, passage: Passage) -> str:
    lead = _lead(context, memory, passage.heading)
    return lead + memory.content[passage.start : passage.end]


def _lead(context: Context, memory: Memory, heading: str) -> str:
    """What is embedded before a passage's own text.

    Cut so that most of the window is left for that: by tokens, of which a Korean syllable has
    three.
    """
    lead = (prefix(memory) + (f"{heading}: " if heading else ""))[:MAX_LEAD_CHARACTERS]
    spans = context.tokens.spans(lead)
    return lead if len(spans) <= MAX_LEAD_TOKENS else lead[: spans[MAX_LEAD_TOKENS][0]]
