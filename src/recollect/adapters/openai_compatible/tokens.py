"""How texts are cut for models whose tokenizer is not on this machine."""

import re

# Close to what byte-pair vocabularies hold: most English words whole or in two, two letters of
# another alphabet. Passages may come out shorter than the budget, and somewhat longer in Chinese.
_PIECE = re.compile(r"[A-Za-z0-9_]{1,6}|[^\W\x00-\x7f]{1,2}|[^\w\s]")


class ApproximateTokenCounter:
    """A `TokenCounter` that takes pieces of words for tokens and needs no vocabulary."""

    key = "pieces-1"

    def spans(self, text: str) -> list[tuple[int, int]]:
        return [match.span() for match in _PIECE.finditer(text)]
