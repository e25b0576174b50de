"""The text index: BM25 over the terms that the database keeps of every memory."""

from collections.abc import Mapping, Sequence
from math import log
from typing import Any

from recollect.adapters.postgres.database import Cursor, Database
from recollect.adapters.postgres.selection import compile_selection
from recollect.adapters.postgres.words import Stemmer, asked_terms
from recollect.domain.selection import Selection
from recollect.ports import ScoredId

# A name or a year that stands in each of 100,000 memories tells nothing, and costs most of all.
MOST_MATCHES = 8_000
LEAST_PART = 12
ENOUGH_HITS = 20

# BM25 with k1 = 1.2 and b = 0.75, as in Robertson and Zaragoza, "The Probabilistic Relevance
# Framework: BM25 and Beyond", 2009. Ties at the end are taken whole. Materialized, since a planner
# without statistics, as of a new database, would else add up anew for every memory in a scope.
_SEARCH = """
with matched as materialized (
    select p.memory_key, sum(
        asked.weight * p.occurrences * 2.2
        / (p.occurrences + 1.2 * (0.25 + 0.75 * p.words / %s::float8))
        order by asked.place
    ) as score
    from unnest(%s::text[], %s::float8[]) with ordinality as asked (term, weight, place)
    join posting p on p.tenant = %s and p.term = asked.term
    group by p.memory_key {first}
)
select m.id, matched.score from matched join memory m on m.key = matched.memory_key
where {condition} order by matched.score desc fetch first %s rows with ties
"""


class PostgresTextIndex:
    """A TextIndex whose rows share the records' transactions."""

    def __init__(self, database: Database, stemmer: Stemmer) -> None:
        self._database = database
        self._stemmer = stemmer

    async def search(
        self, tenant: str, selection: Selection, query: str, limit: int
    ) -> list[ScoredId]:
        asked = asked_terms(query)
        if not asked:
            return []

        async def work(cursor: Cursor) -> list[ScoredId]:
            terms = list(dict.fromkeys(await self._stemmer.stemmed(cursor, asked)))
            found = _Asked(cursor, tenant, *await _statistics(cursor, tenant, terms))
            return await found.search(selection, limit)

        return await self._database.read(tenant, work)


async def _statistics(
    cursor: Cursor, tenant: str, terms: Sequence[str]
) -> tuple[Mapping[str, int], int, int]:
    """In how many memories each term stands, how many there are, and how many words they have."""
    await cursor.execute(
        "select term, memories from term where tenant = %s and term = any(%s)",
        [tenant, list(terms)],
    )
    counts = dict(await cursor.fetchall())
    await cursor.execute("select texts, words from tenant where name = %s", [tenant])
    texts, words = await cursor.fetchone() or (0, 0)
    return {term: counts[term] for term in terms if term in counts}, texts, words


class _Asked:
    """A question's terms with what is known of each."""

    def __init__(
        self, cursor: Cursor, tenant: str, counts: Mapping[str, int], texts: int, words: int
    ) -> None:
        self._cursor = cursor
        self._tenant = tenant
        self._counts = counts
        self._texts = texts
        self._words = words

    async def search(self, selection: Selection, limit: int) -> list[ScoredId]:
        """Look for the terms that tell something; for all if these find little."""
        telling = self._telling()
        hits = await self._best(selection, telling, limit)
        if len(hits) < min(ENOUGH_HITS, limit) and len(telling) < len(self._counts):
            return await self._best(selection, list(self._counts), limit)
        return hits

    def _telling(self) -> Sequence[str]:
        """The rarest terms, as many as match `MOST_MATCHES` or a twelfth of the memories."""
        left = max(MOST_MATCHES, self._texts // LEAST_PART)
        telling: list[str] = []
        for term in sorted(self._counts, key=self._counts.__getitem__):
            left -= self._counts[term]
            if left < 0 and telling:
                break
            telling.append(term)
        return telling

    async def _best(self, selection: Selection, terms: Sequence[str], limit: int) -> list[ScoredId]:
        if not terms:
            return []
        condition, values = compile_selection(self._tenant, selection)
        # Nothing that matches is left out then: only the best need be looked up.
        everything = selection.scopes.is_everything and selection.filter is None
        first = "order by score desc fetch first %s rows with ties" if everything else ""
        average = max(self._words / max(self._texts, 1), 1)
        weights = [self._weight(term) for term in terms]
        asked: list[Any] = [average, list(terms), weights, self._tenant]
        asked += [limit] if everything else []
        await self._cursor.execute(
            _SEARCH.format(condition=condition, first=first).encode(), [*asked, *values, limit]
        )
        hits = [ScoredId(id=i, score=score) for i, score in await self._cursor.fetchall()]
        return sorted(hits, key=lambda hit: (-hit.score, hit.id))[:limit]

    def _weight(self, term: str) -> float:
        count = self._counts[term]
        return log(1 + (self._texts - count + 0.5) / (count + 0.5))
