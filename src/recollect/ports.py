"""Everything the operations need from the outside world, as roles.

Every method that touches stored things takes the tenant first: an adapter never returns, counts,
ranks by or reveals another tenant's data. Adapters raise only the errors of `recollect.errors`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, Protocol

from recollect.domain.changes import (
    Batch,
    Embedded,
    Idempotency,
    LogEntry,
    NewJob,
    Receipt,
    Revision,
)
from recollect.domain.memory import Episode, JsonValue, Kind, Link, Memory, RegistryRecord
from recollect.domain.passages import FloatMatrix, FloatVector, Passage
from recollect.domain.selection import Position, Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredId:
    """A memory that an index found. Higher is better; scales differ between indexes."""

    id: str
    score: float


class Outline(NamedTuple):
    """What ranking asks of a memory; cheaper to make than the memory, of which few are needed.

    Attributes:
        producer, session: None for what is no episode.
        position: 0 for what is no episode.
    """

    id: str
    scope: str
    kind: Kind
    content: str
    occurred_at: datetime
    producer: str | None
    session: str | None
    position: int

    @classmethod
    def of(cls, memory: Memory) -> "Outline":
        """The outline of this memory."""
        episode = memory.detail if isinstance(memory.detail, Episode) else None
        return cls(
            memory.id,
            memory.scope,
            memory.kind,
            memory.content,
            memory.occurred_at,
            episode.producer if episode else None,
            episode.session if episode else None,
            episode.position if episode else 0,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredPassage:
    """A passage of a memory with its cosine similarity to the question, in [-1, 1]."""

    passage: Passage
    score: float


LEAST_DEVIATION = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """How the scores of a question are spread over all passages of a model."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, scores: FloatVector) -> "Distribution | None":
        """The distribution of these scores; None if they differ by less than indexes round."""
        deviation = float(scores.std()) if len(scores) else 0.0
        if deviation < LEAST_DEVIATION:
            return None
        return cls(mean=float(scores.mean()), deviation=deviation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much a tenant holds.

    Attributes:
        by_model: How many memories have complete vectors of each model.
        waiting: How many lack complete vectors of the model in use.
    """

    by_kind: Mapping[str, int]
    by_scope: Mapping[str, int]
    by_model: Mapping[str, int]
    links: int
    revisions: int
    last_seq: int
    waiting: int
    size_bytes: int


class RecordStore(Protocol):
    """The system of record: memories, links, registry records, their revisions."""

    async def commit(self, tenant: str, batch: Batch) -> Receipt:
        """Apply every change of the batch in order, or none of them, in one transaction.

        An unplaced episode is put at the end of its session; a memory whose id has a history
        continues its revisions; a forgotten one loses its links.
        Writes a revision and a log line per change and keeps the text index, and the vectors
        handed in, true to the records in the same transaction. If the batch carries an
        idempotency key that was used before with the same request, nothing is applied and the
        receipt is the first one, marked `replayed`. The vectors handed in replace the memory's
        others, of whichever model.

        Raises:
            RevisionConflict: A record is not at the revision that a change expects.
            AlreadyExists: A new memory's id, or its name in its scope, is taken.
            NotFound: A change names a memory that is not there.
            IdempotencyMismatch: The key was used with another request.
            StorageFull: The disk is full; nothing was written.
            StoreUnavailable: The store cannot be written; nothing was written.
        """
        ...

    async def replay(self, tenant: str, request: Idempotency) -> str | None:
        """Return the first answer to a request already carried out; None if its key is new.

        Raises:
            IdempotencyMismatch: The key was used with another request.
        """
        ...

    async def get(self, tenant: str, ids: Sequence[str]) -> list[Memory]:
        """Return the memories with these ids, in the order asked; missing ones are left out."""
        ...

    async def select(self, tenant: str, selection: Selection, ids: Sequence[str]) -> list[Memory]:
        """Return those of the memories with these ids that are selected, in any order."""
        ...

    async def outlines(
        self, tenant: str, selection: Selection, ids: Sequence[str]
    ) -> list[Outline]:
        """Return the outlines of those memories that `select` would return, in any order."""
        ...

    async def named(self, tenant: str, scope: str, name: str) -> Memory | None:
        """Return the note with this name in exactly this scope."""
        ...

    async def with_external_ids(
        self, tenant: str, scope: str, session: str, external_ids: Sequence[str]
    ) -> list[Memory]:
        """Return the episodes of a session that a client gave these ids, in any order."""
        ...

    async def browse(
        self, tenant: str, selection: Selection, after: Position | None, limit: int
    ) -> list[Memory]:
        """Return up to `limit` selected memories behind `after`, ordered by `Position`.

        The order is scope, then name (None as the empty string), then occurred_at, then
        position in the session, then id; text compares by code point.
        """
        ...

    async def count(self, tenant: str, selection: Selection) -> int:
        """Return how many memories are selected."""
        ...

    async def neighbours(
        self, tenant: str, memory: Memory, before: int, after: int
    ) -> list[Memory]:
        """Return the episodes around one in its session, itself left out, in their order."""
        ...

    async def history(self, tenant: str, memory_id: str) -> list[Revision]:
        """Return every kept revision of a memory, oldest first; of a forgotten one too."""
        ...

    async def links(self, tenant: str, ids: Sequence[str]) -> list[Link]:
        """Return the links that start at any of these memories, ordered by from, to and type."""
        ...

    async def registry(self, tenant: str, record_type: str) -> list[RegistryRecord]:
        """Return the registry records of one type, ordered by id; of every type for `''`."""
        ...

    async def counts(self, tenant: str, model: str) -> Counts:
        """Return how much the tenant holds; `waiting` counts what `model` has yet to embed."""
        ...

    async def tenants(self) -> list[str]:
        """Return the tenants that hold anything."""
        ...


class ChangeLog(Protocol):
    """The order in which everything happened; it holds no text."""

    async def entries(self, tenant: str, after: int, limit: int) -> list[LogEntry]:
        """Return up to `limit` entries with `seq > after`, in order of `seq`, without gaps."""
        ...

    async def last_seq(self, tenant: str) -> int:
        """Return the newest `seq`, 0 before the first change."""
        ...


class TextIndex(Protocol):
    """Finds memories by their words."""

    async def search(
        self, tenant: str, selection: Selection, query: str, limit: int
    ) -> list[ScoredId]:
        """Return the best `limit` selected memories by BM25, best first, ties by id.

        The query is data: no character of it is syntax. English is stemmed; a run of Chinese,
        Japanese or Korean characters is found by any two of its neighbours, a single one by itself.
        Scores are positive. A query without any word finds nothing. Among many memories the
        commonest of several words may be left out, as long as the others find enough.
        """
        ...


class VectorIndex(Protocol):
    """Finds memories by meaning, one vector per passage.

    A memory has vectors of one model; memories of several models lie side by side while they are
    embedded anew.
    """

    async def search(
        self, tenant: str, selection: Selection, model: str, vector: FloatVector, limit: int
    ) -> list[ScoredId]:
        """Return the best `limit` selected memories, each by its best passage, best first.

        Sees everything that was committed before the call, by any process.
        Scores are cosine similarities up to the index's rounding; of those returned, ties by id.
        """
        ...

    async def scores(
        self, tenant: str, ids: Sequence[str], model: str, vector: FloatVector
    ) -> Mapping[str, float]:
        """Return the score of each of these memories' best passage; true to 0.001.

        Memories without vectors of this model are left out.
        """
        ...

    async def passages(
        self, tenant: str, memories: Sequence[Memory], model: str, vector: FloatVector
    ) -> Mapping[str, list[ScoredPassage]]:
        """Return every passage of these memories with its score, best first; true to 0.001.

        A memory that is no longer at this revision is left out: its passages are of another text.
        """
        ...

    async def distribution(
        self, tenant: str, model: str, vector: FloatVector
    ) -> Distribution | None:
        """Return how the question's scores are spread over all passages of the model.

        None if they do not differ, as those of no passage or one; true to the index's rounding.
        """
        ...

    async def models(self, tenant: str) -> list[str]:
        """Return every model of which some memory has complete vectors, sorted."""
        ...

    async def is_complete(self, tenant: str, model: str) -> bool:
        """Whether no memory waits for vectors of this model, which is the one in use."""
        ...

    async def waiting(self, tenant: str, model: str, limit: int) -> list[Memory]:
        """Return up to `limit` memories that lack complete vectors of this model, oldest first."""
        ...

    async def warm(self, tenant: str, model: str) -> None:
        """Make the first search as quick as the later ones."""
        ...

    async def store(self, tenant: str, embedded: Sequence[tuple[Memory, Embedded]]) -> None:
        """Replace each memory's vectors, of whichever model, by these.

        A memory that has meanwhile changed its revision or is gone is passed over: whoever
        changed it took care of its vectors.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job that somebody holds. Its first fields are those of `NewJob`.

    Attributes:
        token: The lease's token; only its holder may complete or fail the job.
        attempts: How often it was leased, this time included.
    """

    id: int
    queue: str
    payload: Mapping[str, JsonValue]
    dedupe_key: str
    order_key: str
    token: str
    attempts: int


class JobQueue(Protocol):
    """Jobs with leases. They are enqueued here, or in the transaction of `RecordStore.commit`."""

    async def enqueue(self, tenant: str, job: NewJob) -> None:
        """Add a job, unless one with its queue and dedupe key already waits."""
        ...

    async def lease(
        self, tenant: str, queue: str, duration: timedelta, now: datetime
    ) -> Job | None:
        """Take the oldest job that is due and that nobody holds; None when there is none."""
        ...

    async def complete(self, tenant: str, job: Job) -> None:
        """Remove a job that is done; does nothing if the lease was lost."""
        ...

    async def fail(self, tenant: str, job: Job, run_after: datetime | None) -> None:
        """Give a job back to run again at `run_after`; None puts it among the dead letters."""
        ...

    async def dead(self, tenant: str, queue: str) -> list[Job]:
        """Return the jobs that were given up, oldest first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A place where a projection differs from the records, and whether it was mended."""

    projection: Literal["text", "vectors"]
    memory_id: str
    problem: str
    repaired: bool


class Maintenance(Protocol):
    """What keeps one home of the records healthy."""

    async def check(self, tenant: str, *, repair: bool) -> list[Fault]:
        """Compare every projection with the records; with `repair`, make it true again.

        Vectors found wrong are dropped and the memory waits to be embedded anew.
        """
        ...

    async def rebuild(self, tenant: str) -> int:
        """Drop and rebuild the text index and drop all vectors; returns how many memories wait."""
        ...

    async def backup(self, tenant: str, target: str) -> int:
        """Write a consistent copy to a new file while others read and write; returns its bytes.

        Raises:
            AlreadyExists: There is a file of that name.
            InvalidRequest: Its folder does not exist.
            StorageFull, StoreUnavailable: It cannot be written; nothing is left of it.
        """
        ...

    async def ping(self, tenant: str) -> None:
        """Raise StoreUnavailable unless the tenant's records can be read and written now."""
        ...


class Embedder(Protocol):
    """Turns text into vectors."""

    @property
    def model(self) -> str:
        """The model's id; vectors of different ids are never compared."""
        ...

    @property
    def dimensions(self) -> int:
        """Length of every vector."""
        ...

    @property
    def problem(self) -> str | None:
        """Why it cannot embed right now, with the remedy; None when it is ready."""
        ...

    async def embed(
        self, texts: Sequence[str], *, purpose: Literal["query", "document"]
    ) -> FloatMatrix:
        """Return one vector per text, in order: (len(texts), dimensions) float32, unit length.

        A text over the model's limit is cut. Questions go ahead of documents that wait.

        Raises:
            EmbedderUnavailable: No model is loaded.
        """
        ...


class TokenCounter(Protocol):
    """Tells how a model cuts text into tokens."""

    @property
    def key(self) -> str:
        """Names the tokenizer; passages cut by another one are cut again."""
        ...

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return the code point span of every token, in order, special tokens left out.

        Raises:
            EmbedderUnavailable: The tokenizer is not on this machine.
        """
        ...


class Clock(Protocol):
    """Tells the time."""

    def __call__(self) -> datetime:
        """Return the time now, aware, in UTC."""
        ...
