"""What every reranker promises."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recollect.adapters.in_memory.embedding import HashingEmbedder
from recollect.app.wiring import fused, reranker_of
from recollect.domain.bm25 import Bm25
from recollect.errors import EmbedderUnavailable, Unavailable
from recollect.ports import Reranker
from recollect.settings import (
    Bm25RerankerSettings,
    EmbedderRerankerSettings,
    FusedRerankerSettings,
    IdentityRerankerSettings,
    RerankerSettings,
)

pytestmark = pytest.mark.anyio

TEXTS = [
    "Ann (8 May 2023): I had tea with milk.",
    "Bob (8 May 2023): A heron stood in the river all day.",
    "Ann (9 May 2023): Rivers are cold.",
]
RERANKERS: Mapping[str, RerankerSettings] = {
    "identity": IdentityRerankerSettings(),
    "bm25": Bm25RerankerSettings(),
    "embedder": EmbedderRerankerSettings(),
    "rrf-hybrid": FusedRerankerSettings(),
}
"""By kind; a new one has its line here and then has to pass the suite."""


@pytest.fixture(params=RERANKERS)
def reranker(request: pytest.FixtureRequest) -> Reranker:
    return reranker_of(RERANKERS[request.param], HashingEmbedder())


def best_first(scores: Sequence[float]) -> list[int]:
    return sorted(range(len(scores)), key=lambda at: -scores[at])


def test_every_reranker_that_can_be_chosen_is_held_to_the_contract() -> None:
    choices = get_args(get_args(RerankerSettings)[0])
    assert set(RERANKERS) == {choice.model_fields["kind"].default for choice in choices}


@pytest.mark.parametrize("texts", [[], ["only one"], TEXTS, [""] * 3, ["a", "a"]])
@pytest.mark.parametrize("query", ["heron in a river?", "?", "the"])
async def test_every_text_has_a_finite_score(
    reranker: Reranker, query: str, texts: Sequence[str]
) -> None:
    scores = await reranker.scores(query, texts)
    assert len(scores) == len(texts)
    assert all(isinstance(score, float) and math.isfinite(score) for score in scores)
    assert scores == await reranker.scores(query, texts)


@pytest.mark.parametrize("kind", ["bm25", "embedder", "rrf-hybrid"])
async def test_the_text_that_answers_comes_first(kind: str) -> None:
    reranker = reranker_of(RERANKERS[kind], HashingEmbedder())
    scores = await reranker.scores("heron stood in which river", [TEXTS[1], *TEXTS])
    assert best_first(scores)[0] == 0


async def test_identity_keeps_the_order() -> None:
    reranker = reranker_of(IdentityRerankerSettings(), HashingEmbedder())
    assert best_first(await reranker.scores("heron", TEXTS)) == [0, 1, 2]


async def test_fusion_gives_identical_texts_ranks_of_their_own() -> None:
    reranker = reranker_of(FusedRerankerSettings(), HashingEmbedder())
    scores = await reranker.scores("heron", ["tea", "heron", "heron"])
    assert len(set(scores)) == 3
    assert best_first(scores)[0] == 1


class Fixed:
    """Judges as it is told; the truth that fusion is compared with."""

    def __init__(self, scores: list[float]) -> None:
        self._scores = scores

    async def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        del query
        return self._scores[: len(texts)]


async def test_fusion_adds_up_reciprocal_ranks() -> None:
    both = fused([Fixed([0.1, 0.9, 0.5]), Fixed([7, -3, 8])], 60)
    assert await both.scores("", ["a", "b", "c"]) == pytest.approx(
        [1 / 63 + 1 / 62, 1 / 61 + 1 / 63, 1 / 62 + 1 / 61]
    )


async def test_a_reranker_without_its_embedder_is_unavailable() -> None:
    class Broken(HashingEmbedder):
        async def embed(self, texts: Sequence[str], *, purpose: Any) -> Any:
            raise EmbedderUnavailable(f"no model for {len(texts)} {purpose}s")

    members = (IdentityRerankerSettings(), EmbedderRerankerSettings())
    reranker = reranker_of(FusedRerankerSettings(rerankers=members), Broken())
    with pytest.raises(Unavailable):
        await reranker.scores("heron", TEXTS)


def bm25(question: str, *texts: str, **changes: float) -> list[float]:
    return Bm25(**changes).scores(question, texts)


def test_bm25_is_the_formula_of_the_book() -> None:
    # idf of heron: ln((4 - 1 + .5) / (1 + .5)); the text has 2 of a mean of 1.25 words.
    (score, *others) = bm25("heron", "heron heron", "tea", "milk", "train")
    idf = math.log(3.5 / 1.5)
    assert score == pytest.approx(idf * 2 * 2.5 / (2 + 1.5 * (0.25 + 0.75 * 2 / 1.25)))
    assert others == [0, 0, 0]


def test_bm25_counts_repetition_length_and_rarity() -> None:
    rest = ["tea", "milk", "train", "noon"]
    assert (
        bm25("heron", "heron heron tea", "heron noon tea", *rest)[0]
        > (bm25("heron", "heron heron tea", "heron noon tea", *rest)[1])
    )
    short, long, *_ = bm25("heron", "heron tea", "heron tea milk train noon", *rest)
    assert short > long
    short, long, *_ = bm25("heron", "heron tea", "heron tea milk train noon", *rest, b=0)
    assert short == long
    rare, common, *_ = bm25("heron train", "heron noon", "train noon", "train", *rest)
    assert rare > common


def test_a_word_in_all_texts_still_counts_a_little() -> None:
    assert bm25("heron", "heron") == pytest.approx([0.25])
    none, some = bm25("heron tea", "heron heron", "heron tea")
    assert 0 < none < some


def test_other_forms_of_a_word_and_other_scripts_are_found() -> None:
    assert bm25("rivers", "A river.", "Some tea.", "Noon.")[0] > 0
    assert bm25("記憶", "人の記憶", "お茶", "川")[0] > 0


@given(
    texts=st.lists(st.text("ab c", max_size=12), max_size=6),
    question=st.text("ab c", max_size=6),
    order=st.randoms(),
)
def test_scores_by_bm25_belong_to_texts_wherever_they_stand(
    texts: list[str], question: str, order: Any
) -> None:
    places = list(range(len(texts)))
    order.shuffle(places)
    scores = Bm25().scores(question, texts)
    moved = Bm25().scores(question, [texts[at] for at in places])
    assert moved == pytest.approx([scores[at] for at in places])
    assert all(score >= 0 for score in scores)
