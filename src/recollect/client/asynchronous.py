"""The asynchronous client: the operations as typed methods, over any transport."""

from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
from datetime import timedelta
from itertools import islice
from os import PathLike, fspath
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from anyio import to_thread

from recollect import operations
from recollect.client.facts import FactMethods
from recollect.client.http import TIMEOUT, HttpTransport
from recollect.client.memories import PORTION
from recollect.client.transport import Transport
from recollect.domain import feedback
from recollect.operations import (
    BackedUp,
    Checked,
    Figures,
    Imported,
    ImportedRecalls,
    Ingested,
    Mark,
    Marked,
    Message,
    Prompt,
    RecallFigures,
    Reindexed,
    Synced,
)

T = TypeVar("T")

Said = feedback.Verdict | Literal["applied", "maybe", "not_applied"]
Sure = feedback.Confidence | Literal["high", "medium", "low"]

DEFAULT_URL = "http://127.0.0.1:8080"


class AsyncClient(FactMethods):
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
        super().__init__(transport or HttpTransport(base_url, token=token, timeout=timeout))

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

    async def context(
        self,
        question: str | None = None,
        *,
        scope: str = "",
        session: str = "",
        max_tokens: int = 2000,
        summary: bool = True,
        recent: bool = True,
        older: bool = True,
        facts: bool = True,
    ) -> Prompt:
        """What a prompt should hold of a conversation: one text within a budget, and its parts.

        Args:
            question: What is about to be answered; older messages and facts are recalled for it.
            scope: The conversation's scope.
            session: Which conversation in the scope.
            max_tokens: The most that `text` may take, in bytes by four.
            summary: Whether to tell what the session's earlier messages were about.
            recent: Whether to give its newest messages.
            older: Whether to recall messages for the question, of any session of the scope.
            facts: Whether to give facts: first those that answer the question, then the newest.
        """
        return await self._run(
            operations.prompt_context,
            question=question,
            scope=scope,
            session=session,
            max_tokens=max_tokens,
            summary=summary,
            recent=recent,
            older=older,
            facts=facts,
        )

    async def mark_applied(
        self,
        recall_id: str,
        memory: str,
        verdict: Said,
        *,
        scope: str | None = None,
        application: str | None = None,
        confidence: Sure = "medium",
    ) -> Marked:
        """Report what became of one recalled memory; the first verdict on it stays.

        Args:
            recall_id: The answer's.
            memory: The memory's id, or its name then.
            verdict: Whether it was of use.
            scope: Tells memories of one name apart; all of them are meant when left out.
            application: What it was used for, in at most 10,000 characters.
            confidence: How sure you are.
        """
        given = {
            "recall_id": recall_id,
            "memory": memory,
            "verdict": verdict,
            "scope": scope,
            "application": application,
            "confidence": confidence,
        }
        return await self.batch_mark_applied([given])

    async def batch_mark_applied(self, verdicts: Iterable[Mark | Mapping[str, Any]]) -> Marked:
        """Report what became of recalled memories, all or none, with the fields of `Mark`."""
        return await self._run(operations.batch_mark_applied, verdicts=tuple(verdicts))

    async def recall_stats(self) -> RecallFigures:
        """How the results of recalls fared, by distance, rank and arm of the search."""
        return await self._run(operations.recall_stats)

    async def import_recall_log(
        self, file: str | PathLike[str], *, scope: str = ""
    ) -> ImportedRecalls:
        """Take over what memory-mcp's `recall_log.sqlite` holds; only where the store is.

        `scope` is the one below which its notes were imported.

        Raises:
            InvalidRequest: It is no such file, or the store is behind a server.
        """
        return await self._run(operations.import_recall_log, file=fspath(file), scope=scope)

    async def stats(self) -> Figures:
        """How much there is, and how well it can be searched."""
        return await self._run(operations.stats)

    async def sync(self, *, pull_first: bool = True) -> Synced:
        """Exchange notes with the git remotes; what both sides changed is merged and kept."""
        return await self._run(operations.sync, pull_first=pull_first)

    async def reindex(self) -> Reindexed:
        """Rebuild every index from the records; vectors follow in the background: see `stats`."""
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

    async def import_(
        self, lines: Iterable[str] | AsyncIterable[str], *, dry_run: bool = False
    ) -> Imported:
        """Store what an export gave; doing it twice changes nothing.

        Args:
            lines: Such as an open file. What blocks is read in a worker thread.
            dry_run: Tell what would be stored, and store nothing.

        Raises:
            InvalidRequest: The first line does not name our format; nothing was stored.
        """
        coming = lines if isinstance(lines, AsyncIterable) else _in_thread(lines)
        return await self._transport.import_lines(coming, dry_run=dry_run)


async def _in_thread(lines: Iterable[T]) -> AsyncGenerator[T]:
    """The items of an iterable that may block, read in portions."""
    remaining = iter(lines)
    while portion := await to_thread.run_sync(lambda: tuple(islice(remaining, PORTION))):
        for line in portion:
            yield line
