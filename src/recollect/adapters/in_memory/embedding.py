"""An embedder and a token counter that need no model: for tests and trials."""

import re
import zlib
from collections.abc import Sequence
from typing import Literal

import numpy as np

from recollect.domain.passages import FloatMatrix

_WORD = re.compile(r"\w+")
_TOKEN = re.compile(r"\w+|[^\w\s]")


class HashingEmbedder:
    """Texts that share words get similar vectors; nothing more is promised."""

    problem = None
    source = "built in"

    def __init__(self, dimensions: int = 64) -> None:
        self.dimensions = dimensions
        self.model = f"hashing-{dimensions}"

    async def load(self, *, allow_download: bool = False) -> None:
        """There is nothing to load."""
        del allow_download

    async def embed(
        self, texts: Sequence[str], *, purpose: Literal["query", "document"]
    ) -> FloatMatrix:
        del purpose
        vectors = np.full((len(texts), self.dimensions), 0.01, dtype=np.float32)
        for row, text in enumerate(texts):
            for word in _WORD.findall(text.lower()):
                vectors[row, zlib.crc32(word.encode()) % self.dimensions] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class WordCounter:
    """Counts words and punctuation marks as tokens."""

    key = "words"

    def spans(self, text: str) -> list[tuple[int, int]]:
        return [match.span() for match in _TOKEN.finditer(text)]
