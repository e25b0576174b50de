"""A memory as one value for each field, as tables keep it."""

from collections.abc import Sequence
from typing import Any

from recollect.domain.memory import Detail, Episode, Fact, Kind, Memory, Note

FIELDS: tuple[str, ...] = (
    "id", "scope", "kind", "content", "tags", "metadata", "source", "external_id", "occurred_at",
    "created_at", "updated_at", "revision", "importance", "expires_at", "name", "producer",
    "produced_for", "role", "session", "position", "category", "tag", "feature", "set_id",
    "valid_from", "valid_to",
)  # fmt: skip
"""The fields of every memory, then those of notes, of episodes and of facts."""


def value_of(memory: Memory, field: str) -> Any:
    """What the memory has in this field; None in those of other kinds."""
    if field == "kind":
        return memory.kind.value
    return getattr(memory if hasattr(memory, field) else memory.detail, field, None)


def memory_of(values: Sequence[Any]) -> Memory:
    """The memory that has these values in FIELDS; those of other kinds do not matter."""
    id_, scope, kind, content, tags, metadata, source, external_id, *rest = values
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


def _detail(kind: str, values: Sequence[Any]) -> Detail:
    name, producer, produced_for, role, session, position, *rest = values
    match kind:
        case Kind.NOTE:
            return Note(name=name)
        case Kind.EPISODE:
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
