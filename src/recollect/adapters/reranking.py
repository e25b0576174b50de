"""Rerankers that need no service of their own."""

from collections.abc import Sequence

from recollect.domain.bm25 import Bm25
from recollect.ports import Embedder, Reranker


class IdentityReranker:
    """Leaves texts in the order in which they come."""

    async def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        del query
        return [1 / place for place in range(1, len(texts) + 1)]


class Bm25Reranker:
    """Judges by shared words."""

    def __init__(self, formula: Bm25) -> None:
        self._formula = formula

    async def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        return self._formula.scores(query, texts)


class EmbedderReranker:
    """Judges by cosine similarity, with vectors made for the occasion."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    async def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        question = await self._embedder.embed([query], purpose="query")
        vectors = await self._embedder.embed(texts, purpose="document")
        scores: list[float] = (vectors @ question[0]).tolist()
        return scores


class FusedReranker:
    """Adds up the ranks that others give, by reciprocal rank fusion.

    Of texts that one of them finds equal, the one that comes first ranks first: each text has a
    rank of its own, also among identical ones.

    Args:
        rerankers: The others; when one of them cannot judge, neither can this.
        k: How little the first ranks stand out; 60 in Cormack, Clarke and Büttcher, SIGIR 2009.
    """

    def __init__(self, rerankers: Sequence[Reranker], k: int) -> None:
        self._rerankers = rerankers
        self._k = k

    async def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        fused = [0.0] * len(texts)
        for reranker in self._rerankers:
            scores = await reranker.scores(query, texts)
            order = sorted(range(len(texts)), key=lambda at: -scores[at])
            for rank, at in enumerate(order, start=1):
                fused[at] += 1 / (self._k + rank)
        return fused
