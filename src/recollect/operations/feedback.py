"""Say what became of recalled memories, and see how recalls fare."""

from typing import Annotated

from pydantic import Field

from recollect.domain.access import Right
from recollect.domain.feedback import BUCKETS, Confidence, Judgement, Tally, Verdict
from recollect.operations.context import Context, operation
from recollect.operations.request import Label, Request, Result, Scope, Text

MAX_APPLICATION_CHARACTERS = 10_000


class Mark(Request):
    """What became of one memory of a recall."""

    recall_id: Label
    memory: Label
    """Its name, or its id."""
    scope: Scope | None = None
    """Tells memories of one name apart; all of them are meant when left out."""
    verdict: Verdict
    application: Annotated[Text, Field(max_length=MAX_APPLICATION_CHARACTERS)] | None = None
    """What it was used for."""
    confidence: Confidence = Confidence.MEDIUM


class BatchMarkApplied(Request):
    """Report what became of recalled memories."""

    verdicts: Annotated[tuple[Mark, ...], Field(min_length=1, fail_fast=True)]


class Marked(Result):
    """How many results of recalls got their verdict."""

    total_rows_affected: int
    entries_processed: int
    rows_affected: list[int]
    """For each verdict; 0 if it reached nothing, or only what had a verdict already."""


@operation(Right.READ)
async def batch_mark_applied(context: Context, request: BatchMarkApplied) -> Marked:
    """Give recalled memories their verdicts, all in one transaction; the first one stays.

    It takes the right to read: who may recall may say what came of it. No memory changes.
    """
    judgements = [Judgement(**dict(mark)) for mark in request.verdicts]
    rows = await context.recalls.judge(context.tenant, context.principal.scopes, judgements)
    return Marked(total_rows_affected=sum(rows), entries_processed=len(rows), rows_affected=rows)


class RecallStats(Request):
    """Ask how recalls fare."""


class Verdicts(Result):
    """How many results there were, and what became of them."""

    total: int
    applied: int
    maybe: int
    not_applied: int
    unknown: int
    """Without a verdict."""


class Bucket(Verdicts):
    """Results of similar distance from the question."""

    range: str
    """Such as `0.10–0.15`; the last one holds everything beyond."""


class RankVerdicts(Verdicts):
    """Results at one place of their answers."""

    rank: int
    """From 1."""


class ArmVerdicts(Verdicts):
    """Results that one arm of the search found."""

    arm: str


class RecallFigures(Result):
    """How the results of recalls fared; what has no results is left out."""

    recalls: int
    """How many recalls gave results."""
    buckets: list[Bucket]
    """By cosine distance; what was not found by meaning has none."""
    ranks: list[RankVerdicts]
    arms: list[ArmVerdicts]
    """A result that two arms found counts for both."""


@operation(Right.READ)
async def recall_stats(context: Context, request: RecallStats) -> RecallFigures:
    """Count what became of the results that the principal may see."""
    del request
    found = await context.recalls.tally(context.tenant, context.principal.scopes)
    return RecallFigures(
        recalls=found.recalls,
        buckets=[Bucket(range=_range(n), **_counts(t)) for n, t in sorted(found.by_bucket.items())],
        ranks=[RankVerdicts(rank=n + 1, **_counts(t)) for n, t in sorted(found.by_rank.items())],
        arms=[ArmVerdicts(arm=name, **_counts(t)) for name, t in sorted(found.by_arm.items())],
    )


def _range(bucket: int) -> str:
    return f"{bucket / BUCKETS:.2f}\N{EN DASH}{(bucket + 1) / BUCKETS:.2f}"


def _counts(tally: Tally) -> dict[str, int]:
    return {
        "total": tally.total,
        "applied": tally.applied,
        "maybe": tally.maybe,
        "not_applied": tally.not_applied,
        "unknown": tally.unknown,
    }
