"""What rests on messages: the facts that cite them and the summaries of their sessions."""

from collections.abc import Awaitable, Callable, Container, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import NamedTuple, TypeVar

from recollect.domain.changes import Change, ExpectLinks, NewJob, Put
from recollect.domain.memory import CITES, Fact, Kind, Link, Memory
from recollect.errors import Conflict, NotFound
from recollect.operations.context import Context
from recollect.operations.summaries import remaking

T = TypeVar("T")

PORTION = 1000
"""How many ids a question to the store holds."""

CHANGED_MEANWHILE = (Conflict, NotFound)
"""How a batch with consequences fails when what they were found from has changed: look again."""


class Consequences(NamedTuple):
    """What else a batch must do that takes messages away: before it takes them."""

    changes: tuple[Change, ...]
    jobs: tuple[NewJob, ...]


async def consequences(context: Context, gone: Iterable[Memory]) -> Consequences:
    """What follows when these memories are forgotten or erased in the same batch.

    Their links go with them. A fact that then cites nothing any more is closed: it was true until
    now, or never if it was to become true later; one that is closed, cites nothing from the start
    or is itself among these stays as it is. The summaries of their sessions are dropped and made
    anew. This is done whether or not the principal reaches these facts. The batch fails if one of
    them changes, or another comes to cite these memories meanwhile: see `CHANGED_MEANWHILE`.
    """
    going = {memory.id: memory for memory in gone}
    episodes = [memory.id for memory in going.values() if memory.kind is Kind.EPISODE]
    links = await _citations(context, context.records.links_to, episodes)
    citing = dict.fromkeys(link.from_id for link in links if link.from_id not in going)
    facts = await _left_without_citations(context, list(citing), going)
    summaries = remaking(context, going.values())
    closing = _closing(facts, context.now())
    return Consequences(
        (*_unchanged(episodes, links), *closing, *summaries.changes), summaries.jobs
    )


async def cited_by(context: Context, fact: Memory) -> list[str]:
    """The ids of the episodes that the fact cites, as far as the principal may see them."""
    links = await _citations(context, context.records.links, [fact.id])
    return [m.id for m in await visible_episodes(context, [link.to_id for link in links])]


async def visible_episodes(context: Context, ids: Sequence[str]) -> list[Memory]:
    """Those of these memories that are episodes in the principal's reach, in the same order."""
    return [
        memory
        for memory in await context.records.get(context.tenant, ids)
        if memory.kind is Kind.EPISODE
        and context.principal.scopes.covers(memory.scope)
        and not context.has_expired(memory)
    ]


def _unchanged(episodes: Iterable[str], links: Iterable[Link]) -> Iterator[ExpectLinks]:
    """What lets the batch fail if other facts cite the episodes than those found."""
    citing: dict[str, set[str]] = {episode: set() for episode in episodes}
    for link in links:
        citing[link.to_id].add(link.from_id)
    for episode, facts in citing.items():
        yield ExpectLinks(to_id=episode, type=CITES, from_ids=frozenset(facts))


async def _left_without_citations(
    context: Context, citing: Sequence[str], gone: Container[str]
) -> list[Memory]:
    """Those of the facts that cite nothing but what is gone."""
    links = await _citations(context, context.records.links, citing)
    kept = {link.from_id for link in links if link.to_id not in gone}
    left = [fact for fact in citing if fact not in kept]
    return await _in_portions(partial(context.records.get, context.tenant), left)


async def _citations(
    context: Context, ask: Callable[[str, Sequence[str]], Awaitable[list[Link]]], ids: Sequence[str]
) -> list[Link]:
    links = await _in_portions(partial(ask, context.tenant), ids)
    return [link for link in links if link.type == CITES]


async def _in_portions(
    ask: Callable[[Sequence[str]], Awaitable[list[T]]], ids: Sequence[str]
) -> list[T]:
    portions = [ids[start : start + PORTION] for start in range(0, len(ids), PORTION)]
    return [answer for portion in portions for answer in await ask(portion)]


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
