"""The tools: each turns its arguments into a request, and the answer into its result."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from recollect import operations
from recollect.domain.memory import Kind
from recollect.domain.scopes import ROOT, Look
from recollect.domain.serialisation import format_time
from recollect.errors import InvalidRequest
from recollect.mcp import arguments as a
from recollect.operations.context import Context
from recollect.operations.noting import distance
from recollect.settings import ToolSet

A = TypeVar("A", bound=a.Arguments)

GLOBAL = "global"
ALL = "all"
SNIPPET_CHARACTERS = 500
RECALL_DEFAULT, RECALL_MOST = 5, 100
LIST_DEFAULT, LIST_MOST = 50, 100
LIST_PAGE_BYTES = 24_576
SKIPPED_MOST = 20


@dataclass(frozen=True, slots=True)
class Tool(Generic[A]):
    """A tool: what it is called and takes, what it gives, and how it works.

    Attributes:
        reads_only: Nothing changes.
        destroys: Something may be gone afterwards.
    """

    name: str
    description: str
    arguments: type[A]
    result: type[BaseModel]
    run: Callable[[Context, A], Awaitable[BaseModel]]
    reads_only: bool = False
    destroys: bool = False


async def _remember(context: Context, asked: a.RememberArguments) -> a.RememberResult:
    stored = await operations.remember(
        context,
        operations.Remember(
            content=asked.content,
            name=asked.name,
            tags=tuple(asked.tags),
            scope=_place(asked.scope),
            source=asked.source,
        ),
    )
    return a.RememberResult(
        id=stored.id,
        name=stored.name,
        scope=_shown(stored.scope),
        revision=stored.revision,
        degraded=stored.degraded,
        replaced=stored.replaced,
        similar=[a.SimilarNote(name=s.name, score=s.score) for s in stored.similar],
    )


async def _recall(context: Context, asked: a.RecallArguments) -> a.RecallResult:
    limit = min(RECALL_DEFAULT if asked.limit is None else asked.limit, RECALL_MOST)
    scope, look = _reach(asked.scope)
    found = await operations.recall(
        context,
        operations.Recall(
            query=asked.query,
            scope=scope,
            look=look,
            limit=max(limit, 1),
            tags=tuple(asked.tags or ()),
            filter=asked.filter,
        ),
    )
    hits = [_hit(hit) for hit in found.results[:limit]]
    return a.RecallResult(
        recall_id=found.recall_id,
        results=hits,
        count=len(hits),
        limit=limit,
        pre_filter_count=found.candidates,
        skipped_errors=0,
        degraded=found.degraded,
    )


def _hit(hit: operations.Hit) -> a.RecallHit:
    memory, dense, lexical = hit.memory, hit.arms.get("dense"), hit.arms.get("lexical")
    # Old clients know three words: what only its date or a link found is no hit by meaning, and
    # "lexical" is the word for what has no distance.
    by_meaning = dense is not None and dense.rank is not None
    return a.RecallHit(
        id=memory.id,
        name=memory.name or "",
        scope=_shown(memory.scope),
        kind=memory.kind,
        tags=memory.tags,
        content=memory.content[:SNIPPET_CHARACTERS],
        content_length=len(memory.content),
        truncated=len(memory.content) > SNIPPET_CHARACTERS,
        distance=distance(hit.arms),
        match_type="both" if by_meaning and lexical else "semantic" if by_meaning else "lexical",
        score=hit.score,
        matched=hit.matched,
        occurred_at=format_time(memory.occurred_at),
    )


async def _read(context: Context, asked: a.ReadArguments) -> a.ReadResult:
    memory = await operations.read(
        context, operations.Read(scope=_place(asked.scope), name=asked.name)
    )
    return a.ReadResult(
        id=memory.id,
        name=memory.name or "",
        scope=_shown(memory.scope),
        tags=memory.tags,
        content=memory.content,
        source=memory.source,
        created_at=format_time(memory.created_at),
        updated_at=format_time(memory.updated_at),
        revision=memory.revision,
    )


async def _edit(context: Context, asked: a.EditArguments) -> a.Placed:
    given = asked.model_dump(include={"name", "content", "tags", "expected_revision"})
    changed = await operations.edit(
        context,
        operations.Edit(
            scope=_place(asked.scope), **{n: v for n, v in given.items() if v is not None}
        ),
    )
    return _changed(changed)


async def _move(context: Context, asked: a.MoveArguments) -> a.Placed:
    changed = await operations.move(
        context,
        operations.Move(
            scope=_place(asked.from_scope),
            name=asked.name,
            to_scope=_place(asked.to_scope),
            new_name=asked.new_name,
        ),
    )
    return _changed(changed)


def _changed(changed: operations.Changed) -> a.Placed:
    return a.Placed(
        id=changed.id,
        name=changed.name or "",
        scope=_shown(changed.scope),
        revision=changed.revision,
        degraded=changed.degraded,
    )


async def _forget(context: Context, asked: a.ForgetArguments) -> a.ForgetResult:
    gone = await operations.forget(
        context, operations.ForgetOne(scope=_place(asked.scope), name=asked.name)
    )
    return a.ForgetResult(ok=True, degraded=gone.degraded)


async def _list(context: Context, asked: a.ListArguments) -> a.ListResult:
    limit = LIST_DEFAULT if asked.limit is None else asked.limit
    if not 1 <= limit <= LIST_MOST:
        raise InvalidRequest(f"limit must be between 1 and {LIST_MOST}")
    scope, look = _reach(asked.scope)
    request = operations.Browse(
        scope=scope,
        look=look,
        kinds=(Kind.NOTE,),
        limit=limit,
        cursor=asked.cursor,
        root_as=GLOBAL,
    )
    page = await operations.browse(context, request)
    fitting = _fitting([_summary(memory, asked.fields) for memory in page.memories])
    if fitting < len(page.memories):
        page = await operations.browse(context, request.model_copy(update={"limit": fitting}))
    result = a.ListResult(
        memories=[_summary(memory, asked.fields) for memory in page.memories],
        count=page.count,
        returned=len(page.memories),
        limit=limit,
        has_more=page.next_cursor is not None,
        next_cursor=page.next_cursor,
    )
    if skipped := operations.skipped_files(context)[:SKIPPED_MOST]:
        result.skipped = [a.SkippedNote(path=s.path, reason=s.reason) for s in skipped]
    return result


async def _mark(context: Context, asked: a.MarkArguments) -> a.MarkResult:
    mark = operations.Mark.model_validate(_mark_of(asked))
    marked = await operations.batch_mark_applied(
        context, operations.BatchMarkApplied(verdicts=(mark,))
    )
    return a.MarkResult(rows_affected=marked.total_rows_affected)


async def _batch_mark(context: Context, asked: a.BatchMarkArguments) -> operations.Marked:
    request = operations.BatchMarkApplied.model_validate(
        {"verdicts": [_mark_of(verdict) for verdict in asked.verdicts]}
    )
    return await operations.batch_mark_applied(context, request)


def _mark_of(asked: a.MarkArguments) -> dict[str, Any]:
    scope = None if asked.scope is None else _place(asked.scope)
    return asked.model_dump() | {"scope": scope}


async def _stats(context: Context, asked: a.StatsArguments) -> operations.RecallFigures:
    del asked
    return await operations.recall_stats(context, operations.RecallStats())


async def _sync(context: Context, asked: a.SyncArguments) -> operations.Synced:
    pull_first = asked.pull_first is not False
    return await operations.sync(context, operations.Sync(pull_first=pull_first))


def _summary(memory: operations.MemoryView, fields: list[a.ListField] | None) -> a.Summary:
    shown: dict[str, Any] = {
        "id": memory.id,
        "name": memory.name,
        "scope": _shown(memory.scope),
        "tags": memory.tags,
        "created_at": format_time(memory.created_at),
        "updated_at": format_time(memory.updated_at),
    }
    return a.Summary(**{n: v for n, v in shown.items() if fields is None or n in fields})


def _fitting(summaries: list[a.Summary]) -> int:
    """How many of the summaries a page holds, as a JSON array."""
    size = 1
    for number, summary in enumerate(summaries):
        size += len(summary.model_dump_json(exclude_unset=True).encode()) + 1
        if size > LIST_PAGE_BYTES:
            if number == 0:
                raise InvalidRequest("one memory exceeds the page size; ask for fewer fields")
            return number
    return len(summaries)


def _place(scope: str | None) -> str:
    """The scope that a tool on one note means."""
    if scope is not None and ":" in scope:
        raise InvalidRequest("a scope is a plain path such as org/team, without ':'")
    return ROOT if scope in (None, "", GLOBAL) else scope


def _reach(scope: str | None) -> tuple[str, Look]:
    """The scope and the look that a query means."""
    if scope == ALL:
        return ROOT, Look.ALL
    place = _place(scope)
    return place, Look.SUBTREE_AND_GLOBAL if place else Look.EXACT


def _shown(scope: str) -> str:
    return scope or GLOBAL


TOOLS: tuple[Tool[Any], ...] = (
    Tool(
        "batch_mark_applied",
        "Report what became of recalled memories, all at once. The first verdict on each stays.",
        a.BatchMarkArguments,
        operations.Marked,
        _batch_mark,
    ),
    Tool(
        "edit",
        "Change a note's content or tags in place.",
        a.EditArguments,
        a.Placed,
        _edit,
        destroys=True,
    ),
    Tool(
        "forget",
        "Delete a note: no answer holds it any more.",
        a.ForgetArguments,
        a.ForgetResult,
        _forget,
        destroys=True,
    ),
    Tool(
        "list",
        "List notes by scope and name.",
        a.ListArguments,
        a.ListResult,
        _list,
        reads_only=True,
    ),
    Tool(
        "mark_applied",
        "Report what became of one recalled memory.",
        a.MarkArguments,
        a.MarkResult,
        _mark,
    ),
    Tool("move", "Move a note to another scope or rename it.", a.MoveArguments, a.Placed, _move),
    Tool("read", "Read a note whole.", a.ReadArguments, a.ReadResult, _read, reads_only=True),
    Tool(
        "recall",
        "Find memories by meaning and words. Each hit has the passage that matched.",
        a.RecallArguments,
        a.RecallResult,
        _recall,
        reads_only=True,
    ),
    Tool(
        "recall_stats",
        "Show how often recalled memories were of use, by distance, rank and arm.",
        a.StatsArguments,
        operations.RecallFigures,
        _stats,
        reads_only=True,
    ),
    Tool(
        "remember",
        "Store a note: a decision, a preference, anything worth keeping.",
        a.RememberArguments,
        a.RememberResult,
        _remember,
        destroys=True,
    ),
    Tool(
        "sync",
        "Exchange notes with the git remotes; both sides' changes are merged and kept.",
        a.SyncArguments,
        operations.Synced,
        _sync,
    ),
)
"""Every tool, by name."""

_CORE = {"edit", "forget", "list", "move", "read", "recall", "remember"}
TOOLSETS: Mapping[ToolSet, tuple[Tool[Any], ...]] = {
    "all": TOOLS,
    "core": tuple(tool for tool in TOOLS if tool.name in _CORE),
}
"""What a server may offer; the core takes less of an agent's attention."""
