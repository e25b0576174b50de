"""Checking and rebuilding what is derived from the records, and copying the file."""

import sqlite3
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Literal

from anyio import to_thread

from recollect.adapters.sqlite.database import translated_errors
from recollect.adapters.sqlite.home import Home
from recollect.adapters.sqlite.rows import SELECT, from_row
from recollect.adapters.sqlite.vectors import digest
from recollect.domain.passages import Passage
from recollect.domain.searchable import passage_source, searchable_text
from recollect.errors import AlreadyExists, StoreUnavailable
from recollect.ports import Fault

_PAGE = 500
_TEXT_INDEX = (
    "create virtual table if not exists text_index using fts5 "
    "(text, tokenize = 'porter unicode61 remove_diacritics 2')"
)
_ORPHANS: tuple[tuple[str, Literal["text", "vectors"]], ...] = (
    ("select rowid from text_index where rowid not in (select key from memory)", "text"),
    (
        "select distinct memory_key from vector where memory_key not in (select key from memory)",
        "vectors",
    ),
)


class SqliteMaintenance:
    """Maintenance of one file per tenant."""

    def __init__(self, home: Home) -> None:
        self._home = home

    async def check(self, tenant: str, *, repair: bool) -> list[Fault]:
        database = await self._home.database(tenant)
        return await database.write(lambda c: _check(c, repair=repair))

    async def rebuild(self, tenant: str) -> int:
        database = await self._home.database(tenant)
        return await database.write(_rebuild)

    async def backup(self, tenant: str, target: str) -> int:
        database = await self._home.database(tenant)
        path = Path(target)

        def copy() -> int:
            if path.exists():
                raise AlreadyExists(f"{target} exists already; choose another file")
            with translated_errors():
                source = sqlite3.connect(database.path)
                copied = sqlite3.connect(path)
                try:
                    source.backup(copied)
                    copied.execute("pragma journal_mode = delete")
                finally:
                    source.close()
                    copied.close()
            return path.stat().st_size

        return await to_thread.run_sync(copy)

    async def ping(self, tenant: str) -> None:
        database = await self._home.database(tenant)
        if not await to_thread.run_sync(database.path.exists):
            raise StoreUnavailable("the store's file is gone; stop the server and restore a backup")
        await database.write(lambda c: c.execute("select 1 from log limit 1").fetchone())


def _faults(connection: sqlite3.Connection) -> Generator[Fault]:
    """Every difference, found page by page so that a large store fits in memory."""
    for (problem,) in connection.execute("pragma quick_check"):
        # Newer SQLites look into the text index too; that one can be made anew.
        if problem != "ok" and "text_index" not in problem:
            raise StoreUnavailable(f"the store file is damaged: {problem}; restore a backup")
    yield from _memory_faults(connection)
    for query, projection in _ORPHANS:
        for (key,) in connection.execute(query):
            yield _fault(projection, f"#{key}", "belongs to no memory")
    if not _text_index_is_sound(connection):
        yield _fault("text", "", "the index does not match its own text")


def _memory_faults(connection: sqlite3.Connection) -> Generator[Fault]:
    last = 0
    while rows := connection.execute(
        SELECT.replace("select ", "select m.key, m.embedded_by, t.text, ", 1)
        + "left join text_index t on t.rowid = m.key where m.key > ? order by m.key limit ?",
        [last, _PAGE],
    ).fetchall():
        for key, embedded_by, text, *row in rows:
            memory = from_row(row)
            if text != searchable_text(memory):
                problem = "is missing" if text is None else "differs from the record"
                yield _fault("text", memory.id, problem)
            if problem := _vector_problem(connection, key, embedded_by, passage_source(memory)):
                yield _fault("vectors", memory.id, problem)
        last = rows[-1][0]


def _vector_problem(
    connection: sqlite3.Connection, key: int, embedded_by: str | None, source: tuple[str, str]
) -> str | None:
    rows = connection.execute(
        'select model, total, start, "end", heading, embedding, digest from vector '
        "where memory_key = ?",
        [key],
    ).fetchall()
    for _, _, start, end, heading, embedding, made in rows:
        if made != digest(source, Passage(start=start, end=end, heading=heading), embedding):
            return "differ from what was embedded"
    if embedded_by is not None:
        totals = [total for model, total, *_ in rows if model == embedded_by]
        if not totals or totals != [len(totals)] * len(totals):
            return "are missing in part"
    return None


def _text_index_is_sound(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute(
            "insert into text_index (text_index, rank) values ('integrity-check', 1)"
        )
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_CORRUPT:
            return False
        raise
    return True


def _fault(projection: Literal["text", "vectors"], memory_id: str, problem: str) -> Fault:
    return Fault(projection=projection, memory_id=memory_id, problem=problem, repaired=False)


def _check(connection: sqlite3.Connection, *, repair: bool) -> list[Fault]:
    connection.execute(_TEXT_INDEX)
    faults = list(_faults(connection))
    if not repair:
        return faults
    if any(fault.projection == "text" for fault in faults):
        _rebuild_text(connection)
    connection.execute("delete from vector where memory_key not in (select key from memory)")
    for fault in faults:
        if fault.projection == "vectors":
            connection.execute(
                "delete from vector where memory_key = (select key from memory where id = ?)",
                [fault.memory_id],
            )
            connection.execute(
                "update memory set embedded_by = null where id = ?", [fault.memory_id]
            )
    return [replace(fault, repaired=True) for fault in faults]


def _rebuild(connection: sqlite3.Connection) -> int:
    _rebuild_text(connection)
    connection.execute("delete from vector")
    return connection.execute("update memory set embedded_by = null").rowcount


def _rebuild_text(connection: sqlite3.Connection) -> None:
    connection.execute("drop table if exists text_index")
    connection.execute(_TEXT_INDEX)
    last = 0
    while rows := connection.execute(
        SELECT.replace("select ", "select m.key, ", 1) + "where m.key > ? order by m.key limit ?",
        [last, _PAGE],
    ).fetchall():
        connection.executemany(
            "insert into text_index (rowid, text) values (?, ?)",
            [(key, searchable_text(from_row(row))) for key, *row in rows],
        )
        last = rows[-1][0]
