"""The route that searches memories."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from recollect import operations
from recollect.api.asking import Asked, answer
from recollect.api.memmachine.errors import ERRORS
from recollect.api.memmachine.fields import EPISODES, FACTS, printed, translated
from recollect.api.memmachine.schemas import Answering, FromProject, MemoryType, SetMetadata
from recollect.api.memmachine.selected import selected_sets
from recollect.api.memmachine.switches import set_up
from recollect.api.memmachine.views import FeatureView, FoundEpisode
from recollect.domain.filters import Filter, all_of
from recollect.domain.memory import Kind
from recollect.domain.surroundings import unified
from recollect.errors import InvalidRequest
from recollect.operations import Context, MemoryView, conversations
from recollect.operations.arms import together
from recollect.operations.recall import MAX_LIMIT, MAX_NEIGHBOURS
from recollect.operations.request import MAX_QUERY_CHARACTERS, Text

router = APIRouter(prefix="/memories", tags=["memories"], responses=ERRORS)

BACKWARDS = 3
"""One of so many neighbours is an earlier message: answers come after questions."""


class SearchAsked(FromProject):
    """Search for memories."""

    query: Annotated[Text, Field(max_length=MAX_QUERY_CHARACTERS)]
    top_k: Annotated[int, Field(ge=1)] = 10
    """How many of each memory, and of each semantic set; more than the limit is the limit."""
    filter: Text = ""
    set_metadata: SetMetadata | None = None
    """Which semantic sets to look at besides those of the organisation and of the project."""
    expand_context: int = 0
    """How many neighbours of each episode to give, within `top_k`."""
    score_threshold: float | None = None
    """Only episodes of long-term memory with at least this score."""
    types: tuple[MemoryType, ...] = ()
    """Empty means both."""
    agent_mode: bool = False
    """Without effect."""

    def wants(self, memory: MemoryType) -> bool:
        """Whether this memory is asked for."""
        return not self.types or memory in self.types

    @property
    def limit(self) -> int:
        """How many to give at most."""
        return min(self.top_k, MAX_LIMIT)


class LongTerm(Answering):
    """What answers best; with neighbours, in the order in which it was said."""

    episodes: tuple[FoundEpisode, ...] = ()


class ShortTerm(Answering):
    """The newest messages, and what came before in short."""

    episodes: tuple[FoundEpisode, ...] = ()
    episode_summary: tuple[str, ...] = ("",)


class Episodic(Answering):
    """The project's conversation."""

    long_term_memory: LongTerm = LongTerm()
    short_term_memory: ShortTerm = ShortTerm()


class SearchContent(Answering):
    """What was asked for; what was not, or is switched off, is left out."""

    episodic_memory: Episodic | None = None
    semantic_memory: list[FeatureView] | None = None


class Searched(Answering):
    """What was found."""

    status: int = 0
    content: SearchContent


@router.post("/search", response_model=Searched, response_model_exclude_none=True)
async def search(context: Asked, body: SearchAsked) -> Response:
    """Find what answers a question best, in each memory."""
    return answer(await found(context, body), exclude_none=True)


async def found(context: Context, body: SearchAsked) -> Searched:
    """What answers a question best, in each memory."""
    own = body.narrowed(context)
    episodes: list[Episodic | None] = [None]
    features: list[list[FeatureView] | None] = [None]

    async def episodic() -> None:
        episodes[0] = await _episodic(own, body)

    async def semantic() -> None:
        features[0] = await _features(own, body)

    async with together() as searches:
        if body.wants("episodic"):
            searches.start_soon(episodic)
        if body.wants("semantic"):
            searches.start_soon(semantic)
    content = SearchContent(episodic_memory=episodes[0], semantic_memory=features[0])
    return Searched(content=content)


