"""Noting what recalls give, so that it can be said later what became of it."""

from collections.abc import Iterable, Mapping

from recollect.domain.feedback import NO_DISTANCE, NotedRecall, RecallLine
from recollect.operations.context import Context
from recollect.operations.views import Arm, MemoryView


async def note_recall(
    context: Context,
    recall_id: str,
    results: Iterable[tuple[MemoryView, Mapping[str, Arm]]],
) -> None:
    """Leave a note of an answer, best result first; one without results leaves none."""
    lines = tuple(
        RecallLine(
            rank=rank,
            memory_id=memory.id,
            scope=memory.scope,
            name=memory.name,
            distance=distance(arms),
            arms={name: arm.rank for name, arm in arms.items() if arm.rank is not None},
        )
        for rank, (memory, arms) in enumerate(results)
    )
    if lines:
        noted = NotedRecall(
            id=recall_id, at=context.now(), principal=context.principal.name, lines=lines
        )
        await context.recalls.note(context.tenant, noted)


def distance(arms: Mapping[str, Arm]) -> float:
    """Cosine distance, from 0; -1 for what was not found by meaning."""
    dense = arms.get("dense")
    if dense is None or dense.rank is None:
        return NO_DISTANCE
    return max(0.0, 1 - dense.score)
