"""Memories as rows of the `memory` table."""

import json
import sqlite3
from collections.abc import Collection, Sequence
from typing import Any

from recollect.adapters.sqlite.database import decoding
from recollect.adapters.sqlite.times import from_micros, to_micros
from recollect.domain.memory import Detail, Episode, Fact, Memory, Note

COLUMNS: tuple[str, ...] = (
    "id", "scope", "kind", "content", "tags", "metadata", "source", "external_id", "occurred_at",
    "created_at", "updated_at", "revision", "importance", "expires_at", "name", "producer",
    "produced_for", "role", "session", "position", "category", "tag", "feature", "valid_from",
    "valid_to",
)  # fmt: skip
SELECT = f"select {', '.join(f'm.{c}' for c in COLUMNS)} from memory m "  # noqa: S608
UPSERT = (
    f"insert into memory ({', '.join(COLUMNS)}, embedded_by) "  # noqa: S608  (these are our own names)
    f"values ({', '.join('?' * len(COLUMNS))}, ?) on conflict (id) do update set "
    + ", ".join(f"{c} = excluded.{c}" for c in (*COLUMNS[1:], "embedded_by"))
    + " returning key"
)

_TIMES = frozenset(
    {"occurred_at", "created_at", "updated_at", "expires_at", "valid_from", "valid_to"}
)


def to_row(memory: Memory) -> list[Any]:
    """The values of COLUMNS for this memory."""
    return [_value(memory, column) for column in COLUMNS]


def _value(memory: Memory, column: str) -> Any:
    if column == "kind":
        return memory.kind.value
    holder = memory if hasattr(memory, column) else memory.detail
    value = getattr(holder, column, None)
    if column == "tags":
        return dump(list(value or ()))
    if column == "metadata":
        return dump(value)
    return to_micros(value) if column in _TIMES and value is not None else value


def dump(value: Any) -> str:
    """JSON without spaces, in every script's own characters."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def from_row(row: Sequence[Any]) -> Memory:
    """The memory of a row of COLUMNS; raises StoreUnavailable if it is damaged."""
    with decoding():
        return _decoded(row)


def _decoded(row: Sequence[Any]) -> Memory:
    values = dict(zip(COLUMNS, row, strict=True))
    for column in _TIMES:
        if values[column] is not None:
            values[column] = from_micros(values[column])
    return Memory(
        id=values["id"],
        scope=values["scope"],
        content=values["content"],
        detail=_detail(values),
        occurred_at=values["occurred_at"],
        created_at=values["created_at"],
        updated_at=values["updated_at"],
        revision=values["revision"],
        tags=tuple(json.loads(values["tags"])),
        metadata=json.loads(values["metadata"]),
        source=values["source"],
        external_id=values["external_id"],
        importance=values["importance"],
        expires_at=values["expires_at"],
    )


def _detail(values: dict[str, Any]) -> Detail:
    match values["kind"]:
        case "note":
            return Note(name=values["name"])
        case "episode":
            return Episode(
                producer=values["producer"],
                produced_for=values["produced_for"],
                role=values["role"],
                session=values["session"],
                position=values["position"],
            )
        case _:
            return Fact(
                category=values["category"],
                tag=values["tag"],
                feature=values["feature"],
                valid_from=values["valid_from"],
                valid_to=values["valid_to"],
            )


def memories(connection: sqlite3.Connection, where: str, values: Sequence[Any]) -> list[Memory]:
    """The memories of `SELECT` with this rest of the statement."""
    return [from_row(row) for row in connection.execute(SELECT + where, values)]


def marks(values: Collection[object]) -> str:
    """As many question marks as there are values, separated by commas."""
    return ", ".join("?" * len(values))
