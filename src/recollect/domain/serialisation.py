"""Memories as JSON objects: the payload of revisions and the lines of an export."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from recollect.domain.memory import Detail, Episode, Fact, Kind, Memory, Note

CODEC = "json-1"
"""Names this encoding in every revision, so that another can come later."""

_DETAIL_FIELDS = {
    Kind.NOTE: ("name",),
    Kind.EPISODE: ("producer", "produced_for", "role", "session", "position"),
    Kind.FACT: ("category", "tag", "feature", "set_id", "valid_from", "valid_to"),
}
_TIMES = ("occurred_at", "created_at", "updated_at", "expires_at", "valid_from", "valid_to")


def format_time(time: datetime) -> str:
    """RFC 3339 in UTC with `Z`, sub-second digits only where there are any."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_time(text: str) -> datetime:
    """The time that an ISO 8601 text names, in UTC; a naive one is taken as UTC.

    Raises:
        ValueError: The text is no time.
    """
    time = datetime.fromisoformat(text)
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def fields_of(memory: Memory) -> dict[str, Any]:
    """Every field of the memory, flat, in a fixed order; empty ones included."""
    return {
        "id": memory.id,
        "kind": memory.kind.value,
        "scope": memory.scope,
        "content": memory.content,
        "tags": list(memory.tags),
        "metadata": dict(memory.metadata),
        "source": memory.source,
        "external_id": memory.external_id,
        "occurred_at": memory.occurred_at,
        "created_at": memory.created_at,
        "updated_at": memory.updated_at,
        "revision": memory.revision,
        "importance": memory.importance,
        "expires_at": memory.expires_at,
    } | {name: getattr(memory.detail, name) for name in _DETAIL_FIELDS[memory.kind]}


def memory_to_json(memory: Memory) -> dict[str, Any]:
    """The same with times as text."""
    return {
        name: format_time(value) if isinstance(value, datetime) else value
        for name, value in fields_of(memory).items()
    }


def memory_from_json(fields: Mapping[str, Any]) -> Memory:
    """The memory that `memory_to_json` wrote.

    Raises:
        KeyError, TypeError, ValueError: The fields are not such a memory.
    """
    values = {
        name: parse_time(value) if name in _TIMES and value is not None else value
        for name, value in fields.items()
    }
    kind = Kind(values.pop("kind"))
    detail = {name: values.pop(name) for name in _DETAIL_FIELDS[kind] if name in values}
    values["tags"] = tuple(values.get("tags", ()))
    return Memory(detail=_detail(kind, detail), **cast("dict[str, Any]", values))


def _detail(kind: Kind, fields: dict[str, Any]) -> Detail:
    match kind:
        case Kind.NOTE:
            return Note(**fields)
        case Kind.EPISODE:
            return Episode(**fields)
        case Kind.FACT:
            return Fact(**fields)
