"""A digest: the most central sentences of a conversation, chosen without a language model.

It rolls: the next one is chosen from the sentences of the last and those of the next block of
messages. It quotes and never rephrases.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from recollect.domain.memory import Episode, Memory
from recollect.domain.questions import terms
from recollect.domain.working_memory import BYTES_PER_TOKEN, cut, end_of, lead

DIGEST_TOKENS = 400
"""What a digest takes at most."""

QUOTE_BYTES = 400
"""A longer sentence is cut, with a mark."""

SCANNED_CHARACTERS = 8000
"""How much of a message is looked at: what comes later in so long a text is quoted by nobody."""

CENTRALITY_SHARE = 0.5
"""How much being central counts when a sentence is chosen, beside being unlike those chosen."""

SAME = 0.95
"""From this cosine on two sentences say the same, and the second is not quoted."""

_LEAST_TERMS = 2
_QUESTION = ("?", "？")

# After an English end and white space, after a Chinese or Japanese one, and at line ends.
_SENTENCE_END = re.compile(
    r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？｡])[」』”’）]*\s*|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A sentence, who said it and when.

    Attributes:
        position: Of the message in its session.
        start: Of the sentence in the message, in code points.
    """

    occurred_at: datetime
    position: int
    start: int
    producer: str
    text: str

    @property
    def line(self) -> str:
        """The sentence as a digest shows it."""
        return lead(self.producer, self.occurred_at) + self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """The most central sentences of a session's beginning.

    Attributes:
        quotes: In the order in which they were said.
        through: It covers every message up to this position.
        messages: How many these are.
    """

    quotes: tuple[Quote, ...] = ()
    through: int = -1
    messages: int = 0

    @property
    def text(self) -> str:
        """The digest, a sentence a line."""
        return "\n".join(quote.line for quote in self.quotes)


def advanced(digest: Digest, block: Sequence[Memory]) -> Digest:
    """The digest of what the digest covers and of the block that follows it.

    What will expire is not quoted: a digest lasts longer.
    """
    lasting = [message for message in block if message.expires_at is None]
    fresh = [quote for message in lasting for quote in quotes(message)]
    # Old and new sentences count by how many messages they were chosen from.
    masses = [
        *_shared(digest.messages, len(digest.quotes)),
        *_shared(len(lasting), len(fresh)),
    ]
    chosen = _most_central([*digest.quotes, *fresh], np.array(masses))
    return Digest(
        quotes=tuple(sorted(chosen, key=lambda q: (q.occurred_at, q.position, q.start))),
        through=end_of(block),
        messages=digest.messages + len(block),
    )


def quotes(message: Memory) -> Iterator[Quote]:
    """The sentences of a message."""
    if not isinstance(message.detail, Episode):
        return
    for start, end in sentences(message.content[:SCANNED_CHARACTERS]):
        yield Quote(
            occurred_at=message.occurred_at,
            position=message.detail.position,
            start=start,
            producer=message.detail.producer,
            text=cut(message.content[start:end], QUOTE_BYTES),
        )


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Where the sentences of an English, Chinese or Japanese text start and end, trimmed."""
    start = 0
    for end in [*(found.end() for found in _SENTENCE_END.finditer(text)), len(text)]:
        sentence = text[start:end]
        if bare := sentence.strip():
            first = start + len(sentence) - len(sentence.lstrip())
            yield first, first + len(bare)
        start = end


def _shared(mass: int, count: int) -> Iterable[float]:
    return [mass / count] * count if count else []


_Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Vectors:
    """Sparse vectors of unit length: `values[k]` stands at `(rows[k], columns[k])`."""

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    values: _Floats
    shape: tuple[int, int]

    def times(self, vector: _Floats) -> _Floats:
        """The product of each with a vector."""
        products = self.values * vector[self.columns]
        return np.bincount(self.rows, products, self.shape[0]).astype(np.float64)

    def sum(self, masses: _Floats) -> _Floats:
        """Their sum, each multiplied by its mass."""
        weighted = self.values * masses[self.rows]
        return np.bincount(self.columns, weighted, self.shape[1]).astype(np.float64)


def _most_central(candidates: Sequence[Quote], masses: _Floats) -> list[Quote]:
    """The sentences that stand best for all, as many as a digest holds, best first.

    Central is what is like the others: by the sum of cosines of tf-idf vectors, the degree
    centrality of Erkan and Radev, "LexRank: Graph-based Lexical Centrality as Salience in Text
    Summarization" (2004), without a threshold. It counts by the number of words, the speakers'
    names left out: by cosines alone "Wow, Ann, that's awesome!" is central to every talk. Of
    sentences alike one is chosen, by maximal marginal relevance: Carbonell and Goldstein, "The Use
    of MMR, Diversity-Based Reranking" (1998). Ties go to what was said first.
    """
    names = {name for quote in candidates for name in terms(quote.producer)}
    words = [[word for word in terms(quote.text) if word not in names] for quote in candidates]
    vectors = _vectors(words)
    # A sentence's likeness to itself does not count: old ones, which stand for much, would stay.
    centrality = (vectors.times(vectors.sum(masses)) - masses) * [len(w) for w in words]
    centrality /= max(float(centrality.max(initial=0.0)), 1e-12)
    likeness = np.zeros(len(candidates))
    eligible = np.array(
        [_says_something(*told) for told in zip(candidates, words, strict=True)], dtype=bool
    )
    sizes = np.array([len(quote.line.encode()) + 1 for quote in candidates])
    left = DIGEST_TOKENS * BYTES_PER_TOKEN
    chosen: list[Quote] = []
    while (fitting := eligible & (sizes <= left)).any():
        worth = CENTRALITY_SHARE * centrality - (1 - CENTRALITY_SHARE) * likeness
        # Rounded, so that no processor's last digit decides.
        best = int(np.argmax(np.where(fitting, worth.round(9), -np.inf)))
        chosen.append(candidates[best])
        left -= int(sizes[best])
        alone = np.zeros(len(candidates))
        alone[best] = 1.0
        likeness = np.maximum(likeness, vectors.times(vectors.sum(alone)))
        eligible &= likeness < SAME
    return chosen


def _says_something(quote: Quote, words: Sequence[str]) -> bool:
    return len(words) >= _LEAST_TERMS and not quote.text.endswith(_QUESTION)


def _vectors(words: Sequence[Sequence[str]]) -> _Vectors:
    """The tf-idf vector of each sentence; a word counts once in a sentence."""
    numbers: dict[str, int] = {}
    rows = np.array([row for row, of in enumerate(words) for _ in of], dtype=np.intp)
    columns = np.array(
        [numbers.setdefault(word, len(numbers)) for of in words for word in of], dtype=np.intp
    )
    frequencies = np.bincount(columns, minlength=len(numbers))
    values = np.log(1 + len(words) / frequencies[columns])
    lengths = np.sqrt(np.bincount(rows, weights=values**2, minlength=len(words)))
    return _Vectors(rows, columns, values / lengths[rows], (len(words), len(numbers)))
