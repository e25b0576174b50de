"""What a batch touches, and what its changes make of it.

All of it is read before and written after; in between there is no database. That is sound because
the tenant's row is held meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias, assert_never

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
from recollect.domain.memory import Episode, Link, Memory, RegistryRecord
from recollect.domain.placing import (
    expect,
    expect_links,
    expect_past,
    key_of,
    nameless,
    numbered,
    placed,
    taken,
    unique_key,
)
from recollect.domain.searchable import passage_source
from recollect.errors import NotFound

LinkKey: TypeAlias = tuple[str, str, str]
RecordKey: TypeAlias = tuple[str, str]
Session: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A memory as it is or will be stored.

    Attributes:
        key: Of its row; 0 for a row that is still to be made.
        embedded_by: The model whose vectors of this revision are complete.
        vectors_kept: Whether the vectors of this row are still true.
    """

    memory: Memory
    key: int = 0
    embedded_by: str | None = None
    vectors_kept: bool = True


@dataclass(slots=True, kw_only=True)
class Before:
    """What is stored of all that a batch names.

    Attributes:
        holders: Who has what must be unique, of what the batch will put.
        ends: The last position in sessions, of the episodes that the batch does not name.
        kept: Which of the revisions to be added to the past are kept already.
    """

    seq: int
    memories: dict[str, Stored] = field(default_factory=dict[str, Stored])
    last_revisions: dict[str, int] = field(default_factory=dict[str, int])
    holders: dict[tuple[str, ...], str] = field(default_factory=dict[tuple[str, ...], str])
    ends: dict[Session, int] = field(default_factory=dict[Session, int])
    kept: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])
    links: set[LinkKey] = field(default_factory=set[LinkKey])
    registry: dict[RecordKey, int] = field(default_factory=dict[RecordKey, int])


