"""memory-mcp's log of recalls, an SQLite file of another program: it is only read."""

import sqlite3
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

from anyio import to_thread

from recollect.errors import InvalidRequest, Unavailable

_PAGE = 500
_NO_LOG = "this file is no log of recalls of memory-mcp"

Row = Mapping[str, object]


class MemoryMcpRecallLog:
    """Reads the file, even while memory-mcp writes to it."""

    def __init__(self, busy_timeout: timedelta = timedelta(seconds=5)) -> None:
        self._busy_timeout = busy_timeout

    async def read(self, file: str) -> AsyncGenerator[Sequence[Row]]:
        with closing(await to_thread.run_sync(_open, Path(file), self._busy_timeout)) as connection:
            last: object = -1
            while page := await to_thread.run_sync(_page, connection, last):
                yield page
                last = page[-1]["id"]


def _open(file: Path, busy_timeout: timedelta) -> sqlite3.Connection:
    if not file.is_file():
        raise InvalidRequest("there is no such file; it is called recall_log.sqlite")
    # Without a write-ahead log nobody has the file open: then not even a lock is left beside it.
    unused = not file.with_name(file.name + "-wal").exists()
    with _translated_errors():
        connection = sqlite3.connect(
            f"{file.resolve().as_uri()}?mode=ro" + ("&immutable=1" if unused else ""),
            uri=True,
            timeout=busy_timeout.total_seconds(),
            check_same_thread=False,
        )
    connection.row_factory = sqlite3.Row
    connection.text_factory = _decoded
    return connection


def _decoded(text: bytes) -> str:
    return text.decode(errors="replace")


def _page(connection: sqlite3.Connection, last: object) -> list[Row]:
    with _translated_errors():
        rows = connection.execute(
            "select * from recall_events where id > ? order by id limit ?", [last, _PAGE]
        ).fetchall()
    return [dict(row) for row in rows]


@contextmanager
def _translated_errors() -> Generator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise Unavailable("another process keeps the file locked; retry") from error
        raise InvalidRequest(_NO_LOG) from error
    except sqlite3.DatabaseError as error:
        raise InvalidRequest(_NO_LOG) from error
