"""The client's methods about memories: store, find, read, change, list, forget."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from types import EllipsisType
from typing import Literal, TypeVar

from pydantic import JsonValue, ValidationError

from recollect import operations
from recollect.client.problems import invalid_request
from recollect.client.transport import Transport
from recollect.domain.memory import Kind
from recollect.domain.scopes import Look
from recollect.operations import (
    Changed,
    Erased,
    Forgotten,
    MemoryView,
    Operation,
    Page,
    Recalled,
    Remembered,
    Request,
    Result,
    Revisions,
    WholeMemory,
)

Q = TypeVar("Q", bound=Request)
R = TypeVar("R", bound=Result)

Kinds = Sequence[Kind | Literal["note", "episode", "fact"]]
Looking = Look | Literal["exact", "subtree", "subtree+global", "all"]
LookingDown = Literal[Look.EXACT, Look.SUBTREE, "exact", "subtree"]

PORTION = 200
KEPT: EllipsisType = ...
"""Stands for a value that is left as it is."""


class MemoryMethods:
    """The operations on memories as typed methods, over any transport."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def remember(
        self,
        content: str,
        *,
        scope: str = "",
        name: str | None = None,
        tags: Sequence[str] = (),
        metadata: Mapping[str, JsonValue] | None = None,
        source: str | None = None,
        external_id: str | None = None,
        occurred_at: datetime | None = None,
        importance: float | None = None,
        expires_at: datetime | None = None,
        if_absent: bool = False,
        expected_revision: int | None = None,
    ) -> Remembered:
        """Store a note, or replace the one of the same scope and name.

        Args:
            content: Markdown, at most 1 MiB.
            scope: A path such as `acme/api`; '' is the root.
            name: Unique in the scope; made from the text when left out.
            tags: Words to find it by.
            metadata: A JSON object, at most 64 KiB.
            source: Where it comes from: a URL, a file, a person.
            external_id: Its id elsewhere.
            occurred_at: When it happened; now when left out, UTC without a zone.
            importance: 0 to 1.
            expires_at: From then on it is in no answer.
            if_absent: Refuse to replace a note that exists already: raise AlreadyExists.
            expected_revision: Replace only this revision; else raise NotFound, RevisionConflict.
        """
        return await self._run(
            operations.remember,
            content=content,
            scope=scope,
            name=name,
            tags=tags,
            metadata=metadata or {},
            source=source,
            external_id=external_id,
            occurred_at=occurred_at,
            importance=importance,
            expires_at=expires_at,
            if_absent=if_absent,
            expected_revision=expected_revision,
        )

    async def recall(
        self,
        query: str,
        *,
        scope: str = "",
        look: Looking = "exact",
        scopes: Sequence[str] = (),
        kinds: Kinds = (),
        tags: Sequence[str] = (),
        filter: str | None = None,
        occurred_after: datetime | None = None,
        occurred_before: datetime | None = None,
        valid_at: datetime | None = None,
        known_at: datetime | None = None,
        limit: int = 10,
        max_tokens: int | None = None,
        before: int = 0,
        after: int = 0,
        expand: int = 0,
        explain: bool = False,
    ) -> Recalled:
        """Ask a question; the memories that answer it best come first. Raises InvalidFilter.

        `scope` ('' is the root) and `look` say where to look, or `scopes` alone; `kinds`, `tags`
        (all of them), `filter` (such as `m.topic = 'tea' AND created_at >= date('2026-01-01')`),
        `occurred_after` and `occurred_before` what counts. `valid_at` asks for facts as they were
        true then, `known_at` for what was known then, as it was worded. At most `limit` (1 to 1000)
        come, or as many as fit in `max_tokens` (bytes of JSON by four), each episode with as many
        messages `before` and `after` it as wanted, or on both sides (`expand`).
        """
        return await self._run(
            operations.recall,
            query=query,
            scope=scope,
            look=look,
            scopes=scopes,
            kinds=kinds,
            tags=tags,
            filter=filter,
            occurred_after=occurred_after,
            occurred_before=occurred_before,
            valid_at=valid_at,
            known_at=known_at,
            limit=limit,
            max_tokens=max_tokens,
            before=before,
            after=after,
            expand=expand,
            explain=explain,
        )

    async def read(
        self, id: str | None = None, *, scope: str = "", name: str | None = None
    ) -> WholeMemory:
        """Read one memory whole, named by its id or by scope and name. Raises NotFound."""
        return await self._run(operations.read, id=id, scope=scope, name=name)

    async def edit(
        self,
        id: str | None = None,
        *,
        scope: str = "",
        name: str | None = None,
        content: str | None = None,
        tags: Sequence[str] | None = None,
        metadata: Mapping[str, JsonValue] | None = None,
        source: str | EllipsisType | None = KEPT,
        importance: float | EllipsisType | None = KEPT,
        expires_at: datetime | EllipsisType | None = KEPT,
        expected_revision: int | None = None,
    ) -> Changed:
        """Change a memory in place; what is left out stays.

        Args:
            id: The memory, or name it by `scope` and `name`.
            scope: The note's scope.
            name: The note's name.
            content: The new text.
            tags: Replace the tags; [] clears them.
            metadata: Replaces the metadata; {} clears it.
            source: None clears it, as for the two below.
            importance: 0 to 1.
            expires_at: From then on it is in no answer.
            expected_revision: Change only this revision.

        Raises:
            NotFound: There is no such memory.
            RevisionConflict: It is not at `expected_revision`.
        """
        replaced = {"content": content, "tags": tags, "metadata": metadata}
        cleared = {"source": source, "importance": importance, "expires_at": expires_at}
        return await self._run(
            operations.edit,
            id=id,
            scope=scope,
            name=name,
            expected_revision=expected_revision,
            **{field: value for field, value in replaced.items() if value is not None},
            **{field: value for field, value in cleared.items() if value is not KEPT},
        )

    async def move(
        self,
        id: str | None = None,
        *,
        scope: str = "",
        name: str | None = None,
        to_scope: str,
        new_name: str | None = None,
        expected_revision: int | None = None,
    ) -> Changed:
        """Move a note to another scope, or rename it; id and history stay.

        Raises:
            NotFound, RevisionConflict: As for `edit`.
            AlreadyExists: There is a note of that name already.
        """
        return await self._run(
            operations.move,
            id=id,
            scope=scope,
            name=name,
            to_scope=to_scope,
            new_name=new_name,
            expected_revision=expected_revision,
        )

    async def forget(
        self,
        id: str | None = None,
        *,
        scope: str = "",
        name: str | None = None,
        expected_revision: int | None = None,
    ) -> Forgotten:
        """Take one memory out of every answer; its history stays until it is erased.

        Raises:
            NotFound, RevisionConflict: As for `edit`.
        """
        return await self._run(
            operations.forget, id=id, scope=scope, name=name, expected_revision=expected_revision
        )

    async def forget_scope(
        self,
        scope: str,
        *,
        look: LookingDown = "exact",
        kinds: Kinds = (),
        confirm: Literal[True],
    ) -> Forgotten:
        """Forget every memory of a scope, all or none of them.

        Args:
            scope: The scope; '' is the root.
            look: `subtree` takes what lies below along.
            kinds: Only these kinds; all when left out.
            confirm: Must be True.
        """
        return await self._run(
            operations.forget_scope, scope=scope, look=look, kinds=kinds, confirm=confirm
        )

    async def erase(
        self, id: str | None = None, *, scope: str = "", name: str | None = None
    ) -> Erased:
        """Delete a memory for good, with all its revisions. Raises NotFound.

        It is named by its id, or by scope and name; a forgotten one has only its id.
        """
        return await self._run(operations.erase, id=id, scope=scope, name=name)

    async def list(
        self,
        *,
        scope: str = "",
        look: Looking = "exact",
        scopes: Sequence[str] = (),
        kinds: Kinds = (),
        name: str | None = None,
        tags: Sequence[str] = (),
        filter: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page:
        """One page of memories, by scope, name and time.

        Args:
            scope: Where to look; '' is the root.
            look: How far around the scope.
            scopes: Exactly these, instead of `scope` and `look`.
            kinds: Only these kinds; all when left out.
            name: Only notes of this name.
            tags: Only memories with all of these tags.
            filter: As for `recall`.
            cursor: The `next_cursor` of the page before.
            limit: At most so many, 1 to 1000.

        Raises:
            InvalidFilter, InvalidCursor: They do not parse, or the cursor is another query's.
        """
        return await self._run(
            operations.browse,
            scope=scope,
            look=look,
            scopes=scopes,
            kinds=kinds,
            name=name,
            tags=tags,
            filter=filter,
            cursor=cursor,
            limit=limit,
        )

    async def list_all(
        self,
        *,
        scope: str = "",
        look: Looking = "exact",
        scopes: Sequence[str] = (),
        kinds: Kinds = (),
        tags: Sequence[str] = (),
        filter: str | None = None,
    ) -> AsyncGenerator[MemoryView]:
        """Every memory, in the order of `list`, page after page as they are asked for."""
        cursor: str | None = None
        while True:
            page = await self.list(
                scope=scope,
                look=look,
                scopes=scopes,
                kinds=kinds,
                tags=tags,
                filter=filter,
                cursor=cursor,
                limit=PORTION,
            )
            for memory in page.memories:
                yield memory
            if page.next_cursor is None:
                return
            cursor = page.next_cursor

    async def history(
        self, id: str | None = None, *, scope: str = "", name: str | None = None
    ) -> Revisions:
        """The revisions of a memory, oldest first. Raises NotFound.

        It is named by its id, or by scope and name; a forgotten one has only its id.
        """
        return await self._run(operations.history, id=id, scope=scope, name=name)

    async def _run(self, operation: Operation[Q, R], **fields: object) -> R:
        try:
            request = operation.request.model_validate(fields)
        except ValidationError as error:
            raise invalid_request(error) from None
        return await self._transport.run(operation, request)
