"""What ranking knows about each candidate of a pool, from the pool and the question alone.

Three features hold for every memory: the scores by meaning and by words fused, is it by whom the
question is about, is it from when the question is about. One is for conversations with long
messages. The others are for chat, where a turn means little without the turns around it; they fade
out as the pool's messages grow longer or one person speaks alone. Among notes and facts the fused
score and the date stay alone.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from math import exp, log
from statistics import median
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recollect.domain.memory import Kind
from recollect.domain.passages import FloatMatrix, FloatVector
from recollect.domain.questions import NamedDate, Question, name_words, read_question

# Min-max scores are summed in this proportion when both arms ran. Measured on LoCoMo and BEAM:
# flat between 0.5 and 0.6.
DENSE_SHARE = 0.55

# A pool's messages are short when three quarters of its episodes have fewer characters than the
# first number, and long from the second on. Between two people that quarter lies at 100 to 240
# (LoCoMo), with an assistant that writes at length above 2,000 (BEAM).
SHORT_CHARACTERS = 250
LONG_CHARACTERS = 600

# Short messages are chat when at least this share is not by whoever wrote most of them. One
# person's notes to self are none: there the chat features lowered recall@10 from .70 to .65 (the
# user's messages of BEAM alone).
OTHERS_SHARE = 0.1

# What is linked to a memory counts for at least this share of it, by the link's weight. Not
# learned: the development sets hold no links.
LINK_SHARE = 0.6

DATE_DECAY_DAYS = 7.0
HEAD_CHARACTERS = 1500
CHAT_LENGTHS = (10, 200)
ASKERS = frozenset({"user", "human"})
ANSWERERS = frozenset({"assistant", "ai", "agent", "bot", "model"})

FEATURES = (
    # The scores by meaning and by words, each scaled to 0..1 over the pool, in the proportion of
    # `DENSE_SHARE`; at least `LINK_SHARE` of that of what it is linked to, times the link's weight.
    "fused",
    # It is by whom the question is about: the producer's name is in the question, or the question
    # speaks of *me* and this is the user's, or of *you* and this is the assistant's.
    "about",
    # It is from when the question names; fades by e for each week of distance.
    "date",
    # Long messages: the logarithm of its length by the median of its producer, who writes at 0.5
    # as usual and at 1 ten times more. A long message is near to many questions by one of its
    # passages, and the answer to few.
    "long_length",
    # Corrects the share of the lexical score within `fused`.
    "chat_lexical",
    # The logarithm of its length: `Wow, nice!` answers nothing.
    "chat_length",
    # The share of its sentences that ask.
    "chat_question",
    # The fused score of the turn before, if that ends with a question.
    "chat_answer",
    # The better fused score of the turns before and after.
    "chat_nearby",
    # The best fused score in its sitting.
    "chat_session_best",
    # The share of the question's words in it, weighted by their rarity in the pool.
    "chat_coverage",
    # What the turns before and after add to that share.
    "chat_around",
    # That share for the whole sitting.
    "chat_session_coverage",
)
"""The features in the order of the columns; each lies between 0 and 1."""

ALWAYS = 3
"""So many of them, the first, do not depend on the shape of the pool."""


class Candidate(NamedTuple):
    """What ranking may look at.

    Attributes:
        session: Scope and session of an episode; None for what belongs to no session.
        position: Order within the session.
        dense: Cosine similarity; None when the dense arm did not run or has no vector.
        lexical: Higher is better; None when the lexical arm did not run or did not find it.
        linked: The ids of the best memories that it is linked to, each with the link's weight from
            0 to 1; one that is not in the pool counts for nothing.
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
    linked: tuple[tuple[str, float], ...] = ()


class _Pool(NamedTuple):
    """The candidates column by column, in the order of `Candidate`."""

    ids: Sequence[str]
    texts: Sequence[str]
    kinds: Sequence[Kind]
    producers: Sequence[str | None]
    sessions: Sequence[tuple[str, str] | None]
    positions: Sequence[int]
    times: Sequence[datetime]
    dense: Sequence[float | None]
    lexical: Sequence[float | None]
    linked: Sequence[tuple[tuple[str, float], ...]]

    @classmethod
    def of(cls, candidates: Sequence[Candidate]) -> "_Pool":
        """The columns of at least one candidate."""
        return cls._make(zip(*candidates, strict=True))


def features(
    question: str, candidates: Sequence[Candidate], shape: "Shape | None" = None
) -> FloatMatrix:
    """The features of each candidate, `(n, len(FEATURES))`, rows in the order given.

    Args:
        question: What is asked.
        candidates: The pool.
        shape: That of the pool, if it is known.
    """
    matrix = np.zeros((len(candidates), len(FEATURES)), np.float32)
    if not candidates:
        return matrix
    asked, pool = read_question(question), _Pool.of(candidates)
    lexical = _scaled(pool.lexical, missing=0.0)
    fused = _with_links(pool, _fused(pool.dense, lexical))
    matrix[:, 0] = fused
    matrix[:, 1] = _about(asked, pool.producers)
    if asked.dates:
        matrix[:, 2] = _date(asked.dates, pool.times)
    shape = shape or shape_of(candidates)
    if shape.long:
        matrix[:, ALWAYS] = shape.long * _lengths_for_producer(pool)
    if shape.chat:
        matrix[:, ALWAYS + 1 :] = shape.chat * _chat(asked, pool, fused, lexical)
    return matrix


