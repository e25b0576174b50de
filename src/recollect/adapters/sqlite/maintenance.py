"""Checking and rebuilding what is derived from the records, and copying the file."""

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import replace
from errno import ENOSPC
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from anyio import to_thread

from recollect.adapters.sqlite.database import (
    BUSY_TIMEOUT_MS,
    RESTORE,
    is_damage,
    translated_errors,
)
from recollect.adapters.sqlite.home import Home
from recollect.adapters.sqlite.rows import SELECT, from_row
from recollect.adapters.sqlite.vectors import kept_vectors
from recollect.adapters.sqlite.words import (
    LENGTH_BITS,
    LONGEST,
    TEXT_INDEX,
    insert_texts,
    text_row,
)
from recollect.domain.passages import vectors_problem
from recollect.domain.searchable import passage_source, searchable_text
from recollect.errors import AlreadyExists, InvalidRequest, StorageFull, StoreUnavailable
from recollect.ports import Fault

_PAGE = 500
_JOIN_TEXT = (
    f"left join text_index t on t.rowid between m.key << {LENGTH_BITS} "
    f"and (m.key << {LENGTH_BITS}) + {LONGEST} "
)
_ORPHANED_TEXTS = (
    f"select rowid >> {LENGTH_BITS} as memory_key from text_index "  # noqa: S608
    "where memory_key not in (select key from memory)"
)
_ORPHANED_VECTORS = (
    "select distinct memory_key from vector where memory_key not in (select key from memory)"
)
_ORPHANS: tuple[tuple[str, Literal["text", "vectors"]], ...] = (
    (_ORPHANED_TEXTS, "text"),
    (_ORPHANED_VECTORS, "vectors"),
)


class SqliteMaintenance:
    """Maintenance of one file per tenant."""

    def __init__(self, home: Home) -> None:
        self._home = home

    async def check(self, tenant: str, *, repair: bool) -> list[Fault]:
        with _beyond_repair():
            database = await self._home.database(tenant)
            if repair:
                return await database.write(_repair)
            # Only this needs the write lock; the long search for faults reads beside all writers.
            sound = await database.write(_sound_text_index)
            return await database.read(lambda c: list(_faults(c, sound_text_index=sound)))

    async def rebuild(self, tenant: str) -> int:
        database = await self._home.database(tenant)
        return await database.write(_rebuild)

    async def backup(self, tenant: str, target: str) -> int:
        database = await self._home.database(tenant)
        return await to_thread.run_sync(_backup, database.path, Path(target))

    async def ping(self, tenant: str) -> None:
        database = await self._home.database(tenant)
        if not await to_thread.run_sync(database.path.exists):
            raise StoreUnavailable(f"the store's file is gone: {RESTORE}")
        await database.write(lambda c: c.execute("select 1 from log limit 1").fetchone())


@contextmanager
def _beyond_repair() -> Generator[None]:
    """What a check cannot even read it must not send its caller to a check for."""
    try:
        yield
    except StoreUnavailable as error:
        if is_damage(error.__cause__):
            raise StoreUnavailable(f"the store file is damaged: {RESTORE}") from error.__cause__
        raise


def _backup(source: Path, target: Path) -> int:
    """Copy the file; the target's name appears only when the whole copy is there."""
    folder = target.parent
    if not folder.is_dir():
        raise InvalidRequest(f"there is no folder {folder}; make it, or choose another")
    if target.exists():
        raise _taken(target)
    try:
        # A private folder: whatever SQLite leaves beside an unfinished copy goes with it.
        with TemporaryDirectory(prefix=".backup-", dir=folder) as temporary:
            copy = Path(temporary) / "copy.db"
            copy.touch(mode=0o600, exist_ok=False)
            _copy(source, copy)
            size_bytes = copy.stat().st_size
            _publish(copy, target)
    except FileExistsError as error:
        raise _taken(target) from error
    except OSError as error:
        if error.errno == ENOSPC:
            raise StorageFull("the disk is full; no copy was made") from error
        raise StoreUnavailable(f"the copy cannot be written ({error.strerror})") from error
    return size_bytes


def _copy(source: Path, copy: Path) -> None:
    with translated_errors(), closing(sqlite3.connect(source)) as original:
        original.execute(f"pragma busy_timeout = {BUSY_TIMEOUT_MS}")
        with closing(sqlite3.connect(copy)) as copied:
            original.backup(copied)
            copied.execute("pragma journal_mode = delete")


def _publish(copy: Path, target: Path) -> None:
    """Give the copy its name; FileExistsError if anything has it already."""
    try:
        target.hardlink_to(copy)
    except FileExistsError:
        raise
    except OSError:  # the file system has no hard links: claim the name, then take its place
        target.touch(mode=0o600, exist_ok=False)
        try:
            copy.replace(target)
        except OSError:
            target.unlink()
            raise


def _taken(target: Path) -> AlreadyExists:
    return AlreadyExists(f"{target} exists already; choose another file")


def _faults(connection: sqlite3.Connection, *, sound_text_index: bool) -> Generator[Fault]:
    """Every difference, found page by page so that a large store fits in memory."""
    for (problem,) in connection.execute("pragma quick_check"):
        # Newer SQLites look into the text index too; that one can be made anew.
        if problem != "ok" and "text_index" not in problem:
            raise StoreUnavailable(f"the store file is damaged ({problem}): {RESTORE}")
    yield from _memory_faults(connection)
    for query, projection in _ORPHANS:
        for (key,) in connection.execute(query):
            yield _fault(projection, f"#{key}", "belongs to no memory")
    if not sound_text_index:
        yield _fault("text", "", "the index does not match its own text")


def _memory_faults(connection: sqlite3.Connection) -> Generator[Fault]:
    last = 0
    while rows := connection.execute(
        SELECT.replace("select ", "select m.key, m.embedded_by, t.rowid, t.text, ", 1)
        + _JOIN_TEXT
        + "where m.key > ? order by m.key limit ?",
        [last, _PAGE],
    ).fetchall():
        vectors = kept_vectors(connection, [row[0] for row in rows])
        for key, embedded_by, text_key, text, *row in rows:
            memory = from_row(row)
            expected = searchable_text(memory)
            if (text_key, text) != (text_row(key, expected), expected):
                problem = "is missing" if text is None else "differs from the record"
                yield _fault("text", memory.id, problem)
            kept = vectors.get(key, [])
            if problem := vectors_problem(kept, embedded_by, passage_source(memory)):
                yield _fault("vectors", memory.id, problem)
        last = rows[-1][0]


def _sound_text_index(connection: sqlite3.Connection) -> bool:
    """Whether the index matches its own text; a lost one is made, empty."""
    connection.execute(TEXT_INDEX)
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


def _repair(connection: sqlite3.Connection) -> list[Fault]:
    sound = _sound_text_index(connection)
    faults = list(_faults(connection, sound_text_index=sound))
    if any(fault.projection == "text" for fault in faults):
        rebuild_text(connection)
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
    rebuild_text(connection)
    connection.execute("delete from vector")
    return connection.execute("update memory set embedded_by = null").rowcount


def rebuild_text(connection: sqlite3.Connection) -> None:
    """Make the text index anew from the records, inside the caller's transaction."""
    connection.execute("drop table if exists text_index")
    connection.execute(TEXT_INDEX)
    last = 0
    while rows := connection.execute(
        SELECT.replace("select ", "select m.key, ", 1) + "where m.key > ? order by m.key limit ?",
        [last, _PAGE],
    ).fetchall():
        insert_texts(connection, [(key, searchable_text(from_row(row))) for key, *row in rows])
        last = rows[-1][0]
