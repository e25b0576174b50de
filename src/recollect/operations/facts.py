"""Keep facts, and say what became of them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from recollect.domain.access import Right
from recollect.domain.changes import Put, PutLink, PutRecord
from recollect.domain.memory import CITES, Fact, Link, Memory
from recollect.errors import InvalidRequest
from recollect.operations.citations import visible_episodes
from recollect.operations.context import Context, commit, operation
from recollect.operations.embedding import embed_now
from recollect.operations.numbers import numbered
from recollect.operations.request import (
    Content,
    Importance,
    Label,
    MemoryId,
    Metadata,
    Request,
    Result,
    Revision,
    Scope,
    SetId,
    Tags,
    UtcTime,
    unique,
)
from recollect.operations.revising import Changed, on_the_newest, store_revision

FACT = "fact"
"""The sequence that facts are numbered from."""

MAX_CITATIONS = 1000

Filed = Annotated[Label, Field(min_length=1)]
_Citations = Annotated[
    tuple[MemoryId, ...], Field(max_length=MAX_CITATIONS, fail_fast=True), AfterValidator(unique)
]
_FILED = ("category", "tag", "feature")
_TIMES = ("valid_from", "valid_to")
_CORRECTABLE = ("content", "metadata", *_FILED, *_TIMES)


class Learn(Request):
    """Store a fact: what is known of somebody or something, and since when it is true."""

    content: Content
    """One statement that can be understood alone."""
    scope: Scope = ""
    set_id: SetId = ""
    """The set of facts it belongs to; '' is the scope's own."""
    category: Filed
    tag: Filed
    feature: Filed
    """What it says something about; several facts may be filed in the same place."""
    citations: _Citations = ()
    """Ids of the messages that support it."""
    valid_from: UtcTime | None = None
    """True from then on; since ever when left out."""
    valid_to: UtcTime | None = None
    """True until then; still when left out."""
    tags: Tags = ()
    metadata: Metadata = Field(default_factory=dict)
    source: Label | None = None
    occurred_at: UtcTime | None = None
    """When it was said or seen; now when left out. Without a zone it is taken as UTC."""
    importance: Importance | None = None
    expires_at: UtcTime | None = None
    """From then on it is in no answer."""

    def touches(self) -> tuple[str, ...]:
        """The fact's scope."""
        return (self.scope,)


class Learned(Result):
    """The new fact."""

    id: str
    external_id: str
    """Its number: decimal, and no other fact's."""
    scope: str
    set_id: str
    created_at: datetime
    degraded: list[str] = Field(default_factory=list[str])


@operation(Right.WRITE)
async def learn(context: Context, request: Learn) -> Learned:
    """Store a new fact with its citations. What is known already is not looked for.

    Raises:
        InvalidRequest: A citation is no message in reach, or the fact would never be true.
    """
    await _check_citations(context, request.citations)
    memory = _fact(context, request)
    context.refuse_expired(memory)
    embedding = await embed_now(context, [memory])

    async def stored(number: str, counter: PutRecord) -> Learned:
        result = Learned(
            id=memory.id,
            external_id=number,
            scope=memory.scope,
            set_id=request.set_id,
            created_at=memory.created_at,
            degraded=list(embedding.degraded),
        )
        put = Put(memory=replace(memory, external_id=number), expected_revision=0, verb="learn")
        return await commit(
            context,
            request,
            result,
            counter,
            put,
            *_links(memory.id, request.citations),
            embedded=embedding.embedded,
            jobs=embedding.jobs,
        )

    return await numbered(context, FACT, stored)


