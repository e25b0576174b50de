"""Scoring a memory's passages for a question."""

from dataclasses import replace

import pytest
from tests.examples import MODEL, embedded, note, unit

from recollect.operations.meaning import Question, Scale, passages


def test_passages_come_with_their_exact_scores_best_first() -> None:
    vectors = [unit(1, 2, 3), unit(3, 2, 1), unit(-1, 0, 0), unit(3, 2, 1)]
    question = Question(MODEL, unit(1, 1, 0))
    made = embedded(note("abcdef"), vectors)

    scored = passages(made, [replace(question, model="older"), question])

    assert [one.passage.start for one in scored] == [1, 3, 0, 2]
    for one in scored:
        exact = float(vectors[one.passage.start] @ question.vector)
        assert one.score == pytest.approx(exact, abs=0.002)


def test_passages_are_scored_on_the_scale_of_their_models_question() -> None:
    question = Question(MODEL, unit(1, 0), Scale(factor=0.5, offset=0.25))

    (scored,) = passages(embedded(note(), [unit(1, 0)]), [question])

    assert scored.score == pytest.approx(0.75)


def test_without_vectors_of_an_asked_model_there_are_no_passages() -> None:
    question = Question(MODEL, unit(1, 0))

    assert passages(None, [question]) == ()
    assert passages(embedded(note(), [unit(1, 0)], "other"), [question]) == ()
    assert passages(embedded(note(), [unit(1, 0)]), []) == ()
