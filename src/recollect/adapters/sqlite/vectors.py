"""The vector index: passages' vectors in the tenant's file, searched by a matrix in memory."""

import sqlite3
from collections.abc import Mapping, Sequence
from itertools import chain
from operator import itemgetter
from threading import Lock

from recollect.adapters.sqlite.hits import selected
from recollect.adapters.sqlite.home import Home
from recollect.adapters.sqlite.matrix import PassageMatrix, unpacked
from recollect.adapters.sqlite.rows import at_once, dump, memories
from recollect.domain.changes import Embedded
from recollect.domain.memory import Memory
from recollect.domain.passages import FloatVector, KeptVector, Passage, digest
from recollect.domain.scopes import EVERYWHERE
from recollect.domain.searchable import passage_source
from recollect.domain.selection import Selection
from recollect.ports import Distribution, Nearest, Revised, ScoredOutline, ScoredPassage

# Ranges instead of `is not`, so that the index serves them.
_WAITING = "(m.embedded_by is null or m.embedded_by < ? or m.embedded_by > ?)"

_WAITS = f"select exists (select 1 from memory m where {_WAITING})"  # noqa: S608

# A check drops vectors that it finds wrong, without a line in the log: the matrix still has them.
_HAS_VECTORS = (
    "(m.embedded_by is not null or exists (select 1 from vector v where v.memory_key = m.key))"
)
_CHOSEN = f"from memory m where m.id in (select value from json_each(?)) and {_HAS_VECTORS}"  # noqa: S608

# Each model by one look into the index; `select distinct` would read the whole of it.
_MODELS = """
with recursive found (model) as (
    select min(embedded_by) from memory
    union all
    select (select min(embedded_by) from memory where embedded_by > model)
    from found where model is not null
)
select model from found where model is not null
"""

_KEPT = """
select memory_key, model, total, start, "end", heading, embedding, digest
from vector where memory_key between ? and ? order by memory_key, model, ordinal
"""


def insert_vectors(
    connection: sqlite3.Connection, key: int, memory: Memory, embedded: Embedded
) -> None:
    """Replace a memory's vectors, of whichever model, inside the caller's transaction."""
    connection.execute("delete from vector where memory_key = ?", [key])
    source = passage_source(memory)
    total = len(embedded.passages)
    halves = embedded.vectors.astype("<f2")
    connection.executemany(
        "insert into vector values (null, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (key, embedded.model, ordinal, total, passage.start, passage.end, passage.heading,
             half.tobytes(), digest(source, passage, half.tobytes()))
            for ordinal, (passage, half) in enumerate(zip(embedded.passages, halves, strict=True))
        ],
    )  # fmt: skip


def kept_vectors(
    connection: sqlite3.Connection, first: int, last: int
) -> Mapping[int, list[KeptVector]]:
    """The vectors of the memories whose rows have keys from `first` to `last`, by key."""
    kept: dict[int, list[KeptVector]] = {}
    for key, *row in connection.execute(_KEPT, [first, last]):
        kept.setdefault(key, []).append(KeptVector(*row))
    return kept


