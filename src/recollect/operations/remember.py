"""Store a note."""

import hashlib
from datetime import datetime

from pydantic import Field

from recollect.domain.access import Right
from recollect.domain.changes import Embedded, Put
from recollect.domain.filters import all_of
from recollect.domain.memory import Kind, Memory, Note
from recollect.domain.names import made_name
from recollect.domain.scopes import Look
from recollect.errors import AlreadyExists, NotFound, RevisionConflict
from recollect.operations.context import Context, commit, operation
from recollect.operations.embedding import embed_now, model_key
from recollect.operations.request import (
    Content,
    Importance,
    Label,
    Metadata,
    Name,
    Request,
    Result,
    Revision,
    Scope,
    Tags,
    UtcTime,
)
from recollect.operations.retrying import retried
from recollect.operations.selecting import of_kinds, unexpired

SIMILAR_FROM = 0.82
"""A name is part of what is compared, so the same text under two names is at .67 to .98. Of 13
pairs of notes that say the same in other words, this finds 10 and .9 found 3; of 12 pairs about
the same matter that say different things, the nearest is at .80."""

SIMILAR_AT_MOST = 3
HASH_CHARACTERS = 8
MADE_CHARACTERS = 57
"""What stays of a made name before the hash: of up to 4 bytes each, a name has at most 240."""


class Remember(Request):
    """Store a note: a decision, a preference, anything worth keeping.

    One with the same scope and name is replaced; its id and creation time stay.
    """

    content: Content
    """Markdown, at most 1 MiB."""
    scope: Scope = ""
    """A path such as `acme/api`; '' is the root."""
    name: Name | None = None
    """Unique in the scope; made from the text when left out."""
    tags: Tags = ()
    metadata: Metadata = Field(default_factory=dict)
    source: Label | None = None
    """Where it comes from: a URL, a file, a person."""
    external_id: Label | None = None
    occurred_at: UtcTime | None = None
    """When it happened; now when left out. Without a zone it is taken as UTC."""
    importance: Importance | None = None
    expires_at: UtcTime | None = None
    """From then on it is in no answer."""
    if_absent: bool = False
    """Refuse to replace a note that exists already."""
    expected_revision: Revision | None = None
    """Replace only this revision of the note."""

    def touches(self) -> tuple[str, ...]:
        """The note's scope."""
        return (self.scope,)


class Similar(Result):
    """A note that says much the same already."""

    id: str
    scope: str
    name: str
    score: float
    """Cosine similarity, 0.82 to 1; of the same text under another name it may be lower."""


class Remembered(Result):
    """What was stored, and what it replaced or resembles."""

    id: str
    name: str
    scope: str
    revision: int
    replaced: bool
    created_at: datetime
    updated_at: datetime
    similar: list[Similar] = Field(default_factory=list[Similar])
    degraded: list[str] = Field(default_factory=list[str])


@operation(Right.WRITE)
async def remember(context: Context, request: Remember) -> Remembered:
    """Store a note, or replace the one of the same scope and name.

    Raises:
        InvalidRequest: `expires_at` has passed already.
        AlreadyExists: `if_absent` was asked for and the note exists.
        NotFound, RevisionConflict: The note is not at `expected_revision`.
    """

    async def remembered() -> Remembered:
        before, name = await _place(context, request)
        # An expired note looks absent to everybody; its id and history go on all the same.
        visible = None if before is None or context.has_expired(before) else before
        _check_expectations(request, visible, name)
        if before is None and context.mirror is not None:
            await context.mirror.check_place(request.scope, name)
        memory = _memory(context, request, before, name)
        context.refuse_expired(memory)
        embedding = await embed_now(context, [memory])
        result = Remembered(
            id=memory.id,
            name=name,
            scope=memory.scope,
            revision=memory.revision,
            replaced=visible is not None,
            created_at=memory.created_at,
            updated_at=memory.updated_at,
            similar=await _similar(context, memory, embedding.embedded),
            degraded=list(embedding.degraded),
        )
        put = Put(memory=memory, expected_revision=memory.revision - 1, verb="remember")
        return await commit(
            context, request, result, put, embedded=embedding.embedded, jobs=embedding.jobs
        )

    return await retried(remembered, AlreadyExists, RevisionConflict, NotFound)


async def _place(context: Context, request: Remember) -> tuple[Memory | None, str]:
    """The note that will be replaced, if any, and the name.

    A made name that another text bears already gets a hash of this text behind it: counting up
    would cost a look for each of many texts that begin alike.
    """
    if request.name is not None:
        return await context.records.named(
            context.tenant, request.scope, request.name
        ), request.name
    name = made = made_name(request.content)
    hashed = request.content.encode()
    while found := await context.records.named(context.tenant, request.scope, name):
        if found.content == request.content:
            return found, name
        hashed = hashlib.sha256(hashed).digest()
        name = f"{made[:MADE_CHARACTERS]}-{hashed.hex()[:HASH_CHARACTERS]}"
    return None, name


def _check_expectations(request: Remember, before: Memory | None, name: str) -> None:
    if before is not None and request.if_absent:
        raise AlreadyExists(f"there is a note {name!r} in this scope already")
    if request.expected_revision is None:
        return
    if before is None:
        raise NotFound(name)
    if before.revision != request.expected_revision:
        raise RevisionConflict(name, request.expected_revision, before.revision)


def _memory(context: Context, request: Remember, before: Memory | None, name: str) -> Memory:
    now = context.now()
    return Memory(
        id=before.id if before else context.new_id(),
        scope=request.scope,
        content=request.content,
        detail=Note(name=name),
        occurred_at=request.occurred_at or (before.occurred_at if before else now),
        created_at=before.created_at if before else now,
        updated_at=now,
        revision=before.revision + 1 if before else 1,
        tags=request.tags,
        metadata=request.metadata,
        source=request.source,
        external_id=request.external_id,
        importance=request.importance,
        expires_at=request.expires_at,
    )


async def _similar(
    context: Context, memory: Memory, embedded: tuple[Embedded, ...]
) -> list[Similar]:
    """Other notes of the scope that resemble the beginning of this one."""
    if not embedded or not len(embedded[0].vectors):
        return []
    unexpired_notes = all_of((of_kinds((Kind.NOTE,)), unexpired(context.now())))
    notes = context.selection(memory.scope, Look.EXACT, unexpired_notes)
    nearest = await context.vectors.search(
        context.tenant, notes, model_key(context), embedded[0].vectors[0], SIMILAR_AT_MOST + 1
    )
    others = (hit for hit in nearest.hits if hit.id != memory.id)
    close = {
        hit.id: min(hit.score, 1.0)
        for hit in others
        if hit.score >= SIMILAR_FROM or hit.outline.content == memory.content
    }
    if not close:
        return []
    found = await context.records.get(context.tenant, list(close)[:SIMILAR_AT_MOST])
    return [
        Similar(id=m.id, scope=m.scope, name=m.name or "", score=round(close[m.id], 4))
        for m in found
    ]
