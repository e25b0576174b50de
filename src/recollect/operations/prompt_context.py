"""What a prompt should hold of a conversation: one text within a budget, and its parts as data."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from typing import Annotated, Literal

from pydantic import Field

from recollect.domain.access import Right
from recollect.domain.filters import all_of
from recollect.domain.memory import Kind
from recollect.domain.prompt import SHARES, Material, Part, Piece, compose
from recollect.domain.scopes import Look
from recollect.domain.searchable import day
from recollect.domain.selection import Period
from recollect.domain.working_memory import MARK, cut, indented, lead, tokens
from recollect.operations.context import Context, operation
from recollect.operations.recall import Hit, Recall, recall
from recollect.operations.request import (
    MAX_QUERY_CHARACTERS,
    Label,
    Request,
    Result,
    Scope,
    Text,
)
from recollect.operations.selecting import of_kinds, true_at, unexpired
from recollect.operations.summaries import Session, Summary, read_summary
from recollect.operations.views import MemoryView
from recollect.operations.working_memory import newest_messages

RECALLED = 30
"""How many memories are recalled for a question; most budgets hold fewer."""

NEWEST_FACTS = 50

HIT_BYTES = 1200
"""Of a longer message the passage that answers the question is shown."""

NEIGHBOUR_BYTES = 400

_TITLES = {
    "digest": "Digest of earlier messages: sentences quoted from them",
    "model": "Summary of earlier messages",
}

_EVER = Period(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


class PromptContext(Request):
    """Ask for what a prompt should hold of a conversation."""

    scope: Scope = ""
    session: Label = ""
    question: Annotated[Text, Field(min_length=1, max_length=MAX_QUERY_CHARACTERS)] | None = None
    """What is about to be answered; older messages and facts are recalled for it."""
    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] = 2000
    """The most that `text` may take, in tokens (bytes by four)."""
    summary: bool = True
    """Whether to tell what the session's earlier messages were about."""
    recent: bool = True
    """Whether to give the session's newest messages."""
    older: bool = True
    """Whether to recall messages for the question, of any session of the scope."""
    facts: bool = True
    """Whether to give facts: first those that answer the question, then the newest."""


class SummaryView(Result):
    """What the session's earlier messages were about."""

    kind: Literal["digest", "model"]
    """`digest`: quoted sentences; `model`: written by a language model."""
    model: str | None
    text: str
    messages: int
    """How many messages it stands for."""


