"""The asynchronous client: the operations as typed methods, over any transport."""

from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from os import PathLike, fspath
from types import EllipsisType, TracebackType
from typing import Any, Literal, Self, TypeVar

from anyio import to_thread
from pydantic import JsonValue, ValidationError

from recollect import operations
from recollect.client.http import TIMEOUT, HttpTransport
from recollect.client.problems import invalid_request
from recollect.client.transport import Transport
from recollect.domain.memory import Kind
from recollect.domain.scopes import Look
from recollect.operations import (
    BackedUp,
    Changed,
    Checked,
    Erased,
    Figures,
    Forgotten,
    Imported,
    Ingested,
    MemoryView,
    Message,
    Operation,
    Page,
    Recalled,
    Reindexed,
    Remembered,
    Request,
    Result,
    Revisions,
)

Q = TypeVar("Q", bound=Request)
R = TypeVar("R", bound=Result)
T = TypeVar("T")

Kinds = Sequence[Kind | Literal["note", "episode", "fact"]]
Looking = Look | Literal["exact", "subtree", "subtree+global", "all"]
LookingDown = Literal[Look.EXACT, Look.SUBTREE, "exact", "subtree"]

DEFAULT_URL = "http://127.0.0.1:8080"
PORTION = 200
_KEPT: EllipsisType = ...


class AsyncClient:
    """A memory server, or a store in this process, as a Python object.

    Methods take and give what the operations do, and raise the errors of `recollect.errors`:
    InvalidRequest for wrong arguments, Denied, and Unavailable when nothing answers go for all.
    Use it as an async context manager, or `aclose` it.
    """

    def __init__(
        self,
        base_url: str = DEFAULT_URL,
        *,
        token: str | None = None,
        timeout: timedelta = TIMEOUT,
        transport: Transport | None = None,
    ) -> None:
        """Prepare for a server; nothing is sent yet.

        Args:
            base_url: Where the server listens.
            token: The bearer token, if it asks for one.
            timeout: For each wait for an answer.
            transport: What carries the requests, instead of HTTP to that server.
        """
        self._transport = transport or HttpTransport(base_url, token=token, timeout=timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Let go of connections; may be called twice."""
        await self._transport.aclose()

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
            external_id: What it is called elsewhere.
            occurred_at: When it happened; now when left out, UTC without a zone.
            importance: 0 to 1.
            expires_at: From then on it is in no answer.
            if_absent: Refuse to replace a note that exists already.
            expected_revision: Replace only this revision of the note.

        Raises:
            AlreadyExists: `if_absent` was asked for and the note exists.
            NotFound, RevisionConflict: The note is not at `expected_revision`.
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
        kinds: Kinds = (),
        tags: Sequence[str] = (),
        filter: str | None = None,
        occurred_after: datetime | None = None,
        occurred_before: datetime | None = None,
        valid_at: datetime | None = None,
        limit: int = 10,
        max_tokens: int | None = None,
        before: int = 0,
        after: int = 0,
        explain: bool = False,
    ) -> Recalled:
        """Ask a question; the memories that answer it best come first.

        Args:
            query: A question or some words; no character of it is syntax.
            scope: Where to look; '' is the root.
            look: How far around the scope.
            kinds: Only these kinds; all when left out.
            tags: Only memories with all of these tags.
            filter: Such as `m.topic = 'tea' AND created_at >= date('2026-01-01')`.
            occurred_after: Only what happened then or later.
            occurred_before: Only what happened earlier than that.
            valid_at: Only facts that were true then; now when left out.
            limit: At most so many, 1 to 100.
            max_tokens: As many as fit in this many tokens (bytes of JSON by four).
            before: How many earlier messages of the session to give with each episode.
            after: How many later ones.
            explain: Give the features behind each score.

        Raises:
            InvalidFilter: The filter does not parse.
        """
        return await self._run(
            operations.recall,
            query=query,
            scope=scope,
            look=look,
            kinds=kinds,
            tags=tags,
            filter=filter,
            occurred_after=occurred_after,
            occurred_before=occurred_before,
            valid_at=valid_at,
            limit=limit,
            max_tokens=max_tokens,
            before=before,
            after=after,
            explain=explain,
        )

    async def read(
        self, id: str | None = None, *, scope: str = "", name: str | None = None
    ) -> MemoryView:
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
        source: str | EllipsisType | None = _KEPT,
        importance: float | EllipsisType | None = _KEPT,
        expires_at: datetime | EllipsisType | None = _KEPT,
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
            **{field: value for field, value in cleared.items() if value is not _KEPT},
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

    async def erase(self, id: str) -> Erased:
        """Delete a memory for good, a forgotten one too, with all revisions. Raises NotFound."""
        return await self._run(operations.erase, id=id)

    async def list(
        self,
        *,
        scope: str = "",
        look: Looking = "exact",
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

    async def ingest(
        self,
        messages: Iterable[Message | Mapping[str, Any]],
        *,
        scope: str = "",
        session: str = "",
    ) -> Ingested:
        """Store messages of one session as episodes, in order; all or none.

        Args:
            messages: At most 1000, each with `content` and `producer`, and if known `id`,
                `produced_for`, `role`, `occurred_at`, `tags`, `metadata`, `source`.
            scope: The conversation's scope.
            session: Which conversation in the scope.

        Raises:
            AlreadyExists: A message's id is taken by another message.
        """
        return await self._run(
            operations.ingest, messages=tuple(messages), scope=scope, session=session
        )

    async def history(self, id: str) -> Revisions:
        """The revisions of a memory, oldest first; of a forgotten one too. Raises NotFound."""
        return await self._run(operations.history, id=id)

    async def stats(self) -> Figures:
        """How much there is, and how well it can be searched."""
        return await self._run(operations.stats)

    async def reindex(self) -> Reindexed:
        """Rebuild every index from the records; vectors follow in the background."""
        return await self._run(operations.reindex)

    async def check(self, *, repair: bool = True) -> Checked:
        """Find every projection that differs from the records; `repair` makes it true again."""
        return await self._run(operations.check, repair=repair)

    async def backup(self, target: str | PathLike[str]) -> BackedUp:
        """Copy the store to a new file, while it is in use; only where the store is.

        Raises:
            AlreadyExists: There is a file of that name.
            InvalidRequest: The store is behind a server.
        """
        return await self._run(operations.backup, target=fspath(target))

    def export(self) -> AsyncGenerator[str]:
        """Every record as lines of JSON, each with its line end."""
        return self._transport.export()

    async def import_(self, lines: Iterable[str] | AsyncIterable[str]) -> Imported:
        """Store what an export gave; doing it twice changes nothing.

        Args:
            lines: Such as an open file. What blocks is read in a worker thread.

        Raises:
            InvalidRequest: The first line does not name our format; nothing was stored.
        """
        coming = lines if isinstance(lines, AsyncIterable) else _in_thread(lines)
        return await self._transport.import_lines(coming)

    async def _run(self, operation: Operation[Q, R], **fields: object) -> R:
        try:
            request = operation.request.model_validate(fields)
        except ValidationError as error:
            raise invalid_request(error) from None
        return await self._transport.run(operation, request)


async def _in_thread(lines: Iterable[T]) -> AsyncGenerator[T]:
    """The items of an iterable that may block, read in portions."""
    remaining = iter(lines)
    while portion := await to_thread.run_sync(lambda: tuple(islice(remaining, PORTION))):
        for line in portion:
            yield line
