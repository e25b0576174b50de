"""Durations and what to say of many of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TypeVar

import numpy as np

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles of durations, milliseconds."""

    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, milliseconds: Sequence[float]) -> "Spread":
        """The percentiles of these."""
        p50, p95, p99 = np.percentile(milliseconds, [50, 95, 99]).tolist()
        return cls(p50, p95, p99)

    def __str__(self) -> str:
        return f"{self.p50:.1f} / {self.p95:.1f} / {self.p99:.1f}"


def each(work: Callable[[T], object], items: Sequence[T]) -> Spread:
    """How long the work takes for each item; the first few go unmeasured."""
    for item in items[:3]:
        work(item)
    taken: list[float] = []
    for item in items:
        started = perf_counter()
        work(item)
        taken.append((perf_counter() - started) * 1000)
    return Spread.of(taken)
