"""The terms that a text is found by: stemmed words, and neighbours that only mean something as one.

Words are cut here, so that no locale of a server decides what is found; English endings are taken
off by the server's own dictionary.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

from recollect.adapters.postgres.database import Cursor
from recollect.domain.questions import content_words
from recollect.domain.searchable import is_cjk, phrases, runs

Term: TypeAlias = tuple[str, ...]
"""A word, or words that stand side by side."""

MAX_PHRASES = 64
"""More than any sensible question has; bounds the work for a question of 100,000 characters."""

_MAX_CHARACTERS = 64  # an index takes no keys of any length
_MAX_REMEMBERED = 100_000
_STEMS = "select word, (ts_lexize('recollect_english', word))[1] from unnest(%s::text[]) word"


class Terms(NamedTuple):
    """How often each term stands in a text, and how many words that has."""

    counts: Counter[str]
    words: int


def text_terms(text: str) -> list[Term]:
    """The terms of a text, in order.

    Each Chinese, Japanese or Korean character is one, and with its neighbour before another one;
    of a word with underscores it is the parts and the whole.
    """
    found: list[Term] = []
    before: str | None = None
    for run in runs(text.lower()):
        parts = list(run) if is_cjk(run) else _parts(run)
        for part in parts:
            found.append((part,))
            if is_cjk(part) and before is not None:
                found.append((before, part))
            before = part if is_cjk(part) else None
        if len(parts) > 1 and not is_cjk(run):
            found.append(tuple(parts))
    return found


def asked_terms(query: str) -> list[Term]:
    """The terms to look for, distinct and in order."""
    asked = phrases(" ".join(content_words(query)))[:MAX_PHRASES]
    found = (tuple(part for word in phrase.split() for part in _parts(word)) for phrase in asked)
    return list(dict.fromkeys(term for term in found if term))


def _parts(word: str) -> list[str]:
    """The parts of a word that underscores join, without accents, cut to what an index takes."""
    if not word.isascii() and not is_cjk(word):
        word = "".join(
            c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c)
        )
    return [part[:_MAX_CHARACTERS] for part in word.split("_") if part]


class Stemmer:
    """Takes the endings off words, as the server's dictionary does, and remembers the answers."""

    def __init__(self) -> None:
        self._stems: dict[str, str] = {}

    async def stemmed(self, cursor: Cursor, terms: Iterable[Term]) -> list[str]:
        """The terms as they are kept, in order."""
        wanted = list(terms)
        words = {word for term in wanted for word in term}
        # Kept until the end: others may begin anew meanwhile.
        stems = self._stems
        if unknown := [word for word in words if word not in stems]:
            await cursor.execute(_STEMS, [unknown])
            stems.update((word, stem or word) for word, stem in await cursor.fetchall())
        if len(stems) > _MAX_REMEMBERED:
            self._stems = {}
        return [" ".join(stems[word] for word in term) for term in wanted]

    async def terms(self, cursor: Cursor, texts: Sequence[str]) -> list[Terms]:
        """The terms of each text, as they are kept."""
        found = [text_terms(text) for text in texts]
        await self.stemmed(cursor, {term for terms in found for term in terms})
        return [
            Terms(Counter(await self.stemmed(cursor, terms)), sum(len(t) == 1 for t in terms))
            for terms in found
        ]
