"""Applying a batch of changes inside one write transaction."""

import sqlite3
from typing import assert_never

from recollect.adapters.sqlite.jobs import enqueue
from recollect.adapters.sqlite.recalls import erase_lines
from recollect.adapters.sqlite.rows import UPSERT, dump, memories, to_row
from recollect.adapters.sqlite.times import to_micros
from recollect.adapters.sqlite.vectors import insert_vectors
from recollect.adapters.sqlite.words import delete_text, insert_texts
from recollect.domain.changes import (
    REQUESTS_KEPT,
    Batch,
    Change,
    DropLink,
    DropRecord,
    Embedded,
    Erase,
    Expect,
    ExpectLinks,
    Forget,
    Idempotency,
    KeepRevision,
    Key,
    LogEntry,
    Put,
    PutLink,
    PutRecord,
    Receipt,
    Recorded,
)
from recollect.domain.memory import Memory
from recollect.domain.placing import (
    expect,
    expect_links,
    expect_past,
    key_of,
    nameless,
    numbered,
    placed,
    taken,
)
from recollect.domain.searchable import passage_source, searchable_text
from recollect.domain.serialisation import CODEC, memory_to_json
from recollect.errors import IdempotencyMismatch, NotFound

# An answer that is no JSON, such as an empty one, names no memory.
_FORGET_ANSWERS = """
delete from idempotency where exists (
    select 1 from json_tree(case when json_valid(response) then response end)
    where atom in (select value from json_each(?))
)
"""


def apply(connection: sqlite3.Connection, batch: Batch) -> Receipt:
    """Apply the batch; the caller's transaction makes it all or nothing."""
    if batch.idempotency and (first := replay(connection, batch.idempotency)) is not None:
        return Receipt(replayed=first)
    writer = _Writer(connection, batch)
    entries = tuple(entry for change in batch.changes for entry in writer.apply(change))
    if erased := [change.id for change in batch.changes if isinstance(change, Erase)]:
        connection.execute(_FORGET_ANSWERS, [dump(erased)])
        # Deleted words linger in the index's segments until they are merged.
        connection.execute("insert into text_index (text_index) values ('optimize')")
    for job in batch.jobs:
        enqueue(connection, job)
    if batch.idempotency:
        _remember_request(connection, batch.idempotency)
    return Receipt(entries=entries)


def replay(connection: sqlite3.Connection, request: Idempotency) -> str | None:
    """The first answer to this request; None if its key is new.

    Raises:
        IdempotencyMismatch: The key belongs to another request.
    """
    row = connection.execute(
        "select request, response from idempotency where key = ? and at >= ?",
        [request.key, to_micros(request.at - REQUESTS_KEPT)],
    ).fetchone()
    if row is None:
        return None
    if row[0] != request.request:
        raise IdempotencyMismatch
    return row[1]


def _remember_request(connection: sqlite3.Connection, request: Idempotency) -> None:
    connection.execute(
        "delete from idempotency where at < ?", [to_micros(request.at - REQUESTS_KEPT)]
    )
    connection.execute(
        "insert into idempotency values (?, ?, ?, ?)",
        [request.key, request.request, request.response, to_micros(request.at)],
    )


