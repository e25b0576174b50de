"""Learning the weights of ranking from questions whose answers are known.

The model is a linear softmax over the pool of a question: the loss of a question is the cross
entropy between `softmax(features @ coefficients)` and the even distribution over its evidence. It
is convex, so Newton's method finds the one minimum. (The listwise loss of Cao et al., ICML 2007.)
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recollect.domain.passages import FloatMatrix
from recollect.domain.ranking import FEATURES, Weights

# Of features scaled to deviation 1. Flat between 1e-4 and 1e-2, worse from 3e-2 on.
RIDGE = 1e-2
MAX_STEPS = 50
SHORTEST_STEP = 1e-4
CONVERGED = 1e-9

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A question's pool.

    Attributes:
        dataset: Every data set weighs the same in training, whatever its number of questions.
        conversation: What is left out together; unique within the data set.
        features: As `recollect.domain.ranking.features` gives them, `(n, len(FEATURES))`.
        labels: Which of the n candidates are evidence.
    """

    dataset: str
    conversation: str
    features: FloatMatrix
    labels: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Stack:
    """All pools one below the other; `starts` says where each begins."""

    features: Doubles
    target: Doubles
    importance: Doubles
    starts: NDArray[np.intp]
    pool: NDArray[np.intp]


def train(examples: Iterable[Example], version: int) -> Weights:
    """Learn weights; examples without evidence in their pool teach nothing and are passed over.

    Raises:
        ValueError: No example has evidence in its pool.
    """
    useful = [example for example in examples if example.labels.any()]
    if not useful:
        raise ValueError("no example has evidence among its candidates")
    coefficients: list[float] = _fit(_stack(useful)).tolist()
    return Weights.of(dict(zip(FEATURES, coefficients, strict=True)), version)


def leave_one_out(examples: Sequence[Example], version: int) -> Mapping[tuple[str, str], Weights]:
    """For each (data set, conversation) the weights learned from all the others."""
    conversations = dict.fromkeys((e.dataset, e.conversation) for e in examples)
    return {
        left_out: train((e for e in examples if (e.dataset, e.conversation) != left_out), version)
        for left_out in conversations
    }


def _stack(examples: Sequence[Example]) -> _Stack:
    sizes = np.array([len(example.labels) for example in examples])
    counts: dict[str, int] = {}
    for example in examples:
        counts[example.dataset] = counts.get(example.dataset, 0) + 1
    pool = np.repeat(np.arange(len(examples)), sizes)
    shares = np.array([1.0 / (len(counts) * counts[example.dataset]) for example in examples])
    return _Stack(
        features=np.concatenate([example.features for example in examples]).astype(np.float64),
        target=np.concatenate([example.labels / example.labels.sum() for example in examples]),
        importance=shares,
        starts=np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp),
        pool=pool,
    )


def _fit(stack: _Stack) -> Doubles:
    """Newton's method with step halving."""
    deviation = stack.features.std(axis=0)
    deviation = np.where(deviation > 0, deviation, 1.0)
    scaled = stack.features / deviation
    coefficients = np.zeros(scaled.shape[1])
    loss, chances = _loss(stack, scaled, coefficients)
    for _ in range(MAX_STEPS):
        step = _newton_step(stack, scaled, coefficients, chances)
        length = 1.0
        tried, at = _loss(stack, scaled, coefficients - step)
        while tried > loss and length > SHORTEST_STEP:
            length /= 2
            tried, at = _loss(stack, scaled, coefficients - length * step)
        if loss - tried < CONVERGED:
            break
        coefficients, loss, chances = coefficients - length * step, tried, at
    return coefficients / deviation


def _loss(stack: _Stack, scaled: Doubles, coefficients: Doubles) -> tuple[float, Doubles]:
    """The loss, and the chance that the model gives to each candidate of each pool."""
    logits = scaled @ coefficients
    logits -= np.maximum.reduceat(logits, stack.starts)[stack.pool]
    powers = np.exp(logits)
    totals = np.add.reduceat(powers, stack.starts)
    expected = np.add.reduceat(stack.target * logits, stack.starts)
    loss = stack.importance @ (np.log(totals) - expected)
    penalty = RIDGE / 2 * coefficients @ coefficients
    return float(loss + penalty), powers / totals[stack.pool]


def _newton_step(
    stack: _Stack, scaled: Doubles, coefficients: Doubles, chances: Doubles
) -> Doubles:
    importance = stack.importance[stack.pool]
    gradient = scaled.T @ (importance * (chances - stack.target)) + RIDGE * coefficients
    means = np.add.reduceat(scaled * chances[:, None], stack.starts, axis=0)
    curvature = (scaled * (importance * chances)[:, None]).T @ scaled
    curvature -= (means * stack.importance[:, None]).T @ means
    curvature += RIDGE * np.eye(len(coefficients))
    return np.linalg.solve(curvature, gradient).astype(np.float64)
