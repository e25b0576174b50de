"""The client's methods about facts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import EllipsisType

from pydantic import JsonValue

from recollect import operations
from recollect.client.memories import KEPT, MemoryMethods
from recollect.operations import Changed, Learned


class FactMethods(MemoryMethods):
    """The operations on memories, and those on facts alone."""

    async def learn(
        self,
        content: str,
        *,
        category: str,
        tag: str,
        feature: str,
        scope: str = "",
        set_id: str = "",
        citations: Sequence[str] = (),
        valid_from: datetime | None = None,
        valid_to: datetime | None = None,
        tags: Sequence[str] = (),
        metadata: Mapping[str, JsonValue] | None = None,
        source: str | None = None,
        occurred_at: datetime | None = None,
        importance: float | None = None,
        expires_at: datetime | None = None,
    ) -> Learned:
        """Store a new fact: one statement that can be understood alone.

        It is filed under `category`, `tag` and `feature`, in the set `set_id` of the scope ('' is
        the scope's own). `citations` are ids of the messages that support it. It is true from
        `valid_from` (since ever if left out) until `valid_to`. The other arguments are as for
        `remember`. Raises InvalidRequest if a citation is no message in reach.
        """
        return await self._run(
            operations.learn,
            content=content,
            category=category,
            tag=tag,
            feature=feature,
            scope=scope,
            set_id=set_id,
            citations=citations,
            valid_from=valid_from,
            valid_to=valid_to,
            tags=tags,
            metadata=metadata or {},
            source=source,
            occurred_at=occurred_at,
            importance=importance,
            expires_at=expires_at,
        )

    async def correct(
        self,
        id: str,
        *,
        content: str | None = None,
        category: str | None = None,
        tag: str | None = None,
        feature: str | None = None,
        metadata: Mapping[str, JsonValue] | None = None,
        citations: Sequence[str] = (),
        valid_from: datetime | EllipsisType | None = KEPT,
        valid_to: datetime | EllipsisType | None = KEPT,
        expected_revision: int | None = None,
    ) -> Changed:
        """Say what became of a fact; what is left out stays.

        Args:
            id: The fact.
            content: What holds now; the old text stays true for the time before `valid_from`.
            category: Where it is filed, as the two below.
            tag: The second part of that.
            feature: The third.
            metadata: Replaces the metadata; {} clears it.
            citations: Ids of more messages that support it.
            valid_from: Since when it is true, None for since ever; of another text now.
            valid_to: When it ceased to be true; None if it has not.
            expected_revision: Correct only this revision.

        Raises:
            NotFound: There is no such fact.
            RevisionConflict: It is not at `expected_revision`.
        """
        replaced = {
            "content": content,
            "category": category,
            "tag": tag,
            "feature": feature,
            "metadata": metadata,
            "citations": citations or None,
            "expected_revision": expected_revision,
        }
        times = {"valid_from": valid_from, "valid_to": valid_to}
        return await self._run(
            operations.correct,
            id=id,
            **{field: value for field, value in replaced.items() if value is not None},
            **{field: value for field, value in times.items() if value is not KEPT},
        )
