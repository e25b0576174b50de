"""Having the best of what was found ordered anew by a reranker."""

from collections.abc import Sequence
from typing import TypeAlias

from recollect.domain.memory import Memory
from recollect.domain.ranking import Ranked
from recollect.domain.searchable import prefix
from recollect.errors import Unavailable
from recollect.operations import meaning
from recollect.operations.arms import Found
from recollect.operations.context import Context
from recollect.operations.matching import best_passage

Best: TypeAlias = Sequence[tuple[Ranked, Memory]]


def looked_at(context: Context, limit: int) -> int:
    """How many of the best are needed to find so many."""
    return limit if context.reranker is None else max(limit, context.reranked)


async def reranked(context: Context, query: str, found: Found, best: Best) -> Best:
    """These in the reranker's order and with its scores; ties stay as they are.

    It reads of each memory the passage that the answer shows, after who said it and when. Without
    a reranker, or when it cannot judge now, which is noted in `found`, all stays as it is.
    """
    if context.reranker is None or not best:
        return best
    memories = [memory for _, memory in best]
    passages = await meaning.passages(context, memories, found.questions)
    texts: list[str] = []
    for memory in memories:
        passage = best_passage(query, memory.content, passages.get(memory.id, ()))
        texts.append(prefix(memory) + memory.content[passage.start : passage.end])
    try:
        scores = await context.reranker.scores(query, texts)
    except Unavailable:
        found.degraded.append("reranker")
        return best
    judged = [(r._replace(score=s), m) for (r, m), s in zip(best, scores, strict=True)]
    return sorted(judged, key=lambda one: -one[0].score)