class SqliteVectorIndex:
    """A VectorIndex whose matrix follows the file, whichever process writes it."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._matrices: dict[tuple[str, str], PassageMatrix] = {}
        self._creating = Lock()

    async def search(
        self, tenant: str, selection: Selection, model: str, vector: FloatVector, limit: int
    ) -> Nearest:
        database = await self._home.database(tenant)
        matrix = self._matrix(tenant, model)

        def work(connection: sqlite3.Connection) -> Nearest:
            hits = _search(connection, matrix, selection, vector, limit)
            (waits,) = connection.execute(_WAITS, [model, model]).fetchone()
            return Nearest(hits=hits, complete=not waits)

        nearest = await database.read(work)
        if nearest.complete:
            self._drop_other_matrices(tenant, model)
        return nearest

    async def scores(
        self, tenant: str, ids: Sequence[str], model: str, vector: FloatVector
    ) -> Mapping[str, float]:
        database = await self._home.database(tenant)
        matrix = self._matrix(tenant, model)

        def work(connection: sqlite3.Connection) -> Mapping[str, float]:
            rows = at_once(connection, "m.key, m.id", _CHOSEN, [dump(list(ids))])
            matrix.refresh(connection)
            scores = matrix.scores([key for key, _ in rows], vector)
            return {memory_id: scores[key] for key, memory_id in rows if key in scores}

        return await database.read(work)

    async def passages(
        self, tenant: str, memories: Sequence[Revised], model: str, vector: FloatVector
    ) -> Mapping[str, list[ScoredPassage]]:
        database = await self._home.database(tenant)
        return await database.read(lambda c: _passages(c, memories, model, vector))

    async def distribution(
        self, tenant: str, model: str, vector: FloatVector
    ) -> Distribution | None:
        database = await self._home.database(tenant)
        matrix = self._matrix(tenant, model)

        def scores(connection: sqlite3.Connection) -> FloatVector:
            matrix.refresh(connection)
            return matrix.candidates(vector, EVERYWHERE).alive()

        return Distribution.of(await database.read(scores))

    async def models(self, tenant: str) -> list[str]:
        database = await self._home.database(tenant)
        return await database.read(lambda c: [model for (model,) in c.execute(_MODELS)])

    async def waiting(self, tenant: str, model: str, limit: int) -> list[Memory]:
        database = await self._home.database(tenant)
        where = f"where {_WAITING} order by m.key limit ?"
        return await database.read(lambda c: memories(c, where, [model, model, limit]))

    async def store(self, tenant: str, embedded: Sequence[tuple[Memory, Embedded]]) -> None:
        def write(connection: sqlite3.Connection) -> None:
            for memory, made in embedded:
                row = connection.execute(
                    "update memory set embedded_by = ? where id = ? and revision = ? returning key",
                    [made.model if made.complete else None, memory.id, memory.revision],
                ).fetchone()
                if row:
                    insert_vectors(connection, row[0], memory, made)

        database = await self._home.database(tenant)
        await database.write(write)

    async def warm(self, tenant: str, model: str) -> None:
        """Load the matrix now, so that the first question does not wait for it."""
        database = await self._home.database(tenant)
        await database.read(self._matrix(tenant, model).refresh)

    async def indexed(self, tenant: str, model: str) -> float | None:
        """There is no index to be made beside the matrix."""
        del tenant, model
        return None

    def _matrix(self, tenant: str, model: str) -> PassageMatrix:
        with self._creating:
            return self._matrices.setdefault((tenant, model), PassageMatrix(model))

    def _drop_other_matrices(self, tenant: str, model: str) -> None:
        """Free what older models took: nothing of theirs is left."""
        with self._creating:
            for key in [key for key in self._matrices if key[0] == tenant and key[1] != model]:
                del self._matrices[key]


def _search(
    connection: sqlite3.Connection,
    matrix: PassageMatrix,
    selection: Selection,
    vector: FloatVector,
    limit: int,
) -> list[ScoredOutline]:
    """The nearest that the selection keeps, by exact scores.

    The first portion, which is enough unless the selection keeps little, is scored exactly before
    it is looked up; of the others, what the selection keeps, afterwards.
    """
    matrix.refresh(connection)
    candidates = matrix.candidates(vector, selection.scopes, selection.kinds)
    portions = candidates.portions(limit + limit // 2, growth=3)
    exact = matrix.scores(next(portions, dict[int, float]()), vector)
    nearest = sorted(exact.items(), key=itemgetter(1), reverse=True)
    best = chain(nearest, chain.from_iterable(portion.items() for portion in portions))
    found = selected(connection, selection, best, limit, also=_HAS_VECTORS)
    exact |= matrix.scores(found.keys() - exact.keys(), vector)
    hits = [hit._replace(score=exact.get(key, hit.score)) for key, hit in found.items()]
    return sorted(hits, key=lambda hit: (-hit.score, hit.id))


def _passages(
    connection: sqlite3.Connection, found: Sequence[Revised], model: str, vector: FloatVector
) -> Mapping[str, list[ScoredPassage]]:
    rows = connection.execute(
        'select m.id, v.start, v."end", v.heading, v.embedding from json_each(?) asked '
        "join memory m on m.id = asked.value ->> 0 and m.revision = asked.value ->> 1 "
        "join vector v on v.memory_key = m.key and v.model = ? order by m.key, v.ordinal",
        [dump([(memory.id, memory.revision) for memory in found]), model],
    ).fetchall()
    if not rows:
        return {}
    scores: list[float] = (unpacked([row[4] for row in rows]) @ vector).tolist()
    scored: dict[str, list[ScoredPassage]] = {}
    for (memory_id, start, end, heading, _), score in zip(rows, scores, strict=True):
        passage = Passage(start=start, end=end, heading=heading)
        scored.setdefault(memory_id, []).append(ScoredPassage(passage=passage, score=score))
    for passages in scored.values():
        passages.sort(key=lambda passage: -passage.score)
    return scored
