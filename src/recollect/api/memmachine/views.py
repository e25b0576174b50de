"""How episodes and facts are shown."""

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import JsonValue

from recollect.api.memmachine.schemas import Answering
from recollect.operations import MemoryView


class EpisodeView(Answering):
    """An episode."""

    uid: str
    content: str
    producer_id: str
    producer_role: str
    produced_for_id: str
    episode_type: Literal["message"] = "message"
    metadata: dict[str, JsonValue] | None = None
    """Left out when there is none."""
    created_at: datetime
    """When it was said."""

    @classmethod
    def of(cls, memory: MemoryView, **more: Any) -> Self:
        """The view of this memory."""
        return cls(
            uid=memory.id,
            content=memory.content,
            producer_id=memory.producer or "",
            producer_role=memory.role or "",
            produced_for_id=memory.produced_for or "",
            metadata=memory.metadata or None,
            created_at=memory.occurred_at,
            **more,
        )


class FoundEpisode(EpisodeView):
    """An episode that was found."""

    score: float | None = None
    """0 to 1 within this answer; left out in short-term memory."""


class ListedEpisode(EpisodeView):
    """An episode of a list."""

    session_key: str
    """`org_id/project_id`."""
    content_type: Literal["string"] = "string"


class FeatureMetadata(Answering):
    """What is known about a feature besides its value."""

    id: str
    citations: list[str] | None = None
    """The episodes that support it."""
    other: dict[str, JsonValue] | None = None


class FeatureView(Answering):
    """A feature: one thing that is known."""

    set_id: str
    category: str
    tag: str
    feature_name: str
    value: str
    metadata: FeatureMetadata

    @classmethod
    def of(cls, memory: MemoryView, citations: list[str] | None = None) -> "FeatureView":
        """The view of this memory."""
        return cls(
            set_id=memory.set_id or "",
            category=memory.category or "",
            tag=memory.tag or "",
            feature_name=memory.feature or "",
            value=memory.content,
            metadata=FeatureMetadata(
                id=memory.external_id or memory.id,
                citations=citations or None,
                other=memory.metadata or None,
            ),
        )
