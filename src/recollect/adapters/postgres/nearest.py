"""The nearest passages: through a graph where there is one, by looking at all of them where not.

The graph (HNSW) is made per model and length of its vectors, over all tenants. While few passages
are stored, or a selection keeps few, the planner looks at all of them instead, which is exact.
"""

from math import isqrt
from typing import Final

from recollect.adapters.postgres.database import Cursor
from recollect.adapters.postgres.half_vector import HalfVector
from recollect.adapters.postgres.rows import scored
from recollect.adapters.postgres.selection import FEW, are_few, compile_selection
from recollect.domain.passages import FloatVector
from recollect.domain.selection import Selection
from recollect.ports import ScoredOutline

_PASSAGES_AT_LEAST = 100  # what the graph misses is rarely among the first few of many

# The rarer what is looked for, the longer the walk until enough of it is met: N / n steps each.
# Of 100,000, comparing n costs as much as walking where n is about 15,000.
_FEW_BY_ROOT = 40

LARGE: Final = 300_000
"""Among more, one round of the walk misses more than 2 % of the ten nearest."""

_SIZE = """
select texts, case when texts > %s then set_config('hnsw.ef_search', '100', true)
    || set_config('hnsw.scan_mem_multiplier', '2', true) end
from tenant where name = %s
"""
_NEAREST = """
select near.id, max(near.score) as score from (
    select m.id, -(v.embedding::halfvec({dimensions}) <#> %s) as score
    from passage v join memory m on m.tenant = v.tenant and m.key = v.memory_key
    where v.model = %s and v.dimensions = {dimensions} and v.tenant = %s and {condition}
    order by v.embedding::halfvec({dimensions}) <#> %s limit %s
) near group by near.id order by score desc, near.id limit %s
"""
# Most questions have their best after 900 steps. Where more than 8 of the best 100 of them
# came after 500, whole clusters are still to be found. Nothing is walked that is not read.
_NEAREST_OF_MANY = """
with walked as materialized (
    select memory_key, embedding::halfvec({dimensions}) <#> %s as distance from passage
    where model = %s and dimensions = {dimensions} and tenant = %s
    order by distance limit 2000
), late as (
    select count(*) as found from (
        select place from (
            select distance, row_number() over () as place
            from (select distance from walked limit 900) first
        ) placed order by distance limit 100
    ) best where place > 500
)
select m.id, -near.distance as score from (
    select memory_key, min(distance) as distance from (
        select * from walked limit (select case when found > 8 then 2000 else 900 end from late)
    ) enough group by memory_key order by distance
) near join memory m on m.key = near.memory_key
where {condition} order by near.distance, m.id limit %s
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


async def nearest(
    cursor: Cursor,
    tenant: str,
    selection: Selection,
    asked: tuple[str, FloatVector, int],
    large: int = LARGE,
) -> list[ScoredOutline]:
    """The best memories by their best passage; all of them if there are fewer than asked for.

    A graph is walked as far as the question needs if there are more memories than `large`.
    """
    model, vector, limit = asked
    condition, values = compile_selection(tenant, selection)
    half, dimensions = HalfVector(vector), len(vector)
    compared = [*values, half, model, dimensions, tenant, limit]
    memories = await _memories(cursor, tenant, large)
    if await are_few(cursor, tenant, selection, max(FEW, _FEW_BY_ROOT * isqrt(memories))):
        return await scored(cursor, tenant, _EXACT_OF_FEW.format(condition=condition), compared)
    # Some memories have several passages among the nearest; behind a filter, each costs many.
    passages = max(limit + limit // 4, _PASSAGES_AT_LEAST)
    walks = [
        (_NEAREST, [half, model, tenant, *values, half, most, limit])
        for most in (passages, 4 * passages)
    ]
    if memories > large:
        walks.insert(0, (_NEAREST_OF_MANY, [half, model, tenant, *values, limit]))
    for statement, given in walks:
        near = statement.format(condition=condition, dimensions=dimensions)
        hits = await scored(cursor, tenant, near, given)
        if len(hits) == limit:
            return hits
    # Long memories took the places of others, or the graph was left before enough were found.
    return await scored(cursor, tenant, _EXACT.format(condition=condition), compared)


async def _memories(cursor: Cursor, tenant: str, large: int) -> int:
    """How many there are; if many, the transaction walks in short rounds, and remembers more."""
    await cursor.execute(_SIZE, [large, tenant])
    row = await cursor.fetchone()
    return row[0] if row else 0
