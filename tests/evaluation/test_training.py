"""Training finds the weights that mark the evidence."""

import numpy as np
import pytest

from recollect.domain.ranking import FEATURES
from recollect.evaluation.training import Example, leave_one_out, train


def example(seed: int, conversation: str, signal: str = "about") -> Example:
    random = np.random.default_rng(seed)
    values = random.random((30, len(FEATURES))).astype(np.float32)
    labels = np.zeros(30, np.bool_)
    labels[np.argmax(values[:, FEATURES.index(signal)] + random.random(30) / 4)] = True
    return Example(dataset="invented", conversation=conversation, features=values, labels=labels)


def test_the_feature_that_marks_the_evidence_gets_the_largest_weight():
    weights = train([example(seed, "one") for seed in range(40)], version=3)
    assert weights.version == 3
    assert FEATURES[int(np.argmax(weights.vector()))] == "about"


def test_the_order_of_examples_does_not_matter():
    examples = [example(seed, "one") for seed in range(10)]
    forwards, backwards = train(examples, 1), train(examples[::-1], 1)
    assert np.allclose(forwards.vector(), backwards.vector(), atol=1e-4)


def test_a_feature_that_never_varies_gets_no_weight():
    examples = [example(seed, "one") for seed in range(10)]
    for each in examples:
        each.features[:, FEATURES.index("date")] = 0.0
    assert train(examples, 1).date == 0.0


def test_each_conversation_is_judged_by_weights_that_never_saw_it():
    examples = [example(1, "a"), example(2, "b", "date"), example(3, "b", "date")]
    weights = leave_one_out(examples, 1)
    assert weights["invented", "a"] == train(examples[1:], 1)
    assert weights["invented", "b"] == train(examples[:1], 1)


def test_training_without_any_evidence_is_refused():
    empty = example(1, "a")
    empty.labels[:] = False
    with pytest.raises(ValueError, match="evidence"):
        train([empty], 1)
