"""Graphs (HNSW) over the vectors: made beside everything else, once, by whoever is first.

There is one per model and length of its vectors, over all tenants. Its parameters are part of its
name: a program that wants others makes another graph, while the one that is there answers, and
drops that afterwards.
"""

from hashlib import md5
from time import monotonic
from typing import Final

import structlog
from psycopg import sql
from psycopg.errors import Diagnostic

from recollect.adapters.postgres.database import Connection, Cursor

log = structlog.get_logger()

INDEX_FROM: Final = 20_000
"""So many passages of a model are worth a graph: looking at all takes some 30 ms."""

LONGEST_INDEXED: Final = 4_000
"""pgvector makes graphs of `halfvec` up to this length; longer ones are looked at one by one."""

# Measured in docs/decisions/0011; `hnsw.ef_search` of the connections belongs to these.
_LINKS: Final = 24
_CANDIDATES: Final = 200

_PREFIX: Final = "passage_near_"
_TABLES: Final = ["memory", "passage", "posting"]
_IS_OWNER: Final = """
select pg_has_role(current_user, relowner, 'member') from pg_class
where oid = 'passage'::regclass
"""
# As autovacuum does within a minute or so, but before the first searches after an import.
_STALE: Final = """
select relname from pg_stat_user_tables
where relid = any(array(select to_regclass(name) from unnest(%s::text[]) name))
and n_mod_since_analyze > 1000 + n_live_tup / 10
"""
_LENGTH: Final = "select dimensions from passage where tenant = %s and model = %s limit 1"
_LENGTHS: Final = """
select dimensions from passage where tenant = %s and model = %s
group by dimensions having count(*) >= %s and dimensions <= %s
"""
_MADE: Final = """
select c.relname, i.indisvalid from pg_index i join pg_class c on c.oid = i.indexrelid
where i.indrelid = 'passage'::regclass and starts_with(c.relname || '_', %s)
"""
_MAKE: Final = """
create index concurrently {name} on passage
using hnsw ((embedding::halfvec({dimensions})) halfvec_ip_ops)
with (m = {links}, ef_construction = {candidates})
where model = {model} and dimensions = {dimensions}
"""
# Once all vectors are in it, what was written meanwhile is added. While the first block is read,
# PostgreSQL counts all of them as done.
_PROGRESS: Final = """
select case when phase like '%%validat%%' or phase like '%%old snapshots' then 1.0
    when phase like 'building%%' and blocks_total > 0
        and (blocks_done < blocks_total or tuples_done > blocks_total)
    then blocks_done / blocks_total::float8 else 0.0 end
from pg_stat_progress_create_index p join pg_class c on c.oid = p.index_relid
where p.datname = current_database() and p.relid = 'passage'::regclass
and starts_with(c.relname, %s)
"""


async def look_after_graphs(
    connection: Connection, tenant: str, model: str, index_from: int
) -> None:
    """Make the model's graph if it is worth one and there is none, while others read and write.

    Tells the planner, too, what the tables hold by now. Does nothing for a role that does not own
    the tables: the owner's processes do it.
    """
    found = await connection.execute(_IS_OWNER)
    if await found.fetchone() != (True,):
        return
    await connection.execute("set statement_timeout = 0")
    await connection.execute("select set_config('recollect.tenant', %s, false)", [tenant])
    await _analyze(connection)
    found = await connection.execute(_LENGTH, [tenant, model])
    row = await found.fetchone()
    if row is None or await _made(connection, model, row[0]) == [(_name(model, row[0]), True)]:
        return
    # Whoever has it is at it; it is that session's until the session ends.
    found = await connection.execute("select pg_try_advisory_lock(hashtext(%s))", [_stem(model)])
    if await found.fetchone() != (True,):
        return
    found = await connection.execute(_LENGTHS, [tenant, model, index_from, LONGEST_INDEXED])
    for (dimensions,) in await found.fetchall():
        await _replace(connection, model, dimensions)


async def progress(cursor: Cursor, model: str) -> float | None:
    """Which part of the model's graph is made; None if none is being made.

    Also None for a role that may not see what the one that makes it does.
    """
    await cursor.execute(_PROGRESS.encode(), [_stem(model)])
    row = await cursor.fetchone()
    return None if row is None else row[0]


async def _analyze(connection: Connection) -> None:
    """A planner that knows nothing of the tables, as after an import, joins them row by row."""
    found = await connection.execute(_STALE, [_TABLES])
    for (table,) in await found.fetchall():
        # Waiting for a table whose graph another makes would be a deadlock.
        statement = sql.SQL("analyze (skip_locked) {}").format(sql.Identifier(table))
        await connection.execute(statement)


async def _replace(connection: Connection, model: str, dimensions: int) -> None:
    """Have one whole graph of the wanted parameters; the older one stays until then."""
    wanted = _name(model, dimensions)
    made = await _made(connection, model, dimensions)
    for name, is_valid in made:
        if not is_valid:  # whoever made it died
            await _drop(connection, name)
    if (wanted, True) not in made:
        await _make(connection, wanted, model, dimensions)
    for name, is_valid in made:
        if is_valid and name != wanted:
            await _drop(connection, name)


async def _make(connection: Connection, name: str, model: str, dimensions: int) -> None:
    statement = sql.SQL(_MAKE).format(
        name=sql.Identifier(name),
        dimensions=sql.Literal(dimensions),
        links=sql.Literal(_LINKS),
        candidates=sql.Literal(_CANDIDATES),
        model=sql.Literal(model),
    )
    connection.add_notice_handler(_tell)
    log.info("graph.building", graph=name)
    started = monotonic()
    await connection.execute(statement)
    log.info("graph.built", graph=name, seconds=round(monotonic() - started, 1))


async def _drop(connection: Connection, name: str) -> None:
    statement = sql.SQL("drop index concurrently if exists {}").format(sql.Identifier(name))
    await connection.execute(statement)


async def _made(connection: Connection, model: str, dimensions: int) -> list[tuple[str, bool]]:
    """The graphs of these vectors, and whether each is whole."""
    found = await connection.execute(_MADE, [_stem(model, dimensions)])
    return [(name, is_valid) for name, is_valid in await found.fetchall()]


def _tell(notice: Diagnostic) -> None:
    """Say what the server says, such as that `maintenance_work_mem` is too small for the graph."""
    log.warning("graph.notice", problem=notice.message_primary, remedy=notice.message_hint)


def _stem(model: str, dimensions: int | None = None) -> str:
    """What the names of a model's graphs begin with, of one length or of any."""
    digest = md5(model.encode(), usedforsecurity=False).hexdigest()[:16]
    return f"{_PREFIX}{digest}_" + ("" if dimensions is None else f"{dimensions}_")


def _name(model: str, dimensions: int) -> str:
    return f"{_stem(model, dimensions)}m{_LINKS}_ef{_CANDIDATES}"
