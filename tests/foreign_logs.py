"""Logs of recalls as memory-mcp writes them."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

SCHEMA = """
create table recall_events (
    id integer primary key, recall_id text not null, session_id text not null,
    memory_name text not null, scope text not null, rank integer, distance real,
    returned_at text default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    was_read integer default 0, was_applied text, application_note text, confidence text
);
create index by_recall on recall_events (recall_id);
create index by_memory on recall_events (memory_name, scope);
"""


def row(**columns: Any) -> dict[str, Any]:
    """A row of a result that nothing was said of."""
    usual = {
        "recall_id": "r_1", "session_id": "s", "memory_name": "tea", "scope": "global", "rank": 0,
        "distance": 0.25, "returned_at": "2026-01-01T09:00:00.000Z", "was_read": 0,
        "was_applied": None, "application_note": None, "confidence": None,
    }  # fmt: skip
    return usual | columns


def write(file: Path, *rows: dict[str, Any]) -> Path:
    """Add rows to the log; make it if need be."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("pragma journal_mode = wal")
        if not connection.execute("select 1 from sqlite_master").fetchone():
            connection.executescript(SCHEMA)
        insert(connection, *rows)
    return file


def insert(connection: sqlite3.Connection, *rows: dict[str, Any]) -> None:
    for columns in rows:
        names = ", ".join(columns)
        marks = ", ".join(f":{name}" for name in columns)
        connection.execute(f"insert into recall_events ({names}) values ({marks})", columns)  # noqa: S608
