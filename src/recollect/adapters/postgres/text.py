"""The text index: BM25 over the terms that the database keeps of every memory."""

from collections.abc import Iterable, Mapping, Sequence
from math import log, sqrt

from recollect.adapters.postgres.bulk import array
from recollect.adapters.postgres.database import Cursor, Database
from recollect.adapters.postgres.rows import scored
from recollect.adapters.postgres.selection import are_few, compile_selection
from recollect.adapters.postgres.words import Stemmer, asked_terms
from recollect.domain.selection import Selection
from recollect.ports import ScoredOutline

# A name or a year that stands in each of 100,000 memories tells nothing, and costs most of all.
LEAST_MATCHES = 8_000
MATCHES_BY_ROOT = 25
"""Of a million memories 25,000 postings are read, not 80,000."""

MOST_MATCHES = 50_000
"""Read at most, where the rare terms find little, or there is no rarer one: the newest of them."""

ENOUGH_HITS = 20
CANDIDATES = 3
"""By so many of what is asked for the commonest terms are looked up: that gave the same ten best as
scoring all matches did for 199 questions of 200 at 100,000 memories."""

_STATISTICS = """
select t.texts, t.words, k.term, k.memories
from tenant t left join term k on k.tenant = t.name and k.term = any(%s::text[]) where t.name = %s
"""

# BM25 with k1 = 1.2 and b = 0.75, as in Robertson and Zaragoza, "The Probabilistic Relevance
# Framework: BM25 and Beyond", 2009.
_SCORE = """sum(
    asked.weight * p.occurrences * 2.2
    / (p.occurrences + 1.2 * (0.25 + 0.75 * p.words / %s::float8))
)"""

# The postings of rare terms bring candidates. They are looked at best first until enough are
# selected, hence the lateral join; common terms are looked up for those alone. Ties at the end are
# taken whole.
_AMONG_MANY = f"""
with candidate as materialized (
    select m.key, m.id, matched.score from (
        select p.memory_key, {_SCORE} as score
        from unnest(%s::text[], %s::float8[], %s::bigint[]) as asked (term, weight, most)
        cross join lateral (
            select * from posting where tenant = %s and term = asked.term
            order by memory_key desc limit asked.most
        ) p
        group by p.memory_key order by score desc
    ) matched
    cross join lateral (
        select m.key, m.id from memory m
        where m.key = matched.memory_key and {{condition}} offset 0
    ) m
    order by matched.score desc fetch first %s rows with ties
)
select candidate.id, candidate.score + coalesce((
    select {_SCORE} from unnest(%s::text[], %s::float8[]) as asked (term, weight)
    join posting p on p.tenant = %s and p.term = asked.term and p.memory_key = candidate.key
), 0) as score
from candidate order by score desc, candidate.id limit %s
"""  # noqa: S608

_AMONG_FEW = f"""
with reached as materialized (select m.key, m.id from memory m where {{condition}})
select reached.id, {_SCORE} as score
from unnest(%s::text[], %s::float8[]) as asked (term, weight)
join posting p on p.tenant = %s and p.term = asked.term
and p.memory_key = any(array(select key from reached))
join reached on reached.key = p.memory_key
group by reached.id order by score desc, reached.id limit %s
"""  # noqa: S608


class PostgresTextIndex:
    """A TextIndex whose rows share the records' transactions."""

    def __init__(self, database: Database, stemmer: Stemmer) -> None:
        self._database = database
        self._stemmer = stemmer

    async def search(
        self, tenant: str, selection: Selection, query: str, limit: int
    ) -> list[ScoredOutline]:
        asked = asked_terms(query)
        if not asked:
            return []

        async def work(cursor: Cursor) -> list[ScoredOutline]:
            terms = list(dict.fromkeys(await self._stemmer.stemmed(cursor, asked)))
            found = _Asked(cursor, tenant, *await _statistics(cursor, tenant, terms))
            return await found.search(selection, limit)

        return await self._database.read(tenant, work)


async def _statistics(
    cursor: Cursor, tenant: str, terms: Sequence[str]
) -> tuple[Mapping[str, int], int, int]:
    """In how many memories each term stands, how many there are, and how many words they have."""
    await cursor.execute(_STATISTICS, [array(terms), tenant])
    rows = await cursor.fetchall()
    texts, words = rows[0][:2] if rows else (0, 0)
    counts = {term: memories for _, _, term, memories in rows}
    return {term: counts[term] for term in terms if term in counts}, texts, words


class _Asked:
    """A question's terms with what is known of each."""

    def __init__(
        self, cursor: Cursor, tenant: str, counts: Mapping[str, int], texts: int, words: int
    ) -> None:
        self._cursor = cursor
        self._tenant = tenant
        self._counts = dict(sorted(counts.items(), key=lambda counted: counted[1]))
        self._texts = texts
        self._average = max(words / max(texts, 1), 1)

    async def search(self, selection: Selection, limit: int) -> list[ScoredOutline]:
        """Look for all terms among few memories; among many for the rarest first.

        If these find little, for the others too.
        """
        if not self._counts:
            return []
        if await are_few(self._cursor, self._tenant, selection):
            return await self._among_few(selection, limit)
        usual = max(LEAST_MATCHES, int(MATCHES_BY_ROOT * sqrt(self._texts)))
        rare = self._rarest(usual)
        hits = await self._among_many(selection, rare, limit)
        if len(hits) < min(ENOUGH_HITS, limit) and len(rare) < len(self._counts):
            return await self._among_many(selection, self._newest(), limit)
        return hits

    def _rarest(self, most: int) -> dict[str, int]:
        """The rarest terms, whole, as many as stand in `most` memories together; at least one."""
        rarest: dict[str, int] = {}
        for term, count in self._counts.items():
            most -= count
            if most < 0 and rarest:
                break
            rarest[term] = min(count, MOST_MATCHES)
        return rarest

    def _newest(self) -> dict[str, int]:
        """All terms, of the commonest the newest postings only."""
        newest: dict[str, int] = {}
        left = MOST_MATCHES
        for place, (term, count) in enumerate(self._counts.items()):
            newest[term] = min(count, left // (len(self._counts) - place))
            left -= newest[term]
        return newest

    async def _among_many(
        self, selection: Selection, rare: Mapping[str, int], limit: int
    ) -> list[ScoredOutline]:
        condition, values = compile_selection(self._tenant, selection)
        common = [term for term in self._counts if term not in rare]
        read = [list(rare), self._weights(rare), list(rare.values()), self._tenant]
        looked_up = [common, self._weights(common), self._tenant]
        return await scored(
            self._cursor,
            self._tenant,
            _AMONG_MANY.format(condition=condition),
            [self._average, *read, *values, CANDIDATES * limit, self._average, *looked_up, limit],
        )

    async def _among_few(self, selection: Selection, limit: int) -> list[ScoredOutline]:
        condition, values = compile_selection(self._tenant, selection)
        terms = list(self._counts)
        asked = [self._average, terms, self._weights(terms), self._tenant, limit]
        statement = _AMONG_FEW.format(condition=condition)
        return await scored(self._cursor, self._tenant, statement, [*values, *asked])

    def _weights(self, terms: Iterable[str]) -> list[float]:
        return [
            log(1 + (self._texts - self._counts[term] + 0.5) / (self._counts[term] + 0.5))
            for term in terms
        ]
