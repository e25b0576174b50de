"""Memories by the million: generated texts, with vectors that no model made.

Vectors lie in clusters around those of real texts, so that questions, which the model embeds, meet
them as they would meet real ones. The same seed gives the same memories.
"""

from collections.abc import Generator, Iterable
from datetime import UTC, datetime
from typing import Final

import numpy as np

from benchmarks.corpus import NOTE_SHARE, Writer
from benchmarks.vectors import SPREAD
from recollect.domain import memory
from recollect.domain.changes import Batch, Embedded, Put
from recollect.domain.passages import FloatMatrix, Passage

CENTRES: Final = 2_000
BATCH: Final = 1_000
"""Memories that share a transaction."""

PASSAGE_CHARACTERS: Final = 1_000
"""About as many as the product's own cutting puts into a passage."""

_MARKS: Final = (0x7000, 0x8000)
_THEN: Final = datetime(2025, 1, 1, tzinfo=UTC)


def centre_texts(seed: int) -> list[str]:
    """The texts around whose vectors the others lie."""
    writer = Writer(seed + 3)
    return [writer.text(10, 40) for _ in range(CENTRES)]


def batches(
    seed: int, numbers: Iterable[int], model: str, centres: FloatMatrix
) -> Generator[Batch]:
    """The batches with these numbers; each can be made without the others."""
    for number in numbers:
        memories = list(_memories(seed, number))
        random = np.random.default_rng([seed, number])
        yield Batch(
            at=_THEN,
            actor="benchmark",
            changes=tuple(Put(memory=m, expected_revision=0, verb="import") for m in memories),
            embedded=tuple(_embedded(m, model, centres, random) for m in memories),
        )


def _memories(seed: int, number: int) -> Generator[memory.Memory]:
    writer = Writer(1_000_000 * seed + number)
    notes = int(BATCH * NOTE_SHARE)
    talk = writer.conversation(number, BATCH - notes)
    for place, message in enumerate(talk.messages):
        detail = memory.Episode(producer=message.producer, session=talk.session, position=place)
        yield _memory(number, place, talk.scope, message.content, detail)
    for place in range(BATCH - notes, BATCH):
        note = writer.note(number * BATCH + place)
        detail = memory.Note(name=note.name)
        yield _memory(number, place, note.scope, note.content, detail)


def _memory(
    number: int, place: int, scope: str, content: str, detail: memory.Detail
) -> memory.Memory:
    version, variant = _MARKS
    return memory.Memory(
        id=f"{number:08x}-0000-{version:x}-{variant:x}-{place:012x}",
        scope=scope,
        content=content,
        detail=detail,
        occurred_at=_THEN,
        created_at=_THEN,
        updated_at=_THEN,
    )


def _embedded(
    kept: memory.Memory, model: str, centres: FloatMatrix, random: np.random.Generator
) -> Embedded:
    ends = range(0, len(kept.content), PASSAGE_CHARACTERS)
    passages = tuple(
        Passage(start=start, end=min(start + PASSAGE_CHARACTERS, len(kept.content)), heading="")
        for start in ends
    )
    shape = (len(passages), centres.shape[1])
    near = centres[random.integers(len(centres), size=len(passages))]
    noise = random.standard_normal(shape, np.float32) / np.sqrt(shape[1])
    vectors = near + SPREAD * noise
    return Embedded(
        memory_id=kept.id,
        model=model,
        passages=passages,
        vectors=(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32),
        complete=True,
    )