class Prompt(Result):
    """A text ready for a prompt, and what it was made of."""

    text: str
    """Facts, summary, older and recent messages, each under its title; `[…]` marks what was cut."""
    tokens: int
    summary: SummaryView | None
    recent: list[MemoryView]
    """The session's newest messages in order; whole, even those that the text cuts."""
    older: list[MemoryView]
    """What was recalled for the question with a message before and after each, in order."""
    facts: list[MemoryView]
    recall_id: str | None
    """Of the recall for the question, to tell what became of its results."""
    degraded: list[str]
    """What could not do its part: an arm of the search, or `summary` while it lacks messages."""
    took_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What was recalled; `hits` are messages."""

    hits: Sequence[Hit] = ()
    facts: Sequence[MemoryView] = ()
    recall_id: str | None = None
    degraded: Sequence[str] = ()


@operation(Right.READ)
async def prompt_context(context: Context, request: PromptContext) -> Prompt:
    """Give what a prompt should hold of a conversation, within a budget."""
    started = perf_counter()
    session = Session(request.scope, request.session)
    newest = await newest_messages(context, session) if request.recent else []
    recent = [MemoryView.of(message) for message in newest]
    found = await _found(context, request)
    summary, complete = await _summary(context, request, session, recent)
    composed = compose(_material(found, summary, recent), request.max_tokens)
    around = (view for hit in found.hits for view in (hit.memory, *hit.neighbours))
    views = {view.id: view for view in (*found.facts, *around, *recent)}
    parts = {part: [views[i] for i in ids] for part, ids in composed.shown.items()}
    return Prompt(
        text=composed.text,
        tokens=tokens(composed.text),
        summary=_summary_view(summary),
        recent=parts[Part.RECENT],
        older=parts[Part.OLDER],
        facts=parts[Part.FACTS],
        recall_id=found.recall_id,
        degraded=[*found.degraded, *(() if complete else ("summary",))],
        took_ms=round((perf_counter() - started) * 1000, 2),
    )


async def _summary(
    context: Context, request: PromptContext, session: Session, recent: Sequence[MemoryView]
) -> tuple[Summary, bool]:
    """The summary of what the text will not show, and whether it is complete."""
    if not request.summary or not context.principal.scopes.covers(request.scope):
        return Summary(), True
    budget = int(request.max_tokens * SHARES[Part.RECENT])
    shown = compose(Material(recent=_messages(recent)), budget).shown[Part.RECENT]
    return await read_summary(context, session, shown)


async def _found(context: Context, request: PromptContext) -> _Found:
    newest = await _newest_facts(context, request) if request.facts else []
    wanted = ((Kind.EPISODE, request.older), (Kind.FACT, request.facts))
    kinds = tuple(kind for kind, is_wanted in wanted if is_wanted)
    if request.question is None or not kinds:
        return _Found(facts=newest)
    asked = Recall(
        query=request.question, scope=request.scope, kinds=kinds, limit=RECALLED, before=1, after=1
    )
    answer = await recall(context, asked)
    recalled = [hit.memory for hit in answer.results if hit.memory.kind is Kind.FACT]
    return _Found(
        hits=[hit for hit in answer.results if hit.memory.kind is Kind.EPISODE],
        facts=list({fact.id: fact for fact in (*recalled, *newest)}.values()),
        recall_id=answer.recall_id,
        degraded=answer.degraded,
    )


async def _newest_facts(context: Context, request: PromptContext) -> list[MemoryView]:
    now = context.now()
    chosen = all_of((of_kinds((Kind.FACT,)), true_at(now), unexpired(now)))
    selection = context.selection(request.scope, Look.EXACT, chosen)
    ids = await context.records.occurred(context.tenant, selection, _EVER, NEWEST_FACTS)
    found = await context.records.select(context.tenant, selection, ids)
    facts = {fact.id: MemoryView.of(fact) for fact in found}
    return [facts[i] for i in ids if i in facts]


def _material(found: _Found, summary: Summary, recent: Sequence[MemoryView]) -> Material:
    return Material(
        summary_title=_TITLES[summary.kind],
        summary=summary.text,
        facts=[_piece(fact, _fact_line(fact)) for fact in found.facts],
        older=[_around(hit) for hit in found.hits],
        recent=_messages(recent),
    )


def _messages(views: Iterable[MemoryView]) -> list[Piece]:
    return [_piece(view, _lead(view) + indented(view.content)) for view in views]


def _around(hit: Hit) -> list[Piece]:
    """What was found, then what was said around it, both shortened."""
    message, matched = hit.memory, hit.matched
    text = message.content
    if len(text.encode()) > HIT_BYTES:
        passage = cut(matched.text, HIT_BYTES).removesuffix(MARK)
        before = MARK.lstrip() + " " if matched.start else ""
        text = before + passage + ("" if text.endswith(passage) else MARK)
    return [
        _piece(message, _lead(message) + indented(text)),
        *(
            _piece(near, _lead(near) + indented(cut(near.content, NEIGHBOUR_BYTES)))
            for near in hit.neighbours
        ),
    ]


def _piece(view: MemoryView, line: str) -> Piece:
    return Piece(view.occurred_at, view.position or 0, view.id, line)


def _lead(view: MemoryView) -> str:
    return lead(view.producer or "", view.occurred_at)


def _fact_line(fact: MemoryView) -> str:
    filed = ", ".join(part for part in (fact.category, fact.tag, fact.feature) if part)
    since = fact.valid_from or fact.occurred_at
    return f"- {filed}: {indented(fact.content)} (since {day(since)})"


def _summary_view(summary: Summary) -> SummaryView | None:
    if not summary.text:
        return None
    return SummaryView(
        kind=summary.kind, model=summary.model, text=summary.text, messages=summary.messages
    )
