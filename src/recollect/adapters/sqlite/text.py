"""The text index: FTS5 in the tenant's file."""

from recollect.adapters.sqlite.home import Home
from recollect.adapters.sqlite.selection import compile_selection
from recollect.domain.questions import content_words
from recollect.domain.searchable import phrases
from recollect.domain.selection import Selection
from recollect.ports import ScoredId

MAX_PHRASES = 64
"""More than any sensible question has; bounds the work for a question of 100,000 characters."""


class SqliteTextIndex:
    """A TextIndex whose rows share the records' transactions."""

    def __init__(self, home: Home) -> None:
        self._home = home

    async def search(
        self, tenant: str, selection: Selection, query: str, limit: int
    ) -> list[ScoredId]:
        question = match_expression(query)
        if not question:
            return []
        condition, values = compile_selection(selection)
        database = await self._home.database(tenant)
        rows = await database.read(
            lambda c: c.execute(
                "select m.id, -rank from text_index "  # noqa: S608
                "join memory m on m.key = text_index.rowid "
                f"where text_index match ? and {condition} order by rank limit ?",
                [question, *values, limit],
            ).fetchall()
        )
        hits = [ScoredId(id=row[0], score=row[1]) for row in rows]
        return sorted(hits, key=lambda hit: (-hit.score, hit.id))


def match_expression(query: str) -> str:
    """The question's phrases joined by OR, each quoted, so that nothing in it is syntax."""
    found = phrases(" ".join(content_words(query)))[:MAX_PHRASES]
    return " OR ".join(f'"{phrase}"' for phrase in found)
