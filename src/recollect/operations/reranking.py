"""Having the best of what was found ordered anew by a reranker."""

from collections.abc import Sequence
from typing import NamedTuple

from recollect.domain.memory import Memory
from recollect.domain.passages import ScoredPassage
from recollect.domain.ranking import Ranked
from recollect.domain.searchable import prefix
from recollect.errors import Unavailable
from recollect.operations.arms import Found
from recollect.operations.context import Context
from recollect.operations.matching import best_passage


class Best(NamedTuple):
    """A memory that may be given, with its passages, the one most like the question first."""

    ranked: Ranked
    memory: Memory
    passages: Sequence[ScoredPassage]


def looked_at(context: Context, limit: int) -> int:
    """How many of the best are needed to find so many."""
    return limit if context.reranker is None else max(limit, context.reranked)


async def reranked(
    context: Context, query: str, found: Found, best: Sequence[Best]
) -> Sequence[Best]:
    """These in the reranker's order and with its scores; ties stay as they are.

    It reads of each memory the passage that the answer shows, after who said it and when. Without
    a reranker, or when it cannot judge now, which is noted in `found`, all stays as it is.
    """
    if context.reranker is None or not best:
        return best
    texts: list[str] = []
    for _, memory, passages in best:
        passage = best_passage(query, memory.content, passages)
        texts.append(prefix(memory) + memory.content[passage.start : passage.end])
    try:
        scores = await context.reranker.scores(query, texts)
    except Unavailable:
        found.degraded.append("reranker")
        return best
    judged = [
        b._replace(ranked=b.ranked._replace(score=s)) for b, s in zip(best, scores, strict=True)
    ]
    return sorted(judged, key=lambda b: -b.ranked.score)
