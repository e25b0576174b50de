"""TextIndex, VectorIndex and Maintenance by looking at everything."""

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from recollect.adapters.in_memory.records import waiting
from recollect.adapters.in_memory.tables import World
from recollect.domain.changes import Embedded
from recollect.domain.memory import Memory
from recollect.domain.passages import FloatVector
from recollect.domain.questions import content_words
from recollect.domain.searchable import phrases, searchable_text, spaced
from recollect.domain.selection import Selection
from recollect.errors import InvalidRequest
from recollect.ports import (
    Distribution,
    Fault,
    Nearest,
    Outline,
    ScoredOutline,
)

_SUFFIX = re.compile(r"(?<=\w{3})(ings?|ed|es|s|e)$")


class InMemoryTextIndex:
    """A TextIndex that computes BM25 from the records at each question.

    BM25 with k1 = 1.2 and b = 0.75, as in Robertson and Zaragoza, "The Probabilistic Relevance
    Framework: BM25 and Beyond", 2009.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    async def search(
        self, tenant: str, selection: Selection, query: str, limit: int
    ) -> list[ScoredOutline]:
        memories = self._world[tenant].memories
        texts = {i: _stems(searchable_text(m)) for i, m in memories.items()}
        wanted = {" ".join(_stems(p)) for p in phrases(" ".join(content_words(query)))}
        average = sum(map(len, texts.values())) / max(len(texts), 1)
        scores: defaultdict[str, float] = defaultdict(float)
        for phrase in wanted:
            counts = {i: f" {' '.join(t)} ".count(f" {phrase} ") for i, t in texts.items()}
            found = sum(count > 0 for count in counts.values())
            idf = math.log(1 + (len(texts) - found + 0.5) / (found + 0.5))
            for memory_id, count in counts.items():
                if count:
                    norm = 1.2 * (0.25 + 0.75 * len(texts[memory_id]) / average)
                    scores[memory_id] += idf * count * 2.2 / (count + norm)
        hits = [
            ScoredOutline(Outline.of(memories[i]), score)
            for i, score in scores.items()
            if selection.holds(memories[i])
        ]
        return sorted(hits, key=lambda hit: (-hit.score, hit.id))[:limit]


def _stems(text: str) -> list[str]:
    return [_SUFFIX.sub("", word) for word in re.findall(r"[^\W_]+", spaced(text).lower())]


class InMemoryVectorIndex:
    """A VectorIndex that compares the question with every passage."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def search(
        self, tenant: str, selection: Selection, model: str, vector: FloatVector, limit: int
    ) -> Nearest:
        tables = self._world[tenant]
        hits = [
            ScoredOutline(Outline.of(memory), float((made.vectors @ vector).max()))
            for memory in tables.memories.values()
            if selection.holds(memory)
            and (made := tables.embedded(memory.id, model))
            and len(made.vectors)
        ]
        hits.sort(key=lambda hit: (-hit.score, hit.id))
        return Nearest(hits=hits[:limit], complete=not waiting(tables, model))

    async def scores(
        self, tenant: str, outlines: Sequence[Outline], model: str, vector: FloatVector
    ) -> Mapping[str, float]:
        tables = self._world[tenant]
        return {
            outline.id: float((made.vectors @ vector).max())
            for outline in outlines
            if (made := tables.embedded(outline.id, model)) and len(made.vectors)
        }

    async def embedded(
        self, tenant: str, selection: Selection, ids: Sequence[str]
    ) -> list[tuple[Memory, Embedded | None]]:
        tables = self._world[tenant]
        return [
            (
                memory,
                made if (made := tables.vectors.get(memory.id)) and len(made.vectors) else None,
            )
            for memory in map(tables.memories.get, ids)
            if memory is not None and selection.holds(memory)
        ]

    async def distribution(
        self, tenant: str, model: str, vector: FloatVector
    ) -> Distribution | None:
        scores = [
            made.vectors @ vector
            for made in self._world[tenant].vectors.values()
            if made.model == model
        ]
        return Distribution.of(np.concatenate(scores)) if scores else None

    async def models(self, tenant: str) -> list[str]:
        return list(self._world[tenant].by_model())

    async def waiting(self, tenant: str, model: str, limit: int) -> list[Memory]:
        return waiting(self._world[tenant], model)[:limit]

    async def warm(self, tenant: str, model: str) -> None:
        """There is nothing to load."""

    async def indexed(self, tenant: str, model: str) -> float | None:
        """There is no index to be made."""
        del tenant, model
        return None

    async def store(self, tenant: str, embedded: Sequence[tuple[Memory, Embedded]]) -> None:
        tables = self._world[tenant]
        for memory, made in embedded:
            stored = tables.memories.get(memory.id)
            if stored and stored.revision == memory.revision:
                tables.vectors[memory.id] = made


class InMemoryMaintenance:
    """Maintenance of what has no projection that could differ."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def check(self, tenant: str, *, repair: bool) -> list[Fault]:
        del tenant, repair
        return []

    async def rebuild(self, tenant: str) -> int:
        tables = self._world[tenant]
        tables.vectors = {}
        return len(tables.memories)

    async def backup(self, tenant: str, target: str) -> int:
        del tenant, target
        raise InvalidRequest("memories in the process cannot be backed up; export them instead")

    async def ping(self, tenant: str) -> None:
        """The process is there."""
