"""Search by meaning: in the current model's vectors, and in older ones as long as there are any."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

from recollect.domain.changes import Embedded
from recollect.domain.passages import FloatVector, ScoredPassage
from recollect.domain.selection import Selection
from recollect.errors import EmbedderUnavailable
from recollect.operations.context import Context
from recollect.operations.embedding import embedder_of, model_key, older_keys
from recollect.ports import Distribution, Outline, ScoredOutline


@dataclass(frozen=True, slots=True)
class Scale:
    """Puts one model's scores on the scale of another's.

    Cosines of different models cannot be compared: what is near lies at 0.4 for one and at 0.85
    for another. So a score counts by how far it stands out among the scores that the same question
    has with everything the model embedded: it keeps its distance from their mean, in standard
    deviations, as test normalisation does in speaker verification (Auckenthaler, Carey and
    Lloyd-Thomas, "Score Normalization for Text-Independent Speaker Verification Systems", 2000).
    Unlike ranks, or the way from the worst hit to the best, it does not take the best of the few
    memories that happen to be embedded anew for as good as the best of all others.
    """

    factor: float = 1.0
    offset: float = 0.0

    @classmethod
    def between(cls, own: Distribution | None, target: Distribution | None) -> "Scale":
        """The scale that maps one distribution onto the other; scores stay if either lacks."""
        if own is None or target is None:
            return cls()
        factor = target.deviation / own.deviation
        return cls(factor, target.mean - factor * own.mean)

    def __call__(self, score: float) -> float:
        """The score on the target's scale; a cosine may come to lie beyond 1."""
        return self.factor * score + self.offset


@dataclass(frozen=True, slots=True)
class Question:
    """A question to the vectors of one model key."""

    model: str
    vector: FloatVector
    scale: Scale = Scale()


Questions: TypeAlias = Sequence[Question]
"""The same question to every model key that can answer, the current one last.

A memory only ever moves on to the current key: who asks in this order misses none that moves
meanwhile.
"""


@dataclass(frozen=True, slots=True)
class Meant:
    """What a question found by meaning.

    Attributes:
        complete: Whether no memory was left out of the search.
    """

    hits: list[ScoredOutline]
    questions: Questions
    complete: bool


async def to_current(context: Context, query: str) -> Questions:
    """The question to the current model alone; to none when its embedder is out of reach."""
    current = model_key(context)
    vectors = await _vectors(context, query, [current])
    return [Question(current, vector) for vector in vectors.values()]


async def search(
    context: Context, selection: Selection, query: str, asked: Questions, limit: int
) -> Meant:
    """The memories that are nearest to a question, best first, ties by id.

    It is `asked` of the current model. While not everything is embedded by that, vectors made by
    the same model with other rules of cutting, and the previous embedder's, answer as well. Each
    model then brings up to `limit`, so that none hides another's.
    """
    for current in asked:
        nearest = await context.vectors.search(
            context.tenant, selection, current.model, current.vector, limit
        )
        if nearest.complete:
            return Meant(nearest.hits, asked, complete=True)
    vectors = await _vectors(context, query, [*await older_keys(context), model_key(context)])
    questions = await _on_one_scale(context, vectors)
    return Meant(await _hits(context, selection, questions, limit), questions, complete=False)


async def _hits(
    context: Context, selection: Selection, questions: Questions, limit: int
) -> list[ScoredOutline]:
    """What each model finds, on one scale."""
    found: dict[str, ScoredOutline] = {}
    for asked in questions:
        nearest = await context.vectors.search(
            context.tenant, selection, asked.model, asked.vector, limit
        )
        found |= {hit.id: hit._replace(score=asked.scale(hit.score)) for hit in nearest.hits}
    return sorted(found.values(), key=lambda hit: (-hit.score, hit.id))


async def scores(
    context: Context, outlines: Sequence[Outline], questions: Questions
) -> Mapping[str, float]:
    """The exact score of each of these memories' best passage, by id, on one scale."""
    found: dict[str, float] = {}
    for asked in questions if outlines else ():
        of_model = await context.vectors.scores(context.tenant, outlines, asked.model, asked.vector)
        found |= {memory_id: asked.scale(score) for memory_id, score in of_model.items()}
    return found


def passages(embedded: Embedded | None, questions: Questions) -> Sequence[ScoredPassage]:
    """A memory's passages with their scores on one scale, best first; none of another model."""
    for asked in questions:
        if embedded and embedded.model == asked.model:
            scores: list[float] = (embedded.vectors @ asked.vector).tolist()
            scored = [
                ScoredPassage(passage=passage, score=asked.scale(score))
                for passage, score in zip(embedded.passages, scores, strict=True)
            ]
            return sorted(scored, key=lambda passage: -passage.score)
    return ()


async def _vectors(context: Context, query: str, keys: Sequence[str]) -> Mapping[str, FloatVector]:
    """The question's vector for each key that an embedder at hand serves, in the same order."""
    made: dict[str, FloatVector] = {}
    for embedder in (context.embedder, context.previous_embedder):
        served = [key for key in keys if embedder and embedder_of(context, key) is embedder]
        if embedder and served:
            with suppress(EmbedderUnavailable):
                vector: FloatVector = (await embedder.embed([query], purpose="query"))[0]
                made |= dict.fromkeys(served, vector)
    return {key: made[key] for key in keys if key in made}


async def _on_one_scale(context: Context, vectors: Mapping[str, FloatVector]) -> Questions:
    async def distribution(key: str) -> Distribution | None:
        return await context.vectors.distribution(context.tenant, key, vectors[key])

    current = model_key(context)
    foreign = {key for key in vectors if embedder_of(context, key) is not context.embedder}
    if not foreign or current not in vectors:
        return [Question(key, vector) for key, vector in vectors.items()]
    target = await distribution(current)
    return [
        Question(
            key,
            vector,
            Scale.between(await distribution(key), target) if key in foreign else Scale(),
        )
        for key, vector in vectors.items()
    ]
