"""Store the messages of a conversation as episodes."""

from typing import Annotated

from pydantic import Field

from recollect.domain.access import Right
from recollect.domain.changes import UNPLACED, Put
from recollect.domain.memory import Episode, Memory
from recollect.errors import AlreadyExists
from recollect.operations.context import Context, commit, operation
from recollect.operations.embedding import embed_now
from recollect.operations.request import (
    Label,
    Metadata,
    Request,
    Result,
    Said,
    Scope,
    Tags,
    UtcTime,
)
from recollect.operations.retrying import retried
from recollect.operations.summaries import Session, summarising

MAX_MESSAGES = 1000


class Message(Request):
    """One message of a conversation."""

    id: Annotated[Label, Field(min_length=1)] | None = None
    """The client's id, unique in scope and session: sending it again stores nothing new."""
    content: Said
    producer: Annotated[Label, Field(min_length=1)]
    """Who said it."""
    produced_for: Label | None = None
    """To whom."""
    role: Label | None = None
    """`user`, `assistant` or another word."""
    occurred_at: UtcTime | None = None
    """When it was said; now when left out. Without a zone it is taken as UTC."""
    tags: Tags = ()
    metadata: Metadata = Field(default_factory=dict)
    source: Label | None = None


Messages = Annotated[
    tuple[Message, ...], Field(min_length=1, max_length=MAX_MESSAGES, fail_fast=True)
]


class Ingest(Request):
    """Store messages of one session, in order; all or none."""

    scope: Scope = ""
    session: Label = ""
    messages: Messages

    def touches(self) -> tuple[str, ...]:
        """The conversation's scope."""
        return (self.scope,)


class Ingested(Result):
    """The episodes' ids, in the order of the messages."""

    ids: list[str]
    known: int = 0
    """How many of the messages were there already, by their ids; they are stored once."""
    degraded: list[str] = Field(default_factory=list[str])


@operation(Right.WRITE)
async def ingest(context: Context, request: Ingest) -> Ingested:
    """Store messages as episodes.

    Raises:
        AlreadyExists: A message's id is taken by another message; nothing was stored.
    """

    async def stored() -> Ingested:
        known = await _known(context, request)
        fresh: dict[int, Memory] = {}
        ids: list[str] = []
        for index, message in enumerate(request.messages):
            memory = known.get(message.id) if message.id is not None else None
            if memory is None:
                memory = fresh[index] = _episode(context, request, message)
                if message.id is not None:
                    known[message.id] = memory
            elif not _same(memory, message):
                raise AlreadyExists(
                    f"message {index} has the id of another message of this session"
                )
            ids.append(memory.id)
        return await _store(context, request, ids, list(fresh.values()))

    # The same messages may arrive twice at once.
    return await retried(stored, AlreadyExists)


async def _known(context: Context, request: Ingest) -> dict[str, Memory]:
    given = [message.id for message in request.messages if message.id is not None]
    found = await context.records.with_external_ids(
        context.tenant, request.scope, request.session, given
    )
    return {memory.external_id: memory for memory in found if memory.external_id is not None}


async def _store(
    context: Context, request: Ingest, ids: list[str], fresh: list[Memory]
) -> Ingested:
    embedding = await embed_now(context, fresh)
    result = Ingested(ids=ids, known=len(ids) - len(fresh), degraded=list(embedding.degraded))
    puts = (Put(memory=memory, expected_revision=0, verb="ingest") for memory in fresh)
    summarised = summarising(context, Session(request.scope, request.session)) if fresh else ()
    return await commit(
        context,
        request,
        result,
        *puts,
        embedded=embedding.embedded,
        jobs=(*embedding.jobs, *summarised),
    )


def _episode(context: Context, request: Ingest, message: Message) -> Memory:
    now = context.now()
    return Memory(
        id=context.new_id(),
        external_id=message.id,
        scope=request.scope,
        content=message.content,
        detail=Episode(
            producer=message.producer,
            produced_for=message.produced_for,
            role=message.role,
            session=request.session,
            position=UNPLACED,
        ),
        occurred_at=message.occurred_at or now,
        created_at=now,
        updated_at=now,
        tags=message.tags,
        metadata=message.metadata,
        source=message.source,
    )


def _same(memory: Memory, message: Message) -> bool:
    """Whether a message sent again says what is stored; a time left out is not compared."""
    detail = memory.detail
    return (
        isinstance(detail, Episode)
        and memory.content == message.content
        and detail.producer == message.producer
        and detail.produced_for == message.produced_for
        and detail.role == message.role
        and message.occurred_at in (None, memory.occurred_at)
        and dict(memory.metadata) == message.metadata
    )
