"""List memories, page by page."""

import base64
import hashlib
import json
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from recollect.domain.access import Right
from recollect.domain.filters import Comparison, Operator, RecordField, all_of, parse
from recollect.domain.memory import Memory
from recollect.domain.scopes import ROOT, Look, ScopeSet
from recollect.domain.selection import Position, Selection
from recollect.domain.serialisation import format_time, parse_time
from recollect.errors import InvalidCursor
from recollect.operations.context import Context, operation
from recollect.operations.request import (
    Kinds,
    Name,
    QueryTags,
    Request,
    Result,
    Scope,
    Scopes,
    Text,
)
from recollect.operations.selecting import of_kinds, tagged, unexpired
from recollect.operations.views import MemoryView

MAX_LIMIT = 1000
MAX_CURSOR_CHARACTERS = 8192
_INT64 = 2**63
_LAST_NAME = "\U0010ffff"
"""Behind every name."""


class Browse(Request):
    """List memories in a stable order: by scope, name, time."""

    scope: Scope = ""
    look: Look = Look.EXACT
    """How far around the scope: `exact`, `subtree`, `subtree+global` or `all`."""
    scopes: Scopes = ()
    """Exactly these scopes, instead of `scope` and `look`."""
    kinds: Kinds = ()
    """Only these kinds; all when left out."""
    name: Name | None = None
    """Only notes of this name."""
    tags: QueryTags = ()
    """Only memories with all of these tags."""
    filter: Annotated[Text, Field(max_length=10_000)] | None = None
    """A filter such as `m.topic = 'tea' AND created_at >= date('2026-01-01')`."""
    cursor: Annotated[str, Field(max_length=MAX_CURSOR_CHARACTERS)] | None = None
    """The `next_cursor` of the page before."""
    root_as: Literal["", "global"] = ROOT
    """Which word stands for the root where scopes are put in order: the tools have one."""
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = 50


class Page(Result):
    """One page of a list."""

    memories: list[MemoryView]
    count: int
    """How many there are on all pages."""
    next_cursor: str | None
    """Where the next page begins; null on the last one."""


@operation(Right.READ)
async def browse(context: Context, request: Browse) -> Page:
    """List memories in a stable order. Inserts and deletes in between do not upset it.

    Raises:
        InvalidFilter, InvalidCursor: They do not parse, or the cursor is another query's.
    """
    named = Comparison(RecordField("name"), Operator.EQ, request.name) if request.name else None
    chosen = all_of(
        (
            of_kinds(request.kinds),
            tagged(request.tags),
            named,
            parse(request.filter) if request.filter else None,
            unexpired(context.now()),
        )
    )
    selection = context.selection(request.scope, request.look, chosen, request.scopes)
    query = _digest(request)
    after = _position(request.cursor, query) if request.cursor else None
    memories = await _listed(context, selection, after, request)
    page = memories[: request.limit]
    more = len(memories) > request.limit
    return Page(
        memories=[MemoryView.of(memory) for memory in page],
        count=await context.records.count(context.tenant, selection),
        next_cursor=_cursor(Position.of(page[-1]), query) if more else None,
    )


async def _listed(
    context: Context, selection: Selection, after: Position | None, request: Browse
) -> list[Memory]:
    """The page, and one more if there is one."""
    browse, limit, word = context.records.browse, request.limit + 1, request.root_as
    if word == ROOT:
        return await browse(context.tenant, selection, after, limit)
    found: list[Memory] = []
    if after is None or after.scope < word:
        root = replace(selection, scopes=selection.scopes.narrowed_to(ScopeSet.listed([ROOT])))
        within = after if after is not None and after.scope == ROOT else None
        found = await browse(context.tenant, root, within, limit)
    if after is None or after.scope == ROOT:
        behind_root = ROOT if after is None else word
        after = Position(behind_root, _LAST_NAME, context.now(), 0, "")
    found += await browse(context.tenant, selection, after, limit)
    return sorted(found, key=lambda m: replace(Position.of(m), scope=m.scope or word))[:limit]


def _digest(request: Browse) -> str:
    """Names the query that a cursor belongs to: everything but the page."""
    body = request.model_dump_json(exclude={"cursor", "limit"})
    return hashlib.sha256(body.encode()).hexdigest()[:12]


def _cursor(position: Position, query: str) -> str:
    fields = [
        query,
        position.scope,
        position.name,
        format_time(position.occurred_at),
        position.place,
        position.id,
    ]
    return "c1_" + base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")


def _position(cursor: str, query: str) -> Position:
    try:
        packed = cursor.removeprefix("c1_").encode("ascii")
        fields = json.loads(base64.urlsafe_b64decode(packed + b"=" * (-len(packed) % 4)))
        digest, scope, name, occurred_at, place, memory_id = fields
        position = Position(scope, name, parse_time(occurred_at), int(place), memory_id)
        (scope + name + memory_id).encode()  # half a surrogate pair is no text
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise InvalidCursor from None
    if digest != query or not -_INT64 <= position.place < _INT64:
        raise InvalidCursor
    return position
