"""What the design promises, on two cores, and what was measured beyond it."""

from collections.abc import Generator
from dataclasses import dataclass
from statistics import median
from typing import Final

from benchmarks.ingest import IngestFigures
from benchmarks.store import StoreFigures

LEAST_INGEST_RATIO: Final = 0.65
MOST_TIMES_PARTS: Final = 1.5
MOST_EMPTY_RSS_MB: Final = 200.0
PROMISED_SIZE: Final = 100_000
"""The size that the limits on one recall, one write and memory are promised for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A promise beside what was measured; `binds` if the run fails when it is broken."""

    what: str
    unit: str
    measured: float
    promised: float
    binds: bool = False
    at_least: bool = False

    @property
    def holds(self) -> bool:
        """Whether the promise was kept."""
        if self.at_least:
            return self.measured >= self.promised
        return self.measured <= self.promised


def limits_of(
    ingest: IngestFigures, stores: list[StoreFigures], empty_rss_mb: float
) -> Generator[Limit]:
    """Every promise that these figures speak of."""
    yield Limit(
        what="ingest, share of the embedder's rate",
        unit="",
        measured=median(ingest.ratios),
        promised=LEAST_INGEST_RATIO,
        at_least=True,
    )
    yield Limit(
        what="memory, empty store", unit="MB", measured=empty_rss_mb, promised=MOST_EMPTY_RSS_MB
    )
    for store in stores:
        yield from _of_store(store)


def _of_store(store: StoreFigures) -> Generator[Limit]:
    at = f" at {store.size:,}"
    yield Limit(
        what=f"recall p50{at}, times the sum of its parts",
        unit="",
        measured=store.recall.p50 / store.parts.sum_of_medians,
        promised=MOST_TIMES_PARTS,
        binds=True,
    )
    yield Limit(what=f"first answer{at}", unit="s", measured=store.text_seconds, promised=1.0)
    yield Limit(
        what=f"first answer in full{at}", unit="s", measured=store.full_seconds, promised=3.0
    )
    if store.size != PROMISED_SIZE:
        return
    for what, unit, measured, promised in (
        ("recall p50", "ms", store.recall.p50, 15.0),
        ("recall p95", "ms", store.recall.p95, 30.0),
        ("remember p95", "ms", store.remember.p95, 25.0),
        ("memory", "MB", store.rss_mb, 450.0),
    ):
        yield Limit(what=what + at, unit=unit, measured=measured, promised=promised)
