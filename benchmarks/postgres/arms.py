"""What each arm of a recall costs by itself, and what the vector index misses."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final, TypeVar

import numpy as np
import psycopg

from benchmarks.corpus import RARE_SCOPE
from benchmarks.postgres.server import PostgresServer
from benchmarks.timing import Spread
from recollect.app.wiring import open_context
from recollect.domain.filters import parse
from recollect.domain.passages import FloatMatrix, FloatVector
from recollect.domain.scopes import EVERYWHERE
from recollect.domain.selection import Selection
from recollect.operations.arms import DENSE_OVER_FETCH, OVER_FETCH
from recollect.operations.embedding import model_key
from recollect.ports import ScoredOutline
from recollect.settings import Settings

T = TypeVar("T")

TOP: Final = 10
_PASSAGES_EACH: Final = 50
"""No generated memory has more."""

_SAME: Final = 1e-4
"""Scores that differ by less are those of equals, rounded in different places."""

_ALL: Final = Selection(scopes=EVERYWHERE)
_RARE: Final = Selection(scopes=EVERYWHERE, filter=parse(f"scope = '{RARE_SCOPE}'"))
# Without the cast that the graph is made for, so that every passage is compared.
_EXACT: Final = """
select max(score) from (
    select v.memory_key, -(v.embedding <#> %(asked)s::halfvec) as score from passage v
    join memory m on m.tenant = v.tenant and m.key = v.memory_key
    where v.model = %(model)s and (%(scope)s::text is null or m.scope = %(scope)s)
    order by v.embedding <#> %(asked)s::halfvec limit %(limit)s
) best group by memory_key order by 1 desc limit %(top)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arms:
    """Milliseconds of one client without HTTP, and shares of what would be right.

    Attributes:
        dense: The best `DENSE_OVER_FETCH` of all by vectors, as a recall asks for.
        dense_filtered: The same where a filter keeps a hundredth.
        text: The best `OVER_FETCH` of all by words.
        recall: Share of the true ten nearest among the first ten, ten asked for.
        recall_filtered: The same where a filter keeps a hundredth.
    """

    embed: Spread
    dense: Spread
    dense_filtered: Spread
    text: Spread
    recall: float
    recall_filtered: float


async def arm_figures(
    server: PostgresServer, database: str, settings: Settings, asked: Sequence[str], judged: int
) -> Arms:
    """Ask these questions; recall@10 is that of the first `judged` of them."""
    async with open_context(settings) as (context, embedders):
        await embedders.embedder.load()
        model, index = model_key(context), context.vectors

        async def embed(question: str) -> FloatMatrix:
            return await context.embedder.embed([question], purpose="query")

        def search(
            selection: Selection, limit: int
        ) -> Callable[[FloatVector], Awaitable[list[ScoredOutline]]]:
            async def ask(vector: FloatVector) -> list[ScoredOutline]:
                found = await index.search(context.tenant, selection, model, vector, limit)
                return list(found.hits)

            return ask

        async def read(question: str) -> object:
            return await context.text.search(context.tenant, _ALL, question, OVER_FETCH)

        rows, embedding = await _each(embed, asked)
        vectors = [row[0] for row in rows]
        _, dense = await _each(search(_ALL, DENSE_OVER_FETCH), vectors)
        _, filtered = await _each(search(_RARE, DENSE_OVER_FETCH), vectors)
        _, text = await _each(read, asked)
        near, _ = await _each(search(_ALL, TOP), vectors[:judged])
        rare, _ = await _each(search(_RARE, TOP), vectors[:judged])
    with closing(server.connect(database)) as connection:
        return Arms(
            embed=embedding,
            dense=dense,
            dense_filtered=filtered,
            text=text,
            recall=_right(connection, model, None, zip(vectors, near, strict=False)),
            recall_filtered=_right(connection, model, RARE_SCOPE, zip(vectors, rare, strict=False)),
        )


async def _each(
    work: Callable[[T], Awaitable[Any]], items: Sequence[T]
) -> tuple[list[Any], Spread]:
    """What the work gives for each item, and how long it takes once it was done before.

    PostgreSQL reads each page into its buffers when it is first wanted, and never again if they
    hold everything.
    """
    for item in items:
        await work(item)
    taken: list[float] = []
    given: list[Any] = []
    for item in items:
        started = perf_counter()
        given.append(await work(item))
        taken.append((perf_counter() - started) * 1000)
    return given, Spread.of(taken)


def _right(
    connection: "psycopg.Connection[Any]",
    model: str,
    scope: str | None,
    found: "zip[tuple[FloatVector, list[ScoredOutline]]]",
) -> float:
    """The mean share of hits that are as near as the tenth nearest of all."""
    shares: list[float] = []
    for vector, hits in found:
        asked = {
            "asked": str(vector.tolist()),
            "model": model,
            "scope": scope,
            "limit": TOP * _PASSAGES_EACH,
            "top": TOP,
        }
        best = [score for (score,) in connection.execute(_EXACT, asked).fetchall()]
        least = best[-1] if best else 0  # a small store may hold fewer than ten
        shares.append(sum(hit.score > least - _SAME for hit in hits[:TOP]) / max(1, len(best)))
    return float(np.mean(shares))