@dataclass(frozen=True, slots=True)
class Shape:
    """How far a pool is chat and how far it is conversation in long messages.

    Both together are at most the share of episodes in the pool.
    """

    chat: float
    long: float


def shape_of(candidates: Sequence[Candidate]) -> Shape:
    """The shape of a pool: its episodes' lengths, and whether several people take turns."""
    kind = Kind.EPISODE
    episodes = [c for c in candidates if c.kind is kind]
    if not episodes:
        return Shape(0.0, 0.0)
    upper_quartile = sorted([len(c.text) for c in episodes])[len(episodes) * 3 // 4]
    short = _ramp(upper_quartile, LONG_CHARACTERS, SHORT_CHARACTERS)
    by_most_active = max(Counter([c.producer for c in episodes]).values())
    dialogue = _ramp(1 - by_most_active / len(episodes), 0.0, OTHERS_SHARE)
    share = len(episodes) / len(candidates)
    return Shape(short * dialogue * share, (1.0 - short) * share)


def _ramp(value: float, zero: float, one: float) -> float:
    """0 at `zero`, 1 at `one`, straight between and level beyond."""
    return min(max((value - zero) / (one - zero), 0.0), 1.0)


def _scaled(scores: Sequence[float | None], missing: float | None) -> FloatVector:
    """Scores to 0..1 by the lowest and highest there are, all 1 when these are equal.

    Where there is none stands `missing`, or if that is None the median of the others; where there
    are none at all stands 0.
    """
    values = np.array(scores, np.float32)  # None becomes NaN
    low, high = np.fmin.reduce(values), np.fmax.reduce(values)
    if np.isnan(low):
        return np.zeros_like(values)
    known = ~np.isnan(values)
    scaled = (values - low) / (high - low) if high > low else np.ones_like(values)
    if known.all():
        return scaled
    filling = median(scaled[known].tolist()) if missing is None else missing
    return np.where(known, scaled, np.float32(filling))


def _fused(similarities: Sequence[float | None], lexical: FloatVector) -> FloatVector:
    """The convex sum of both arms; one arm alone when the other brought nothing."""
    # What has no vector yet is neither near nor far: it must not be hidden by its novelty.
    dense = _scaled(similarities, missing=None)
    if not dense.any():
        return lexical
    if not lexical.any():
        return dense
    mixed = DENSE_SHARE * dense + (1 - DENSE_SHARE) * lexical
    return mixed.astype(np.float32)


def _with_links(pool: _Pool, fused: FloatVector) -> FloatVector:
    """The scores, each raised to what its links lend it; no link lends what it was lent."""
    if not any(pool.linked):
        return fused
    scores: dict[str, float] = dict(zip(pool.ids, fused.tolist(), strict=True))
    lent = [
        max((weight * scores.get(id_, 0.0) for id_, weight in linked), default=0.0)
        for linked in pool.linked
    ]
    return np.maximum(fused, LINK_SHARE * np.array(lent, np.float32))


def _about(asked: Question, producers: Sequence[str | None]) -> list[float]:
    meant: dict[str | None, float] = {}
    for producer in set(producers):
        name = (producer or "").lower()
        if name in ASKERS:
            meant[producer] = float(asked.by_asker)
        elif name in ANSWERERS:
            meant[producer] = float(asked.of_assistant)
        else:
            meant[producer] = float(not asked.words.isdisjoint(name_words(name)))
    return [meant[producer] for producer in producers]


def _date(dates: Sequence[NamedDate], times: Sequence[datetime]) -> list[float]:
    days = [time.date() for time in times]
    nearness = {day: max(_nearness(named, day) for named in dates) for day in set(days)}
    return [nearness[day] for day in days]


def _nearness(named: NamedDate, day: date) -> float:
    period = named.period(named.year or day.year)
    if period is None:
        return 0.0
    gap = max((period[0] - day).days, (day - period[1]).days, 0)
    return exp(-gap / DATE_DECAY_DAYS)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the turns of a pool stand to each other; n stands for no turn.

    Attributes:
        sitting: The same number for the turns of a session that were said on the same day. Many
            clients put years of talk into one session.
    """

    before: NDArray[np.intp]
    after: NDArray[np.intp]
    sitting: NDArray[np.intp]

    @classmethod
    def of(cls, pool: _Pool) -> "_Layout":
        nowhere = len(pool.ids)
        # What belongs to no session stands alone.
        numbers: dict[tuple[str, str] | str, int] = {}
        whose = map(lambda session, id_: session or id_, pool.sessions, pool.ids)
        sessions = [numbers.setdefault(place, i) for i, place in enumerate(whose)]
        places = list(zip(sessions, pool.positions, strict=True))
        at: dict[tuple[int, int], int] = {}
        for i, place in enumerate(places):
            first = at.setdefault(place, i)
            if i != first and pool.ids[i] < pool.ids[first]:
                at[place] = i
        sittings: dict[tuple[int, int], int] = {}
        days = zip(sessions, (time.toordinal() for time in pool.times), strict=True)
        return cls(
            np.array([at.get((session, n - 1), nowhere) for session, n in places], np.intp),
            np.array([at.get((session, n + 1), nowhere) for session, n in places], np.intp),
            np.array([sittings.setdefault(day, i) for i, day in enumerate(days)], np.intp),
        )


def _chat(asked: Question, pool: _Pool, fused: FloatVector, lexical: FloatVector) -> FloatMatrix:
    """The features for chat, `(n, 9)`, in the order of `FEATURES`."""
    layout = _Layout.of(pool)
    texts = [text[:HEAD_CHARACTERS].lower() for text in pool.texts]
    asks = np.array([text.rstrip().endswith("?") for text in pool.texts], np.float32)
    found, rarity = _found_terms(asked.terms, texts)
    turns = np.column_stack((fused, found))
    padded = _padded(turns)
    beside = np.maximum(padded[layout.before], padded[layout.after])
    best = _best_in_sitting(turns, layout)
    coverage = _weighted(found, rarity)
    columns = (
        lexical,
        _lengths(pool),
        np.array([_question_share(text) if "?" in text else 0.0 for text in texts], np.float32),
        _padded(fused * asks)[layout.before],
        beside[:, 0],
        best[:, 0],
        coverage,
        _weighted(np.maximum(found, beside[:, 1:]), rarity) - coverage,
        _weighted(best[:, 1:], rarity),
    )
    return np.array(columns).T


def _weighted(found: FloatMatrix, rarity: FloatVector) -> FloatVector:
    """The share of the question that each row holds; the same wherever the row stands.

    Not a matrix product: its last bits depend on a row's place.
    """
    return (found * rarity).sum(axis=1, dtype=np.float64).astype(np.float32)


def _padded(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The values with a zero row at the end, for turns that are not there."""
    return np.concatenate([values, np.zeros((1, *values.shape[1:]), np.float32)])


def _found_terms(terms: Sequence[str], texts: Sequence[str]) -> tuple[FloatMatrix, FloatVector]:
    """Which terms each text holds, `(n, terms)` of 0 and 1, and the terms' rarity, sum 1."""
    hits = np.array([[term in text for text in texts] for term in terms], np.bool_)
    found = hits.reshape(len(terms), len(texts)).T.astype(np.float32, order="C")
    rarity = np.log((len(texts) + 1) / (found.sum(axis=0) + 0.5))
    return found, (rarity / max(rarity.sum(), 1e-9)).astype(np.float32)


def _lengths_for_producer(pool: _Pool) -> FloatVector:
    """How long each is by its producer's standard; 0.5 for what is no episode."""
    lengths = _log_lengths(pool.texts)
    turns = list(zip(pool.producers, _episodes(pool).tolist(), lengths.tolist(), strict=True))
    of_producer: dict[str | None, list[float]] = {}
    for producer, is_episode, length in turns:
        if is_episode:
            of_producer.setdefault(producer, []).append(length)
    medians = {producer: median(lengths) for producer, lengths in of_producer.items()}
    usual = [medians[producer] if is_episode else length for producer, is_episode, length in turns]
    relative = (lengths - np.array(usual)) / log(10)
    return (0.5 + relative.astype(np.float32) / 2).clip(0.0, 1.0)


def _lengths(pool: _Pool) -> FloatVector:
    """Logarithms of the lengths; what is no turn gets the turns' median, to neither end."""
    low, high = log(CHAT_LENGTHS[0]), log(CHAT_LENGTHS[1])
    scaled = ((_log_lengths(pool.texts) - low) / (high - low)).clip(0.0, 1.0)
    episodes = _episodes(pool)
    return np.where(episodes, scaled, np.float32(median(scaled[episodes].tolist())))


def _log_lengths(texts: Sequence[str]) -> FloatVector:
    lengths = np.array(list(map(len, texts)), np.float32)
    return np.log(np.maximum(lengths, 1.0))


def _episodes(pool: _Pool) -> NDArray[np.bool_]:
    episode = Kind.EPISODE
    return np.array([kind is episode for kind in pool.kinds])


def _question_share(text: str) -> float:
    asking = text.count("?")
    return asking / (asking + text.count(".") + text.count("!"))


def _best_in_sitting(values: FloatMatrix, layout: _Layout) -> FloatMatrix:
    """The highest of each column among the turns of the same sitting; its own without one."""
    # Flat, because `maximum.at` is slow in two dimensions.
    places = np.arange(values.size).reshape(values.shape)[layout.sitting]
    best = np.zeros(values.size, np.float32)
    np.maximum.at(best, places.ravel(), values.ravel())
    return best[places]
