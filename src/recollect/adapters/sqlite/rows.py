"""Memories as rows of the `memory` table."""

import json
import sqlite3
from collections.abc import Collection, Sequence
from typing import Any

from recollect.adapters.sqlite.database import decoding
from recollect.adapters.sqlite.times import from_micros, to_micros
from recollect.domain.flat import FIELDS, memory_of, value_of
from recollect.domain.memory import Kind, Memory
from recollect.ports import Outline

SELECT = f"select {', '.join(f'm.{field}' for field in FIELDS)} from memory m "  # noqa: S608
KEYED_SELECT = SELECT.replace("select ", "select m.key, m.embedded_by, ", 1)
UPSERT = (
    f"insert into memory ({', '.join(FIELDS)}, embedded_by) "  # noqa: S608  (these are our own names)
    f"values ({', '.join('?' * len(FIELDS))}, ?) on conflict (id) do update set "
    + ", ".join(f"{c} = excluded.{c}" for c in (*FIELDS[1:], "embedded_by"))
    + " returning key"
)

# A check drops vectors that it finds wrong, without a line in the log: the matrix still has them.
HAS_VECTORS = (
    "(m.embedded_by is not null or exists (select 1 from vector v where v.memory_key = m.key))"
)
_LINKED = (
    "exists (select 1 from link where from_id = m.id) "
    "or exists (select 1 from link where to_id = m.id)"
)
_OUTLINE = ", ".join(f"m.{field}" for field in Outline._fields if field in FIELDS)
_KINDS = {kind.value: kind for kind in Kind}
_TIMES = frozenset(
    {"occurred_at", "created_at", "updated_at", "expires_at", "valid_from", "valid_to"}
)
_TAGS, _METADATA = FIELDS.index("tags"), FIELDS.index("metadata")
_TIME_PLACES = [place for place, field in enumerate(FIELDS) if field in _TIMES]


def to_row(memory: Memory) -> list[Any]:
    """The values of FIELDS for this memory."""
    return [_value(memory, field) for field in FIELDS]


def _value(memory: Memory, field: str) -> Any:
    value = value_of(memory, field)
    if field in ("tags", "metadata"):
        return dump(value)
    return to_micros(value) if field in _TIMES and value is not None else value


def dump(value: Any) -> str:
    """JSON without spaces, in every script's own characters."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def from_row(row: Sequence[Any]) -> Memory:
    """The memory of a row of FIELDS; raises StoreUnavailable if it is damaged."""
    with decoding():
        return _decoded(row)


def _decoded(row: Sequence[Any]) -> Memory:
    values = list(row)
    # Most have none: not asking the JSON parser saves an eighth of a row.
    values[_TAGS] = () if values[_TAGS] == "[]" else json.loads(values[_TAGS])
    values[_METADATA] = {} if values[_METADATA] == "{}" else json.loads(values[_METADATA])
    for place in _TIME_PLACES:
        if values[place] is not None:
            values[place] = from_micros(values[place])
    return memory_of(values)


def memories(connection: sqlite3.Connection, where: str, values: Sequence[Any]) -> list[Memory]:
    """The memories of `SELECT` with this rest of the statement."""
    return [from_row(row) for row in connection.execute(SELECT + where, values)]


def keyed_outlines(
    connection: sqlite3.Connection, source: str, values: Sequence[Any]
) -> list[tuple[int, Outline]]:
    """The keys and outlines of the memories `m` that this source of a statement holds."""
    columns = f"m.key, {_OUTLINE}, {HAS_VECTORS}, {_LINKED}"
    rows = at_once(connection, columns, f"from {source}", values)
    with decoding():
        return [
            (
                key,
                Outline(
                    id_,
                    scope,
                    _KINDS[kind],
                    text,
                    from_micros(at),
                    who,
                    session,
                    place or 0,
                    key if vectors else 0,
                    bool(linked),
                ),
            )
            for key, id_, scope, kind, text, at, who, session, place, vectors, linked in rows
        ]


def at_once(
    connection: sqlite3.Connection, columns: str, rest: str, values: Sequence[Any]
) -> list[Any]:
    """All rows of a query by one step, as JSON; its columns may not hold blobs.

    The driver gives up the interpreter's lock at every step. Two threads that go through rows side
    by side hand it to each other row by row: 250 switches in a recall, 75 without. One client
    alone does not feel it; eight get their answers a tenth sooner.
    """
    sql = f"select json_group_array(json_array({columns})) {rest}"
    (found,) = connection.execute(sql, values).fetchone()
    return json.loads(found)


def marks(values: Collection[object]) -> str:
    """As many question marks as there are values, separated by commas."""
    return ", ".join("?" * len(values))
