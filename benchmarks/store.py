"""What a filled store costs: start-up, latencies over HTTP, memory, disk."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.corpus import RARE_SCOPE, notes, questions
from benchmarks.filling import Filled, Request, filled_store, note_request
from benchmarks.load import measured
from benchmarks.parts import Parts, parts_of
from benchmarks.serving import Server, running
from benchmarks.timing import Spread

CLIENTS: Final = 8
WRITES: Final = 100
_CHUNK: Final = 1 << 20
_FRESH_NOTES: Final = 50
"""Added to the seed of questions and notes, so that they differ from what the store holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFigures:
    """What was measured at one size. Durations are in milliseconds unless named otherwise.

    Attributes:
        recall: One client, every scope.
        recall_together: `CLIENTS` clients, each asking the next question at once.
        recall_in_scope: One client, in a scope that holds a hundredth.
        recall_filtered: One client, every scope, a filter that keeps a hundredth.
        remember: One client storing notes, without a mirror.
        remember_mirrored: The same, waiting for the file and its commit.
    """

    size: int
    filled: Filled
    text_seconds: float
    full_seconds: float
    recall: Spread
    recall_together: Spread
    recall_in_scope: Spread
    recall_filtered: Spread
    remember: Spread
    remember_mirrored: Spread
    parts: Parts
    rss_mb: float
    disk_mb: float

    @property
    def times_parts(self) -> float:
        """How many times as long as its parts one after another a recall takes, medians."""
        return self.recall.p50 / self.parts.sum_of_medians


def store_figures(cache: Path, size: int, seed: int, asked: int) -> StoreFigures:
    """Measure a store of this size, filled now or kept in the cache."""
    kept, filled = filled_store(cache, size, seed)
    questioned = questions(seed + _FRESH_NOTES, asked)
    with TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        shutil.copytree(kept, data_dir)
        into_page_cache(data_dir)
        parts = parts_of(data_dir, questioned)
        # First: a mirror looks at every file of the copy anew, as after no ordinary start.
        with running(data_dir, questioned[0]) as server:
            into_page_cache(data_dir)
            remember_mirrored = _remember(server, seed + _FRESH_NOTES)
        with running(data_dir, questioned[0], RECOLLECT_GIT__MIRROR="false") as server:
            into_page_cache(data_dir)
            remember = _remember(server, seed + 2 * _FRESH_NOTES)
        into_page_cache(data_dir)
        with running(data_dir, questioned[0]) as server:
            into_page_cache(data_dir)
            return StoreFigures(
                size=size,
                filled=filled,
                text_seconds=server.text_seconds,
                full_seconds=server.full_seconds,
                recall=_recall(server, questioned),
                recall_together=_recall(server, questioned * 2, clients=CLIENTS),
                recall_in_scope=_recall(server, questioned, scope=RARE_SCOPE, look="exact"),
                recall_filtered=_recall(server, questioned, filter=f"scope = '{RARE_SCOPE}'"),
                remember=remember,
                remember_mirrored=remember_mirrored,
                parts=parts,
                rss_mb=server.rss_mb(),
                disk_mb=sum(f.stat().st_size for f in data_dir.rglob("*") if f.is_file()) / 1e6,
            )


def into_page_cache(data_dir: Path) -> None:
    """Read every file once.

    Some virtual machines take back what nobody read for half a minute, however much memory is
    free. A recall would then be measured by what the disk takes: 20 pages in 4 ms.
    """
    for file in data_dir.rglob("*"):
        if file.is_file():
            with file.open("rb") as opened:
                while opened.read(_CHUNK):
                    pass


def empty_rss_mb(seed: int) -> float:
    """Memory of a server over an empty store after some questions, MB."""
    with TemporaryDirectory() as folder, running(Path(folder), "anything") as server:
        _recall(server, questions(seed, 50))
        return server.rss_mb()


def _recall(server: Server, asked: Sequence[str], *, clients: int = 1, **more: object) -> Spread:
    requests: list[Request] = [
        ("/v1/recall", {"query": question, "look": "all", **more}) for question in asked
    ]
    return measured(server.url, requests, clients).spread


def _remember(server: Server, seed: int) -> Spread:
    requests = [note_request(n) for n in notes(seed, WRITES)]
    return measured(server.url, requests).spread
