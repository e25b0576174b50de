"""Passages: the parts of a memory that are embedded one by one, and their vectors."""

import hashlib
from dataclasses import dataclass
from typing import TypeAlias

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
