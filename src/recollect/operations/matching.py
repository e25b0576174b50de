"""Choosing the passage of a memory that answers a question."""

import re
from collections.abc import Sequence

from recollect.domain import chunking
from recollect.domain.passages import Passage, ScoredPassage
from recollect.domain.questions import content_words

WORDS_WEIGHT = 0.3
"""What finding all words of the question adds to a passage's cosine similarity, so that a rare
word or an identifier decides between passages of similar meaning."""

WINDOW_TOKENS = 150
_TOKEN = re.compile(r"\w+|[^\w\s]")


def best_passage(query: str, content: str, passages: Sequence[ScoredPassage]) -> Passage:
    """The passage that is nearest to the question in meaning and words together.

    Without embedded passages the content is cut for the occasion and words alone decide; ties
    go to the earlier passage. Of a blank content it is all.
    """
    if len(passages) == 1:
        return passages[0].passage
    if not content.strip():
        return Passage(start=0, end=len(content), heading="")
    scored = passages or [
        ScoredPassage(passage=passage, score=0.0)
        for passage in chunking.chunk(content, _spans, lambda _: WINDOW_TOKENS)
    ]
    words = content_words(query)

    def worth(candidate: ScoredPassage) -> float:
        text = content[candidate.passage.start : candidate.passage.end].lower()
        found = sum(word in text for word in words)
        return candidate.score + WORDS_WEIGHT * found / max(len(words), 1)

    return max(scored, key=lambda c: (worth(c), -c.passage.start)).passage


def _spans(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in _TOKEN.finditer(text)]
