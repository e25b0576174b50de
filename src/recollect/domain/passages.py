"""Passages: the parts of a memory that are embedded one by one, and their vectors."""

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
