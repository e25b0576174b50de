"""The nearest passages: through a graph where there is one, by looking at all of them where not.

The graph (HNSW) is made per model and length of its vectors, over all tenants. While few passages
are stored, or a selection keeps few, the planner looks at all of them instead, which is exact.
"""

from collections.abc import Sequence
from hashlib import md5
from typing import Any

from psycopg import sql

from recollect.adapters.postgres.database import Connection, Cursor
from recollect.adapters.postgres.half_vector import HalfVector
from recollect.adapters.postgres.selection import are_few, compile_selection
from recollect.domain.passages import FloatVector
from recollect.domain.selection import Selection
from recollect.ports import ScoredId

INDEX_FROM = 20_000
"""So many passages of a model are worth a graph: looking at all takes some 30 ms."""

LONGEST_INDEXED = 4_000
"""pgvector makes graphs of `halfvec` up to this length; longer ones are looked at one by one."""

_PASSAGES_AT_LEAST = 100  # what the graph misses is rarely among the first few of many

_NEAREST = """
select near.id, max(near.score) as score from (
    select m.id, -(v.embedding::halfvec({dimensions}) <#> %s) as score
    from passage v join memory m on m.tenant = v.tenant and m.key = v.memory_key
    where v.model = %s and v.dimensions = {dimensions} and v.tenant = %s and {condition}
    order by v.embedding::halfvec({dimensions}) <#> %s limit %s
) near group by near.id order by score desc, near.id limit %s
"""
_EXACT = """
with reached as materialized (select m.key, m.id from memory m where {condition})
select reached.id, max(-(v.embedding <#> %s)) as score from reached
join passage v on v.memory_key = reached.key
where v.model = %s and v.dimensions = %s and v.tenant = %s
group by reached.id order by score desc, reached.id limit %s
"""
# Among few, as the planner need not know: by the primary key, memory by memory.
_EXACT_OF_FEW = """
with reached as materialized (select m.key, m.id from memory m where {condition})
select reached.id, max(-(v.embedding <#> %s)) as score from reached
cross join lateral (
    select embedding from passage
    where memory_key = reached.key and model = %s and dimensions = %s and tenant = %s offset 0
) v
group by reached.id order by score desc, reached.id limit %s
"""
_GRAPH = """
create index concurrently {name} on passage
using hnsw ((embedding::halfvec({dimensions})) halfvec_ip_ops)
where model = {model} and dimensions = {dimensions}
"""
_MODELS = """
select model, dimensions from (
    select model, dimensions, count(*) as passages from passage
    where tenant = %s and model = %s group by model, dimensions
) counted where passages >= %s and dimensions <= %s
"""


async def nearest(
    cursor: Cursor, tenant: str, selection: Selection, asked: tuple[str, FloatVector, int]
) -> list[ScoredId]:
    """The best memories by their best passage; all of them if there are fewer than asked for."""
    model, vector, limit = asked
    condition, values = compile_selection(tenant, selection)
    half, dimensions = HalfVector(vector), len(vector)
    compared = [*values, half, model, dimensions, tenant, limit]
    if await are_few(cursor, tenant, selection):
        return await _hits(cursor, _EXACT_OF_FEW.format(condition=condition), compared)
    near = _NEAREST.format(condition=condition, dimensions=dimensions)
    # Some memories have several passages among the nearest; behind a filter, each costs many.
    passages = max(limit + limit // 4, _PASSAGES_AT_LEAST)
    for most in (passages, 4 * passages):
        hits = await _hits(cursor, near, [half, model, tenant, *values, half, most, limit])
        if len(hits) == limit:
            return hits
    # Long memories took the places of others, or the graph was left before enough were found.
    return await _hits(cursor, _EXACT.format(condition=condition), compared)


async def _hits(cursor: Cursor, statement: str, values: Sequence[Any]) -> list[ScoredId]:
    await cursor.execute(statement.encode(), values)
    return [ScoredId(id=i, score=score) for i, score in await cursor.fetchall()]


async def make_graph(connection: Connection, tenant: str, model: str, index_from: int) -> None:
    """Make the model's graph if it is worth one and there is none, while others read and write.

    Tells the planner, too, what the tables hold by now. Does nothing for a role that does not own
    the tables: the owner's processes do it.
    """
    await connection.execute("select set_config('recollect.tenant', %s, false)", [tenant])
    # A planner that knows nothing of the tables, as after an import, joins them row by row.
    # Waiting for a table whose graph another makes would be a deadlock.
    await connection.execute("analyze (skip_locked) memory, passage, posting")
    found = await connection.execute(_MODELS, [tenant, model, index_from, LONGEST_INDEXED])
    for name_of_model, dimensions in await found.fetchall():
        digest = md5(name_of_model.encode(), usedforsecurity=False).hexdigest()[:16]
        name = f"passage_near_{digest}_{dimensions}"
        if await _may_make(connection, name):
            graph = sql.SQL(_GRAPH).format(
                name=sql.Identifier(name),
                dimensions=sql.Literal(dimensions),
                model=sql.Literal(name_of_model),
            )
            await connection.execute(graph)


async def _may_make(connection: Connection, name: str) -> bool:
    """Whether it falls to this session; what one that died left half-made is dropped."""
    found = await connection.execute(
        "select pg_has_role(current_user, relowner, 'member') "
        "and pg_try_advisory_lock(hashtext(%s)) from pg_class where oid = 'passage'::regclass",
        [name],
    )
    row = await found.fetchone()
    if row is None or not row[0]:
        return False
    found = await connection.execute(
        "select indisvalid from pg_index where indexrelid = to_regclass(%s)", [name]
    )
    row = await found.fetchone()
    if row is not None and not row[0]:
        drop = sql.SQL("drop index concurrently {}").format(sql.Identifier(name))
        await connection.execute(drop)
    return row is None or not row[0]
