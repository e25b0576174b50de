"""Giving what was found in another tool its place here: scope, name and id."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from recollect.domain.foreign.names import mapped_name, mapped_scope
from recollect.domain.foreign.notes import Found, FoundLink, FoundNote, Refused
from recollect.domain.memory import MAX_CONTENT_BYTES, JsonValue, Link, Memory, Note

NAMESPACE = UUID("6f5b2a6e-51f1-4b0c-9c1e-0d9f0a8d7c35")
"""Of the ids that are made of a tool, a scope and a name; never to be changed."""

IMPORTED_NAME = "imported_name"
IMPORTED_SCOPE = "imported_scope"
"""The keys of the metadata that hold what the tool called it, where we call it otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """A memory or a link that can be imported, and where it comes from."""

    origin: str
    record: Memory | Link


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """What can be imported, links last, and what cannot."""

    filed: list[Filed]
    refused: list[Refused]


def file_all(tool: str, found: Iterable[Found], now: datetime) -> Filing:
    """Give every note an id, a scope and a name, and link them by these ids.

    The id follows from the tool, the scope and the name there, so that the next import finds the
    note again. Of several notes with one name here the first is filed; one that bore that name
    already goes before those that get it.

    Args:
        tool: What the notes come from; their `source`.
        found: What its store holds.
        now: When they are imported.
    """
    items = list(found)
    notes = [item for item in items if isinstance(item, FoundNote)]
    links = [item for item in items if isinstance(item, FoundLink)]
    filing = Filing(filed=[], refused=[item for item in items if isinstance(item, Refused)])
    ids: dict[tuple[str, str], str] = {}
    origins: dict[tuple[str, str], str] = {}
    for note in sorted(notes, key=_is_renamed):
        memory = _memory(tool, note, now)
        place = (memory.scope, memory.name or "")
        problem = _problem(memory) or (
            f"its name here, {place[1]}, is that of {origins[place]}" if place in origins else None
        )
        if problem:
            filing.refused.append(Refused(origin=note.origin, reason=problem))
            continue
        origins[place] = note.origin
        ids[note.scope, note.name] = memory.id
        filing.filed.append(Filed(origin=note.origin, record=memory))
    for link in links:
        _file_link(filing, link, ids)
    return filing


def _file_link(filing: Filing, link: FoundLink, ids: Mapping[tuple[str, str], str]) -> None:
    from_id = ids.get((link.scope, link.from_name))
    to_id = ids.get((link.scope, link.to_name))
    if from_id is None or to_id is None:
        reason = "one of its ends is not imported"
        filing.refused.append(Refused(origin=link.origin, reason=reason))
        return
    record = Link(from_id=from_id, to_id=to_id, type=link.type)
    filing.filed.append(Filed(origin=link.origin, record=record))


def _is_renamed(note: FoundNote) -> bool:
    return (mapped_scope(note.scope), mapped_name(note.name)) != (note.scope, note.name)


def _problem(memory: Memory) -> str | None:
    if not memory.content.strip():
        return "it holds no text"
    if len(memory.content.encode()) > MAX_CONTENT_BYTES:
        return f"it has more than {MAX_CONTENT_BYTES} bytes"
    return None


def _memory(tool: str, note: FoundNote, now: datetime) -> Memory:
    scope, name = mapped_scope(note.scope), mapped_name(note.name)
    metadata: dict[str, JsonValue] = {}
    if name != note.name:
        metadata[IMPORTED_NAME] = note.name
    if scope != note.scope:
        metadata[IMPORTED_SCOPE] = note.scope
    return Memory(
        id=str(uuid5(NAMESPACE, "\n".join((tool, note.scope, note.name)))),
        scope=scope,
        content=note.content,
        detail=Note(name=name),
        occurred_at=note.occurred_at,
        created_at=now,
        updated_at=now,
        tags=note.tags,
        metadata=metadata,
        source=tool,
    )
