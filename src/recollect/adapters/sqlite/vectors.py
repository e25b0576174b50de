"""The vector index: passages' vectors in the tenant's file, searched by a matrix in memory."""

import sqlite3
from collections.abc import Mapping, Sequence
from itertools import chain
from threading import Lock

from recollect.adapters.sqlite.hits import selected
from recollect.adapters.sqlite.home import Home
from recollect.adapters.sqlite.matrix import PassageMatrix, unpacked
from recollect.adapters.sqlite.rows import HAS_VECTORS, KEYED_SELECT, dump, from_row, memories
from recollect.adapters.sqlite.selection import compile_chosen
from recollect.domain.changes import Embedded
from recollect.domain.memory import Memory
from recollect.domain.passages import FloatVector, KeptVector, digest
from recollect.domain.scopes import EVERYWHERE
from recollect.domain.searchable import passage_source
from recollect.domain.selection import Selection
from recollect.ports import Distribution, Nearest, Outline, ScoredOutline

# Ranges instead of `is not`, so that the index serves them.
_WAITING = "(m.embedded_by is null or m.embedded_by < ? or m.embedded_by > ?)"

_WAITS = f"select exists (select 1 from memory m where {_WAITING})"  # noqa: S608

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
from vector where memory_key in (select value from json_each(?)) order by memory_key, ordinal
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
    connection: sqlite3.Connection, keys: Sequence[int]
) -> Mapping[int, list[KeptVector]]:
    """The vectors of the memories whose rows have these keys, by key."""
    kept: dict[int, list[KeptVector]] = {}
    for key, *row in connection.execute(_KEPT, [dump(keys)]):
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
        self, tenant: str, outlines: Sequence[Outline], model: str, vector: FloatVector
    ) -> Mapping[str, float]:
        # Here, without a look into the file: another thread would take longer than the scores.
        ids = {outline.indexed: outline.id for outline in outlines if outline.indexed}
        scores = self._matrix(tenant, model).scores(ids.keys(), vector)
        return {ids[key]: score for key, score in scores.items()}

    async def embedded(
        self, tenant: str, selection: Selection, ids: Sequence[str]
    ) -> list[tuple[Memory, Embedded | None]]:
        database = await self._home.database(tenant)
        return await database.read(lambda c: _embedded(c, selection, ids))

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
    exact = next(portions, dict[int, float]())
    best = chain(exact.items(), chain.from_iterable(portion.items() for portion in portions))
    found = selected(connection, selection, best, limit, also=HAS_VECTORS)
    exact |= matrix.scores(found.keys() - exact.keys(), vector)
    hits = [hit._replace(score=exact.get(key, hit.score)) for key, hit in found.items()]
    return sorted(hits, key=lambda hit: (-hit.score, hit.id))


def _embedded(
    connection: sqlite3.Connection, selection: Selection, ids: Sequence[str]
) -> list[tuple[Memory, Embedded | None]]:
    chosen, values = compile_chosen(selection, ids)
    rows = connection.execute(KEYED_SELECT + chosen, values).fetchall()
    kept = kept_vectors(connection, [row[0] for row in rows])
    return [
        (memory := from_row(row), Embedded.of(memory.id, embedded_by, kept.get(key, ()), unpacked))
        for key, embedded_by, *row in rows
    ]
