"""How good a ranking is, against the evidence that a question is known to have.

Every metric takes the ids of a ranking, best first, of which only the first occurrence of each
counts, and the ids of the evidence, of which there is at least one. All lie between 0 and 1; over
several questions report the mean. Relevance is binary.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from math import log2


def recall_at(k: int, ranking: Sequence[str], evidence: Collection[str]) -> float:
    """The share of the evidence among the first k: `|first k & evidence| / |evidence|`."""
    wanted = _checked(evidence)
    return len(wanted.intersection(_distinct(ranking)[:k])) / len(wanted)


def reciprocal_rank(ranking: Sequence[str], evidence: Collection[str]) -> float:
    """`1 / rank` of the first evidence, ranks from 1; 0 when there is none. Its mean is the MRR."""
    wanted = _checked(evidence)
    places = (1.0 / place for place, id_ in enumerate(_distinct(ranking), 1) if id_ in wanted)
    return next(places, 0.0)


def ndcg_at(k: int, ranking: Sequence[str], evidence: Collection[str]) -> float:
    """`DCG / ideal DCG` of the first k, where `DCG = sum of 1 / log2(1 + rank)` over evidence.

    The ideal has evidence on its first `min(k, |evidence|)` ranks. (Järvelin and Kekäläinen,
    TOIS 2002.)
    """
    wanted = _checked(evidence)
    gained = sum(
        _discount(place) for place, id_ in enumerate(_distinct(ranking)[:k], 1) if id_ in wanted
    )
    return gained / sum(_discount(place) for place in range(1, min(k, len(wanted)) + 1))


Metric = Callable[[Sequence[str], Collection[str]], float]

METRICS: Mapping[str, Metric] = {
    "recall@5": partial(recall_at, 5),
    "recall@10": partial(recall_at, 10),
    "recall@20": partial(recall_at, 20),
    "recall@50": partial(recall_at, 50),
    "mrr": reciprocal_rank,
    "ndcg@10": partial(ndcg_at, 10),
}
"""What a report gives, by name."""


def measure(ranking: Sequence[str], evidence: Collection[str]) -> dict[str, float]:
    """Every metric of one question's ranking, by the names of `METRICS`."""
    return {name: metric(ranking, evidence) for name, metric in METRICS.items()}


def means(measured: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """The mean of every metric over questions; 0 when there are none."""
    rows = list(measured)
    return {name: sum(row[name] for row in rows) / max(len(rows), 1) for name in METRICS}


def _discount(place: int) -> float:
    return 1.0 / log2(1 + place)


def _distinct(ranking: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(ranking))


def _checked(evidence: Collection[str]) -> frozenset[str]:
    if not evidence:
        raise ValueError("a question without evidence cannot be measured; leave it out")
    return frozenset(evidence)
