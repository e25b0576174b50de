"""The text index: FTS5 in the tenant's file."""

import sqlite3
from collections.abc import Generator, Iterable, Sequence
from itertools import islice

from recollect.adapters.sqlite.home import Home
from recollect.adapters.sqlite.rows import at_once, dump
from recollect.adapters.sqlite.selection import EVERYWHERE, compile_reach, compile_test
from recollect.domain.questions import content_words
from recollect.domain.searchable import phrases
from recollect.domain.selection import Selection
from recollect.ports import ScoredId

MAX_PHRASES = 64
"""More than any sensible question has; bounds the work for a question of 100,000 characters."""

# Scoring costs 1.4 us a match, so a name or a year that stands in each of 100,000 memories costs
# 140 ms, and tells nothing.
MOST_MATCHES = 8_000
LEAST_PART = 12
ENOUGH_HITS = 20
FEW = 5_000
"""So many memories are listed in a millisecond, and their matches scored in ten."""

LISTED_PART = 4
"""Up to such a part of all memories is listed; more of them cost more than what else matches.

Of 100,000 memories, 17,000 in reach are searched in 8 ms so, and in 22 the other way.
"""


class SqliteTextIndex:
    """A TextIndex whose rows share the records' transactions."""

    def __init__(self, home: Home) -> None:
        self._home = home

    async def search(
        self, tenant: str, selection: Selection, query: str, limit: int
    ) -> list[ScoredId]:
        asked = asked_phrases(query)
        if not asked:
            return []
        database = await self._home.database(tenant)
        return await database.read(lambda c: _search(c, selection, asked, limit))


def asked_phrases(query: str) -> list[str]:
    """What to look for."""
    return phrases(" ".join(content_words(query)))[:MAX_PHRASES]


def match_expression(found: Sequence[str]) -> str:
    """The phrases joined by OR, each quoted, so that nothing in them is syntax."""
    return " OR ".join(f'"{phrase}"' for phrase in found)


def _search(
    connection: sqlite3.Connection, selection: Selection, asked: Sequence[str], limit: int
) -> list[ScoredId]:
    """Look for every phrase among few memories; among many for those that tell something.

    If these find little, for all of them.
    """
    reach = _reach(connection, selection)
    if reach is not None and reach <= FEW:
        return _best_of_few(connection, selection, asked, limit)
    best = _best_of_many if reach is None else _best_of_few
    telling = telling_phrases(connection, asked)
    hits = best(connection, selection, telling, limit)
    if len(hits) < min(ENOUGH_HITS, limit) and len(telling) < len(asked):
        return best(connection, selection, asked, limit)
    return hits


def telling_phrases(connection: sqlite3.Connection, asked: Sequence[str]) -> Sequence[str]:
    """The rarest phrases, as many as match `MOST_MATCHES` or a twelfth of the memories together.

    In a store of 8,000 memories that is all of them, always. In one of 100,000 it left out names
    and dates, and one ordinary word in fifty; a text looked for by its own words stayed found.
    """
    size = _size(connection)
    left = max(MOST_MATCHES, size // LEAST_PART)
    if size <= left:
        return asked
    counts = dict(zip(asked, _counts(connection, asked, left + 1), strict=True))
    telling: list[str] = []
    for phrase in sorted(asked, key=counts.__getitem__):
        left -= counts[phrase]
        if left < 0 and telling:
            break
        telling.append(phrase)
    return telling


def _size(connection: sqlite3.Connection) -> int:
    """About how many memories there are: no fewer."""
    (size,) = connection.execute("select coalesce(max(key), 0) from memory").fetchone()
    return size


def _counts(connection: sqlite3.Connection, asked: Sequence[str], most: int) -> list[int]:
    """How many memories hold each phrase; counts no further than `most`."""
    count = "select count(*) from (select 1 from text_index where text_index match value limit ?)"
    expressions = dump([match_expression([phrase]) for phrase in asked])
    rows = at_once(connection, f"({count})", "from json_each(?)", [most, expressions])
    return [number for (number,) in rows]


def _best_of_many(
    connection: sqlite3.Connection, selection: Selection, found: Sequence[str], limit: int
) -> list[ScoredId]:
    """Every match is scored; it is looked up only when its turn has come."""
    size = limit + limit // 2
    condition, values = compile_test(selection)
    chosen = f"from json_each(?) asked join memory m on m.key = asked.value and {condition}"

    def selected() -> Generator[tuple[str, float]]:
        # The first two portions where a scope leaves some out.
        most = size if selection.scopes.is_everything else 4 * size
        matches = _ranked(connection, match_expression(found), most)
        portion = size
        while rows := list(islice(matches, portion)):
            keys = dump([key for key, _ in rows])
            ids: dict[int, str] = dict(at_once(connection, "m.key, m.id", chosen, [keys, *values]))
            yield from ((ids[key], score) for key, score in rows if key in ids)
            portion *= 3

    return _first(selected(), limit)


def _ranked(
    connection: sqlite3.Connection, expression: str, most: int
) -> Generator[tuple[int, float]]:
    """Every match with its score, best first; those beyond `most` are sorted only if asked for.

    Of 4,400 matches, 150 take 4.7 ms, all 5.4; sorted by the index, which the unary plus keeps it
    from, 6.8.
    """
    matches = (
        "from (select rowid as key, -rank as score from text_index where text_index match ? "
        "order by +rank, rowid limit ? offset ?)"
    )
    for limit, offset in ((most, 0), (-1, most)):
        yield from at_once(connection, "key, score", matches, [expression, limit, offset])


def _best_of_few(
    connection: sqlite3.Connection, selection: Selection, found: Sequence[str], limit: int
) -> list[ScoredId]:
    """Only what lies in reach is scored, whatever else the words match."""
    reach, listed = compile_reach(selection)
    condition, values = compile_test(selection)
    sql = (
        "select m.id, -bm25(text_index) as score from text_index "  # noqa: S608
        "join memory m on m.key = text_index.rowid where text_index match ? "
        # Unary plus: asked with a rowid, the index would begin anew for each of them.
        f"and +text_index.rowid in (select m.key from memory m where {reach}) "
        f"and {condition} order by score desc"
    )
    return _first(connection.execute(sql, [match_expression(found), *listed, *values]), limit)


def _first(rows: Iterable[tuple[str, float]], limit: int) -> list[ScoredId]:
    """The best of rows that come best first, ties by id.

    Sorted by score and id by the database, all matches would be looked up, 6 ms for 5,000. So ties
    at the end are taken whole.
    """
    hits: list[ScoredId] = []
    for memory_id, score in rows:
        if len(hits) >= limit and score < hits[-1].score:
            break
        hits.append(ScoredId(id=memory_id, score=score))
    return sorted(hits, key=lambda hit: (-hit.score, hit.id))[:limit]


def _reach(connection: sqlite3.Connection, selection: Selection) -> int | None:
    """How many memories lie in reach; None if they are too many to be listed."""
    condition, values = compile_reach(selection)
    if condition == EVERYWHERE:
        return None
    most = max(FEW, _size(connection) // LISTED_PART)
    (count,) = connection.execute(
        f"select count(*) from (select 1 from memory m where {condition} limit ?)",  # noqa: S608
        [*values, most + 1],
    ).fetchone()
    return count if count <= most else None