class Touched:
    """Applies the changes of one batch, one after another.

    Attributes:
        memories: Those that are there now, by id; a memory that comes back comes last.
        put: The ids of those that were put, and not removed since.
        removed: The ids of those that were forgotten or erased, even if they came back.
        erased: The ids of those that were erased.
        places: Where the erased ones were filed by this batch.
        log: The lines to write, in order.
        revisions: The revisions to write, each with its memory's id and the number of its line.
        links: What becomes of links; None for those to drop.
        registry: What becomes of registry records; None for those to drop.
    """

    def __init__(self, before: Before, batch: Batch) -> None:
        self._batch = batch
        self._before = before
        self._holders = dict(before.holders)
        self._last_revisions = dict(before.last_revisions)
        self._ends: dict[Session, int] = {}
        self._revisions_of_records = dict(before.registry)
        self._kept = set(before.kept)
        self._linked = set(before.links)
        self.seq = before.seq
        self.memories = dict(before.memories)
        self.put: set[str] = set()
        self.removed: set[str] = set()
        self.erased: set[str] = set()
        self.places: set[tuple[str, str]] = set()
        self.log: list[LogEntry] = []
        self.revisions: list[tuple[str, int, Revision]] = []
        self.links: dict[LinkKey, Link | None] = {}
        self.registry: dict[RecordKey, RegistryRecord | None] = {}

    def apply(self, change: Change) -> list[LogEntry]:
        """Apply one change and return its log lines; none if nothing changed."""
        match change:
            case Put() | KeepRevision():
                return [self._put(change) if isinstance(change, Put) else self._keep(change)]
            case Forget():
                return [self._forget(change)]
            case Erase():
                return [self._erase(change.id)]
            case PutLink() | DropLink() | ExpectLinks():
                return self._link(change)
            case PutRecord() | DropRecord() | Expect():
                return self._record(change)
            case _:
                assert_never(change)

    def _put(self, change: Put) -> LogEntry:
        before = self.memories.get(change.memory.id)
        revision = before.memory.revision if before else 0
        expect(change.memory.id, change.expected_revision, revision)
        last = revision or self._last_revisions.get(change.memory.id, 0)
        memory, recorded = numbered(change, placed(change.memory, self._next_position), last)
        self._claim(memory)
        if before:
            self._release(before.memory, unless=memory)
        self._note_position(memory)
        if before is None:
            stored = Stored(memory=memory, vectors_kept=False)
        elif passage_source(before.memory) == passage_source(memory):
            stored = replace(before, memory=memory)
        else:
            stored = replace(before, memory=memory, embedded_by=None, vectors_kept=False)
        self.memories[memory.id] = stored
        self.put.add(memory.id)
        made = recorded or self._batch.recorded(change.verb)
        entry = self._write(made, memory.id, memory.revision, key_of(before and before.memory))
        self._revise(entry, memory)
        return entry

    def _keep(self, change: KeepRevision) -> LogEntry:
        revision = change.revision
        number = (change.memory_id, revision.revision)
        stored = self.memories.get(change.memory_id)
        now = stored.memory if stored else None
        expect_past(change, now, is_kept=number in self._kept)
        entry = self._write(revision.recorded, *number, change.before)
        self._revise(entry, revision.memory)
        return entry

    def _claim(self, memory: Memory) -> None:
        """Take what must be unique of the memory."""
        key = unique_key(memory)
        if key is None:
            return
        if self._holders.get(key, memory.id) != memory.id:
            raise taken(memory)
        self._holders[key] = memory.id

    def _release(self, memory: Memory, unless: Memory | None = None) -> None:
        """Give back what must be unique of the memory, and its place."""
        self._ends.clear()
        key = unique_key(memory)
        if key is not None and (unless is None or unique_key(unless) != key):
            self._holders.pop(key, None)

    def _next_position(self, scope: str, session: str) -> int:
        here = (scope, session)
        if here not in self._ends:
            positions = [
                stored.memory.detail.position
                for stored in self.memories.values()
                if isinstance(stored.memory.detail, Episode)
                and (stored.memory.scope, stored.memory.detail.session) == here
            ]
            self._ends[here] = max(positions, default=-1)
        return max(self._ends[here], self._before.ends.get(here, -1)) + 1

    def _note_position(self, memory: Memory) -> None:
        """Keep what is known of the ends of sessions true."""
        if isinstance(memory.detail, Episode):
            here = (memory.scope, memory.detail.session)
            if here in self._ends:
                self._ends[here] = max(self._ends[here], memory.detail.position)

    def _forget(self, change: Forget) -> LogEntry:
        before = self.memories.get(change.id)
        if before is None:
            raise NotFound(change.id)
        if change.expected_revision is not None:
            expect(change.id, change.expected_revision, before.memory.revision)
        self._remove(change.id)
        made = self._batch.recorded("forget")
        entry = self._write(made, change.id, before.memory.revision + 1, key_of(before.memory))
        self._revise(entry, None)
        return entry

    def _remove(self, memory_id: str) -> None:
        stored = self.memories.pop(memory_id, None)
        if stored:
            self._release(stored.memory)
        self.removed.add(memory_id)
        self.put.discard(memory_id)
        self._linked = {key for key in self._linked if memory_id not in key[:2]}
        self.links = {key: link for key, link in self.links.items() if memory_id not in key[:2]}

    def _erase(self, memory_id: str) -> LogEntry:
        before = self.memories.get(memory_id)
        last = self._last_revisions.get(memory_id, 0)
        if not last:
            raise NotFound(memory_id)
        self._remove(memory_id)
        self.erased.add(memory_id)
        self._last_revisions[memory_id] = 0
        self._kept = {kept for kept in self._kept if kept[0] != memory_id}
        self.revisions = [kept for kept in self.revisions if kept[0] != memory_id]
        if before and before.memory.name is not None:
            self.places.add((before.memory.scope, before.memory.name))
        self.log = [self._without_name(line, memory_id) for line in self.log]
        made = self._batch.recorded("erase")
        return self._write(made, memory_id, last + 1, nameless(before and before.memory))

    def _without_name(self, line: LogEntry, memory_id: str) -> LogEntry:
        if line.record_id != memory_id or line.before is None or line.before.name is None:
            return line
        self.places.add((line.before.scope, line.before.name))
        return replace(line, before=replace(line.before, name=None))

    def _link(self, change: PutLink | DropLink | ExpectLinks) -> list[LogEntry]:
        if isinstance(change, ExpectLinks):
            there = (key for key in self._linked if key[1:] == (change.to_id, change.type))
            expect_links(change, (from_id for from_id, _, _ in there))
            return []
        ends = change.link if isinstance(change, PutLink) else change
        key = (ends.from_id, ends.to_id, ends.type)
        if isinstance(change, PutLink):
            for end in key[:2]:
                if end not in self.memories:
                    raise NotFound(end)
            self._linked.add(key)
            self.links[key] = change.link
        elif key in self._linked:
            self._linked.discard(key)
            self.links[key] = None
        else:
            return []
        made = self._batch.recorded("link")
        return [self._write(made, f"{ends.from_id}>{ends.to_id}:{ends.type}", 0)]

    def _record(self, change: PutRecord | DropRecord | Expect) -> list[LogEntry]:
        target = change.record if isinstance(change, PutRecord) else change
        key, name = (target.type, target.id), f"{target.type}:{target.id}"
        found = self._revisions_of_records.get(key, 0)
        made = self._batch.recorded("record")
        match change:
            case PutRecord(record=record):
                expect(name, change.expected_revision, found)
                self._revisions_of_records[key] = record.revision
                self.registry[key] = record
                return [self._write(made, name, record.revision)]
            case Expect():
                expect(name, change.revision, found)
                return []
            case DropRecord():
                if not found:
                    return []
                del self._revisions_of_records[key]
                self.registry[key] = None
                return [self._write(made, name, found + 1)]
            case _:
                assert_never(change)

    def _write(
        self, made: Recorded, record_id: str, revision: int, before: Key | None = None
    ) -> LogEntry:
        self.seq += 1
        entry = LogEntry(
            seq=self.seq,
            at=made.at,
            actor=made.actor,
            origin=self._batch.origin,
            verb=made.verb,
            record_id=record_id,
            revision=revision,
            before=before,
        )
        self.log.append(entry)
        return entry

    def _revise(self, entry: LogEntry, memory: Memory | None) -> None:
        last = self._last_revisions.get(entry.record_id, 0)
        self._last_revisions[entry.record_id] = max(last, entry.revision)
        self._kept.add((entry.record_id, entry.revision))
        revision = Revision(
            revision=entry.revision,
            recorded_at=entry.at,
            actor=entry.actor,
            verb=entry.verb,
            memory=memory,
        )
        self.revisions.append((entry.record_id, entry.seq, revision))


def named_ids(changes: Sequence[Change]) -> set[str]:
    """The ids of all memories that the changes name."""
    ids: set[str] = set()
    for change in changes:
        match change:
            case Put(memory=memory):
                ids.add(memory.id)
            case KeepRevision(memory_id=memory_id):
                ids.add(memory_id)
            case Forget() | Erase():
                ids.add(change.id)
            case PutLink(link=link):
                ids |= {link.from_id, link.to_id}
            case DropLink() | ExpectLinks() | PutRecord() | DropRecord() | Expect():
                pass
            case _:
                assert_never(change)
    return ids
