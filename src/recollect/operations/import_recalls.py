"""Bring in the log of recalls that memory-mcp kept."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import Field

from recollect.domain.access import Right
from recollect.domain.feedback import NotedRecall, RecallLine
from recollect.domain.foreign.recalls import ForeignLine, line_of
from recollect.errors import InvalidRequest
from recollect.operations.context import Context, operation
from recollect.operations.request import Request, Result, Scope


class ImportRecallLog(Request):
    """Take over what memory-mcp noted of recalls."""

    file: Annotated[str, Field(min_length=1, max_length=4096)]
    """Its `recall_log.sqlite`, on the machine of the store; it is only read."""
    scope: Scope = ""
    """The scope below which its notes were imported."""


class ImportedRecalls(Result):
    """What became of the rows of another log."""

    imported: int
    """New results."""
    unchanged: int
    """Results that are here already."""
    verdicts: int
    """New verdicts on results, imported now or before."""
    skipped: dict[str, int]
    """How many rows were left out, by the reason."""


@operation(Right.ADMIN)
async def import_recall_log(context: Context, request: ImportRecallLog) -> ImportedRecalls:
    """Take over recalls and verdicts; doing it twice changes nothing.

    A result is about the note of its name and scope, if there is one now, else about none.

    Raises:
        InvalidRequest: There is no such file, or it is no log of recalls.
        Unavailable: It is locked.
    """
    importing = _Importing(context, request.scope)
    async for rows in context.foreign_recalls.read(request.file):
        await importing.add(rows)
    return importing.result()


class _Importing:
    """Takes rows page by page."""

    def __init__(self, context: Context, below: str) -> None:
        self._context = context
        self._below = below
        self._oldest = context.now() - context.recalls_kept
        self._notes: dict[tuple[str, str], str | None] = {}
        self._imported = 0
        self._taken = 0
        self._verdicts = 0
        self._skipped: Counter[str] = Counter()

    def result(self) -> ImportedRecalls:
        """What was done so far."""
        return ImportedRecalls(
            imported=self._imported,
            unchanged=self._taken - self._imported,
            verdicts=self._verdicts,
            skipped=dict(self._skipped),
        )

    async def add(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Take a page; what cannot be kept is counted."""
        found = [line for row in rows if (line := self._understood(row))]
        context = self._context
        recalls = await self._recalls(found)
        self._taken += len(found)
        self._imported += await context.recalls.add(context.tenant, recalls)
        judgements = [line.judgement for line in found if line.judgement]
        reached = await context.recalls.judge(context.tenant, context.principal.scopes, judgements)
        self._verdicts += sum(reached)

    def _understood(self, row: Mapping[str, object]) -> ForeignLine | None:
        try:
            found = line_of(row, self._below)
        except InvalidRequest as error:
            self._skipped[str(error)] += 1
            return None
        if found.at < self._oldest:
            self._skipped["it is older than what is kept (RECOLLECT_RECALL_LOG_DAYS)"] += 1
        elif not self._context.principal.scopes.covers(found.line.scope):
            self._skipped["this credential does not reach its scope"] += 1
        else:
            return found
        return None

    async def _recalls(self, found: Sequence[ForeignLine]) -> list[NotedRecall]:
        by_recall: defaultdict[str, list[ForeignLine]] = defaultdict(list)
        for line in found:
            by_recall[line.recall_id].append(line)
        return [
            NotedRecall(
                id=recall_id,
                at=lines[0].at,
                principal=None,
                lines=tuple([await self._identified(line) for line in lines]),
            )
            for recall_id, lines in by_recall.items()
        ]

    async def _identified(self, found: ForeignLine) -> RecallLine:
        """The line with the id of the note that it is about."""
        place = (found.line.scope, found.line.name or "")
        if place not in self._notes:
            note = await self._context.records.named(self._context.tenant, *place)
            self._notes[place] = note.id if note else None
        return replace(found.line, memory_id=self._notes[place])
