"""Memories and changes to test with, made from as little as a test must say."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from recollect.domain.changes import Batch, Change, Embedded, Put
from recollect.domain.memory import Episode, Fact, Memory, Note
from recollect.domain.passages import FloatVector, Passage
from recollect.domain.scopes import EVERYWHERE
from recollect.domain.selection import Selection

TENANT = "default"
THEN = datetime(2026, 1, 1, 9, 30, 0, 123_456, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MODEL = "model-a"
ALL = Selection(scopes=EVERYWHERE)
_NUMBERS = itertools.count(1)


def note(content: str = "Tea at four.", name: str | None = None, **fields: Any) -> Memory:
    """A note; if no name is given, with one that no number in a question is found by."""
    number = next(_NUMBERS)
    return _memory(content, Note(name=name or f"note{number}"), number, fields)


def episode(content: str = "Hello.", **fields: Any) -> Memory:
    """An episode; what belongs to episodes may be among the fields."""
    names = ("producer", "produced_for", "role", "session", "position")
    own = {"producer": "Ann"} | {n: fields.pop(n) for n in names if n in fields}
    return _memory(content, Episode(**own), next(_NUMBERS), fields)


def fact(content: str = "Ann likes tea.", **fields: Any) -> Memory:
    """A fact; what belongs to facts may be among the fields."""
    names = ("category", "tag", "feature", "set_id", "valid_from", "valid_to")
    own = {"category": "profile", "tag": "taste", "feature": "drink"}
    own |= {n: fields.pop(n) for n in names if n in fields}
    return _memory(content, Fact(**own), next(_NUMBERS), fields)


def _memory(content: str, detail: Any, number: int, fields: dict[str, Any]) -> Memory:
    usual = {
        "id": f"01900000-0000-7000-8000-{number:012x}", "scope": "", "occurred_at": THEN,
        "created_at": THEN, "updated_at": THEN,
    }  # fmt: skip
    return Memory(content=content, detail=detail, **(usual | fields))


def put(memory: Memory, expected_revision: int = 0) -> Put:
    """The change that stores this memory."""
    return Put(memory=memory, expected_revision=expected_revision, verb="remember")


def batch(*changes: Change, **fields: Any) -> Batch:
    """These changes, made by somebody at some time."""
    return Batch(**({"at": THEN, "actor": "tester", "changes": changes} | fields))


def storing(*memories: Memory, **fields: Any) -> Batch:
    """The batch that stores these new memories."""
    return batch(*(put(memory) for memory in memories), **fields)


def unit(*numbers: float) -> FloatVector:
    """The vector in this direction, of unit length."""
    vector = np.array(numbers, dtype=np.float32)
    return vector / np.linalg.norm(vector)


def embedded(
    memory: Memory,
    vectors: Sequence[FloatVector],
    model: str = MODEL,
    *,
    complete: bool = True,
) -> Embedded:
    """These vectors for the memory, each for a passage of one character."""
    return Embedded(
        memory_id=memory.id,
        model=model,
        passages=tuple(Passage(start=i, end=i + 1, heading="") for i in range(len(vectors))),
        vectors=np.array(vectors, dtype=np.float32),
        complete=complete,
    )
