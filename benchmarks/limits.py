"""What the design promises, on two cores, and what was measured beyond it."""

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from statistics import median
from typing import Final

from benchmarks.conversations import ConversationFigures
from benchmarks.ingest import IngestFigures
from benchmarks.mirror import MirrorFigures
from benchmarks.store import StoreFigures

LEAST_INGEST_RATIO: Final = 0.65
MOST_TIMES_PARTS: Final = 1.5
MOST_EMPTY_RSS_MB: Final = 200.0
PROMISED_SIZE: Final = 100_000
"""The size that the limits on one recall, one write and memory are promised for.

In a small store the parts cost next to nothing, and a recall is the constant cost of a request and
of ranking: nothing that grows is to be seen there.
"""

MOST_MIRRORED_MS: Final = {1000: 40.0, 10_000: 100.0}
"""By the number of notes in one folder."""

LEAST_MIRRORED_PER_SECOND: Final = 50.0
MOST_ANSWER_MS: Final = 40.0
"""Of MemMachine's face, in a project of 10,000 messages."""


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
    yield Limit(what=f"first answer{at}", unit="s", measured=store.text_seconds, promised=1.0)
    yield Limit(
        what=f"first answer in full{at}", unit="s", measured=store.full_seconds, promised=3.0
    )
    if store.size != PROMISED_SIZE:
        return
    yield Limit(
        what=f"recall p50{at}, times the sum of its parts",
        unit="",
        measured=store.times_parts,
        promised=MOST_TIMES_PARTS,
        binds=True,
    )
    for what, unit, measured, promised in (
        ("recall p50", "ms", store.recall.p50, 15.0),
        ("recall p95", "ms", store.recall.p95, 30.0),
        ("remember p95", "ms", store.remember.p95, 25.0),
        ("remember p95, mirrored", "ms", store.remember_mirrored.p95, MOST_MIRRORED_MS[10_000]),
        ("memory", "MB", store.rss_mb, 450.0),
    ):
        yield Limit(what=what + at, unit=unit, measured=measured, promised=promised)


def mirror_limits(mirrors: Iterable[MirrorFigures]) -> Generator[Limit]:
    """What is promised of notes that are mirrored to git."""
    for mirror in mirrors:
        at = f" with {mirror.notes:,} notes in git"
        answers, together = mirror.mirrored.alone, mirror.mirrored.together
        if mirror.notes in MOST_MIRRORED_MS:
            most = MOST_MIRRORED_MS[mirror.notes]
            yield Limit(
                what=f"remember p95{at}", unit="ms", measured=answers.spread.p95, promised=most
            )
        yield Limit(
            what=f"remember, 8 clients{at}",
            unit="per second",
            measured=together.per_second,
            promised=LEAST_MIRRORED_PER_SECOND,
            at_least=True,
        )


def conversation_limits(figures: ConversationFigures) -> Generator[Limit]:
    """What is promised of MemMachine's face."""
    for what, answers in (("add", figures.add), ("search", figures.search)):
        yield Limit(
            what=f"{what} p95 in a project of 10,000 messages",
            unit="ms",
            measured=answers.spread.p95,
            promised=MOST_ANSWER_MS,
        )
    together = figures.together
    for what, count in (
        ("failures", len(together.failures)),
        ("messages lost", together.lost),
        ("deleted messages that are still there", together.undead),
        ("messages seen in another project", together.foreign),
    ):
        yield Limit(what=f"{what}, 8 clients", unit="", measured=count, promised=0, binds=True)
