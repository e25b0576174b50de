"""One tenant's SQLite file: connections, transactions, migrations, and errors in our words."""

import sqlite3
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from importlib import resources
from pathlib import Path
from queue import Empty, LifoQueue
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from recollect.adapters.sqlite.words import text_row
from recollect.errors import RecollectError, StorageFull, StoreUnavailable
from recollect.ports.copying import unfinished

T = TypeVar("T")

READERS = 4
BUSY_TIMEOUT_MS = 20_000
RESTORE = (
    "stop every process that uses it, move recollect.db, recollect.db-wal and recollect.db-shm out "
    "of the way, and put a copy that `recollect backup` made in their place"
)
"""What to do about a file that is beyond repair."""

FOLD_TIMEOUT_MS = 500
_WAL_PAUSE_SECONDS = 0.01
_PRAGMAS = """
pragma synchronous = full;
pragma secure_delete = on;
pragma cache_size = -8000;
pragma temp_store = memory;
"""


@contextmanager
def translated_errors() -> Generator[None]:
    """Turn the driver's errors into ours, in one place, keeping the cause.

    SQLite's messages name tables and columns, never values.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise _translated(error) from error
    except UnicodeDecodeError as error:  # the driver could not even decode SQLite's message
        raise StoreUnavailable(f"the store file is damaged: {RESTORE}") from error


def is_damage(error: BaseException | None) -> bool:
    """Whether the driver's error says that the file is damaged, or not one of SQLite's at all."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _translated(error: sqlite3.Error) -> RecollectError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    match code:
        case sqlite3.SQLITE_FULL:
            return StorageFull("the disk is full; nothing was stored: free some space and retry")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreUnavailable("another process keeps the store locked; retry")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return StoreUnavailable(
                f"the data folder cannot be opened for writing ({error}); check its permissions"
            )
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            mendable = code == sqlite3.SQLITE_CORRUPT
            remedy = "see if `recollect check` can mend it" if mendable else RESTORE
            return StoreUnavailable(f"the store file is damaged ({error}): {remedy}")
        case _:
            return StoreUnavailable(f"the store failed: {error}")


@contextmanager
def decoding() -> Generator[None]:
    """Turn what only a damaged row can raise into our error, keeping the cause."""
    try:
        yield
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise StoreUnavailable(
            f"a row of the store file cannot be read: the file is damaged: {RESTORE}"
        ) from error


class Database:
    """The file of one tenant: one writer at a time, readers beside it.

    Work is a function of a connection; it runs in a worker thread inside a transaction that
    is committed when the function returns and rolled back when it raises.

    Args:
        path: The file.
        receiving: A copy may be brought into it; nobody else can use it until that is finished.
    """

    def __init__(self, path: Path, *, receiving: bool = False) -> None:
        self.path = path
        self._receiving = receiving
        self._writer = self._connect()
        self._readers: LifoQueue[sqlite3.Connection] = LifoQueue()
        self._reading = CapacityLimiter(READERS)
        self._writing = CapacityLimiter(1)
        # How long the next fold may wait, if one is due. One is due from the start: a process
        # before this one may have been killed between erasing and folding.
        self._fold_timeout_ms: int | None = 0
        try:
            with translated_errors():
                migrate(self._writer)
                self._refuse_unfinished()
        except BaseException:
            self._writer.close()
            raise

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run work that only reads; it sees one snapshot."""
        return await to_thread.run_sync(self._read, work, limiter=self._reading)

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run work that writes, after all writers of this and other processes before it."""
        return await to_thread.run_sync(self._write, work, limiter=self._writing)

    def fold_soon(self) -> None:
        """Have the write-ahead log emptied after the current write; work calls this.

        While another connection still reads from the log it cannot be emptied; that is then
        tried again after each following write, and when the file is closed.
        """
        self._fold_timeout_ms = FOLD_TIMEOUT_MS

    def size_bytes(self) -> int:
        """What the file and its write-ahead log take on disk."""
        files = (self.path, self.path.with_name(self.path.name + "-wal"))
        return sum(f.stat().st_size for f in files if f.exists())

    def close(self) -> None:
        """Close every connection; the last one folds the write-ahead log into the file."""
        while not self._readers.empty():
            self._readers.get_nowait().close()
        self._fold_if_due()
        self._writer.close()

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            connection = self._readers.get_nowait()
        except Empty:
            connection = self._connect()
        try:
            with translated_errors(), _transaction(connection, "begin"):
                return work(connection)
        finally:
            self._readers.put_nowait(connection)

    def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with translated_errors(), _transaction(self._writer, "begin immediate"):
            self._refuse_unfinished()
            result = work(self._writer)
        # In the same thread as the write, so that no cancellation comes in between.
        self._fold_if_due()
        return result

    def _refuse_unfinished(self) -> None:
        if not self._receiving and self._writer.execute("select 1 from copying").fetchone():
            raise unfinished()

    def _fold_if_due(self) -> None:
        if self._fold_timeout_ms is None:
            return
        timeout_ms, self._fold_timeout_ms = self._fold_timeout_ms, 0
        # The write is on disk whatever becomes of this, so a failure only means "later".
        with suppress(sqlite3.Error):
            self._writer.execute(f"pragma busy_timeout = {timeout_ms}")
            try:
                (busy, *_) = self._writer.execute("pragma wal_checkpoint(truncate)").fetchone()
            finally:
                self._writer.execute(f"pragma busy_timeout = {BUSY_TIMEOUT_MS}")
            if not busy:
                self._fold_timeout_ms = None

    def _connect(self) -> sqlite3.Connection:
        with translated_errors():
            connection = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None)
            try:
                connection.execute(f"pragma busy_timeout = {BUSY_TIMEOUT_MS}")
                _switch_to_wal(connection)
                connection.executescript(_PRAGMAS)
            except BaseException:
                connection.close()
                raise
        return connection


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Make the file use a write-ahead log; SQLite's busy handler does not cover this switch."""
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            if connection.execute("pragma journal_mode = wal").fetchone() == ("wal",):
                return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        if time.monotonic() > deadline:
            raise StoreUnavailable("the store file cannot be given a write-ahead log; retry")
        time.sleep(_WAL_PAUSE_SECONDS)


@contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Generator[None]:
    connection.execute(begin)
    try:
        yield
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise


def migrate(connection: sqlite3.Connection) -> None:
    """Apply every numbered migration that the file has not seen, each in its own transaction.

    Several processes may open a new file at once: each migration is checked again under the
    write lock.

    Raises:
        StoreUnavailable: The file was written by a newer version of this program.
    """
    scripts = migrations()
    connection.create_function("text_row", 2, text_row, deterministic=True)
    with _transaction(connection, "begin immediate"):
        (version,) = connection.execute("pragma user_version").fetchone()
        if version > len(scripts):
            raise StoreUnavailable(
                f"the store has schema {version}, newer than this program's {len(scripts)}; "
                "update recollect"
            )
        for number, script in enumerate(scripts[version:], start=version + 1):
            for statement in _statements(script):
                connection.execute(statement)
            connection.execute(f"pragma user_version = {number}")


def migrations() -> list[str]:
    """The SQL of every migration, in order."""
    folder = resources.files("recollect.adapters.sqlite") / "migrations"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return [f.read_text(encoding="utf-8") for f in files]


def _statements(script: str) -> Generator[str]:
    """The statements of a script, one by one: `executescript` would commit between them."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
