"""Changing the embedding model: old vectors answer until everything is embedded anew."""

import re
import zlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Literal

import numpy as np
import pytest
from anyio import sleep_forever
from tests.in_memory import over
from tests.operations.fakes import FakeEmbedder

from recollect.adapters.in_memory.embedding import WordCounter
from recollect.adapters.in_memory.indexes import InMemoryVectorIndex
from recollect.adapters.in_memory.tables import World
from recollect.domain.passages import FloatMatrix, FloatVector
from recollect.domain.selection import Selection
from recollect.operations import (
    Context,
    Hit,
    Ingest,
    Message,
    Recall,
    Recalled,
    Remember,
    Stats,
    candidates,
    catch_up,
    ingest,
    recall,
    remember,
    stats,
    work,
)
from recollect.operations.embedding import embed_waiting
from recollect.ports import Distribution, ScoredOutline

pytestmark = pytest.mark.anyio

MANY = 170
"""So many that each model has more than a hundred, or a portion, when one is embedded anew."""


class WordVectors(FakeEmbedder):
    """Every word has a direction of its own; cosines of unlike texts scatter as a model's do.

    With `crowding` everything is alike to some degree, which narrows all cosines to the top.
    """

    def __init__(self, dimensions: int, crowding: float = 0) -> None:
        super().__init__(dimensions)
        self.model = f"words/{dimensions}-{crowding}"
        self._crowding = crowding

    async def embed(
        self, texts: Sequence[str], *, purpose: Literal["query", "document"]
    ) -> FloatMatrix:
        await super().embed(texts, purpose=purpose)
        sums = [sum(map(self._direction, re.findall(r"\w+", text.lower()))) for text in texts]
        vectors = [vector / np.linalg.norm(vector) for vector in sums]
        made = np.array([[*vector, self._crowding] for vector in vectors], dtype=np.float32)
        return made / np.linalg.norm(made, axis=1, keepdims=True)

    def _direction(self, word: str) -> FloatVector:
        random = np.random.default_rng(zlib.crc32(word.encode()) + self.dimensions)
        return random.standard_normal(self.dimensions).astype(np.float32)


MODELS: dict[str, tuple[FakeEmbedder, FakeEmbedder]] = {
    "of the same kind": (WordVectors(100), WordVectors(150)),
    "from narrow to crowded": (WordVectors(100), WordVectors(150, crowding=2)),
    "from crowded to narrow": (WordVectors(150, crowding=2), WordVectors(100)),
}


def text_of(number: int) -> str:
    return f"alpha{number} beta{number} gamma{number}."


async def fill(context: Context) -> None:
    messages = tuple(Message(content=text_of(i), producer="Ann") for i in range(MANY))
    await ingest(context, Ingest(messages=messages))


async def finish(context: Context) -> None:
    await catch_up(context)
    while await work(context):
        pass


async def ask(context: Context, query: str) -> Recalled:
    return await recall(context, Recall(query=query, limit=100))


def nearest(answer: Recalled) -> Hit:
    (first,) = [hit for hit in answer.results if _dense_rank(hit) == 1]
    return first


def _dense_rank(hit: Hit) -> int | None:
    return hit.arms["dense"].rank if "dense" in hit.arms else None


@pytest.mark.parametrize(("old", "new"), MODELS.values(), ids=MODELS)
async def test_memories_are_found_by_meaning_before_during_and_after(
    context: Context, old: FakeEmbedder, new: FakeEmbedder
) -> None:
    await fill(replace(context, embedder=old))
    context = replace(context, embedder=new, previous_embedder=old)

    async def assert_all_are_found(degraded: list[str]) -> None:
        for number in (0, 20, 63, 64, 100, MANY - 1):
            # Nothing but two of three words is the same, and that for a single memory.
            answer = await ask(context, f"beta{number} gamma{number}?")
            assert answer.results[0].memory.content == text_of(number)
            assert nearest(answer).memory.content == text_of(number)
            assert answer.degraded == degraded

    await assert_all_are_found(["dense"])
    assert await embed_waiting(context) == 64
    await assert_all_are_found(["dense"])
    await finish(context)
    await assert_all_are_found([])
    assert (await stats(context, Stats())).by_model.keys() == {f"{new.model}/markdown-1/words"}


@pytest.mark.parametrize(("old", "new"), MODELS.values(), ids=MODELS)
async def test_scores_of_both_models_stand_on_one_scale(
    context: Context, old: FakeEmbedder, new: FakeEmbedder
) -> None:
    await fill(replace(context, embedder=old))
    context = replace(context, embedder=new, previous_embedder=old)
    await embed_waiting(context)

    answer = await ask(context, "alpha5 alpha105 beta105?")

    first, second = sorted(answer.results, key=lambda hit: -hit.arms["dense"].score)[:2]
    assert [first.memory.content, second.memory.content] == [text_of(105), text_of(5)]
    others = [hit.memory.content for hit in answer.results[2:]]
    assert {text_of(i) for i in range(64)} & set(others)
    assert {text_of(i) for i in range(64, MANY)} & set(others)


async def test_what_words_alone_found_has_a_score_on_the_same_scale(context: Context) -> None:
    crowded = WordVectors(150, crowding=2)
    old = replace(context, embedder=crowded)
    await fill(old)
    far = await remember(old, Remember(content="Delta epsilon.", tags=("zebra",)))
    context = replace(context, embedder=WordVectors(100), previous_embedder=crowded)
    await embed_waiting(context)

    pool = await candidates(context, Recall(query=f"zebra {text_of(5)} {text_of(105)}"))

    scores = {candidate.id: candidate.dense or 0 for candidate in pool}
    assert -0.5 < scores[far.id] < 0.3
    best = sorted(pool, key=lambda candidate: -(candidate.dense or 0))[:2]
    assert {candidate.text for candidate in best} == {text_of(5), text_of(105)}


