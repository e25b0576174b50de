"""Which terms stand in which memories, and in how many: kept true with every write."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from recollect.adapters.postgres.bulk import Insert, array
from recollect.adapters.postgres.database import Cursor
from recollect.adapters.postgres.words import Stemmer, Terms
from recollect.domain.memory import Memory
from recollect.domain.searchable import searchable_text

_REMOVE = """
delete from posting p using unnest(%s::text[], %s::bigint[]) as gone (term, memory_key)
where p.tenant = %s and p.term = gone.term and p.memory_key = gone.memory_key
"""
_ADD = Insert(
    "posting",
    {"term": "text", "memory_key": "bigint", "occurrences": "integer", "words": "integer"},
)
# Whoever writes holds the tenant's row, so what is not updated is not there.
_COUNT = """
with counted as materialized (
    select * from unnest(%s::text[], %s::bigint[]) as counted (term, more)
), known as (
    update term set memories = memories + counted.more from counted
    where tenant = %s and term.term = counted.term returning term.term
)
insert into term (tenant, term, memories)
select %s, term, more from counted where term not in (select term from known)
"""
# A word that stands nowhere any more may have been erased.
_DROP_UNUSED = "delete from term where tenant = %s and term = any(%s) and memories <= 0"
_TOTAL = "update tenant set texts = texts + %s, words = words + %s where name = %s"


class Change(NamedTuple):
    """A memory with the key of its row, before and after; None where there is none."""

    before: tuple[int, Memory] | None
    after: tuple[int, Memory] | None


async def change_texts(
    cursor: Cursor, tenant: str, changes: Iterable[Change], stemmer: Stemmer
) -> None:
    """Make the index true of the changed memories, inside the caller's transaction."""
    gone: list[tuple[int, str]] = []
    added: list[tuple[int, str]] = []
    for before, after in changes:
        old = (before[0], searchable_text(before[1])) if before else None
        new = (after[0], searchable_text(after[1])) if after else None
        if old != new:
            gone += [old] if old else []
            added += [new] if new else []
    if gone or added:
        terms = await stemmer.terms(cursor, [text for _, text in (*gone, *added)])
        await _remove(cursor, tenant, _keyed(gone, terms[: len(gone)]))
        await add(cursor, tenant, _keyed(added, terms[len(gone) :]))


def _keyed(texts: Sequence[tuple[int, str]], terms: Sequence[Terms]) -> list[tuple[int, Terms]]:
    return [(key, found) for (key, _), found in zip(texts, terms, strict=True)]


async def _remove(cursor: Cursor, tenant: str, texts: Sequence[tuple[int, Terms]]) -> None:
    pairs = [(term, key) for key, found in texts for term in found.counts]
    if pairs:
        terms, keys = zip(*pairs, strict=True)
        await cursor.execute(_REMOVE, [array(terms), array(keys), tenant])
        counts = Counter(terms)
        await _count(cursor, tenant, Counter({term: -count for term, count in counts.items()}))
        await cursor.execute(_DROP_UNUSED, [tenant, list(counts)])
    await _total(cursor, tenant, -len(texts), -sum(found.words for _, found in texts))


async def add(cursor: Cursor, tenant: str, texts: Sequence[tuple[int, Terms]]) -> None:
    """Add the terms of memories that have none."""
    # Ordered as the index is, so that neighbours lie in one page.
    rows = sorted(
        (term, key, occurrences, found.words)
        for key, found in texts
        for term, occurrences in found.counts.items()
    )
    if rows:
        await _ADD.run(cursor, tenant, rows)
        await _count(cursor, tenant, Counter(term for term, *_ in rows))
    await _total(cursor, tenant, len(texts), sum(found.words for _, found in texts))


async def _count(cursor: Cursor, tenant: str, more: Counter[str]) -> None:
    terms = sorted(more)
    counts = array(more[term] for term in terms)
    await cursor.execute(_COUNT, [array(terms), counts, tenant, tenant])


async def _total(cursor: Cursor, tenant: str, texts: int, words: int) -> None:
    if texts:
        await cursor.execute(_TOTAL, [texts, words, tenant])
