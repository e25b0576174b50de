"""Metrics agree with their formulas."""

from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recollect.evaluation.metrics import (
    METRICS,
    means,
    measure,
    ndcg_at,
    recall_at,
    reciprocal_rank,
)


def test_recall_is_the_share_of_the_evidence_among_the_first_k():
    assert recall_at(2, ["a", "x", "b"], ["a", "b"]) == 0.5
    assert recall_at(3, ["a", "x", "b"], ["a", "b"]) == 1.0


def test_repeated_ids_count_once():
    assert recall_at(2, ["a", "a", "b"], ["a", "b"]) == 1.0
    assert reciprocal_rank(["x", "x", "a"], ["a"]) == 0.5


def test_reciprocal_rank_is_of_the_first_evidence():
    assert reciprocal_rank(["x", "b", "a"], ["a", "b"]) == 0.5
    assert reciprocal_rank(["x"], ["a"]) == 0.0


def test_ndcg_compares_with_the_best_order():
    assert ndcg_at(10, ["a", "b"], ["b", "a"]) == 1.0
    assert ndcg_at(10, ["x", "a"], ["a"]) == pytest.approx(1 / log2(3))
    assert ndcg_at(1, ["a"], ["a", "b"]) == 1.0


def test_a_question_without_evidence_cannot_be_measured():
    with pytest.raises(ValueError, match="evidence"):
        recall_at(5, ["a"], [])


def test_means_are_over_questions():
    rows = [measure(["a"], ["a"]), measure(["x"], ["a"])]
    assert means(rows)["mrr"] == 0.5
    assert set(means([])) == set(METRICS)


ids = st.sampled_from("abcdefgh")


@given(st.lists(ids), st.sets(ids, min_size=1))
def test_every_metric_lies_between_0_and_1_and_recall_grows_with_k(ranking, evidence):
    measured = measure(ranking, evidence)
    assert all(0 <= value <= 1 + 1e-9 for value in measured.values())
    assert measured["recall@5"] <= measured["recall@10"] <= measured["recall@20"]


@given(st.sets(ids, min_size=1), st.lists(ids))
def test_evidence_first_is_perfect(evidence, rest):
    measured = measure([*evidence, *rest], evidence)
    assert measured["mrr"] == 1.0
    assert measured["ndcg@10"] == pytest.approx(1.0)
    assert measured["recall@10"] == 1.0
