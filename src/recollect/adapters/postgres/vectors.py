"""The vector index: pgvector, one row per passage."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from recollect.adapters.postgres.bulk import array
from recollect.adapters.postgres.database import Cursor, Database
from recollect.adapters.postgres.graphs import INDEX_FROM, look_after_graphs, progress
from recollect.adapters.postgres.half_vector import HalfVector, unpacked
from recollect.adapters.postgres.loading import hold_tenant
from recollect.adapters.postgres.nearest import LARGE, nearest
from recollect.adapters.postgres.rows import SELECT, keyed_memories
from recollect.adapters.postgres.selection import compile_chosen
from recollect.domain.changes import Embedded
from recollect.domain.flat import memory_of
from recollect.domain.memory import Memory
from recollect.domain.passages import FloatVector, KeptVector, digest
from recollect.domain.searchable import passage_source
from recollect.domain.selection import Selection
from recollect.ports import Distribution, Nearest, Outline

_INSERT = f"insert into passage values ({', '.join(['%s'] * 11)})"  # noqa: S608

# Ranges instead of `is distinct from`, so that the index serves them.
_WAITING = "m.tenant = %s and (m.embedded_by is null or m.embedded_by < %s or m.embedded_by > %s)"
_WAITS = f"select exists (select 1 from memory m where {_WAITING})"  # noqa: S608

# Each model by one look into the index; `select distinct` would read the whole of it.
_MODELS = """
with recursive found (model) as (
    select min(embedded_by) from memory where tenant = %(tenant)s
    union all
    select (select min(embedded_by) from memory
            where tenant = %(tenant)s and embedded_by > found.model)
    from found where found.model is not null
)
select model from found where model is not null
"""
_KEPT = """
select memory_key, model, total, start, "end", heading, halfvec_send(embedding), digest
from passage where tenant = %s and memory_key = any(%s) order by memory_key, ordinal
"""
_SCORES = """
select m.id, max(-(v.embedding <#> %s)) from memory m
join passage v on v.tenant = m.tenant and v.memory_key = m.key and v.model = %s
where m.tenant = %s and m.id = any(%s::text[]) group by m.id
"""
_CLAIM = """
update memory m set embedded_by = made.model
from unnest(%s::text[], %s::bigint[], %s::text[]) as made (id, revision, model)
where m.tenant = %s and m.id = made.id and m.revision = made.revision returning m.id, m.key
"""
_ALL_SCORES = """
select -(v.embedding <#> %s) from passage v
where v.tenant = %s and v.model = %s and v.dimensions = %s
"""


async def insert_vectors(
    cursor: Cursor, tenant: str, made: Sequence[tuple[int, Memory, Embedded]]
) -> None:
    """Insert memories' vectors, each with the key of its row, inside the caller's transaction."""
    rows = [row for key, memory, embedded in made for row in _rows(tenant, key, memory, embedded)]
    if rows:
        await cursor.executemany(_INSERT.encode(), rows)


def _rows(tenant: str, key: int, memory: Memory, embedded: Embedded) -> list[list[Any]]:
    source = passage_source(memory)
    total, dimensions = embedded.vectors.shape
    return [
        [
            tenant,
            key,
            ordinal,
            total,
            embedded.model,
            dimensions,
            passage.start,
            passage.end,
            passage.heading,
            half := HalfVector(vector),
            digest(source, passage, half.binary),
        ]
        for ordinal, (passage, vector) in enumerate(
            zip(embedded.passages, embedded.vectors, strict=True)
        )
    ]


async def kept_vectors(
    cursor: Cursor, tenant: str, keys: Sequence[int]
) -> Mapping[int, list[KeptVector]]:
    """The vectors of the memories whose rows have these keys, by key."""
    await cursor.execute(_KEPT, [tenant, list(keys)])
    kept: dict[int, list[KeptVector]] = {}
    for key, *row in await cursor.fetchall():
        kept.setdefault(key, []).append(KeptVector(*row))
    return kept


class PostgresVectorIndex:
    """A VectorIndex that shares the records' transactions."""

    def __init__(
        self, database: Database, *, index_from: int = INDEX_FROM, large: int = LARGE
    ) -> None:
        self._database = database
        self._index_from = index_from
        self._large = large

    async def search(
        self, tenant: str, selection: Selection, model: str, vector: FloatVector, limit: int
    ) -> Nearest:
        async def work(cursor: Cursor) -> Nearest:
            hits = await nearest(cursor, tenant, selection, (model, vector, limit), self._large)
            await cursor.execute(_WAITS.encode(), [tenant, model, model])
            row = await cursor.fetchone()
            return Nearest(hits=hits, complete=row is not None and not row[0])

        return await self._database.read(tenant, work)

    async def scores(
        self, tenant: str, outlines: Sequence[Outline], model: str, vector: FloatVector
    ) -> Mapping[str, float]:
        ids = array(outline.id for outline in outlines)
        rows = await self._database.rows(tenant, _SCORES, [HalfVector(vector), model, tenant, ids])
        return dict(rows)

    async def embedded(
        self, tenant: str, selection: Selection, ids: Sequence[str]
    ) -> list[tuple[Memory, Embedded | None]]:
        chosen, values = compile_chosen(tenant, selection, ids)

        async def work(cursor: Cursor) -> list[tuple[Memory, Embedded | None]]:
            found = await keyed_memories(cursor, chosen, values)
            kept = await kept_vectors(cursor, tenant, [row.key for row in found])
            return [
                (memory, Embedded.of(memory.id, embedded_by, kept.get(key, ()), unpacked))
                for key, embedded_by, memory in found
            ]

        return await self._database.read(tenant, work)

    async def distribution(
        self, tenant: str, model: str, vector: FloatVector
    ) -> Distribution | None:
        rows = await self._database.rows(
            tenant, _ALL_SCORES, [HalfVector(vector), tenant, model, len(vector)]
        )
        return Distribution.of(np.array([score for (score,) in rows], dtype=np.float32))

    async def models(self, tenant: str) -> list[str]:
        rows = await self._database.rows(tenant, _MODELS, {"tenant": tenant})
        return [model for (model,) in rows]

    async def waiting(self, tenant: str, model: str, limit: int) -> list[Memory]:
        rows = await self._database.rows(
            tenant,
            f"{SELECT} where {_WAITING} order by m.key limit %s",
            [tenant, model, model, limit],
        )
        return [memory_of(row) for row in rows]

    async def warm(self, tenant: str, model: str) -> None:
        """Make the model's graph once it has passages enough."""
        await self._database.outside(
            lambda connection: look_after_graphs(connection, tenant, model, self._index_from)
        )

    async def indexed(self, tenant: str, model: str) -> float | None:
        return await self._database.read(tenant, lambda cursor: progress(cursor, model))

    async def store(self, tenant: str, embedded: Sequence[tuple[Memory, Embedded]]) -> None:
        made = {memory.id: (memory, vectors) for memory, vectors in embedded}

        async def work(cursor: Cursor) -> None:
            await hold_tenant(cursor, tenant)
            keys = await _claimed(cursor, tenant, made.values())
            await cursor.execute(
                "delete from passage where tenant = %s and memory_key = any(%s)",
                [tenant, list(keys.values())],
            )
            await insert_vectors(cursor, tenant, [(keys[i], *made[i]) for i in keys])

        await self._database.write(tenant, work)


async def _claimed(
    cursor: Cursor, tenant: str, made: Iterable[tuple[Memory, Embedded]]
) -> dict[str, int]:
    """Mark what has vectors now; gives the keys of those that are still at their revision."""
    rows = [
        (memory.id, memory.revision, vectors.model if vectors.complete else None)
        for memory, vectors in made
    ]
    columns = [array(column) for column in zip(*rows, strict=True)] or ["{}"] * 3
    await cursor.execute(_CLAIM, [*columns, tenant])
    return dict(await cursor.fetchall())
