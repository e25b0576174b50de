"""Databases that are filled once and kept: by the product's ingest, or in bulk."""

import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from typing import Final

import anyio
from psycopg import sql

from benchmarks.filling import fill, fingerprint
from benchmarks.postgres.generated import BATCH, batches, centre_texts
from benchmarks.postgres.server import PostgresServer
from benchmarks.serving import running
from recollect.app.wiring import open_context
from recollect.operations.embedding import model_key
from recollect.settings import Settings, load

MOST_EMBEDDED: Final = 100_000
"""Larger stores have generated vectors: embedding a million texts takes more than an hour."""

GRAPH_FROM: Final = 20_000
"""The product makes a graph for so many passages."""

_GRAPHS: Final = """
select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid
where c.relname like 'passage_near%%' and (i.indisvalid or not %s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A database that holds so many memories, and what that took.

    Attributes:
        seconds: By the product's ingest, embedding included; in bulk without it. None if all had
            been written before, and the graph was left to make.
        graph_seconds: Of making the graph over all vectors; None if there are too few for one.
    """

    name: str
    size: int
    seconds: float | None
    graph_seconds: float | None

    @property
    def is_embedded(self) -> bool:
        """Whether the product embedded it."""
        return self.size <= MOST_EMBEDDED


def filled_database(server: PostgresServer, size: int, seed: int) -> Filled:
    """The database of this size, filled now or before.

    One that is filled in bulk goes on where it was left off; others start anew.
    """
    name = f"recollect_bench_{size}_{seed}_{fingerprint()}"
    noted = server.marked(name)
    if noted:
        return Filled(name=name, size=size, **noted)
    if size <= MOST_EMBEDDED:
        server.drop(name)
        server.create(name)
        seconds = _fill_by_ingest(server.variables(name), size, seed)
    else:
        if noted is None:
            server.create(name)
        settings = settings_of(server.variables(name))
        todo = range(_batches_done(server, name), size // BATCH)
        seconds = anyio.run(partial(_fill_in_bulk, settings, seed, todo)) if todo else None
    figures = {"seconds": seconds, "graph_seconds": _make_graph(server, name, size)}
    with closing(server.connect(name)) as connection:
        connection.execute("vacuum analyze")
    server.mark(name, figures)
    return Filled(name=name, size=size, **figures)


def _fill_by_ingest(variables: Mapping[str, str], size: int, seed: int) -> float:
    with TemporaryDirectory() as folder:
        with running(Path(folder), "anything", **variables) as server:
            filled = fill(server.url, size, seed)
        return filled.episodes_seconds + filled.notes_seconds


def _batches_done(server: PostgresServer, name: str) -> int:
    with closing(server.connect(name)) as connection:
        if connection.execute("select to_regclass('memory')").fetchone() == (None,):
            return 0
        row = connection.execute("select count(*) from memory").fetchone()
        return row[0] // BATCH if row else 0


async def _fill_in_bulk(settings: Settings, seed: int, todo: range) -> float:
    """The seconds for all batches, reckoned from those that are left to do."""
    async with open_context(settings) as (context, embedders):
        await embedders.embedder.load()
        centres = await embedders.embedder.embed(centre_texts(seed), purpose="document")
        started = perf_counter()
        for batch in batches(seed, todo, model_key(context), centres):
            await context.records.commit(context.tenant, batch)
        return (perf_counter() - started) / len(todo) * todo.stop


def _make_graph(server: PostgresServer, name: str, size: int) -> float | None:
    """Make the graph anew, as a server that starts does; the seconds it takes."""
    with closing(server.connect(name)) as connection:
        for (graph,) in connection.execute(_GRAPHS, [False]).fetchall():
            connection.execute(sql.SQL("drop index {}").format(sql.Identifier(graph)))
        if size < GRAPH_FROM:
            return None
        started = perf_counter()
        anyio.run(_warm, settings_of(server.variables(name)))
        while not connection.execute(_GRAPHS, [True]).fetchone():
            sleep(0.1)
        return perf_counter() - started


async def _warm(settings: Settings) -> None:
    async with open_context(settings) as (context, _):
        await context.vectors.warm(context.tenant, model_key(context))


def settings_of(variables: Mapping[str, str]) -> Settings:
    """The settings that a process with these variables would have."""
    before = dict(os.environ)  # noqa: TID251
    os.environ.update(variables)  # noqa: TID251
    try:
        return load()
    finally:
        os.environ.clear()  # noqa: TID251
        os.environ.update(before)  # noqa: TID251
