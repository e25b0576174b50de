"""Memories as rows of the `memory` table."""

import json
import sqlite3
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from recollect.adapters.sqlite.database import decoding
from recollect.adapters.sqlite.times import from_micros, to_micros
from recollect.domain.memory import Detail, Episode, Fact, Kind, Memory, Note
from recollect.ports import Outline

COLUMNS: tuple[str, ...] = (
    "id", "scope", "kind", "content", "tags", "metadata", "source", "external_id", "occurred_at",
    "created_at", "updated_at", "revision", "importance", "expires_at", "name", "producer",
    "produced_for", "role", "session", "position", "category", "tag", "feature", "set_id",
    "valid_from", "valid_to",
)  # fmt: skip
SELECT = f"select {', '.join(f'm.{c}' for c in COLUMNS)} from memory m "  # noqa: S608
UPSERT = (
    f"insert into memory ({', '.join(COLUMNS)}, embedded_by) "  # noqa: S608  (these are our own names)
    f"values ({', '.join('?' * len(COLUMNS))}, ?) on conflict (id) do update set "
    + ", ".join(f"{c} = excluded.{c}" for c in (*COLUMNS[1:], "embedded_by"))
    + " returning key"
)

_OUTLINE = ", ".join(
    f"m.{c}"
    for c in ("id", "scope", "kind", "content", "occurred_at", "producer", "session", "position")
)
_KINDS = {kind.value: kind for kind in Kind}
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
    id_, scope, kind, content, tags, metadata, source, external_id, *rest = row
    occurred_at, created_at, updated_at, revision, importance, expires_at, *detail = rest
    return Memory(
        id=id_,
        scope=scope,
        content=content,
        detail=_detail(kind, detail),
        occurred_at=from_micros(occurred_at),
        created_at=from_micros(created_at),
        updated_at=from_micros(updated_at),
        revision=revision,
        # Most have none: not asking the JSON parser saves an eighth of a row.
        tags=() if tags == "[]" else tuple(json.loads(tags)),
        metadata={} if metadata == "{}" else json.loads(metadata),
        source=source,
        external_id=external_id,
        importance=importance,
        expires_at=_time(expires_at),
    )


def _time(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)


def _detail(kind: str, columns: Sequence[Any]) -> Detail:
    name, producer, produced_for, role, session, position, *rest = columns
    match kind:
        case "note":
            return Note(name=name)
        case "episode":
            return Episode(
                producer=producer,
                produced_for=produced_for,
                role=role,
                session=session,
                position=position,
            )
        case _:
            category, tag, feature, set_id, valid_from, valid_to = rest
            return Fact(
                category=category,
                tag=tag,
                feature=feature,
                set_id=set_id,
                valid_from=_time(valid_from),
                valid_to=_time(valid_to),
            )


def memories(connection: sqlite3.Connection, where: str, values: Sequence[Any]) -> list[Memory]:
    """The memories of `SELECT` with this rest of the statement."""
    return [from_row(row) for row in connection.execute(SELECT + where, values)]


def outlines(connection: sqlite3.Connection, where: str, values: Sequence[Any]) -> list[Outline]:
    """The outlines of the memories that this rest of a statement takes from `memory m`."""
    rows = connection.execute(f"select {_OUTLINE} from memory m {where}", values)  # noqa: S608
    with decoding():
        return [
            Outline(
                id_, scope, _KINDS[kind], content, from_micros(at), producer, session, position or 0
            )
            for id_, scope, kind, content, at, producer, session, position in rows
        ]


def marks(values: Collection[object]) -> str:
    """As many question marks as there are values, separated by commas."""
    return ", ".join("?" * len(values))
