"""Ranking orders a pool by how well it answers, whatever is missing from it."""

from datetime import UTC, datetime, timedelta
from importlib import resources
from math import isfinite

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recollect.domain.features import shape_of
from recollect.domain.memory import Kind
from recollect.domain.ranking import (
    FEATURES,
    Candidate,
    Weights,
    dense_order,
    features,
    lexical_order,
    rank,
    reciprocal_rank_fusion,
    shipped_weights,
    weights_json,
)

NOON = datetime(2023, 5, 8, 12, tzinfo=UTC)
WEIGHTS = shipped_weights()
QUESTION = "What did Ada paint in May 2023?"


def turn(id_: str, text: str, **changes: object) -> Candidate:
    candidate = Candidate(
        id=id_,
        text=text,
        kind=Kind.EPISODE,
        producer="Ada",
        session=("", "one"),
        position=0,
        occurred_at=NOON,
        dense=0.3,
        lexical=None,
    )
    return candidate._replace(**changes)  # pyright: ignore[reportArgumentType]


def note(id_: str, text: str, **changes: object) -> Candidate:
    return turn(id_, text, **{"kind": Kind.NOTE, "producer": None, "session": None, **changes})


def ids(question: str, candidates: list[Candidate], weights: Weights = WEIGHTS) -> list[str]:
    return [ranked.id for ranked in rank(question, candidates, weights)]


scores = st.none() | st.floats(-1, 1, allow_nan=False)
candidates = st.builds(
    Candidate,
    id=st.uuids().map(str),
    text=st.sampled_from(["I painted a boat!", "And you?", "", "x" * 2000, "Ada 画了船。", "May."]),
    kind=st.sampled_from(Kind),
    producer=st.sampled_from(["Ada", "Bo", "user", "assistant", ""]) | st.none(),
    session=st.sampled_from([("", "one"), ("", "two"), ("a", "one")]) | st.none(),
    position=st.integers(0, 4),
    occurred_at=st.datetimes(timezones=st.just(UTC)),
    dense=scores,
    lexical=scores,
    linked=st.just(()),
)


@st.composite
def pools_of(draw: st.DrawFn) -> list[Candidate]:
    """Candidates of which some are linked."""
    pool = draw(st.lists(candidates, max_size=12, unique_by=lambda c: c.id))
    end = st.tuples(st.sampled_from(["gone", *(c.id for c in pool)]), st.floats(0, 1))
    ends = st.lists(end, max_size=2).map(tuple)
    return [c._replace(linked=draw(ends)) for c in pool] if draw(st.booleans()) else pool


pools = pools_of()
questions = st.sampled_from([QUESTION, "What did you tell me?", "the of", "艾达画了什么", "?", ""])


@given(questions, pools, st.randoms())
def test_the_order_of_the_candidates_does_not_change_the_ranking(question, pool, random):
    shuffled = list(pool)
    random.shuffle(shuffled)
    first, second = rank(question, pool, WEIGHTS), rank(question, shuffled, WEIGHTS)
    assert [(r.id, r.score, r.features) for r in first] == [
        (r.id, r.score, r.features) for r in second
    ]


@given(questions, pools)
def test_scores_and_features_lie_between_0_and_1_best_first(question, pool):
    ranked = rank(question, pool, WEIGHTS)
    assert {r.id for r in ranked} == {c.id for c in pool}
    assert [r.score for r in ranked] == sorted((r.score for r in ranked), reverse=True)
    assert all(isfinite(r.score) and 0 <= r.score <= 1 for r in ranked)
    assert all(-1e-6 <= value <= 1 + 1e-6 for r in ranked for value in r.values)


@given(questions, pools, st.sampled_from(["dense", "lexical"]))
def test_either_arm_may_be_missing(question, pool, arm):
    degraded = [c._replace(**{arm: None}) for c in pool]
    assert len(rank(question, degraded, WEIGHTS)) == len(pool)


def test_one_arm_alone_orders_notes_as_it_found_them():
    pool = [
        note(str(i), "text", dense=None, lexical=lexical) for i, lexical in enumerate((1, 3, 2))
    ]
    assert ids("anything", pool) == ["1", "2", "0"]
    pool = [note(str(i), "text", dense=dense) for i, dense in enumerate((0.1, 0.3, 0.2))]
    assert ids("anything", pool) == ["1", "2", "0"]


def test_an_empty_pool_has_an_empty_ranking():
    assert rank(QUESTION, [], WEIGHTS) == []
    assert features(QUESTION, []).shape == (0, len(FEATURES))


def test_ties_go_to_the_newer_then_to_the_smaller_id():
    pool = [note("b", "same"), note("a", "same"), note("c", "same")]
    pool[2] = pool[2]._replace(occurred_at=NOON + timedelta(days=1))
    assert ids("anything", pool) == ["c", "a", "b"]


def test_notes_are_ranked_by_the_convex_sum_of_both_arms():
    pool = [
        note("best", "x", dense=0.8, lexical=4.0),
        note("words", "x", dense=0.2, lexical=8.0),
        note("meaning", "x", dense=0.9, lexical=None),
        note("neither", "x", dense=0.1, lexical=2.0),
    ]
    ranked = {r.id: r.score for r in rank("anything", pool, WEIGHTS)}
    assert ranked["best"] == pytest.approx(0.55 * 0.7 / 0.8 + 0.45 * 2 / 6, abs=1e-4)
    assert ranked["meaning"] == pytest.approx(0.55, abs=1e-4)
    assert list(ranked) == ["best", "meaning", "words", "neither"]


