"""The passages' vectors of one tenant and model in memory, as int8, scanned whole per question.

Rounding to int8 (one scale per vector) keeps a scan of 100,000 vectors of 384 dimensions under
2 ms on one core, a quarter of float32's memory traffic. What that leaves of each number is kept
beside, as int8 again: with both, the few that are found are scored as exactly as from the float16
vectors of the file, which would take 10 us each to read.
"""

import sqlite3
from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import NamedTuple, TypeVar

import numpy as np
import simsimd
from numpy.typing import NDArray

from recollect.adapters.sqlite.best import best_first
from recollect.adapters.sqlite.database import decoding
from recollect.domain.memory import Kind
from recollect.domain.passages import FloatMatrix, FloatVector
from recollect.domain.scopes import ScopeSet

S = TypeVar("S", bound=np.generic)

DEAD = -1
_STATE = """
select coalesce((select max(seq) from log), 0), coalesce((select max(key) from vector), 0)
"""
_LOAD = """
select v.key, v.memory_key, m.scope, m.kind, v.embedding
from vector v join memory m on m.key = v.memory_key
where v.model = ? and """
_KINDS = frozenset(Kind)
_BATCH = 4096
_FINER = 254
_GATHER_BELOW = 8  # copying the rows of a few memories beats scanning everything


@dataclass(frozen=True, slots=True)
class Candidates:
    """Every row in reach with its score; taken best first, in growing portions.

    Attributes:
        exact: The scores of the rows at these places, exactly.
    """

    keys: NDArray[np.int64]
    scores: FloatVector
    exact: Callable[[NDArray[np.intp]], FloatVector]

    def portions(self, first: int, *, growth: int) -> Generator[dict[int, float]]:
        """Yield the best memories' keys with their scores, best first, each memory once.

        The scores of the first portion are exact.
        """
        seen = {DEAD}
        for turn, places in enumerate(best_first(self.scores, first, growth)):
            scores = self.scores[places] if turn else self.exact(places)
            order = np.argsort(-scores, kind="stable")
            keys: list[int] = self.keys[places[order]].tolist()
            fresh: dict[int, float] = {}
            for key, score in zip(keys, scores[order].tolist(), strict=True):
                if key not in seen:  # of a memory's passages, the best comes first
                    seen.add(key)
                    fresh[key] = score
            if fresh:
                yield fresh

    def alive(self) -> FloatVector:
        """The scores of the rows that are not dead."""
        return self.scores[self.keys != DEAD]


class _Rows(NamedTuple):
    """What questions are put to: a row for each passage.

    Attributes:
        codes, rests: `(n, dimensions)`; together and times `scales` they make the vectors.
        keys: The memories'; `DEAD` where one has other vectors by now, or none.
        numbers: Those of the scope and kind.
    """

    codes: NDArray[np.int8]
    rests: NDArray[np.int8]
    scales: FloatVector
    keys: NDArray[np.int64]
    numbers: NDArray[np.int32]

    def exact(self, vector: FloatVector, rows: NDArray[np.intp]) -> FloatVector:
        """The inner product with each of these rows, as of the vectors that the file keeps."""
        vectors = self.codes[rows] + self.rests[rows] / np.float32(_FINER)
        return (vectors @ vector * self.scales[rows]).astype(np.float32)


