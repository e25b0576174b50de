"""Ranking: which candidates of a pool answer a question best.

A linear model over cheap features, with the same weights for everyone; and the plain orders that
evaluation compares it with.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from recollect.domain.features import ALWAYS, FEATURES, Candidate, Shape, features, shape_of
from recollect.domain.passages import FloatMatrix, FloatVector

__all__ = [
    "FEATURES",
    "Candidate",
    "Ranked",
    "Weights",
    "dense_order",
    "features",
    "lexical_order",
    "rank",
    "reciprocal_rank_fusion",
    "shipped_weights",
    "weights_json",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The coefficients of the features of the same names; see `recollect.domain.features`.

    Attributes:
        version: Grows with every change of what a feature means.
    """

    version: int
    fused: float
    about: float
    date: float
    long_length: float
    chat_lexical: float
    chat_length: float
    chat_question: float
    chat_answer: float
    chat_nearby: float
    chat_session_best: float
    chat_coverage: float
    chat_around: float
    chat_session_coverage: float

    @classmethod
    def of(cls, coefficients: Mapping[str, float], version: int) -> "Weights":
        """Weights from coefficients by feature name."""
        return cls(version=version, **{name: float(coefficients[name]) for name in FEATURES})

    def vector(self) -> FloatVector:
        """The coefficients in the order of `FEATURES`."""
        return np.array([getattr(self, name) for name in FEATURES], np.float32)


class Ranked(NamedTuple):
    """A candidate's place in the answer.

    Attributes:
        score: 0 to 1: 1 would be the best in everything that the question lets be judged.
        values: What the score is made of, in the order of `FEATURES`, each 0 to 1.
    """

    id: str
    score: float
    values: FloatVector

    @property
    def features(self) -> dict[str, float]:
        """The values by name."""
        values: list[float] = self.values.tolist()
        return dict(zip(FEATURES, values, strict=True))


def rank(question: str, candidates: Sequence[Candidate], weights: Weights) -> list[Ranked]:
    """Order the candidates by how well they answer, best first.

    Ties go to the newer `occurred_at`, then to the smaller id. The order of the candidates does
    not matter. Scores compare within one pool, not across questions.
    """
    if not candidates:
        return []
    shape = shape_of(candidates)
    matrix = features(question, candidates, shape)
    scores = _scores(matrix, weights, shape)
    ids, times = [c.id for c in candidates], [c.occurred_at for c in candidates]
    places = sorted(zip(ids, scores, times, matrix, strict=True), key=itemgetter(0))
    places.sort(key=itemgetter(1, 2), reverse=True)
    return [Ranked(id_, score, values) for id_, score, _, values in places]


def dense_order(candidates: Sequence[Candidate]) -> list[str]:
    """The ids of those with a dense score, best first."""
    found = [(-c.dense, c.id) for c in candidates if c.dense is not None]
    return [id_ for _, id_ in sorted(found)]


def lexical_order(candidates: Sequence[Candidate]) -> list[str]:
    """The ids of those that the lexical arm found, best first."""
    found = [(-c.lexical, c.id) for c in candidates if c.lexical is not None]
    return [id_ for _, id_ in sorted(found)]


def reciprocal_rank_fusion(lists: Sequence[Sequence[str]], k: int = 60) -> list[str]:
    """The ids of all lists, best first by the sum of `1 / (k + rank)`, ranks from 1.

    Cormack, Clarke and Büttcher, SIGIR 2009. Ties go to the smaller id.
    """
    total: dict[str, float] = {}
    for ids in lists:
        for place, id_ in enumerate(ids, start=1):
            total[id_] = total.get(id_, 0.0) + 1.0 / (k + place)
    return sorted(total, key=lambda id_: (-total[id_], id_))


@cache
def shipped_weights() -> Weights:
    """The weights that come with the package, learned on development sets."""
    text = files("recollect.domain").joinpath("ranking_weights.json").read_text("utf-8")
    stored = json.loads(text)
    return Weights.of(stored["coefficients"], stored["version"])


def weights_json(weights: Weights) -> str:
    """The text of the file that `shipped_weights` reads."""
    coefficients: dict[str, float] = asdict(weights)
    version = coefficients.pop("version")
    rounded = {name: round(value, 4) for name, value in coefficients.items()}
    return json.dumps({"version": version, "coefficients": rounded}, indent=2) + "\n"


def _scores(matrix: FloatMatrix, weights: Weights, shape: Shape) -> list[float]:
    """The weighted sums, scaled by the worst and the best that the features allow here."""
    coefficients = weights.vector()
    # What no candidate can have (a name that the question does not hold, chat where there is
    # none) takes nothing from the best.
    reach = np.full(len(FEATURES), shape.chat, np.float32)
    reach[0] = 1.0
    reach[1:ALWAYS] = matrix[:, 1:ALWAYS].max(axis=0)
    reach[ALWAYS] = shape.long
    room = coefficients * reach
    lowest, highest = float(room[room < 0].sum()), float(room[room > 0].sum())
    # Not a matrix product: its last bits depend on where in the matrix a row stands.
    sums = (matrix.astype(np.float64) * coefficients).sum(axis=1)
    scores = (sums - lowest) / max(highest - lowest, 1e-9)
    # Rounded, so that the last bits of a sum do not break ties.
    rounded: list[float] = scores.clip(0.0, 1.0).round(6).tolist()
    return rounded
