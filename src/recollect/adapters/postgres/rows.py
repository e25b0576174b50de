"""Memories as rows of the `memory` table."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from recollect.adapters.postgres.bulk import Insert, array
from recollect.adapters.postgres.database import Cursor
from recollect.domain.flat import FIELDS, memory_of, value_of
from recollect.domain.memory import Kind, Memory
from recollect.ports import Outline, ScoredOutline

SELECT = f"select {', '.join(f'm.{field}' for field in FIELDS)} from memory m "  # noqa: S608
_TYPES = {
    "tags": "text[]", "metadata": "json", "occurred_at": "timestamptz",
    "created_at": "timestamptz", "updated_at": "timestamptz", "revision": "bigint",
    "importance": "float8", "expires_at": "timestamptz", "position": "bigint",
    "valid_from": "timestamptz", "valid_to": "timestamptz",
}  # fmt: skip
INSERT = Insert(
    "memory",
    {"key": "bigint", "embedded_by": "text"}
    | {field: _TYPES.get(field, "text") for field in FIELDS},
)
_KEYED = SELECT.replace("select ", "select m.key, m.embedded_by, ", 1)
BY_KEY = "where m.tenant = %s and m.key > %s order by m.key limit %s"
"""A page of a tenant's memories, in the order of their keys."""

_OUTLINE = ", ".join(f"m.{field}" for field in Outline._fields if field in FIELDS)
OUTLINE = f"select {_OUTLINE} from memory m "  # noqa: S608
_SCORED = f"""
with hit as materialized ({{statement}})
select hit.score, m.* from hit cross join lateral (
    select {_OUTLINE} from memory m where m.tenant = %s and m.id = hit.id offset 0
) m order by hit.score desc, m.id
"""  # noqa: S608
_KINDS = {kind.value: kind for kind in Kind}


class KeyedMemory(NamedTuple):
    """A memory with the key of its row, and the model whose vectors of it are complete."""

    key: int
    embedded_by: str | None
    memory: Memory


def to_row(memory: Memory) -> list[Any]:
    """The values of FIELDS for this memory."""
    return [_value(memory, field) for field in FIELDS]


def _value(memory: Memory, field: str) -> Any:
    value = value_of(memory, field)
    match field:
        case "tags":
            return array(value)
        case "metadata":
            return dump(value)
        case _:
            return value


def dump(value: Any) -> str:
    """JSON without spaces, in every script's own characters."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def session_key(scope: str, session: str) -> str:
    """What stands for a session in indexes, as the column of this name computes it."""
    return text_key(f"{scope}\x1f{session}")


def text_key(text: str) -> str:
    """What stands for a text of any length in indexes."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


async def memories(cursor: Cursor, where: str, values: Sequence[Any]) -> list[Memory]:
    """The memories of `SELECT` with this rest of the statement."""
    await cursor.execute((SELECT + where).encode(), values)
    return [memory_of(row) for row in await cursor.fetchall()]


async def keyed_memories(cursor: Cursor, where: str, values: Sequence[Any]) -> list[KeyedMemory]:
    """The memories of `SELECT` with this rest of the statement, each with its key."""
    await cursor.execute((_KEYED + where).encode(), values)
    rows = await cursor.fetchall()
    return [KeyedMemory(key, embedded_by, memory_of(row)) for key, embedded_by, *row in rows]


def outlines(rows: Sequence[tuple[Any, ...]]) -> list[Outline]:
    """The memories that `OUTLINE` reads."""
    return [_outline(row) for row in rows]


def _outline(row: Sequence[Any]) -> Outline:
    id_, scope, kind, content, at, producer, session, place = row
    return Outline(id_, scope, _KINDS[kind], content, at, producer, session, place or 0)


async def scored(
    cursor: Cursor, tenant: str, statement: str, values: Sequence[Any]
) -> list[ScoredOutline]:
    """The hits of a statement that gives ids with their scores, best first, ties by id."""
    await cursor.execute(_SCORED.format(statement=statement).encode(), [*values, tenant])
    return [ScoredOutline(_outline(row), score) for score, *row in await cursor.fetchall()]