class PassageMatrix:
    """Follows the `vector` table: what is new by its key, what changed by the log.

    A memory has vectors of one model, so new ones of another take the place of its rows here.

    A row is never changed once a scan may see it: changed memories' rows are marked dead in a
    copy and appended anew, and the arrays are replaced when they grow or are tidied up. So who asks
    takes the rows that are shown, and waits for nobody.
    """

    def __init__(self, model: str) -> None:
        self.model = model
        self._lock = Lock()
        self._seq = 0
        self._vector_key = 0
        self._size = 0
        self._dead = 0
        self._places: dict[tuple[str, str], int] = {}
        self._codes = np.empty((0, 0), dtype=np.int8)
        self._rests = np.empty((0, 0), dtype=np.int8)
        self._scales = np.empty(0, dtype=np.float32)
        self._keys = np.empty(0, dtype=np.int64)
        self._numbers = np.empty(0, dtype=np.int32)
        self._shown = self._all()

    def refresh(self, connection: sqlite3.Connection) -> None:
        """Catch up with everything committed before the connection's snapshot."""
        seq, last = connection.execute(_STATE).fetchone()
        with self._lock:
            if seq <= self._seq and last <= self._vector_key:
                return
            if self._vector_key == 0:
                self._append(connection.execute(_LOAD + "v.key <= ?", [self.model, last]))
            else:
                self._follow(connection)
            self._seq, self._vector_key = max(seq, self._seq), max(last, self._vector_key)
            self._shown = self._all()

    def candidates(
        self, vector: FloatVector, scopes: ScopeSet, kinds: Collection[str] = _KINDS
    ) -> Candidates:
        """Score the question (unit length) against every passage of these kinds in these scopes."""
        shown = self._shown
        exact = partial(shown.exact, vector)
        if not len(shown.keys):
            return Candidates(shown.keys, shown.scales, exact)
        question, scale = _quantised(vector[None, :])
        if scopes.is_everything and frozenset(kinds) >= _KINDS:
            scores = _dots(question, shown.codes) * (shown.scales * scale[0])
            return Candidates(shown.keys, scores, exact)
        with self._lock:
            known = list(self._places.items())
        covered = np.zeros(len(known), dtype=bool)
        covered[[n for (scope, kind), n in known if kind in kinds and scopes.covers(scope)]] = True
        rows = np.flatnonzero(covered[shown.numbers])
        if len(rows) * _GATHER_BELOW < len(shown.keys):
            scores = _dots(question, shown.codes[rows]) if len(rows) else shown.scales[:0]
        else:
            scores = _dots(question, shown.codes)[rows]
        scores = scores * (shown.scales[rows] * scale[0])
        return Candidates(shown.keys[rows], scores, lambda places: exact(rows[places]))

    def scores(self, memory_keys: Collection[int], vector: FloatVector) -> dict[int, float]:
        """The score of each of these memories by its best passage, exactly; not of one without."""
        shown = self._shown
        if not (len(shown.keys) and memory_keys):
            return {}
        asked = np.zeros(max(shown.keys.max(), *memory_keys) + 2, dtype=np.bool_)
        asked[list(memory_keys)] = True  # but not the last, which stands for DEAD
        rows = np.flatnonzero(asked[shown.keys])
        exact = shown.exact(vector, rows)
        best: dict[int, float] = {}
        for key, score in zip(shown.keys[rows].tolist(), exact.tolist(), strict=True):
            best[key] = max(score, best.get(key, score))
        return best

    def _all(self) -> _Rows:
        """The rows that are there. Caller holds the lock."""
        arrays = (self._codes, self._rests, self._scales, self._keys, self._numbers)
        return _Rows._make(array[: self._size] for array in arrays)

    def _follow(self, connection: sqlite3.Connection) -> None:
        """Load the changed memories' rows anew. Caller holds the lock."""
        changed = {
            key
            for (key,) in connection.execute(
                "select memory_key from vector where key > ? union "
                "select memory_key from log where seq > ? and memory_key is not null",
                [self._vector_key, self._seq],
            )
        }
        self._kill(changed)
        for batch in _batches(sorted(changed), _BATCH):
            within = f"v.memory_key in ({', '.join('?' * len(batch))}) order by v.key"
            self._append(connection.execute(_LOAD + within, [self.model, *batch]))
        self._tidy()

    def _kill(self, memory_keys: set[int]) -> None:
        rows = np.flatnonzero(np.isin(self._keys[: self._size], list(memory_keys)))
        if len(rows):
            # A scan under way keeps the array it began with, and so the rows as they were.
            self._keys = self._keys.copy()
            self._keys[rows] = DEAD
            self._dead += len(rows)

    def _append(self, rows: sqlite3.Cursor) -> None:
        while batch := rows.fetchmany(_BATCH):
            vectors = unpacked([row[4] for row in batch])
            codes, scales = _quantised(vectors)
            self._reserve(self._size + len(batch), codes.shape[1])
            place = slice(self._size, self._size + len(batch))
            self._codes[place] = codes
            self._rests[place] = np.rint((vectors / scales[:, None] - codes) * _FINER)
            self._scales[place] = scales
            self._keys[place] = [row[1] for row in batch]
            self._numbers[place] = [
                self._places.setdefault((row[2], row[3]), len(self._places)) for row in batch
            ]
            self._size += len(batch)

    def _reserve(self, size: int, dimensions: int) -> None:
        """Make room, in new arrays a half larger than needed."""
        if size <= len(self._keys) and self._codes.shape[1] == dimensions:
            return
        self._copy(np.arange(self._size), capacity=size + size // 2 + 64, dimensions=dimensions)

    def _tidy(self) -> None:
        """Leave the dead rows behind once they are a quarter of all."""
        if self._dead * 4 > self._size + 1000:
            alive = np.flatnonzero(self._keys[: self._size] != DEAD)
            self._copy(alive, capacity=len(alive) * 5 // 4, dimensions=self._codes.shape[1])
            self._size, self._dead = len(alive), 0

    def _copy(self, rows: NDArray[np.int64], *, capacity: int, dimensions: int) -> None:
        count = len(rows)
        self._codes = _grown(self._codes[rows].reshape(count, dimensions), capacity)
        self._rests = _grown(self._rests[rows].reshape(count, dimensions), capacity)
        self._scales = _grown(self._scales[rows], capacity)
        self._keys = _grown(self._keys[rows], capacity)
        self._numbers = _grown(self._numbers[rows], capacity)


def unpacked(embeddings: Sequence[bytes]) -> FloatMatrix:
    """The vectors of rows of the `vector` table, `(n, dimensions)`.

    Raises:
        StoreUnavailable: They are not all of one length: the file is damaged.
    """
    with decoding():
        halves = np.frombuffer(b"".join(embeddings), dtype="<f2")
        return halves.reshape(len(embeddings), -1).astype(np.float32)


def _grown(values: NDArray[S], capacity: int) -> NDArray[S]:
    grown = np.zeros((capacity, *values.shape[1:]), dtype=values.dtype)
    grown[: len(values)] = values
    return grown


def _quantised(vectors: FloatMatrix) -> tuple[NDArray[np.int8], FloatVector]:
    """Codes in [-127, 127] and the scale of each row: `vectors` is about `codes * scale`."""
    scales = np.maximum(np.abs(vectors).max(axis=1), 1e-12) / np.float32(127)
    return np.rint(vectors / scales[:, None]).astype(np.int8), scales.astype(np.float32)


def _dots(question: NDArray[np.int8], codes: NDArray[np.int8]) -> FloatVector:
    """The inner product of one question with every row.

    On one thread: 1.5 ms for 100,000 rows. Two take 0.7 ms on idle cores, but wait for each other
    by spinning, which took 16 ms as soon as another process wanted a core.
    """
    dots = simsimd.cdist(question, codes, metric="dot", out_dtype="float32", threads=1)
    return np.asarray(dots, dtype=np.float32)[0]


def _batches(values: list[int], size: int) -> Iterable[list[int]]:
    return (values[start : start + size] for start in range(0, len(values), size))
