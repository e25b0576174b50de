"""What rests on messages: the facts that cite them and the summaries of their sessions."""

from collections.abc import Awaitable, Callable, Container, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import NamedTuple, TypeVar

from recollect.domain.changes import Change, DropRecord, Expect, NewJob, Put
from recollect.domain.memory import CITES, Episode, Fact, Kind, Link, Memory
from recollect.errors import AlreadyExists, NotFound, RevisionConflict
from recollect.operations.context import Context
from recollect.operations.numbers import COUNTER

T = TypeVar("T")

FACTS = "fact"
"""The sequence that facts are numbered from: learning a fact changes its counter."""

SUMMARY = "summary"
PORTION = 1000
"""How many ids a question to the store holds."""

CHANGED_MEANWHILE = (AlreadyExists, NotFound, RevisionConflict)
"""How a batch with consequences fails when what they were found from has changed: look again."""


class Consequences(NamedTuple):
    """What else a batch must do that takes messages away."""

    changes: tuple[Change, ...] = ()
    jobs: tuple[NewJob, ...] = ()


async def consequences(context: Context, gone: Iterable[Memory]) -> Consequences:
    """What follows when these memories are forgotten or erased in the same batch.

    Their links go with them. A fact that then cites nothing any more is closed: it was true until
    now, or never if it was to become true later; one that is closed, cites nothing from the start
    or is itself among these stays as it is. The summaries of their sessions are dropped. This is
    done whether or not the principal reaches these facts. A fact that is learned meanwhile makes
    the batch fail, as does any other change to what was found: see `CHANGED_MEANWHILE`.
    """
    going = {memory.id: memory for memory in gone}
    # No scope holds the character between the two.
    sessions = {
        memory.id: f"{memory.scope}|{memory.detail.session}"
        for memory in going.values()
        if isinstance(memory.detail, Episode)
    }
    if not sessions:
        return Consequences()
    # First of all: what is learned after this look is not seen by those that follow.
    unchanged = await _no_fact_learned(context)
    facts = await _left_without_citations(context, list(sessions), going)
    return Consequences(
        (
            unchanged,
            *_closing(facts, context.now()),
            *(DropRecord(type=SUMMARY, id=key) for key in dict.fromkeys(sessions.values())),
        )
    )


async def cited_by(context: Context, fact: Memory) -> list[str]:
    """The ids of the episodes that the fact cites, as far as the principal may see them."""
    links = await context.records.links(context.tenant, [fact.id])
    return [m.id for m in await visible_episodes(context, [link.to_id for link in _citing(links)])]


async def visible_episodes(context: Context, ids: Sequence[str]) -> list[Memory]:
    """Those of these memories that are episodes in the principal's reach, in the same order."""
    return [
        memory
        for memory in await context.records.get(context.tenant, ids)
        if memory.kind is Kind.EPISODE
        and context.principal.scopes.covers(memory.scope)
        and not context.has_expired(memory)
    ]


async def _no_fact_learned(context: Context) -> Expect:
    found = await context.records.registered(context.tenant, COUNTER, [FACTS])
    return Expect(type=COUNTER, id=FACTS, revision=found[0].revision if found else 0)


async def _left_without_citations(
    context: Context, episodes: Sequence[str], gone: Container[str]
) -> list[Memory]:
    """The facts that cite some of the episodes, and nothing but what is gone."""
    records, tenant = context.records, context.tenant
    lost = _citing(await _in_portions(partial(records.links_to, tenant), episodes))
    citing = [i for i in dict.fromkeys(link.from_id for link in lost) if i not in gone]
    links = _citing(await _in_portions(partial(records.links, tenant), citing))
    kept = {link.from_id for link in links if link.to_id not in gone}
    left = [i for i in citing if i not in kept]
    return await _in_portions(partial(records.get, tenant), left)


async def _in_portions(
    ask: Callable[[Sequence[str]], Awaitable[list[T]]], ids: Sequence[str]
) -> list[T]:
    portions = [ids[start : start + PORTION] for start in range(0, len(ids), PORTION)]
    return [answer for portion in portions for answer in await ask(portion)]


def _citing(links: Iterable[Link]) -> list[Link]:
    return [link for link in links if link.type == CITES]


def _closing(facts: Iterable[Memory], now: datetime) -> Iterator[Put]:
    for memory in facts:
        fact = memory.detail
        if not isinstance(fact, Fact) or (fact.valid_to is not None and fact.valid_to <= now):
            continue
        closed = replace(
            memory,
            detail=replace(fact, valid_to=max(now, fact.valid_from or now)),
            revision=memory.revision + 1,
            updated_at=now,
        )
        yield Put(memory=closed, expected_revision=memory.revision, verb="correct")