class _Writer:
    """Applies the changes of one batch, one after another."""

    def __init__(self, connection: sqlite3.Connection, batch: Batch) -> None:
        self._connection = connection
        self._batch = batch
        self._embedded = {e.memory_id: e for e in batch.embedded}
        self._memory_key: int | None = None

    def apply(self, change: Change) -> list[LogEntry]:
        """Apply one change and return its log lines; none if nothing changed."""
        self._memory_key = None
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
        before = self._find(change.memory.id)
        expect(change.memory.id, change.expected_revision, before.revision if before else 0)
        last = before.revision if before else self._last_revision(change.memory.id)
        memory, recorded = numbered(change, placed(change.memory, self._next_position), last)
        embedded = self._embedded.get(memory.id)
        vectors_kept = before is not None and passage_source(before) == passage_source(memory)
        try:
            (key,) = self._connection.execute(
                UPSERT,
                [
                    *to_row(memory),
                    self._embedded_by(memory.id, embedded, vectors_kept=vectors_kept),
                ],
            ).fetchone()
        except sqlite3.IntegrityError as error:
            raise taken(memory) from error
        self._memory_key = key
        self._index(key, before, memory)
        if before and not vectors_kept:
            self._connection.execute("delete from vector where memory_key = ?", [key])
        if embedded:
            insert_vectors(self._connection, key, memory, embedded)
        made = recorded or self._batch.recorded(change.verb)
        entry = self._log(made, memory.id, memory.revision, key_of(before))
        self._revise(entry, dump(memory_to_json(memory)))
        return entry

    def _keep(self, change: KeepRevision) -> LogEntry:
        revision = change.revision
        kept = self._connection.execute(
            "select 1 from revision where memory_id = ? and revision = ?",
            [change.memory_id, revision.revision],
        ).fetchone()
        expect_past(change, self._find(change.memory_id), is_kept=kept is not None)
        entry = self._log(revision.recorded, change.memory_id, revision.revision, change.before)
        self._revise(entry, dump(memory_to_json(revision.memory)) if revision.memory else None)
        return entry

    def _embedded_by(
        self, memory_id: str, embedded: Embedded | None, *, vectors_kept: bool
    ) -> str | None:
        if embedded:
            return embedded.model if embedded.complete else None
        if not vectors_kept:
            return None
        (model,) = self._connection.execute(
            "select embedded_by from memory where id = ?", [memory_id]
        ).fetchone()
        return model

    def _index(self, key: int, before: Memory | None, memory: Memory) -> None:
        text = searchable_text(memory)
        if before:
            if searchable_text(before) == text:
                return
            delete_text(self._connection, key)
        insert_texts(self._connection, [(key, text)])

    def _next_position(self, scope: str, session: str) -> int:
        (last,) = self._connection.execute(
            "select max(position) from memory where kind = 'episode' and scope = ? and session = ?",
            [scope, session],
        ).fetchone()
        return 0 if last is None else last + 1

    def _forget(self, change: Forget) -> LogEntry:
        before = self._find(change.id)
        if before is None:
            raise NotFound(change.id)
        if change.expected_revision is not None:
            expect(change.id, change.expected_revision, before.revision)
        self._remove(change.id)
        entry = self._log(
            self._batch.recorded("forget"), change.id, before.revision + 1, key_of(before)
        )
        self._revise(entry, None)
        return entry

    def _remove(self, memory_id: str) -> None:
        # Two statements, each served by an index.
        self._connection.execute("delete from link where from_id = ?", [memory_id])
        self._connection.execute("delete from link where to_id = ?", [memory_id])
        row = self._connection.execute(
            "delete from memory where id = ? returning key", [memory_id]
        ).fetchone()
        if row:
            (key,) = row
            self._memory_key = key
            delete_text(self._connection, key)
            self._connection.execute("delete from vector where memory_key = ?", row)

    def _erase(self, memory_id: str) -> LogEntry:
        before = self._find(memory_id)
        last = self._last_revision(memory_id)
        if not last:
            raise NotFound(memory_id)
        erase_lines(self._connection, memory_id)
        self._remove(memory_id)
        self._connection.execute("delete from revision where memory_id = ?", [memory_id])
        entry = self._log(self._batch.recorded("erase"), memory_id, last + 1, nameless(before))
        self._connection.execute(
            "update log set before_name = null where record_id = ?", [memory_id]
        )
        return entry

    def _link(self, change: PutLink | DropLink | ExpectLinks) -> list[LogEntry]:
        if isinstance(change, ExpectLinks):
            there = self._connection.execute(
                "select from_id from link where to_id = ? and type = ?", [change.to_id, change.type]
            )
            expect_links(change, (from_id for (from_id,) in there))
            return []
        ends = change.link if isinstance(change, PutLink) else change
        key = [ends.from_id, ends.to_id, ends.type]
        if isinstance(change, PutLink):
            for end in key[:2]:
                if self._find(end) is None:
                    raise NotFound(end)
            self._connection.execute(
                "insert or replace into link values (?, ?, ?, ?, ?)",
                [*key, change.link.weight, dump(change.link.metadata)],
            )
        elif not self._connection.execute(
            "delete from link where from_id = ? and to_id = ? and type = ?", key
        ).rowcount:
            return []
        return [
            self._log(
                self._batch.recorded("link"), f"{ends.from_id}>{ends.to_id}:{ends.type}", 0, None
            )
        ]

    def _record(self, change: PutRecord | DropRecord | Expect) -> list[LogEntry]:
        target = change.record if isinstance(change, PutRecord) else change
        row = self._connection.execute(
            "select revision from registry where type = ? and id = ?", [target.type, target.id]
        ).fetchone()
        found = row[0] if row else 0
        name = f"{target.type}:{target.id}"
        if isinstance(change, PutRecord):
            expect(name, change.expected_revision, found)
            self._connection.execute(
                "insert or replace into registry values (?, ?, ?, ?, ?)",
                [
                    change.record.type,
                    change.record.id,
                    dump(change.record.content),
                    to_micros(change.record.updated_at),
                    change.record.revision,
                ],
            )
            return [self._log(self._batch.recorded("record"), name, change.record.revision, None)]
        if isinstance(change, Expect):
            expect(name, change.revision, found)
        if isinstance(change, Expect) or not found:
            return []
        self._connection.execute(
            "delete from registry where type = ? and id = ?", [target.type, target.id]
        )
        return [self._log(self._batch.recorded("record"), name, found + 1, None)]

    def _last_revision(self, memory_id: str) -> int:
        """The last revision that is kept, of a forgotten memory too; 0 when there is none."""
        (last,) = self._connection.execute(
            "select max(revision) from revision where memory_id = ?", [memory_id]
        ).fetchone()
        return last or 0

    def _find(self, memory_id: str) -> Memory | None:
        found = memories(self._connection, "where m.id = ?", [memory_id])
        return found[0] if found else None

    def _log(self, made: Recorded, record_id: str, revision: int, key: Key | None) -> LogEntry:
        (seq,) = self._connection.execute(
            "insert into log values (null, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) returning seq",
            [
                to_micros(made.at),
                made.actor,
                self._batch.origin,
                made.verb,
                record_id,
                revision,
                *([key.scope, key.name, key.kind] if key else [None, None, None]),
                self._memory_key,
            ],
        ).fetchone()
        return LogEntry(
            seq=seq,
            at=made.at,
            actor=made.actor,
            origin=self._batch.origin,
            verb=made.verb,
            record_id=record_id,
            revision=revision,
            before=key,
        )

    def _revise(self, entry: LogEntry, payload: str | None) -> None:
        self._connection.execute(
            "insert into revision values (?, ?, ?, ?, ?)",
            [entry.record_id, entry.revision, entry.seq, CODEC, payload],
        )