class CorrectFields(Request):
    """What can be said anew of a fact; what is left out stays."""

    content: Content | None = None
    """What holds now. The old text stays true for the time before `valid_from`."""
    category: Filed | None = None
    tag: Filed | None = None
    feature: Filed | None = None
    metadata: Metadata | None = None
    """Replaces the metadata; {} clears it."""
    citations: _Citations = ()
    """Ids of more messages that support it."""
    valid_from: UtcTime | None = None
    """Since when it is true, null for since ever; of another text now when left out."""
    valid_to: UtcTime | None = None
    """When it ceased to be true; null, as of another text when left out, if it has not."""
    expected_revision: Revision | None = None
    """Correct only this revision of the fact."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.citations or self.changes()):
            raise ValueError("nothing to correct: say what has changed")
        return self

    def changes(self) -> dict[str, Any]:
        """The fields with a new value."""
        given = {n: getattr(self, n) for n in _CORRECTABLE if n in self.model_fields_set}
        return {n: value for n, value in given.items() if value is not None or n in _TIMES}


class Correct(CorrectFields):
    """Say what became of a fact. It keeps its id, its set and its history."""

    id: MemoryId


@operation(Right.WRITE)
async def correct(context: Context, request: Correct) -> Changed:
    """Say what became of a fact: what was true before stays true for its time.

    `edit` instead mends what was wrong from the start.

    Raises:
        NotFound: There is no such memory.
        InvalidRequest: It is no fact, a citation is no message in reach, it would never be true,
            or nothing would be true until the change.
        RevisionConflict: It is not at `expected_revision`.
    """
    await _check_citations(context, request.citations)

    async def corrected(before: Memory) -> Changed:
        after = _corrected(before, request.changes(), context.now())
        links = _links(before.id, request.citations)
        return await store_revision(context, request, before, after, "correct", *links)

    return await on_the_newest(
        context, partial(context.get, request.id), request.expected_revision, corrected
    )


def _fact(context: Context, request: Learn) -> Memory:
    now = context.now()
    fact = Fact(
        category=request.category,
        tag=request.tag,
        feature=request.feature,
        set_id=request.set_id,
        valid_from=request.valid_from,
        valid_to=request.valid_to,
    )
    _check_period(fact)
    return Memory(
        id=context.new_id(),
        scope=request.scope,
        content=request.content,
        detail=fact,
        occurred_at=request.occurred_at or now,
        created_at=now,
        updated_at=now,
        tags=request.tags,
        metadata=request.metadata,
        source=request.source,
        importance=request.importance,
        expires_at=request.expires_at,
    )


def _corrected(before: Memory, changes: dict[str, Any], now: datetime) -> Memory:
    old = before.detail
    if not isinstance(old, Fact):
        raise InvalidRequest("only facts can be corrected; edit a note or a message")
    is_new = changes.get("content", before.content) != before.content
    soonest = max(now, old.valid_from or now)
    times = {"valid_from": soonest, "valid_to": None} if is_new else {}
    times |= {name: changes[name] for name in _TIMES if name in changes}
    filed = {name: changes[name] for name in _FILED if name in changes}
    fact = replace(old, **filed, **times)
    if times:
        _check_period(fact)
    if is_new and fact.valid_from and fact.valid_from > soonest:
        raise InvalidRequest(
            "what is to become true later is a fact of its own: learn it with its valid_from, and "
            "give this one the same time as its valid_to"
        )
    own = {name: changes[name] for name in ("content", "metadata") if name in changes}
    return replace(before, detail=fact, **own)


def _check_period(fact: Fact) -> None:
    if fact.valid_from and fact.valid_to and fact.valid_to <= fact.valid_from:
        raise InvalidRequest("valid_to must be later than valid_from")


async def _check_citations(context: Context, ids: Sequence[str]) -> None:
    found = {episode.id for episode in await visible_episodes(context, ids)} if ids else set[str]()
    for index, memory_id in enumerate(ids):
        if memory_id not in found:
            raise InvalidRequest(f"citations.{index}: there is no message with this id")


def _links(fact_id: str, citations: Sequence[str]) -> list[PutLink]:
    return [PutLink(link=Link(from_id=fact_id, to_id=i, type=CITES)) for i in citations]
