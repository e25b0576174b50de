"""Memories as rows of the `memory` table."""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from recollect.adapters.postgres.bulk import Insert, array
from recollect.adapters.postgres.database import Cursor
from recollect.domain.memory import Detail, Episode, Fact, Kind, Memory, Note
from recollect.ports import Outline

COLUMNS: tuple[str, ...] = (
    "id", "scope", "kind", "content", "tags", "metadata", "source", "external_id", "occurred_at",
    "created_at", "updated_at", "revision", "importance", "expires_at", "name", "producer",
    "produced_for", "role", "session", "position", "category", "tag", "feature", "set_id",
    "valid_from", "valid_to",
)  # fmt: skip
SELECT = f"select {', '.join(f'm.{c}' for c in COLUMNS)} from memory m "  # noqa: S608
_TYPES = {
    "tags": "text[]", "metadata": "json", "occurred_at": "timestamptz",
    "created_at": "timestamptz", "updated_at": "timestamptz", "revision": "bigint",
    "importance": "float8", "expires_at": "timestamptz", "position": "bigint",
    "valid_from": "timestamptz", "valid_to": "timestamptz",
}  # fmt: skip
INSERT = Insert(
    "memory",
    {"key": "bigint", "embedded_by": "text"}
    | {column: _TYPES.get(column, "text") for column in COLUMNS},
)
_KEYED = (
    f"select key, embedded_by, {', '.join(COLUMNS)} from memory "  # noqa: S608
    "where tenant = %s and key > %s order by key limit %s"
)

_OUTLINE = ", ".join(
    f"m.{c}"
    for c in ("id", "scope", "kind", "content", "occurred_at", "producer", "session", "position")
)
_KINDS = {kind.value: kind for kind in Kind}


class KeyedMemory(NamedTuple):
    """A memory with the key of its row, and the model whose vectors of it are complete."""

    key: int
    embedded_by: str | None
    memory: Memory


def to_row(memory: Memory) -> list[Any]:
    """The values of COLUMNS for this memory."""
    return [_value(memory, column) for column in COLUMNS]


def _value(memory: Memory, column: str) -> Any:
    match column:
        case "kind":
            return memory.kind.value
        case "tags":
            return array(memory.tags)
        case "metadata":
            return dump(memory.metadata)
        case _:
            return getattr(memory if hasattr(memory, column) else memory.detail, column, None)


def dump(value: Any) -> str:
    """JSON without spaces, in every script's own characters."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def from_row(row: Sequence[Any]) -> Memory:
    """The memory of a row of COLUMNS."""
    id_, scope, kind, content, tags, metadata, source, external_id, *rest = row
    occurred_at, created_at, updated_at, revision, importance, expires_at, *detail = rest
    return Memory(
        id=id_,
        scope=scope,
        content=content,
        detail=_detail(kind, detail),
        occurred_at=occurred_at,
        created_at=created_at,
        updated_at=updated_at,
        revision=revision,
        tags=tuple(tags),
        metadata=metadata,
        source=source,
        external_id=external_id,
        importance=importance,
        expires_at=expires_at,
    )


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
                valid_from=valid_from,
                valid_to=valid_to,
            )


def session_key(scope: str, session: str) -> str:
    """What stands for a session in indexes, as the column of this name computes it."""
    return text_key(f"{scope}\x1f{session}")


def text_key(text: str) -> str:
    """What stands for a text of any length in indexes."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


async def memories(cursor: Cursor, where: str, values: Sequence[Any]) -> list[Memory]:
    """The memories of `SELECT` with this rest of the statement."""
    await cursor.execute((SELECT + where).encode(), values)
    return [from_row(row) for row in await cursor.fetchall()]


async def keyed_memories(cursor: Cursor, tenant: str, after: int, limit: int) -> list[KeyedMemory]:
    """Up to `limit` memories whose keys are greater than `after`, in their order."""
    await cursor.execute(_KEYED.encode(), [tenant, after, limit])
    rows = await cursor.fetchall()
    return [KeyedMemory(key, embedded_by, from_row(row)) for key, embedded_by, *row in rows]


async def outlines(cursor: Cursor, where: str, values: Sequence[Any]) -> list[Outline]:
    """The outlines of the memories that this rest of a statement takes from `memory m`."""
    await cursor.execute(f"select {_OUTLINE} from memory m {where}".encode(), values)  # noqa: S608
    rows: list[tuple[str, str, str, str, datetime, str | None, str | None, int | None]]
    rows = await cursor.fetchall()
    return [
        Outline(id_, scope, _KINDS[kind], content, at, producer, session, position or 0)
        for id_, scope, kind, content, at, producer, session, position in rows
    ]
