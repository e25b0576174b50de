"""What the vector index costs by itself, on generated vectors in clusters, and what it loses."""

import sqlite3
from collections.abc import Generator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from time import perf_counter
from typing import Final

import numpy as np
import psutil

from benchmarks.timing import Spread, each
from recollect.adapters.sqlite.best import best_first
from recollect.adapters.sqlite.database import migrate
from recollect.adapters.sqlite.matrix import PassageMatrix
from recollect.domain.passages import FloatMatrix, FloatVector
from recollect.domain.scopes import EVERYWHERE
from recollect.operations.arms import DENSE_OVER_FETCH

DIMENSIONS: Final = 384
CLUSTERS: Final = 2_000
SPREAD: Final = 0.9
"""Length of the noise around a centre of length 1: neighbours then have a cosine of about 0.55,
as passages on one topic do in MiniLM."""

QUESTIONS: Final = 200
_CHUNK: Final = 10_000
_MODEL: Final = "generated"


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorFigures:
    """What was measured at one size.

    Attributes:
        load_seconds: From the file into memory.
        matrix_mb: What the process grew by.
        scan: Scoring all and taking the best `DENSE_OVER_FETCH` memories, milliseconds.
        floor_ms: Reading the codes once at the machine's bandwidth.
        recall_codes: Share of the true ten nearest among the first ten by int8.
        recall_rescored: The same after the first are scored again, exactly, as recall does.
    """

    size: int
    load_seconds: float
    matrix_mb: float
    scan: Spread
    floor_ms: float
    recall_codes: float
    recall_rescored: float


def vector_figures(size: int, seed: int) -> VectorFigures:
    """Measure the index with this many vectors."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "vectors.db"
        _store(file, size, seed)
        # A process of its own, so that its growth is the matrix and nothing else.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
            load_seconds, matrix_mb = fresh.submit(_load_cost, file).result()
        matrix = _loaded(file)
    questions = next(_vectors(QUESTIONS, seed + 1))
    scan = each(lambda q: best(matrix, q), list(questions))
    codes, rescored = _recall(matrix, questions, size, seed)
    return VectorFigures(
        size=size,
        load_seconds=load_seconds,
        matrix_mb=matrix_mb,
        scan=scan,
        floor_ms=size * DIMENSIONS / bandwidth() * 1000,
        recall_codes=codes,
        recall_rescored=rescored,
    )


def _load_cost(file: Path) -> tuple[float, float]:
    """The seconds that loading takes and the MB that the process grows by."""
    process = psutil.Process()
    before = process.memory_info().rss
    started = perf_counter()
    matrix = _loaded(file)
    seconds = perf_counter() - started
    grown = process.memory_info().rss - before
    del matrix
    return seconds, grown / 1e6


def _loaded(file: Path) -> PassageMatrix:
    matrix = PassageMatrix(_MODEL)
    with closing(sqlite3.connect(file)) as connection:
        matrix.refresh(connection)
    return matrix


def best(matrix: PassageMatrix, question: FloatVector) -> list[int]:
    """The keys of so many of the best as the index takes for a selection that keeps all."""
    candidates = matrix.candidates(question, EVERYWHERE)
    places = next(best_first(candidates.scores, DENSE_OVER_FETCH + DENSE_OVER_FETCH // 2))
    return list(dict.fromkeys(candidates.keys[places].tolist()))


def bandwidth() -> float:
    """Bytes per second that two threads read from memory together."""
    halves = [np.ones(25_000_000, np.int64) for _ in range(2)]

    def read(part: np.ndarray) -> None:
        for _ in range(4):
            part.sum()

    threads = [Thread(target=read, args=[half]) for half in halves]
    started = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 4 * sum(half.nbytes for half in halves) / (perf_counter() - started)


def _vectors(size: int, seed: int) -> Generator[FloatMatrix]:
    """Unit vectors around shared centres, in chunks; the same seed gives the same."""
    centres = _unit(np.random.default_rng(0).standard_normal((CLUSTERS, DIMENSIONS)))
    random = np.random.default_rng(seed)
    for start in range(0, size, _CHUNK):
        count = min(_CHUNK, size - start)
        noise = random.standard_normal((count, DIMENSIONS), np.float32) / np.sqrt(DIMENSIONS)
        yield _unit(centres[random.integers(CLUSTERS, size=count)] + SPREAD * noise)


def _unit(rows: np.ndarray) -> FloatMatrix:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _store(path: Path, size: int, seed: int) -> None:
    """Write a file with one memory per vector; keys are 1, 2, ... in the order of the vectors."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript("pragma journal_mode = off; pragma synchronous = off")
    migrate(connection)
    key = 0
    for chunk in _vectors(size, seed):
        keys = range(key + 1, key + 1 + len(chunk))
        key += len(chunk)
        connection.execute("begin")
        connection.executemany(
            "insert into memory (key, id, scope, kind, content, tags, metadata, occurred_at, "
            "created_at, updated_at, revision) values (?, ?, '', 'note', '', '[]', '{}', 0, 0, 0, "
            "1)",
            [(k, str(k)) for k in keys],
        )
        connection.executemany(
            f"insert into vector values (null, ?, '{_MODEL}', 0, 1, 0, 0, '', ?, x'')",  # noqa: S608
            [(k, row.tobytes()) for k, row in zip(keys, chunk.astype("<f2"), strict=True)],
        )
        connection.execute("commit")
    connection.close()


def _recall(
    matrix: PassageMatrix, questions: FloatMatrix, size: int, seed: int
) -> tuple[float, float]:
    """recall@10 of the codes alone, and after rescoring."""
    found = [best(matrix, question) for question in questions]
    scores = np.full((len(questions), 10), -2.0, np.float32)
    places = np.zeros((len(questions), 10), np.int64)
    start = 0
    for chunk in _vectors(size, seed):
        exact = questions @ chunk.T
        scores = np.hstack([scores, exact])
        places = np.hstack([places, np.tile(np.arange(len(chunk)) + start, (len(questions), 1))])
        top = np.argpartition(-scores, 10, axis=1)[:, :10]
        scores = np.take_along_axis(scores, top, axis=1)
        places = np.take_along_axis(places, top, axis=1)
        start += len(chunk)
    truth = [set((row + 1).tolist()) for row in places]
    exactly = [matrix.scores(keys, q) for keys, q in zip(found, questions, strict=True)]
    rescored = [sorted(scores, key=scores.__getitem__)[-10:] for scores in exactly]
    return _share(truth, [keys[:10] for keys in found]), _share(truth, rescored)


def _share(truth: list[set[int]], answers: list[list[int]]) -> float:
    shares = [len(t.intersection(a)) / 10 for t, a in zip(truth, answers, strict=True)]
    return float(np.mean(shares))
