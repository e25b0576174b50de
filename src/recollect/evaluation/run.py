"""Running an evaluation: a data set goes in and is asked through the product's own operations."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from recollect import operations
from recollect.domain.features import Candidate, features
from recollect.domain.ranking import (
    Weights,
    dense_order,
    lexical_order,
    reciprocal_rank_fusion,
)
from recollect.evaluation.datasets import Conversation, Dataset, Question
from recollect.evaluation.metrics import means, measure
from recollect.evaluation.training import Example, leave_one_out
from recollect.operations.context import Context
from recollect.operations.ingest import MAX_MESSAGES
from recollect.operations.request import Result

Choice = Literal["shipped", "leave-one-out"]
Progress = Callable[[str, int, int], None]
"""Called with what is done, how much of it, and how much there is."""

LIMIT = 50
VERSION = 1


class MethodReport(Result):
    """One method's metrics, by the names of `metrics.METRICS`."""

    overall: dict[str, float]
    by_category: dict[str, dict[str, float]]


class Report(Result):
    """What an evaluation found."""

    dataset: str
    questions: int
    skipped: int
    """Questions left out because no usable evidence is given for them."""
    methods: dict[str, MethodReport]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question with what the arms brought for it."""

    dataset: str
    conversation: str
    question: Question
    candidates: list[Candidate]
    evidence: frozenset[str]

    @property
    def example(self) -> Example:
        """The same as training wants it."""
        return Example(
            dataset=self.dataset,
            conversation=self.conversation,
            features=features(self.question.text, self.candidates),
            labels=np.array([c.id in self.evidence for c in self.candidates], dtype=np.bool_),
        )


async def evaluate(
    context: Context, dataset: Dataset, choice: Choice, progress: Progress
) -> Report:
    """Store the conversations, ask every question, and measure the answers.

    Args:
        context: Over an empty store: what is there already would be found too.
        dataset: What to store and ask.
        choice: Rank with the weights in the context, or for each conversation with weights
            learned from the others.
        progress: Told how far it is.
    """
    asked = await gather(context, dataset, progress)
    learned: Mapping[tuple[str, str], Weights] = {}
    if choice == "leave-one-out":
        learned = leave_one_out([a.example for a in asked], VERSION)
    rankings: dict[str, list[Sequence[str]]] = defaultdict(list)
    for number, a in enumerate(asked, start=1):
        weights = learned.get((a.dataset, a.conversation), context.weights)
        rankings["product"].append(await _product(replace(context, weights=weights), a))
        dense, lexical = dense_order(a.candidates), lexical_order(a.candidates)
        rankings["dense"].append(dense[:LIMIT])
        rankings["bm25"].append(lexical[:LIMIT])
        rankings["rrf"].append(reciprocal_rank_fusion([dense, lexical])[:LIMIT])
        progress("asking", number, len(asked))
    return Report(
        dataset=dataset.name,
        questions=len(asked),
        skipped=dataset.skipped_questions,
        methods={name: _report(asked, found) for name, found in rankings.items()},
    )


async def gather(context: Context, dataset: Dataset, progress: Progress) -> list[_Asked]:
    """Store the conversations, each in its own scope, and let the arms look for each question."""
    asked: list[_Asked] = []
    for number, conversation in enumerate(dataset.conversations, start=1):
        scope = f"{dataset.name}/{conversation.id}"
        ids = await _store(context, scope, conversation)
        for question in conversation.questions:
            request = operations.Recall(query=question.text, scope=scope, limit=LIMIT)
            asked.append(
                _Asked(
                    dataset.name,
                    conversation.id,
                    question,
                    await operations.candidates(context, request),
                    frozenset(ids[e] for e in question.evidence),
                )
            )
        progress("storing", number, len(dataset.conversations))
    return asked


async def _store(context: Context, scope: str, conversation: Conversation) -> dict[str, str]:
    """Ingest the messages; returns our ids by the data set's."""
    ids: dict[str, str] = {}
    for session in dict.fromkeys(message.session for message in conversation.messages):
        messages = [m for m in conversation.messages if m.session == session]
        for start in range(0, len(messages), MAX_MESSAGES):
            part = messages[start : start + MAX_MESSAGES]
            sent = tuple(
                operations.Message(
                    id=m.id, content=m.text, producer=m.producer, occurred_at=m.occurred_at
                )
                for m in part
            )
            stored = await operations.ingest(
                context, operations.Ingest(scope=scope, session=session, messages=sent)
            )
            ids |= zip((m.id for m in part), stored.ids, strict=True)
    while await operations.work(context, [operations.EMBEDDING]):
        pass
    return ids


async def _product(context: Context, asked: _Asked) -> list[str]:
    request = operations.Recall(
        query=asked.question.text, scope=f"{asked.dataset}/{asked.conversation}", limit=LIMIT
    )
    answer = await operations.recall(context, request)
    return [hit.memory.id for hit in answer.results]


def _report(asked: Sequence[_Asked], rankings: Sequence[Sequence[str]]) -> MethodReport:
    by_category: dict[str, list[dict[str, float]]] = defaultdict(list)
    for a, ranking in zip(asked, rankings, strict=True):
        by_category[a.question.category].append(measure(ranking, a.evidence))
    return MethodReport(
        overall=means(row for rows in by_category.values() for row in rows),
        by_category={name: means(rows) for name, rows in sorted(by_category.items())},
    )
