"""Applying the changes of a batch to the dictionaries."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import assert_never

from recollect.adapters.in_memory.recalls import erase_lines
from recollect.adapters.in_memory.tables import Tables
from recollect.domain.changes import (
    Batch,
    Change,
    DropLink,
    DropRecord,
    Erase,
    Expect,
    ExpectLinks,
    Forget,
    KeepRevision,
    Key,
    LogEntry,
    Put,
    PutLink,
    PutRecord,
    Recorded,
    Revision,
)
from recollect.domain.memory import Episode, JsonValue, Memory
from recollect.domain.placing import (
    expect,
    expect_links,
    expect_past,
    key_of,
    nameless,
    numbered,
    placed,
    unique_key,
)
from recollect.domain.searchable import passage_source
from recollect.errors import AlreadyExists, NotFound


def apply(tables: Tables, batch: Batch, change: Change) -> list[LogEntry]:
    """Apply one change and return its log lines; none if nothing changed."""
    match change:
        case Put() | KeepRevision():
            is_new = isinstance(change, Put)
            return [_put(tables, batch, change) if is_new else _keep(tables, batch, change)]
        case Forget():
            return [_forget(tables, batch, change)]
        case Erase():
            return [_erase(tables, batch, change.id)]
        case PutLink() | DropLink() | ExpectLinks():
            return _link(tables, batch, change)
        case PutRecord() | DropRecord() | Expect():
            return _record(tables, batch, change)
        case _:
            assert_never(change)


def _link(tables: Tables, batch: Batch, change: PutLink | DropLink | ExpectLinks) -> list[LogEntry]:
    if isinstance(change, ExpectLinks):
        there = (key for key in tables.links if key[1:] == (change.to_id, change.type))
        expect_links(change, (from_id for from_id, _, _ in there))
        return []
    ends = change.link if isinstance(change, PutLink) else change
    key = (ends.from_id, ends.to_id, ends.type)
    if isinstance(change, PutLink):
        for end in key[:2]:
            if end not in tables.memories:
                raise NotFound(end)
        tables.links[key] = change.link
    elif not tables.links.pop(key, None):
        return []
    name = f"{ends.from_id}>{ends.to_id}:{ends.type}"
    return [_log(tables, batch, batch.recorded("link"), (name, 0))]


def _record(
    tables: Tables, batch: Batch, change: PutRecord | DropRecord | Expect
) -> list[LogEntry]:
    target = change.record if isinstance(change, PutRecord) else change
    name = f"{target.type}:{target.id}"
    found = tables.registry.get((target.type, target.id))
    if isinstance(change, PutRecord):
        expect(name, change.expected_revision, found.revision if found else 0)
        tables.registry[target.type, target.id] = change.record
        return [_log(tables, batch, batch.recorded("record"), (name, change.record.revision))]
    if isinstance(change, Expect):
        expect(name, change.revision, found.revision if found else 0)
    if isinstance(change, Expect) or not found:
        return []
    del tables.registry[target.type, target.id]
    return [_log(tables, batch, batch.recorded("record"), (name, found.revision + 1))]


def _put(tables: Tables, batch: Batch, change: Put) -> LogEntry:
    before = tables.memories.get(change.memory.id)
    expect(change.memory.id, change.expected_revision, before.revision if before else 0)
    memory = placed(change.memory, partial(_next_position, tables))
    _refuse_taken(tables, memory)
    kept = tables.revisions.setdefault(memory.id, [])
    memory, recorded = numbered(change, memory, kept[-1].revision if kept else 0)
    if before is None or passage_source(before) != passage_source(memory):
        tables.vectors.pop(memory.id, None)
    tables.memories[memory.id] = memory
    made = recorded or batch.recorded(change.verb)
    entry = _log(tables, batch, made, (memory.id, memory.revision), key_of(before))
    kept.append(_revision(entry, memory))
    return entry


def _keep(tables: Tables, batch: Batch, change: KeepRevision) -> LogEntry:
    revision = change.revision
    kept = tables.revisions.get(change.memory_id, [])
    is_kept = any(other.revision == revision.revision for other in kept)
    expect_past(change, tables.memories.get(change.memory_id), is_kept=is_kept)
    tables.revisions[change.memory_id] = sorted([*kept, revision], key=lambda r: r.revision)
    written = (change.memory_id, revision.revision)
    return _log(tables, batch, revision.recorded, written, change.before)


def _refuse_taken(tables: Tables, memory: Memory) -> None:
    """Raise AlreadyExists if another memory has what must be unique of this one."""
    key = unique_key(memory)
    if key and any(
        unique_key(other) == key for other in tables.memories.values() if other.id != memory.id
    ):
        raise AlreadyExists("another memory has this name or id already")


def _forget(tables: Tables, batch: Batch, change: Forget) -> LogEntry:
    before = tables.memories.get(change.id)
    if before is None:
        raise NotFound(change.id)
    if change.expected_revision is not None:
        expect(change.id, change.expected_revision, before.revision)
    _remove(tables, change.id)
    written = (change.id, before.revision + 1)
    entry = _log(tables, batch, batch.recorded("forget"), written, key_of(before))
    tables.revisions[change.id].append(_revision(entry, None))
    return entry


def _erase(tables: Tables, batch: Batch, memory_id: str) -> LogEntry:
    if memory_id not in tables.revisions:
        raise NotFound(memory_id)
    before = tables.memories.get(memory_id)
    last = tables.revisions.pop(memory_id)[-1].revision
    erase_lines(tables, memory_id)
    _remove(tables, memory_id)
    tables.requests = {
        key: kept
        for key, kept in tables.requests.items()
        if not _mentions(_parsed(kept.response), memory_id)
    }
    tables.log = [
        replace(e, before=replace(e.before, name=None)) if e.before and e.record_id == memory_id
        else e
        for e in tables.log
    ]  # fmt: skip
    return _log(tables, batch, batch.recorded("erase"), (memory_id, last + 1), nameless(before))


def _parsed(response: str) -> JsonValue:
    """The values of a kept answer; one that is no JSON, such as an empty one, has none."""
    with suppress(ValueError):
        return json.loads(response)
    return None


def _mentions(value: JsonValue, memory_id: str) -> bool:
    """Whether the memory's id is one of the values."""
    match value:
        case Mapping():
            return any(_mentions(member, memory_id) for member in value.values())
        case Sequence() if not isinstance(value, str):
            return any(_mentions(item, memory_id) for item in value)
        case _:
            return value == memory_id


