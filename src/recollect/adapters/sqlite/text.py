"""The text index: BM25 over the words that FTS5 keeps in the tenant's file."""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recollect.adapters.sqlite.best import best_first
from recollect.adapters.sqlite.hits import selected
from recollect.adapters.sqlite.home import Home
from recollect.adapters.sqlite.rows import at_once, dump
from recollect.adapters.sqlite.selection import EVERYWHERE, compile_reach
from recollect.adapters.sqlite.words import LENGTH_BITS, LONGEST, Term, Tokenizer
from recollect.domain.questions import content_words
from recollect.domain.searchable import phrases
from recollect.domain.selection import Selection
from recollect.errors import StoreUnavailable
from recollect.ports import ScoredOutline

MAX_PHRASES = 64
"""More than any sensible question has; bounds the work for a question of 100,000 characters."""

# A name or a year that stands in each of 100,000 memories costs 20 ms, and tells nothing.
MOST_MATCHES = 6_000
LEAST_PART = 16
ENOUGH_HITS = 20
FEW = 5_000
"""So many memories are listed in a millisecond; they are searched for every word."""

# Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009, with the
# parameters and the least weight of FTS5's own, which asks for the length of each match by itself:
# 4,500 matches take 1.5 ms so, and 6 that way.
_K1 = 1.2
_B = 0.75
_LEAST_WEIGHT = 1e-6

_PLACE_BITS = 21
_FIRST = 128
_LISTED = (
    "select (select group_concat({what}) from text_term where term = asked.value) "
    "from json_each(?) asked"
)
_AVERAGES = "select block from text_index_data where id = 1"


class Matches(NamedTuple):
    """What words match, in the order of the keys."""

    keys: NDArray[np.int64]
    scores: NDArray[np.float64]

    def within(self, keys: NDArray[np.int64]) -> "Matches":
        """Those with one of these keys."""
        chosen = np.isin(self.keys, keys)
        return Matches(self.keys[chosen], self.scores[chosen])

    def best(self) -> Iterator[tuple[int, float]]:
        """Each key with its score, best first."""
        for rows in best_first(self.scores, _FIRST):
            yield from zip(self.keys[rows].tolist(), self.scores[rows].tolist(), strict=True)


class SqliteTextIndex:
    """A TextIndex whose rows share the records' transactions."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._tokenizer = Tokenizer()

    async def search(
        self, tenant: str, selection: Selection, query: str, limit: int
    ) -> list[ScoredOutline]:
        asked = asked_phrases(query)
        if not asked:
            return []

        def work(connection: sqlite3.Connection) -> list[ScoredOutline]:
            return _search(connection, self._tokenizer, selection, asked, limit)

        database = await self._home.database(tenant)
        return await database.read(work)


def asked_phrases(query: str) -> list[str]:
    """What to look for."""
    return phrases(" ".join(content_words(query)))[:MAX_PHRASES]


def match_expression(found: Sequence[str]) -> str:
    """The phrases joined by OR, each quoted, so that nothing in them is syntax."""
    return " OR ".join(f'"{phrase}"' for phrase in found)


def _search(
    connection: sqlite3.Connection,
    tokenizer: Tokenizer,
    selection: Selection,
    asked: Sequence[str],
    limit: int,
) -> list[ScoredOutline]:
    """Look for every phrase among few memories; among many for those that tell something.

    If these find little, for all of them.
    """
    reach = _reach(connection, selection)
    telling = asked if reach is not None else telling_phrases(connection, asked)
    for wanted in (telling, asked):
        matches = matching(connection, tokenizer.terms(wanted))
        if reach is not None:
            matches = matches.within(reach)
        hits = list(selected(connection, selection, matches.best(), limit).values())
        if len(hits) >= min(ENOUGH_HITS, limit) or len(wanted) == len(asked):
            break
    return hits


def telling_phrases(connection: sqlite3.Connection, asked: Sequence[str]) -> Sequence[str]:
    """The rarest phrases, as many as match `MOST_MATCHES` or a sixteenth of the memories together.

    In a store of 6,000 memories that is all of them, always. Of LoCoMo's questions, asked of its
    conversations among 100,000 other memories, recall@10 is .785; .781 with a twelfth, .784 with a
    sixth, but .776 with one in 24 and .766 with one in 48.
    """
    (size,) = connection.execute("select coalesce(max(key), 0) from memory").fetchone()
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


def _counts(connection: sqlite3.Connection, asked: Sequence[str], most: int) -> list[int]:
    """How many memories hold each phrase; counts no further than `most`."""
    count = "select count(*) from (select 1 from text_index where text_index match value limit ?)"
    expressions = dump([match_expression([phrase]) for phrase in asked])
    rows = at_once(connection, f"({count})", "from json_each(?)", [most, expressions])
    return [number for (number,) in rows]


def matching(connection: sqlite3.Connection, terms: Sequence[Term]) -> Matches:
    """The memories that hold any of the terms, with their scores by BM25."""
    texts, average = _averages(connection)
    rows, times, held = _counted(_rows(connection, terms))
    others = np.maximum(texts - held, 0)
    weights = np.maximum(np.log((others + 0.5) / (held + 0.5)), _LEAST_WEIGHT)
    saturation = times + _K1 * (1 - _B + _B / average * (rows & LONGEST))
    return _summed(rows >> LENGTH_BITS, np.repeat(weights, held) * (_K1 + 1) * times / saturation)


def _counted(
    found: Sequence[NDArray[np.int64]],
) -> tuple[NDArray[np.int64], NDArray[np.intp], NDArray[np.intp]]:
    """Each term's rows, once each, how often it stands in them, and how many each term has.

    Of all terms one after another: a call for each of eight would take 0.4 ms more.
    """
    occurrences = np.concatenate([np.empty(0, np.int64), *found])
    ends = np.cumsum([len(rows) for rows in found], dtype=np.intp)
    begins = np.diff(occurrences, prepend=-1) != 0
    begins[ends[ends < len(occurrences)]] = True  # the row may be the last of the term before
    first = np.flatnonzero(begins)
    times = np.diff(first, append=len(occurrences))
    return occurrences[first], times, np.diff(np.searchsorted(first, ends), prepend=0)


def _summed(keys: NDArray[np.int64], scores: NDArray[np.float64]) -> Matches:
    """The sum of each key's scores."""
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    return Matches(keys[first], np.add.reduceat(scores[order], first))