async def _episodic(context: Context, body: SearchAsked) -> Episodic | None:
    matching = translated(body.filter, EPISODES)
    switches, context = await set_up(context, body)
    if not switches.enabled:
        return None
    if not (switches.long_term_memory_enabled or switches.short_term_memory_enabled):
        raise InvalidRequest("both memories are switched off; ask for `semantic` only")
    recent = ShortTerm()
    if switches.short_term_memory_enabled:
        recent = await _short_term(context, body, matching)
    older = LongTerm()
    if switches.long_term_memory_enabled:
        shown = frozenset(episode.uid for episode in recent.episodes)
        older = LongTerm(episodes=tuple(await _long_term(context, body, matching, shown)))
    return Episodic(long_term_memory=older, short_term_memory=recent)


async def _short_term(context: Context, body: SearchAsked, matching: Filter | None) -> ShortTerm:
    """The newest messages at hand that the filter lets through, oldest first."""
    configured = (await operations.configuration_now(context)).episodic_memory.short_term_memory
    messages, summary = await operations.working_memory(
        context,
        operations.Session(body.scope, ""),
        matching=matching,
        limit=body.limit,
        max_characters=configured.message_capacity,
    )
    episodes = (FoundEpisode.of(MemoryView.of(message)) for message in messages)
    return ShortTerm(episodes=tuple(episodes), episode_summary=(summary,))


async def _long_term(
    context: Context, body: SearchAsked, matching: Filter | None, shown: frozenset[str]
) -> list[FoundEpisode]:
    """What answers best and is not shown already."""
    around = min(max(body.expand_context, 0), body.limit - 1)
    before = min(around // BACKWARDS, MAX_NEIGHBOURS)
    after = min(around - around // BACKWARDS, MAX_NEIGHBOURS)
    request = operations.Recall(
        query=body.query or " ",
        scope=body.scope,
        kinds=(Kind.EPISODE,),
        filter=printed(matching),
        limit=min(body.limit + len(shown), MAX_LIMIT),
        before=before,
        after=after,
    )
    hits = (await operations.recall(context, request)).results
    scores = {hit.memory.id: hit.score for hit in hits}
    memories = {
        memory.id: memory
        for hit in hits
        for memory in (hit.memory, *hit.neighbours)
        if memory.id not in shown
    }
    found = [hit.memory.id for hit in hits if hit.memory.id in memories]
    chosen = unified(found, _sessions(memories.values()), before, after, body.limit)
    given = [(memories[uid], scores[brought_by]) for uid, brought_by in chosen.items()]
    if around:
        given.sort(key=lambda pair: _order(pair[0]))
    least = body.score_threshold
    return [
        FoundEpisode.of(memory, score=score)
        for memory, score in given
        if least is None or score >= least
    ]


async def _features(context: Context, body: SearchAsked) -> list[FeatureView] | None:
    """What is known that answers best, best first; at most `limit` of each set."""
    if not (await operations.configuration_now(context)).semantic_memory.enabled:
        return None
    matching = translated(body.filter, FACTS)
    sets = await selected_sets(context, body, body.set_metadata)
    request = operations.Recall(
        query=body.query or " ",
        scopes=tuple({key.scope for key in sets}),
        kinds=(Kind.FACT,),
        filter=printed(all_of((conversations.in_sets(sets), matching))),
        limit=min(body.limit * len(sets), MAX_LIMIT),
    )
    taken: Counter[tuple[str, str | None]] = Counter()
    found: list[FeatureView] = []
    for hit in (await operations.recall(context, request)).results:
        key = (hit.memory.scope, hit.memory.set_id)
        taken[key] += 1
        if taken[key] <= body.limit:
            found.append(FeatureView.of(hit.memory))
    return found


def _sessions(memories: Iterable[MemoryView]) -> list[list[str]]:
    """The ids of the messages of each session, in their order."""
    ordered: defaultdict[str | None, list[str]] = defaultdict(list)
    for memory in sorted(memories, key=_order):
        ordered[memory.session].append(memory.id)
    return list(ordered.values())


def _order(memory: MemoryView) -> tuple[datetime, int, str]:
    return (memory.occurred_at, memory.position or 0, memory.id)