def _remove(tables: Tables, memory_id: str) -> None:
    tables.memories.pop(memory_id, None)
    tables.vectors.pop(memory_id, None)
    tables.links = {key: link for key, link in tables.links.items() if memory_id not in key[:2]}


def _log(
    tables: Tables,
    batch: Batch,
    made: Recorded,
    written: tuple[str, int],
    before: Key | None = None,
) -> LogEntry:
    record_id, revision = written
    entry = LogEntry(
        seq=len(tables.log) + 1,
        at=made.at,
        actor=made.actor,
        origin=batch.origin,
        verb=made.verb,
        record_id=record_id,
        revision=revision,
        before=before,
    )
    tables.log.append(entry)
    return entry


def _revision(entry: LogEntry, memory: Memory | None) -> Revision:
    return Revision(
        revision=entry.revision,
        recorded_at=entry.at,
        actor=entry.actor,
        verb=entry.verb,
        memory=memory,
    )


def session_of(tables: Tables, scope: str, session: str) -> Iterator[Memory]:
    """The episodes of a session, in any order."""
    for memory in tables.memories.values():
        detail = memory.detail
        if isinstance(detail, Episode) and (memory.scope, detail.session) == (scope, session):
            yield memory


def _next_position(tables: Tables, scope: str, session: str) -> int:
    positions = [
        memory.detail.position
        for memory in session_of(tables, scope, session)
        if isinstance(memory.detail, Episode)
    ]
    return max(positions, default=-1) + 1