async def test_passages_of_old_vectors_are_what_matched(context: Context) -> None:
    old = WordVectors(100)
    long = "\n\n".join(f"# Part {i}\n\n" + f"{text_of(i)} " * 40 for i in range(4))
    note = Message(content=long, producer="Ann")
    await ingest(replace(context, embedder=old), Ingest(messages=(note,)))

    context = replace(context, embedder=FakeEmbedder(32), previous_embedder=old)
    (hit,) = (await ask(context, "alpha2")).results

    assert hit.matched.heading == "Part 2"
    assert "alpha2" in hit.matched.text


async def test_other_rules_of_cutting_leave_the_model_able_to_answer(context: Context) -> None:
    class OtherCounter(WordCounter):
        key = "other"

    context = replace(context, embedder=WordVectors(100))
    await fill(context)
    context = replace(context, tokens=OtherCounter())

    answer = await ask(context, "alpha7 beta7")
    assert nearest(answer).memory.content == text_of(7)
    assert answer.degraded == ["dense"]
    assert (await stats(context, Stats())).advice is None

    await finish(context)
    assert (await ask(context, "alpha7 beta7")).degraded == []


async def test_the_previous_model_answers_while_the_new_one_is_not_there(context: Context) -> None:
    old, new = WordVectors(100), FakeEmbedder(32)
    await fill(replace(context, embedder=old))
    new.problem = "no weights"

    answer = await ask(replace(context, embedder=new, previous_embedder=old), "alpha7 beta7")

    assert nearest(answer).memory.content == text_of(7)
    assert answer.degraded == ["dense"]


class Unasked(FakeEmbedder):
    """Must not be asked anything."""

    async def embed(
        self, texts: Sequence[str], *, purpose: Literal["query", "document"]
    ) -> FloatMatrix:
        raise AssertionError(texts, purpose)


class Unsearched(InMemoryVectorIndex):
    """Must not be asked for other models, nor for what only they need."""

    async def models(self, tenant: str) -> list[str]:
        raise AssertionError(tenant)

    async def distribution(
        self, tenant: str, model: str, vector: FloatVector
    ) -> Distribution | None:
        raise AssertionError(tenant, model, vector)


async def test_nothing_but_the_new_model_is_asked_once_all_is_embedded(context: Context) -> None:
    world = World()
    context = over(context, world, Unsearched(world))
    context = replace(context, embedder=WordVectors(100), previous_embedder=Unasked(150))
    await fill(context)

    answer = await ask(context, "alpha7 beta7")

    assert nearest(answer).memory.content == text_of(7)
    assert answer.degraded == []


async def test_old_vectors_that_no_model_can_ask_are_left_to_words(context: Context) -> None:
    await fill(replace(context, embedder=WordVectors(100)))
    context = replace(context, embedder=FakeEmbedder(32))

    answer = await ask(context, "alpha7 beta7")
    assert [hit.memory.content for hit in answer.results] == [text_of(7)]
    assert answer.results[0].arms.keys() == {"lexical"}
    assert answer.degraded == ["dense"]


async def test_figures_advise_to_name_the_model_whose_vectors_lie_idle(context: Context) -> None:
    old = WordVectors(100)
    await fill(replace(context, embedder=old))
    context = replace(context, embedder=FakeEmbedder(32))
    await embed_waiting(context)

    figures = await stats(context, Stats())
    assert figures.waiting == MANY - 64
    assert figures.by_model == {
        "hashing-32/markdown-1/words": 64,
        "words/100-0/markdown-1/words": MANY - 64,
    }
    assert figures.advice is not None
    assert "words/100-0 lie idle (106 of" in figures.advice
    assert "PREVIOUS_EMBEDDER" in figures.advice

    served = replace(context, previous_embedder=old)
    assert (await stats(served, Stats())).advice is None
    old.problem = "its weights are gone"
    assert "its weights are gone" in ((await stats(served, Stats())).advice or "")
    await finish(context)
    assert (await stats(context, Stats())).advice is None
    assert (await stats(served, Stats())).advice is None


class BusyIndex(InMemoryVectorIndex):
    """Somebody embeds memories anew between any two searches."""

    meanwhile: Callable[[], Awaitable[object]]

    async def search(
        self, tenant: str, selection: Selection, model: str, vector: FloatVector, limit: int
    ) -> list[ScoredOutline]:
        hits = await super().search(tenant, selection, model, vector, limit)
        await self.meanwhile()
        return hits


async def test_what_is_embedded_anew_during_a_search_is_found(context: Context) -> None:
    world, old = World(), WordVectors(100)
    vectors = BusyIndex(world)
    context = over(context, world, vectors)
    await fill(replace(context, embedder=old))
    context = replace(context, embedder=WordVectors(150), previous_embedder=old)
    vectors.meanwhile = lambda: embed_waiting(context)

    for number in (0, 64, MANY - 1):
        answer = await ask(context, f"alpha{number} beta{number}")
        assert nearest(answer).memory.content == text_of(number)


class Stuck(FakeEmbedder):
    """Never comes to an end."""

    async def embed(
        self, texts: Sequence[str], *, purpose: Literal["query", "document"]
    ) -> FloatMatrix:
        await sleep_forever()
        return await super().embed(texts, purpose=purpose)


async def test_a_write_waits_for_its_vectors_only_so_long(context: Context) -> None:
    hasty = replace(context, embedder=Stuck(), patience=timedelta(milliseconds=10))

    stored = await remember(hasty, Remember(content="A heron."))

    assert stored.degraded == ["dense"]
    await finish(context)
    assert nearest(await ask(context, "heron")).memory.id == stored.id
