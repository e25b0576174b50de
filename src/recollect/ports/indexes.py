"""What finds memories: by their words, by their meaning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from recollect.domain.changes import Embedded
from recollect.domain.memory import Memory
from recollect.domain.passages import FloatVector
from recollect.domain.selection import Selection
from recollect.ports.records import Outline

LEAST_DEVIATION = 0.001


class ScoredOutline(NamedTuple):
    """A memory that an index found. Higher is better; scales differ between indexes."""

    outline: Outline
    score: float

    @property
    def id(self) -> str:
        """Which memory."""
        return self.outline.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearest:
    """What a search by meaning found.

    Attributes:
        hits: The memories, best first.
        complete: Whether no memory waited for vectors of the model, and so was left out.
    """

    hits: list[ScoredOutline]
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """How the scores of a question are spread over all passages of a model."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, scores: FloatVector) -> "Distribution | None":
        """The distribution of these scores; None if they differ by less than indexes round."""
        deviation = float(scores.std()) if len(scores) else 0.0
        if deviation < LEAST_DEVIATION:
            return None
        return cls(mean=float(scores.mean()), deviation=deviation)


class TextIndex(Protocol):
    """Finds memories by their words."""

    async def search(
        self, tenant: str, selection: Selection, query: str, limit: int
    ) -> list[ScoredOutline]:
        """Return the best `limit` selected memories by BM25, best first, ties by id.

        The query is data: no character of it is syntax. English is stemmed; a run of Chinese,
        Japanese or Korean characters is found by any two of its neighbours, a single one by itself.
        Scores are positive. A query without any word finds nothing. Among many memories the
        commonest of several words may be left out, as long as the others find enough.
        """
        ...


class VectorIndex(Protocol):
    """Finds memories by meaning, one vector per passage.

    A memory has vectors of one model; memories of several models lie side by side while they are
    embedded anew.
    """

    async def search(
        self, tenant: str, selection: Selection, model: str, vector: FloatVector, limit: int
    ) -> Nearest:
        """Return the best `limit` selected memories, each by its best passage.

        Sees everything that was committed before the call, by any process, and says of the same
        moment whether all memories have vectors of this model.
        Scores are cosine similarities up to the index's rounding; of those returned, ties by id.
        """
        ...

    async def scores(
        self, tenant: str, outlines: Sequence[Outline], model: str, vector: FloatVector
    ) -> Mapping[str, float]:
        """Return the score of each of these memories' best passage, by id; true to 0.001.

        Asked after `search`, it knows at least what that knew. Memories without vectors of this
        model are left out.
        """
        ...

    async def embedded(
        self, tenant: str, selection: Selection, ids: Sequence[str]
    ) -> list[tuple[Memory, Embedded | None]]:
        """Return the memories that `RecordStore.select` would return, with their vectors.

        These are of whichever model, and of the memory as it is returned; None stands with one
        that has none. They are true to 0.001.
        """
        ...

    async def distribution(
        self, tenant: str, model: str, vector: FloatVector
    ) -> Distribution | None:
        """Return how the question's scores are spread over all passages of the model.

        None if they do not differ, as those of no passage or one; true to the index's rounding.
        """
        ...

    async def models(self, tenant: str) -> list[str]:
        """Return every model of which some memory has complete vectors, sorted."""
        ...

    async def waiting(self, tenant: str, model: str, limit: int) -> list[Memory]:
        """Return up to `limit` memories that lack complete vectors of this model, oldest first."""
        ...

    async def warm(self, tenant: str, model: str) -> None:
        """Make searches as quick as they can be; called now and then, and may take long.

        What was written since may be worth an index. Whoever searches meanwhile gets answers.
        """
        ...

    async def indexed(self, tenant: str, model: str) -> float | None:
        """Return which part of an index that is being made is done, 0 to 1; None if none is."""
        ...

    async def store(self, tenant: str, embedded: Sequence[tuple[Memory, Embedded]]) -> None:
        """Replace each memory's vectors, of whichever model, by these.

        A memory that has meanwhile changed its revision or is gone is passed over: whoever
        changed it took care of its vectors.
        """
        ...
