"""Passages: the parts of a memory that are embedded one by one, and their vectors."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

# `(dimensions,)` float32, unit length.
FloatVector: TypeAlias = NDArray[np.float32]

# `(n, dimensions)` float32, rows of unit length.
FloatMatrix: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A part of a memory's content.

    Attributes:
        start: Where it starts, in code points into the content.
        end: Where it ends, exclusive.
        heading: The headings it stands under, outermost first, joined by ` > `; '' when none.
    """

    start: int
    end: int
    heading: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredPassage:
    """A passage of a memory with its cosine similarity to the question, in [-1, 1]."""

    passage: Passage
    score: float


def digest(source: tuple[str, str], passage: Passage, vector: bytes) -> bytes:
    """Ties a vector to the text it was made from: 8 bytes that change if either does.

    Args:
        source: As `passage_source` gives it.
        passage: The part of it.
        vector: As a store keeps it.
    """
    prefix, content = source
    parts = (prefix, content[passage.start : passage.end], passage.heading)
    made = hashlib.blake2b(vector, digest_size=8)
    for part in parts:
        made.update(b"\0" + part.encode())
    return made.digest()


class KeptVector(NamedTuple):
    """A passage's vector as a store keeps it.

    Attributes:
        total: How many passages the memory has vectors of.
        digest: What `digest` gave when it was stored.
    """

    model: str
    total: int
    start: int
    end: int
    heading: str
    embedding: bytes
    digest: bytes

    @property
    def passage(self) -> Passage:
        """What it is the vector of."""
        return Passage(start=self.start, end=self.end, heading=self.heading)


def vectors_problem(
    kept: Sequence[KeptVector], embedded_by: str | None, source: tuple[str, str]
) -> str | None:
    """What is wrong with a memory's vectors; None if they are what was made of it.

    Args:
        kept: All that are stored, in the order of the passages.
        embedded_by: The model whose vectors are said to be complete.
        source: As `passage_source` gives it.
    """
    for vector in kept:
        if vector.digest != digest(source, vector.passage, vector.embedding):
            return "differ from what was embedded"
    if len({vector.model for vector in kept}) > 1:
        return "are of several models"
    if embedded_by is not None:
        totals = [vector.total for vector in kept if vector.model == embedded_by]
        if not totals or totals != [len(totals)] * len(totals):
            return "are missing in part"
    return None
