"""A tenant's whole file as neutral rows, out of it and into it."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from recollect.adapters.sqlite.database import decoding
from recollect.adapters.sqlite.home import Home
from recollect.adapters.sqlite.maintenance import rebuild_text
from recollect.adapters.sqlite.matrix import unpacked
from recollect.adapters.sqlite.rows import KEYED_SELECT, from_row, marks, to_row
from recollect.adapters.sqlite.times import from_micros, to_micros
from recollect.adapters.sqlite.vectors import insert_vectors, kept_vectors
from recollect.adapters.sqlite.words import insert_texts
from recollect.domain.flat import FIELDS
from recollect.domain.searchable import searchable_text
from recollect.errors import AlreadyExists
from recollect.ports.copying import (
    ColumnKind,
    Cursor,
    KeptMemory,
    Progress,
    Row,
    Table,
    Value,
    going_on,
)

_MEMORIES = KEYED_SELECT + "where m.key > ? order by m.key limit ?"
_INSERT_MEMORY = (
    f"insert into memory (key, embedded_by, {', '.join(FIELDS)}) "  # noqa: S608
    f"values (?, ?, {marks(FIELDS)})"
)


class SqliteCopies:
    """A CopySource of files, and a CopyTarget if the home may receive copies."""

    def __init__(self, home: Home) -> None:
        self._home = home

    async def tenants(self) -> list[str]:
        return [name for name in self._home.names() if await self.count(name, Table.LOG)]

    async def count(self, tenant: str, table: Table) -> int:
        database = await self._home.database(tenant)
        count = f"select count(*) from {table}"  # noqa: S608
        return await database.read(lambda c: c.execute(count).fetchone()[0])

    async def rows(self, tenant: str, table: Table, after: Cursor, limit: int) -> list[Row]:
        database = await self._home.database(tenant)
        if table is Table.MEMORY:
            return await database.read(lambda c: _memories(c, after, limit))
        return await database.read(lambda c: _rows(c, table, after, limit))

    async def progress(self, tenant: str) -> Progress | None:
        database = await self._home.database(tenant)
        return await database.read(_progress)

    async def unfinished(self) -> list[str]:
        return [name for name in self._home.names() if await self.progress(name)]

    async def begin(self, tenant: str, origin: str) -> None:
        def work(connection: sqlite3.Connection) -> None:
            if _progress(connection) or connection.execute("select 1 from log").fetchone():
                raise AlreadyExists("the store holds memories already")
            for table in Table:
                _empty(connection, table)
            start = Progress(origin=origin).to_json()
            connection.execute("insert into copying values (?)", [start])

        database = await self._home.database(tenant)
        await database.write(work)

    async def write(self, tenant: str, table: Table, after: Cursor, rows: Sequence[Row]) -> None:
        def work(connection: sqlite3.Connection) -> None:
            moved = going_on(_progress(connection)).moved(table, after, rows)
            if table is Table.MEMORY:
                _insert_memories(connection, [row for row in rows if isinstance(row, KeptMemory)])
            else:
                _insert(connection, table, rows)
            _note(connection, moved)

        database = await self._home.database(tenant)
        await database.write(work)

    async def clear(self, tenant: str, table: Table) -> None:
        def work(connection: sqlite3.Connection) -> None:
            _note(connection, going_on(_progress(connection)).to(table, ()))
            _empty(connection, table)

        database = await self._home.database(tenant)
        await database.write(work)

    async def abandon(self, tenant: str) -> None:
        def work(connection: sqlite3.Connection) -> None:
            _end(connection)
            for table in Table:
                _empty(connection, table)

        database = await self._home.database(tenant)
        await database.write(work)

    async def finish(self, tenant: str) -> None:
        database = await self._home.database(tenant)
        await database.write(_end)


def _progress(connection: sqlite3.Connection) -> Progress | None:
    row = connection.execute("select progress from copying").fetchone()
    return Progress.from_json(row[0]) if row else None


def _end(connection: sqlite3.Connection) -> None:
    going_on(_progress(connection))
    connection.execute("delete from copying")


def _note(connection: sqlite3.Connection, progress: Progress) -> None:
    connection.execute("update copying set progress = ?", [progress.to_json()])


def _empty(connection: sqlite3.Connection, table: Table) -> None:
    connection.execute(f"delete from {table}")  # noqa: S608
    connection.execute("delete from sqlite_sequence where name = ?", [table])
    if table is Table.MEMORY:
        connection.execute("delete from vector")
        rebuild_text(connection)


def _rows(connection: sqlite3.Connection, table: Table, after: Cursor, limit: int) -> list[Row]:
    columns, key = list(table.columns), ", ".join(table.key)
    behind = f"where ({key}) > ({marks(after)})" if after else ""
    sql = f"select {', '.join(columns)} from {table} {behind} order by {key} limit ?"  # noqa: S608
    kinds = list(table.columns.values())
    with decoding():
        return [
            tuple(_neutral(kind, value) for kind, value in zip(kinds, row, strict=True))
            for row in connection.execute(sql, [*after, limit])
        ]


def _insert(connection: sqlite3.Connection, table: Table, rows: Sequence[Row]) -> None:
    columns, kinds = list(table.columns), list(table.columns.values())
    connection.executemany(
        f"insert into {table} ({', '.join(columns)}) values ({marks(columns)})",  # noqa: S608
        [[_stored(kind, value) for kind, value in zip(kinds, row, strict=True)] for row in rows],
    )


def _neutral(kind: ColumnKind, value: Any) -> Value:
    match kind:
        case "time":
            return None if value is None else from_micros(value)
        case "flag":
            return bool(value)
        case _:
            return value


def _stored(kind: ColumnKind, value: Any) -> Any:
    return to_micros(value) if kind == "time" and value is not None else value


def _memories(connection: sqlite3.Connection, after: Cursor, limit: int) -> list[Row]:
    rows = connection.execute(_MEMORIES, [*(after or (0,)), limit]).fetchall()
    if not rows:
        return []
    vectors = kept_vectors(connection, [row[0] for row in rows])
    return [
        KeptMemory.of(key, from_row(row), embedded_by, vectors.get(key, []), unpacked)
        for key, embedded_by, *row in rows
    ]


def _insert_memories(connection: sqlite3.Connection, rows: Sequence[KeptMemory]) -> None:
    for row in rows:
        connection.execute(_INSERT_MEMORY, [row.key, row.embedded_by, *to_row(row.memory)])
        if row.embedded:
            insert_vectors(connection, row.key, row.memory, row.embedded)
    insert_texts(connection, [(row.key, searchable_text(row.memory)) for row in rows])