def test_who_the_question_names_comes_before_who_it_does_not_name():
    pool = [turn("a", "I painted a boat."), turn("b", "I painted a boat.", producer="Bo")]
    assert ids("What did Bo paint?", pool) == ["b", "a"]
    assert ids("What did Ada paint?", pool) == ["a", "b"]


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("When does my lease end?", "user"),
        ("Can you tell me when my lease ends?", "user"),
        ("When did you say my lease ends?", "assistant"),
    ],
)
def test_the_user_answers_for_me_and_the_assistant_for_you(question, first):
    pool = [
        turn("1", "The lease ends in June.", producer="user"),
        turn("2", "The lease ends in June.", producer="assistant"),
    ]
    best = ids(question, pool)[0]
    assert {"1": "user", "2": "assistant"}[best] == first


def test_a_named_date_brings_what_happened_then_to_the_front():
    pool = [note(str(month), "I went.", occurred_at=NOON.replace(month=month)) for month in (5, 8)]
    assert ids("Where did I go in August 2023?", pool)[0] == "8"
    assert ids("Where did I go on 8 May?", pool)[0] == "5"
    assert ids("Where may I go on 2023-08-01?", pool)[0] == "8"


def test_the_answer_to_a_matching_question_comes_before_a_turn_out_of_nowhere():
    pool = [
        turn("asks", "What did you paint, Bo?", position=0, dense=0.9, producer="Cleo"),
        turn("answers", "A boat at dawn, that was fun.", position=1, dense=0.3, producer="Cleo"),
        turn("elsewhere", "A cake at dawn, that was fun.", position=7, dense=0.3, producer="Cleo"),
    ]
    order = ids("What was painted?", pool)
    assert order.index("answers") < order.index("elsewhere")


def talk(length: int, *producers: str) -> list[Candidate]:
    return [turn(str(i), "x" * length, producer=producer) for i, producer in enumerate(producers)]


def test_short_messages_of_several_people_are_chat():
    chat = talk(100, "Ada", "Bo", "Ada", "Bo")
    assert (shape_of(chat).chat, shape_of(chat).long) == (1.0, 0.0)
    with_notes = [*chat, *(note(f"n{i}", "x") for i in range(4))]
    assert shape_of(with_notes).chat == pytest.approx(0.5)


def test_long_messages_are_no_chat():
    pool = talk(2000, "user", "assistant", "user", "assistant")
    assert (shape_of(pool).chat, shape_of(pool).long) == (0.0, 1.0)
    assert not features(QUESTION, pool)[:, FEATURES.index("chat_lexical") :].any()


def test_one_person_alone_is_no_chat():
    alone = talk(100, "Ada", "Ada", "Ada")
    assert (shape_of(alone).chat, shape_of(alone).long) == (0.0, 0.0)


def test_what_has_no_vector_yet_is_not_hidden():
    pool = [note(str(i), "x", dense=i / 10, lexical=1.0) for i in range(9)]
    pool.append(note("new", "x", dense=None, lexical=9.0))
    assert ids("anything", pool)[0] == "new"


def fused(pool: list[Candidate]) -> list[float]:
    column: list[float] = features("anything", pool)[:, FEATURES.index("fused")].tolist()
    return column


def test_what_is_linked_to_a_memory_counts_for_a_share_of_it_by_weight():
    pool = [
        note("best", "x", dense=0.9, lexical=9.0),
        note("half", "x", dense=0.1, lexical=None, linked=(("best", 0.5), ("gone", 1.0))),
        note("whole", "x", dense=0.1, lexical=None, linked=(("half", 1.0), ("best", 1.0))),
        note("none", "x", dense=0.1, lexical=None),
    ]
    assert fused(pool) == pytest.approx([1.0, 0.3, 0.6, 0.0])
    assert ids("anything", pool) == ["best", "whole", "half", "none"]


def test_a_link_lends_nothing_that_was_lent_and_takes_nothing():
    pool = [
        note("best", "x", dense=0.9, linked=(("far", 1.0),)),
        note("near", "x", dense=0.1, linked=(("best", 1.0),)),
        note("far", "x", dense=0.1, linked=(("near", 1.0),)),
    ]
    assert fused(pool) == pytest.approx([1.0, 0.6, 0.0])


def test_reciprocal_rank_fusion_adds_the_inverse_ranks():
    assert reciprocal_rank_fusion([["a", "b"], ["b", "c"]]) == ["b", "a", "c"]
    assert reciprocal_rank_fusion([]) == []


def test_the_orders_of_the_arms_leave_out_what_an_arm_did_not_find():
    pool = [
        turn("a", "", dense=0.1, lexical=2.0),
        turn("b", "", dense=0.2),
        turn("c", "", dense=None),
    ]
    assert dense_order(pool) == ["b", "a"]
    assert lexical_order(pool) == ["a"]


def test_the_shipped_weights_are_what_their_file_says():
    stored = resources.files("recollect.domain").joinpath("ranking_weights.json")
    assert weights_json(WEIGHTS) == stored.read_text("utf-8")


def test_weights_take_their_coefficients_by_name():
    weights = Weights.of({name: index / 10 for index, name in enumerate(FEATURES)}, version=7)
    assert weights.version == 7
    assert np.allclose(weights.vector(), np.arange(len(FEATURES)) / 10)


def test_the_days_of_a_session_are_sittings_of_their_own() -> None:
    day = timedelta(days=1)
    best = turn("a", "The kettle is blue.", dense=0.9)
    beside = turn("b", "Indeed.", dense=0.1, position=7, producer="Bo")
    later = turn("c", "Indeed.", dense=0.1, position=9, occurred_at=best.occurred_at + day)
    column = FEATURES.index("chat_session_best")

    matrix = features("Which kettle?", [best, beside, later])

    assert matrix[1, column] == matrix[0, column] > matrix[2, column]
