"""Recall with a reranker: its order, its scores, and what happens when it cannot judge."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from recollect.errors import EmbedderUnavailable
from recollect.operations import Context, Ingest, Message, Recall, Recalled, ingest, recall

pytestmark = pytest.mark.anyio


@dataclass
class Judge:
    """Likes texts with a word in them; keeps what it was shown."""

    word: str = "zebra"
    problem: str | None = None
    shown: list[str] = field(default_factory=list[str])

    async def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        if self.problem:
            raise EmbedderUnavailable(self.problem)
        self.shown = [query, *texts]
        return [10.0 if self.word in text else -10.0 for text in texts]


async def fill(context: Context, *contents: str) -> None:
    messages = tuple(Message(content=content, producer="Ann") for content in contents)
    await ingest(context, Ingest(messages=messages))


async def ask(context: Context, limit: int = 10) -> Recalled:
    return await recall(context, Recall(query="heron river", limit=limit))


def found(answer: Recalled) -> list[str]:
    return [hit.memory.content for hit in answer.results]


HERONS = ("heron river", "heron by the river", "heron and zebra", "heron")


async def test_the_reranker_decides_and_ties_stay_in_our_order(context: Context) -> None:
    await fill(context, *HERONS)
    ours = found(await ask(context))

    answer = await ask(replace(context, reranker=Judge()))

    zebra = "heron and zebra"
    assert found(answer) == [zebra, *(content for content in ours if content != zebra)]
    assert [hit.score for hit in answer.results] == [10, -10, -10, -10]
    assert answer.degraded == []


async def test_the_reranker_looks_beyond_the_limit(context: Context) -> None:
    await fill(context, *HERONS)
    assert "heron and zebra" not in found(await ask(context, limit=1))

    answer = await ask(replace(context, reranker=Judge()), limit=1)

    assert found(answer) == ["heron and zebra"]


async def test_the_reranker_sees_no_more_than_it_should(context: Context) -> None:
    await fill(context, *HERONS)
    judge = Judge()

    await ask(replace(context, reranker=judge, reranked=2), limit=1)
    assert len(judge.shown) == 1 + 2

    answer = await ask(replace(context, reranker=judge, reranked=2), limit=3)
    assert len(judge.shown) == 1 + 3
    assert len(answer.results) == 3


async def test_the_reranker_reads_the_passage_that_matched_and_who_said_it(
    context: Context,
) -> None:
    far = "\n\n".join(f"# Part {i}\n\n" + f"word{i} " * 200 for i in range(3))
    await fill(context, f"{far}\n\n# Birds\n\nA heron in the river.")
    judge = Judge()

    await ask(replace(context, reranker=judge))

    query, text = judge.shown
    assert query == "heron river"
    assert text.startswith("Ann (")
    assert text.endswith("A heron in the river.")
    assert "word0" not in text


async def test_a_reranker_that_fails_leaves_our_order_and_is_named(context: Context) -> None:
    await fill(context, *HERONS)
    ours = await ask(context)

    answer = await ask(replace(context, reranker=Judge(problem="out of reach")))

    assert answer.degraded == ["reranker"]
    assert found(answer) == found(ours)
    assert [hit.score for hit in answer.results] == [hit.score for hit in ours.results]


async def test_nothing_found_needs_no_reranker(context: Context) -> None:
    answer = await ask(replace(context, reranker=Judge(problem="out of reach")))

    assert (answer.results, answer.degraded) == ([], [])
