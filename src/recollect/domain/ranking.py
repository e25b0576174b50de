"""Ranking: which candidates of a pool answer a question best.

A linear model over features that cost next to nothing. Three hold for every memory: both arms'
scores fused, is it by whom the question is about, is it from when the question is about. The
others are for chat, where a turn means little without the turns around it; they fade out as the
texts of the pool grow longer, and then what stays is a convex sum of both arms.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from math import exp, log1p

import numpy as np
from numpy.typing import NDArray

from recollect.domain.memory import Kind
from recollect.domain.passages import FloatMatrix, FloatVector
from recollect.domain.questions import NamedDate, Question, name_words, read_question

# Min-max scores are summed in this proportion when both arms ran. Measured on LoCoMo and BEAM:
# flat between 0.5 and 0.6.
DENSE_SHARE = 0.55

# A pool is chat when three quarters of its episodes are shorter than the first number of
# characters, and no chat at all from the second on. Between two people that quarter lies at 100
# to 250 (LoCoMo), with an assistant that writes at length above 2,000 (BEAM).
CHAT_CHARACTERS = 300
LONG_CHARACTERS = 800

DATE_DECAY_DAYS = 7.0
HEAD_CHARACTERS = 1500
LENGTH_CAP_CHARACTERS = 1000
ASKERS = frozenset({"user", "human"})
ANSWERERS = frozenset({"assistant", "ai", "agent", "bot", "model"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What ranking may look at.

    Attributes:
        session: Scope and session of an episode; None for what belongs to no session.
        position: Order within the session.
        dense: Cosine similarity; None when the dense arm did not run or has no vector.
        lexical: Higher is better; None when the lexical arm did not run or did not find it.
    """

    id: str
    text: str
    kind: Kind
    producer: str | None
    session: tuple[str, str] | None
    position: int
    occurred_at: datetime
    dense: float | None
    lexical: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The coefficients of the model; every feature lies between 0 and 1.

    Attributes:
        version: Grows with every change of what a feature means.
        fused: Both arms' scores, each scaled to 0..1 over the pool, `DENSE_SHARE` to the dense.
        about: It is by whom the question is about: the producer's name is in the question, the
            question speaks of *me* and this is the user's, of *you* and this is the assistant's.
        date: It is from when the question names; fades by e for each week of distance.
        chat_lexical: Corrects the share of the lexical score within `fused`.
        chat_length: Logarithm of the length: `Wow, nice!` answers nothing.
        chat_question: The share of its sentences that ask.
        chat_answer: The fused score of the turn before, if that ends with a question.
        chat_nearby: The better fused score of the turns before and after.
        chat_session_best: The best fused score in its session.
        chat_coverage: The share of the question's words in it, weighted by rarity in the pool.
        chat_around: What the turns before and after add to that share.
        chat_session_coverage: That share for the whole session.
    """

    version: int
    fused: float
    about: float
    date: float
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
        values: dict[str, float] = asdict(self)
        return np.array([values[name] for name in FEATURES], np.float32)


FEATURES = tuple(field.name for field in fields(Weights) if field.name != "version")
_EVERYWHERE = 3
"""The first so many features do not depend on the pool being chat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A candidate's place in the answer.

    Attributes:
        score: 0 to 1: 1 would be the best in everything that the question lets be judged.
        features: What the score is made of, each 0 to 1, by name; see `Weights`.
    """

    id: str
    score: float
    features: Mapping[str, float]


def rank(question: str, candidates: Sequence[Candidate], weights: Weights) -> list[Ranked]:
    """Order the candidates by how well they answer, best first.

    Ties go to the newer `occurred_at`, then to the smaller id. The order of the candidates does
    not matter. Scores compare within one pool, not across questions.
    """
    if not candidates:
        return []
    matrix = features(question, candidates)
    scores = _scores(matrix, weights)
    order = sorted(
        range(len(candidates)),
        key=lambda i: (-scores[i], -candidates[i].occurred_at.timestamp(), candidates[i].id),
    )
    rows: list[list[float]] = matrix.tolist()
    return [
        Ranked(
            id=candidates[i].id,
            score=scores[i],
            features=dict(zip(FEATURES, rows[i], strict=True)),
        )
        for i in order
    ]


def features(question: str, candidates: Sequence[Candidate]) -> FloatMatrix:
    """The features of each candidate, `(n, len(FEATURES))`, rows in the order given."""
    matrix = np.zeros((len(candidates), len(FEATURES)), np.float32)
    if not candidates:
        return matrix
    asked = read_question(question)
    lexical = _scaled([c.lexical for c in candidates], missing=0.0)
    fused = _fused(candidates, lexical)
    matrix[:, 0] = fused
    matrix[:, 1] = _about(asked, candidates)
    matrix[:, 2] = _date(asked.dates, candidates)
    if share := chat_share(candidates):
        matrix[:, _EVERYWHERE:] = share * _chat(asked, candidates, fused, lexical)
    return matrix


def chat_share(candidates: Sequence[Candidate]) -> float:
    """How far the pool is chat, 0 to 1: the share of episodes in it, if these are short."""
    lengths = [len(c.text) for c in candidates if c.kind is Kind.EPISODE]
    if not lengths:
        return 0.0
    upper_quartile = sorted(lengths)[len(lengths) * 3 // 4]
    shape = (LONG_CHARACTERS - upper_quartile) / (LONG_CHARACTERS - CHAT_CHARACTERS)
    return min(max(shape, 0.0), 1.0) * len(lengths) / len(candidates)


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


def _scores(matrix: FloatMatrix, weights: Weights) -> list[float]:
    """The weighted sums, scaled by the worst and best that this pool's features allow."""
    coefficients = weights.vector()
    # What no candidate has (no name in the question, no chat) takes nothing from the best.
    room = coefficients * np.array(
        [1.0, *np.sign(matrix[:, 1:_EVERYWHERE].max(axis=0)), *_chat_room(matrix)], np.float32
    )
    lowest, highest = float(room[room < 0].sum()), float(room[room > 0].sum())
    sums = (matrix @ coefficients - lowest) / max(highest - lowest, 1e-9)
    # Rounded, so that the order of addition cannot break ties.
    return [round(min(max(score, 0.0), 1.0), 5) for score in sums.tolist()]
