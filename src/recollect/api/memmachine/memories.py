"""The routes that add, list and delete memories."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BeforeValidator, Field

from recollect import operations
from recollect.api.asking import Asked, answer
from recollect.api.memmachine.errors import ERRORS
from recollect.api.memmachine.fields import EPISODES, FACTS, printed, translated
from recollect.api.memmachine.schemas import (
    Answering,
    Asking,
    FromProject,
    MemoryType,
    Moment,
    SetMetadata,
    numbered,
)
from recollect.api.memmachine.selected import selected_sets
from recollect.api.memmachine.views import FeatureView, ListedEpisode
from recollect.domain.memory import Kind
from recollect.errors import InvalidRequest
from recollect.operations import Context, conversations
from recollect.operations.ingest import MAX_MESSAGES
from recollect.operations.project_episodes import MAX_LISTED
from recollect.operations.request import Label, Said, Text

router = APIRouter(prefix="/memories", tags=["memories"], responses=ERRORS)


class MessageGiven(Asking):
    """One message."""

    content: Said
    producer: Label = "user"
    """Who said it."""
    produced_for: Label = ""
    """To whom."""
    timestamp: Moment | None = None
    """ISO 8601 text, or seconds or milliseconds since 1970; UTC without a zone; now if null."""
    role: Label = ""
    metadata: dict[Text, Text] = Field(default_factory=dict)
    episode_type: Literal["message"] | None = None

    def message(self) -> operations.Message:
        """The message as our operations know it."""
        return operations.Message(
            content=self.content,
            producer=self.producer or "user",
            produced_for=self.produced_for,
            role=self.role,
            occurred_at=self.timestamp,
            metadata=dict(self.metadata),
        )


class Addition(FromProject):
    """Add messages."""

    types: tuple[MemoryType, ...] = ()
    """Empty means both."""
    messages: Annotated[
        list[MessageGiven], Field(min_length=1, max_length=MAX_MESSAGES, fail_fast=True)
    ]


class Added(Answering):
    """A message that was stored."""

    uid: str


class Additions(Answering):
    """What was stored, in the order of the messages."""

    results: list[Added]


class ListAsked(FromProject):
    """List memories."""

    page_size: int = 100
    """Negative means everything."""
    page_num: int = 0
    """From 0."""
    filter: Text = ""
    set_metadata: SetMetadata | None = None
    """Which semantic sets to look at besides those of the organisation and of the project."""
    type: MemoryType | None = None
    """null means both."""

    @property
    def most(self) -> int:
        """How many the page holds at most."""
        return MAX_LISTED if self.page_size < 0 else min(self.page_size, MAX_LISTED)

    @property
    def skipped(self) -> int:
        """How many are on the pages before; a negative number is that of the first page."""
        return min(max(self.page_num, 0) * max(self.page_size, 0), MAX_LISTED)


class ListContent(Answering):
    """What was asked for; what was not is left out."""

    episodic_memory: list[ListedEpisode] | None = None
    semantic_memory: list[FeatureView] | None = None


class Listed(Answering):
    """A page of memories; a short one is the last."""

    status: int = 0
    content: ListContent


def _trimmed(given: Any) -> Any:
    return (given.strip() or None) if isinstance(given, str) else given


EpisodeId = Annotated[UUID, BeforeValidator(_trimmed)]


class EpisodesDeletion(FromProject):
    """Delete episodes."""

    episodic_id: Annotated[UUID | None, BeforeValidator(_trimmed)] = None
    episodic_ids: tuple[EpisodeId, ...] = ()

    def ids(self) -> tuple[str, ...]:
        """All ids, each once; raises InvalidRequest if there is none."""
        return _named(self.episodic_id, self.episodic_ids)


class FeaturesDeletion(FromProject):
    """Delete semantic features."""

    semantic_id: Text = ""
    semantic_ids: tuple[Text, ...] = ()

    def ids(self) -> tuple[str, ...]:
        """All ids, each once; raises InvalidRequest, or NotFound if one can be no feature's."""
        given = [text.strip() for text in (self.semantic_id, *self.semantic_ids)]
        return tuple(map(numbered, _named(None, [text for text in given if text])))


def _named(one: object, several: Sequence[object]) -> tuple[str, ...]:
    given = several if one is None else [one, *several]
    if not given:
        raise InvalidRequest("name at least one id")
    return tuple(dict.fromkeys(map(str, given)))


@router.post("", response_model=Additions)
async def add(context: Asked, body: Addition) -> Response:
    """Store messages; the project is created if it is not there."""
    request = conversations.AddMessages(
        org=body.org_id,
        project=body.project_id,
        messages=tuple(given.message() for given in body.messages),
        create=not body.types or "episodic" in body.types,
    )
    added = await conversations.add_messages(body.narrowed(context), request)
    return answer(Additions(results=[Added(uid=uid) for uid in added.ids]))


@router.post("/list", response_model=Listed, response_model_exclude_none=True)
async def list_memories(context: Asked, body: ListAsked) -> Response:
    """List memories, oldest first, page by page."""
    own = body.narrowed(context)
    content = ListContent(
        episodic_memory=await _episodes(own, body) if body.type != "semantic" else None,
        semantic_memory=await _features(own, body) if body.type != "episodic" else None,
    )
    return answer(Listed(content=content), exclude_none=True)


@router.post("/episodic/delete", status_code=204)
async def delete_episodes(context: Asked, body: EpisodesDeletion) -> None:
    """Delete episodes for good; unknown ones are gone already."""
    request = conversations.EraseMany(scopes=(body.scope,), kind=Kind.EPISODE, ids=body.ids())
    await conversations.erase_many(body.narrowed(context), request)


@router.post("/semantic/delete", status_code=204)
async def delete_features(context: Asked, body: FeaturesDeletion) -> None:
    """Delete features for good; unknown ones are gone already."""
    request = conversations.EraseMany(
        scopes=(body.org_id, body.scope), kind=Kind.FACT, numbers=body.ids()
    )
    await conversations.erase_many(body.narrowed(context), request)


async def _features(context: Context, body: ListAsked) -> list[FeatureView] | None:
    if not (await operations.configuration_now(context)).semantic_memory.enabled:
        return None
    sets = await selected_sets(context, body, body.set_metadata)
    matching = translated(body.filter, FACTS)
    found = await conversations.facts_of(
        context, sets, matching, offset=body.skipped, limit=body.most
    )
    return [FeatureView.of(operations.MemoryView.of(memory)) for memory in found]


async def _episodes(context: Context, body: ListAsked) -> list[ListedEpisode]:
    request = conversations.ListEpisodes(
        org=body.org_id,
        project=body.project_id,
        filter=printed(translated(body.filter, EPISODES)),
        offset=body.skipped,
        limit=body.most,
    )
    found = (await conversations.list_episodes(context, request)).episodes
    return [ListedEpisode.of(memory, session_key=memory.scope) for memory in found]
