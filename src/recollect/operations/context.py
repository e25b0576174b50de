"""What every operation is given, and the one place where the right to run it is checked."""

import hashlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, TypeVar, get_type_hints

from recollect.domain.access import Principal, Right
from recollect.domain.changes import Batch, Change, Embedded, Idempotency, NewJob, Put, Receipt
from recollect.domain.filters import Filter
from recollect.domain.memory import Kind, Memory
from recollect.domain.ranking import Weights
from recollect.domain.scopes import Look, ScopeSet
from recollect.domain.selection import Selection
from recollect.domain.working_memory import WorkingMemory
from recollect.errors import Conflict, InvalidRequest, NotFound
from recollect.operations.memory_configuration import MemoryConfiguration
from recollect.operations.request import Request, Result
from recollect.ports import (
    ChangeLog,
    Clock,
    Embedder,
    ForeignRecallLog,
    JobQueue,
    LanguageModel,
    Maintenance,
    Mirror,
    RecallLog,
    RecordStore,
    Reranker,
    Resources,
    TextIndex,
    TokenCounter,
    VectorIndex,
)

Q = TypeVar("Q", bound=Request)
R = TypeVar("R", bound=Result)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The principal, and the ports and policies that one process runs with.

    Attributes:
        new_id: Gives a UUID, version 7, that was never given before.
        configuration: How conversations are remembered, before what was changed since the start.
        recalls_kept: How long the log of recalls remembers.
        resources: The models and databases that requests may name.
        mirror: Brings notes into the repositories; None without any.
        weights: How recall weighs what the arms find.
        previous_embedder: Asks the vectors of the model before, until all is embedded anew.
        language_model: Writes summaries; None without one.
        working: How much of a session is kept at hand, and whether the rest is summarised.
        reranker: Orders the best of what recall finds anew; None to leave it as it is.
        reranked: How many of the best it orders, or all that are asked for if these are more.
        patience: How long a write waits for its vectors before it is stored without.
        idempotency_key: The client's key for this request, if it sent one.
        beside: What every batch begins with, besides what an operation changes.
    """

    principal: Principal
    records: RecordStore
    log: ChangeLog
    text: TextIndex
    vectors: VectorIndex
    jobs: JobQueue
    maintenance: Maintenance
    recalls: RecallLog
    recalls_kept: timedelta
    foreign_recalls: ForeignRecallLog
    embedder: Embedder
    tokens: TokenCounter
    weights: Weights
    now: Clock
    new_id: Callable[[], str]
    resources: Resources
    configuration: MemoryConfiguration
    previous_embedder: Embedder | None = None
    language_model: LanguageModel | None = None
    working: WorkingMemory = field(default_factory=WorkingMemory)
    reranker: Reranker | None = None
    reranked: int = 50
    patience: timedelta = timedelta(seconds=40)
    mirror: Mirror | None = None
    idempotency_key: str | None = None
    beside: tuple[Change, ...] = ()
    origin: str = "client"

    @property
    def tenant(self) -> str:
        """The tenant that everything is about."""
        return self.principal.tenant

    def selection(
        self,
        scope: str,
        look: Look,
        matching: Filter | None = None,
        scopes: tuple[str, ...] = (),
    ) -> Selection:
        """What the principal sees of the scopes listed, or else around this scope."""
        meant = ScopeSet.listed(scopes) if scopes else ScopeSet.of(scope, look)
        return Selection(scopes=meant.narrowed_to(self.principal.scopes), filter=matching)

    async def get(self, memory_id: str) -> Memory:
        """The memory with this id.

        Raises:
            NotFound: There is none, or the principal may not see it: the two look the same.
        """
        found = await self.records.get(self.tenant, [memory_id])
        return self._visible(found[0] if found else None, memory_id)

    async def get_named(self, scope: str, name: str) -> Memory:
        """The note with this name; raises NotFound as `get` does."""
        return self._visible(await self.records.named(self.tenant, scope, name), name)

    def _visible(self, memory: Memory | None, reference: str) -> Memory:
        if (
            memory is None
            or not self.principal.scopes.covers(memory.scope)
            or self.has_expired(memory)
        ):
            raise NotFound(reference)
        return memory

    def has_expired(self, memory: Memory) -> bool:
        """Whether the memory is in no answer any more."""
        return memory.expires_at is not None and memory.expires_at <= self.now()

    def refuse_expired(self, memory: Memory) -> None:
        """Raise InvalidRequest if the memory would be in no answer from the start."""
        if self.has_expired(memory):
            raise InvalidRequest(
                "expires_at has passed, so no answer would ever hold this: leave it out, give a "
                "later time, or forget the memory"
            )


@dataclass(frozen=True, slots=True)
class Operation(Generic[Q, R]):
    """Something the product can do: calling it checks the right, then does it.

    A request that carries an idempotency key already used is answered as the first time.
    """

    name: str
    right: Right
    request: type[Q]
    result: type[R]
    run: Callable[[Context, Q], Awaitable[R]]

    async def __call__(self, context: Context, request: Q) -> R:
        """Check the right and carry the request out."""
        context.principal.require(self.right, request.touches())
        if context.idempotency_key is None or self.right is Right.READ:
            return await self.run(context, request)
        if (first := await self._replay(context, request)) is not None:
            return first
        try:
            return await self.run(context, request)
        except (NotFound, Conflict):
            # The same request, still running when we looked, may have left nothing to do.
            if (first := await self._replay(context, request)) is not None:
                return first
            raise

    async def _replay(self, context: Context, request: Q) -> R | None:
        """What the same request was answered before, if it was."""
        first = await context.records.replay(
            context.tenant, idempotency(context, request, response="")
        )
        return None if first is None else self.result.model_validate_json(first)


def operation(
    right: Right,
) -> Callable[[Callable[[Context, Q], Awaitable[R]]], Operation[Q, R]]:
    """Make an operation of a function; its annotations name the request and the result."""

    def make(run: Callable[[Context, Q], Awaitable[R]]) -> Operation[Q, R]:
        hints = get_type_hints(run)
        name = getattr(run, "__name__", "")
        return Operation(name, right, hints["request"], hints["return"], run)

    return make


def idempotency(context: Context, request: Request, response: str) -> Idempotency:
    """How a retry of this request is recognised; call only when the context has a key."""
    # In an edit, null clears a field and leaving it out keeps it: two requests, not one.
    body = f"{type(request).__name__} {request.model_dump_json(exclude_unset=True)}"
    return Idempotency(
        key=f"{context.principal.name}\n{context.idempotency_key}",
        request=hashlib.sha256(body.encode()).hexdigest(),
        response=response,
        at=context.now(),
    )


async def commit(
    context: Context,
    request: Request,
    result: R,
    *changes: Change,
    embedded: tuple[Embedded, ...] = (),
    jobs: tuple[NewJob, ...] = (),
) -> R:
    """Apply the changes in one transaction and give the result.

    If the same request was carried out meanwhile, nothing is applied and its result is given. A
    result that can be degraded says so when the mirror does not follow within its time, or cannot.
    """
    keyed = context.idempotency_key is not None
    receipt = await store(
        context,
        *changes,
        embedded=embedded,
        jobs=jobs,
        recognised=idempotency(context, request, result.model_dump_json()) if keyed else None,
    )
    if receipt.replayed is not None:
        return type(result).model_validate_json(receipt.replayed)
    if context.mirror is None or not _touches_notes(changes, receipt):
        return result
    reached = await context.mirror.reached(context.tenant, receipt.entries[-1].seq)
    if reached and not _without_file(context.mirror, receipt):
        return result
    degraded = [*getattr(result, "degraded", ()), "mirror"]
    return result.model_copy(update={"degraded": degraded})


async def store(
    context: Context,
    *changes: Change,
    embedded: tuple[Embedded, ...] = (),
    jobs: tuple[NewJob, ...] = (),
    recognised: Idempotency | None = None,
) -> Receipt:
    """Apply changes in one transaction, in the name of the principal; the mirror follows.

    `recognised` tells a retry of the same request.
    """
    batch = Batch(
        at=context.now(),
        actor=context.principal.name,
        origin=context.origin,
        changes=(*context.beside, *changes),
        embedded=embedded,
        jobs=jobs,
        idempotency=recognised,
    )
    return await context.records.commit(context.tenant, batch)


def _without_file(mirror: Mirror, receipt: Receipt) -> bool:
    """Whether a note has no file for what was just stored: another took its place meanwhile."""
    ids = {entry.record_id for entry in receipt.entries}
    return any(skipped.note_id in ids for skipped in mirror.skipped())


def _touches_notes(changes: Iterable[Change], receipt: Receipt) -> bool:
    return any(
        isinstance(change, Put) and change.memory.kind is Kind.NOTE for change in changes
    ) or any(entry.before and entry.before.kind is Kind.NOTE for entry in receipt.entries)
