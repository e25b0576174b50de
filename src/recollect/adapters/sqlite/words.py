"""The text index's table: FTS5, in rows whose numbers tell the memory and how long its text is."""

import sqlite3
from collections.abc import Iterable, Sequence
from threading import Lock
from typing import Final, TypeAlias

from recollect.domain.searchable import runs

Term: TypeAlias = tuple[str, ...]
"""A word as the index keeps it, or words that stand side by side."""

TEXT_INDEX: Final = (
    "create virtual table if not exists text_index using fts5 "
    "(text, tokenize = 'porter unicode61 remove_diacritics 2')"
)
LENGTH_BITS: Final = 12
LONGEST: Final = (1 << LENGTH_BITS) - 1
"""Longer texts count as so long: BM25 tells them apart no more."""

_TERMS: Final = "create virtual table text_term using fts5vocab (text_index, instance)"


def text_row(key: int, text: str) -> int:
    """The number of the row that holds the text of the memory with this key.

    BM25 asks for the length of each match. Looked up, one by one, 4,500 lengths take 5 ms.
    """
    return key << LENGTH_BITS | min(len(runs(text)), LONGEST)


def insert_texts(connection: sqlite3.Connection, texts: Iterable[tuple[int, str]]) -> None:
    """Add texts of memories that have none, each with its memory's key."""
    connection.executemany(
        "insert into text_index (rowid, text) values (?, ?)",
        [(text_row(key, text), text) for key, text in texts],
    )


def delete_text(connection: sqlite3.Connection, key: int) -> None:
    """Delete the text of the memory with this key, if it has one."""
    first = key << LENGTH_BITS
    connection.execute(
        "delete from text_index where rowid between ? and ?", [first, first | LONGEST]
    )


class Tokenizer:
    """Cuts phrases into terms as the index does: it asks an index of its own, in memory."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._index = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self._index.execute(TEXT_INDEX)
        self._index.execute(_TERMS)

    def terms(self, phrases: Sequence[str]) -> list[Term]:
        """The terms of the phrases, distinct and in order; one without words gives none."""
        found: dict[int, list[str]] = {}
        with self._lock:
            self._index.execute("begin")
            insert = "insert into text_index (rowid, text) values (?, ?)"
            self._index.executemany(insert, enumerate(phrases))
            for place, word in self._index.execute(
                "select doc, term from text_term order by doc, offset"
            ):
                found.setdefault(place, []).append(word)
            self._index.execute("rollback")
        return list(dict.fromkeys(tuple(words) for words in found.values()))