def _rows(connection: sqlite3.Connection, terms: Sequence[Term]) -> list[NDArray[np.int64]]:
    """The rows in which each term stands, in order, each as often as it stands there."""
    words = list(dict.fromkeys(word for term in terms for word in term))
    if all(len(term) == 1 for term in terms):
        return _listed(connection, words, "doc")
    found = _listed(connection, words, f"doc << {_PLACE_BITS} | offset")
    places = dict(zip(words, found, strict=True))

    def of(term: Term) -> NDArray[np.int64]:
        here = places[term[0]]
        for after, word in enumerate(term[1:], start=1):
            here = np.intersect1d(here, places[word] - after, assume_unique=True)
        return here >> _PLACE_BITS

    return [of(term) for term in terms]


def _listed(
    connection: sqlite3.Connection, words: Sequence[str], what: str
) -> list[NDArray[np.int64]]:
    """A number for every occurrence of each word, in the order in which FTS5 keeps them: by row."""
    found = connection.execute(_LISTED.format(what=what), [dump(words)])
    return [np.fromstring(listed or "", np.int64, sep=",") for (listed,) in found]


def _averages(connection: sqlite3.Connection) -> tuple[int, float]:
    """How many texts there are, and how many words they have on average.

    FTS5 keeps both sums in the first record of its data: numbers in groups of seven bits, of which
    all but the last have the eighth bit set.
    """
    record = connection.execute(_AVERAGES).fetchone()
    if record is None:
        raise StoreUnavailable("the index of words is damaged: let `recollect check` mend it")
    numbers = [0]
    for byte in record[0]:
        more, group = divmod(byte, 128)
        numbers[-1] = numbers[-1] << 7 | group
        numbers += [] if more else [0]
    texts, words, *_ = (*numbers, 0)  # nothing is there before the first text
    return texts, max(words, 1) / max(texts, 1)


def _reach(connection: sqlite3.Connection, selection: Selection) -> NDArray[np.int64] | None:
    """The keys of the memories in reach; None if they are more than `FEW`."""
    condition, values = compile_reach(selection)
    if condition == EVERYWHERE:
        return None
    sql = f"select m.key from memory m where {condition} limit {FEW + 1}"  # noqa: S608
    listed, count = connection.execute(
        f"select group_concat(key), count(*) from ({sql})",  # noqa: S608
        values,
    ).fetchone()
    return np.fromstring(listed or "", np.int64, sep=",") if count <= FEW else None
