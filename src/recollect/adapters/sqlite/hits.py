"""Looking up what an index found."""

import sqlite3
from collections.abc import Iterator
from itertools import islice

from recollect.adapters.sqlite.rows import dump, keyed_outlines
from recollect.adapters.sqlite.selection import EVERYWHERE, compile_test
from recollect.domain.selection import Selection
from recollect.ports import ScoredOutline


def selected(
    connection: sqlite3.Connection,
    selection: Selection,
    best: Iterator[tuple[int, float]],
    limit: int,
    also: str = EVERYWHERE,
) -> dict[int, ScoredOutline]:
    """The first `limit` that the selection keeps, by key, best first, ties by id.

    Each is looked up only when its turn has come, and turns grow: a selection that keeps all needs
    one, a selection that keeps little a few, the last no larger than what is missing asks for.

    Args:
        connection: A transaction.
        selection: What to keep.
        best: The keys of memories with their scores, best first, each once.
        limit: How many.
        also: What must be true of a memory `m` besides.
    """
    condition, values = compile_test(selection)
    chosen = f"json_each(?) asked join memory m on m.key = asked.value and {condition} and {also}"
    hits: list[tuple[int, ScoredOutline]] = []
    seen, size = 0, limit + 1
    while turn := list(islice(best, size)):
        scores = dict(turn)
        found = keyed_outlines(connection, chosen, [dump(list(scores)), *values])
        hits += [(key, ScoredOutline(outline, scores[key])) for key, outline in found]
        hits.sort(key=lambda hit: (-hit[1].score, hit[1].id))
        if len(hits) >= limit and turn[-1][1] < hits[limit - 1][1].score:
            break
        seen += len(turn)
        missing = max(limit - len(hits), limit // 8 + 1)
        size = min(3 * size, 1 + missing * seen // max(len(hits), 1) * 5 // 4)
    return dict(hits[:limit])
