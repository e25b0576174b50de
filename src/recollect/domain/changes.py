"""Changes to the records, and the log that remembers their order."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from recollect.domain.memory import JsonValue, Kind, Link, Memory, RegistryRecord
from recollect.domain.passages import FloatMatrix, KeptVector, Passage

Verb: TypeAlias = Literal[
    "remember", "edit", "move", "ingest", "learn", "correct", "import", "adopt", "forget", "erase",
    "link", "record"
]  # fmt: skip
"""What a change was; `adopt` took over what another tool keeps."""

UNPLACED = -1
"""The position of an episode that the store is still to place at the end of its session."""

REQUESTS_KEPT = timedelta(hours=24)
"""How long a request is recognised by its idempotency key; then the key is new again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """When, by whom and by what kind of change a revision was made."""

    at: datetime
    actor: str
    verb: Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """Store a memory's new revision.

    Attributes:
        memory: The after-image; its `revision` is `expected_revision + 1` unless imported.
        expected_revision: The revision that must be stored now; 0 when the id must be new.
        recorded: How this revision was made elsewhere; holds if it keeps its number.
    """

    memory: Memory
    expected_revision: int
    verb: Verb
    recorded: Recorded | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forget:
    """Take a memory out of every answer; its revisions stay. None expects any revision."""

    id: str
    expected_revision: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Erase:
    """Delete a memory with all its revisions, vectors and links; the log line is the receipt.

    The memory's name, which may be made of its text, goes from all lines of the log as well.
    """

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PutLink:
    """Store a link, or replace the one with the same ends and type."""

    link: Link


@dataclass(frozen=True, slots=True, kw_only=True)
class DropLink:
    """Remove a link; nothing happens if it is not there."""

    from_id: str
    to_id: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PutRecord:
    """Store a registry record's new revision; `expected_revision` as for `Put`."""

    record: RegistryRecord
    expected_revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DropRecord:
    """Remove a registry record; nothing happens if it is not there."""

    type: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """Nothing is changed, but the batch fails unless a registry record is at this revision."""

    type: str
    id: str
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectLinks:
    """Nothing is changed, but the batch fails unless these are the links that end at a memory.

    Attributes:
        from_ids: Where the links of the type start.
    """

    to_id: str
    type: str
    from_ids: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepRevision:
    """Add a revision to a memory's past; what the memory is now, if anything, stays.

    Attributes:
        revision: Older than the memory's own; not kept yet.
        before: Where the memory was filed when it was forgotten; None for other revisions.
    """

    memory_id: str
    revision: "Revision"
    before: "Key | None" = None


Change: TypeAlias = (
    Put
    | KeepRevision
    | Forget
    | Erase
    | PutLink
    | DropLink
    | PutRecord
    | DropRecord
    | Expect
    | ExpectLinks
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """Vectors of a memory that is put in the same batch.

    Attributes:
        vectors: `(len(passages), dimensions)` float32, unit length.
        complete: False when more passages follow in the background.
    """

    memory_id: str
    model: str
    passages: tuple[Passage, ...]
    vectors: FloatMatrix
    complete: bool

    @classmethod
    def of(
        cls,
        memory_id: str,
        embedded_by: str | None,
        kept: Sequence[KeptVector],
        unpacked: Callable[[Sequence[bytes]], FloatMatrix],
    ) -> "Embedded | None":
        """The vectors of a memory as a store keeps them; None if it has none.

        Args:
            memory_id: Whose they are.
            embedded_by: The model whose vectors are said to be complete.
            kept: All that are stored, of one model, in the order of the passages.
            unpacked: Reads what the store keeps of each.
        """
        if not kept:
            return None
        return cls(
            memory_id=memory_id,
            model=kept[0].model,
            passages=tuple(vector.passage for vector in kept),
            vectors=unpacked([vector.embedding for vector in kept]),
            complete=embedded_by is not None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """Work to be done later, at least once.

    Attributes:
        dedupe_key: Of waiting jobs with the same queue and key only the first is kept.
        order_key: Jobs of a queue that share one run one after another; '' for any order.
        run_after: Not before then; None means at once.
    """

    queue: str
    dedupe_key: str
    order_key: str = ""
    run_after: datetime | None = None
    payload: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])


@dataclass(frozen=True, slots=True, kw_only=True)
class Idempotency:
    """What a retry of the same request is recognised by, and what it is answered.

    Attributes:
        key: The client's key, prefixed by the principal.
        request: A digest of the request.
        response: The answer of the first time, as JSON; holds no memory text.
        at: When it is asked; what was asked more than `REQUESTS_KEPT` before is forgotten.
    """

    key: str
    request: str
    response: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Changes that are applied together or not at all.

    Attributes:
        actor: Who changes it.
        origin: Where the change came from; a projection skips what came from itself.
    """

    at: datetime
    actor: str
    changes: tuple[Change, ...]
    origin: str = "client"
    embedded: tuple[Embedded, ...] = ()
    jobs: tuple[NewJob, ...] = ()
    idempotency: Idempotency | None = None

    def recorded(self, verb: Verb) -> Recorded:
        """How a change of this batch is recorded."""
        return Recorded(at=self.at, actor=self.actor, verb=verb)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """Where a memory was filed."""

    scope: str
    name: str | None
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One line of the change log. It holds no text.

    Attributes:
        seq: Grows by 1 with every change of the tenant, without gaps.
        record_id: The memory's id; `from>to:type` of a link, `type:id` of a registry record.
        revision: The revision written; of a forgotten memory one more than its last.
        before: Where the memory was filed before the change; None if it is new or no memory.
    """

    seq: int
    at: datetime
    actor: str
    origin: str
    verb: Verb
    record_id: str
    revision: int
    before: Key | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A memory as it was after one change; `memory` is None when the change was to forget it."""

    revision: int
    recorded_at: datetime
    actor: str
    verb: Verb
    memory: Memory | None

    @property
    def recorded(self) -> Recorded:
        """How it was made."""
        return Recorded(at=self.recorded_at, actor=self.actor, verb=self.verb)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a commit did: its log lines, or the first answer to a request already carried out."""

    entries: tuple[LogEntry, ...] = ()
    replayed: str | None = None
