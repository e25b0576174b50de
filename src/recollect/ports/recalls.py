"""What became of recalls."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from recollect.domain.feedback import Acceptance, Judgement, NotedRecall
from recollect.domain.scopes import ScopeSet


class RecallLog(Protocol):
    """What recalls gave and what became of it; no record, so neither logged nor exported."""

    async def note(self, tenant: str, recall: NotedRecall) -> None:
        """Have a recall added, at the latest before anything else is asked of this log.

        Never fails and never waits for a disk, in the log that recalls are given.
        """
        ...

    async def add(self, tenant: str, recalls: Sequence[NotedRecall]) -> int:
        """Keep these recalls, all or none; returns how many of their lines are new.

        A line whose recall and rank are there already stays as it is; lines about what has been
        erased are left out.
        """
        ...

    async def judge(
        self, tenant: str, scopes: ScopeSet, judgements: Sequence[Judgement]
    ) -> list[int]:
        """Give the lines meant their verdicts, in order, all or none; how many each one reached.

        Lines of other scopes, and lines that have a verdict already, are not reached.
        """
        ...

    async def tally(self, tenant: str, scopes: ScopeSet) -> Acceptance:
        """Count the lines of these scopes and their verdicts."""
        ...

    async def prune(self, tenant: str, before: datetime, limit: int) -> int:
        """Delete the recalls made before that time, the oldest `limit`; returns how many."""
        ...


class ForeignRecallLog(Protocol):
    """A log of recalls that another program keeps."""

    def read(self, file: str) -> AsyncGenerator[Sequence[Mapping[str, object]]]:
        """Give its rows, by the names of their columns, oldest first, page by page.

        Nothing is written to the file, nor beside it unless the program has it open.

        Raises:
            InvalidRequest: There is no such file, or it is no such log.
            Unavailable: It is locked.
        """
        ...
