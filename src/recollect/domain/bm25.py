"""BM25 over a few texts: how well each shares the words of a question."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, log

from recollect.domain.questions import STOP_WORDS
from recollect.domain.searchable import spaced

_WORD = re.compile(r"\w[\w\u0300-\u036f]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bm25:
    """Okapi BM25, with the rarity of words counted over the texts at hand.

    Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009. A word
    in more than half of the texts, whose weight would be below zero, gets a small one instead.

    Attributes:
        k1: How much it counts that a word is repeated; not at all at 0.
        b: How much length is held against a text, 0 to 1.
        epsilon: What such a frequent word weighs, as a share of the mean of the others.
    """

    k1: float = 1.5
    b: float = 0.75
    epsilon: float = 0.25

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """A score per text, 0 for one that shares no word with the question."""
        counts = [Counter(_terms(text)) for text in texts]
        lengths = [count.total() for count in counts]
        mean_length = max(sum(lengths) / max(len(lengths), 1), 1.0)
        asked = list(dict.fromkeys(_terms(question)))
        weights = self._weights(counts)

        def score(count: Counter[str], length: int) -> float:
            against = self.k1 * (1 - self.b + self.b * length / mean_length)
            return fsum(
                weights[term] * count[term] * (self.k1 + 1) / (count[term] + against)
                for term in asked
                if count[term]
            )

        return [score(count, length) for count, length in zip(counts, lengths, strict=True)]

    def _weights(self, counts: Sequence[Counter[str]]) -> dict[str, float]:
        """How much each word counts, by its rarity."""
        holding = Counter(term for count in counts for term in count)
        weights = {t: log((len(counts) - n + 0.5) / (n + 0.5)) for t, n in holding.items()}
        rare = [weight for weight in weights.values() if weight > 0]
        floor = self.epsilon * (sum(rare) / len(rare) if rare else 1.0)
        return {term: weight if weight > 0 else floor for term, weight in weights.items()}


def _terms(text: str) -> list[str]:
    """The words that count, plurals as singulars; Chinese, Japanese and Korean by character."""
    words = _WORD.findall(spaced(text.lower()))
    return [_singular(word) for word in words if word not in STOP_WORDS]


def _singular(word: str) -> str:
    """The word without a plural's ending, after Harman, "How Effective is Suffixing?", 1991."""
    if word.endswith("ies") and not word.endswith(("eies", "aies")):
        return word[:-3] + "y"
    if word.endswith("s") and not word.endswith(("us", "ss")):
        return word[:-1]
    return word
