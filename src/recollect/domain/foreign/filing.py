"""Giving what was found in another tool its place here: scope, name and id."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from recollect.domain.foreign.names import mapped_name, mapped_scope
from recollect.domain.foreign.notes import Found, FoundLink, FoundNote, Refused
from recollect.domain.memory import MAX_CONTENT_BYTES, JsonValue, Link, Memory, Note

NAMESPACE = UUID("6f5b2a6e-51f1-4b0c-9c1e-0d9f0a8d7c35")
"""Of the ids that are made here; never to be changed."""

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

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

    The id is the tool's own if that is a UUID; else it follows from the tool and its id, or from
    the tool, the scope and the name there, so that the next import finds the note again. Of several
    notes with one id or one name here the first is filed; one that bore that name already goes
    before those that get it.

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
    taken: dict[str | tuple[str, str | None], str] = {}
    for note in sorted(notes, key=_is_renamed):
        memory = _memory(tool, note, now)
        problem = _problem(memory, taken)
        if problem:
            filing.refused.append(Refused(origin=note.origin, reason=problem))
            continue
        taken[memory.id] = taken[memory.scope, memory.name] = note.origin
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


def _problem(memory: Memory, taken: Mapping[str | tuple[str, str | None], str]) -> str | None:
    """Why the memory is not filed; None if it is. `taken` tells whose ids and places are."""
    if owner := taken.get((memory.scope, memory.name)):
        return f"its name here, {memory.name}, is that of {owner}"
    if owner := taken.get(memory.id):
        return f"its id is that of {owner}"
    if not memory.content.strip():
        return "it holds no text"
    if len(memory.content.encode()) > MAX_CONTENT_BYTES:
        return f"it has more than {MAX_CONTENT_BYTES} bytes"
    return None


def _memory(tool: str, note: FoundNote, now: datetime) -> Memory:
    scope, name = mapped_scope(note.scope), mapped_name(note.name)
    metadata: dict[str, JsonValue] = dict(note.metadata)
    if name != note.name:
        metadata[IMPORTED_NAME] = note.name
    if scope != note.scope:
        metadata[IMPORTED_SCOPE] = note.scope
    memory_id, external_id = _ids(tool, note)
    return Memory(
        id=memory_id,
        external_id=external_id,
        scope=scope,
        content=note.content,
        detail=Note(name=name),
        occurred_at=note.occurred_at,
        created_at=note.created_at or now,
        updated_at=note.updated_at or now,
        tags=note.tags,
        metadata=metadata,
        source=note.source or tool,
    )


def _ids(tool: str, note: FoundNote) -> tuple[str, str | None]:
    """The id here, and the tool's own where that is none here."""
    if note.id is None:
        return str(uuid5(NAMESPACE, "\n".join((tool, note.scope, note.name)))), None
    if _UUID.fullmatch(note.id):
        return note.id.lower(), None
    return str(uuid5(NAMESPACE, f"{tool}\n{note.id}")), note.id
