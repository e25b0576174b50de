"""Memories as they were at another time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from recollect.domain.memory import Kind, Memory
from recollect.domain.validity import as_of
from recollect.operations.context import Context


@dataclass(frozen=True, slots=True)
class Moment:
    """What a question about the past is about.

    Attributes:
        valid_at: The time whose truths are asked for.
        known_at: The time whose knowledge they are to come from.
    """

    valid_at: datetime
    known_at: datetime


async def then(context: Context, moment: Moment, memories: Iterable[Memory]) -> list[Memory]:
    """The memories as they were at that moment, in the same order; left out if they were not."""
    found = [await _then(context, moment, memory) for memory in memories]
    return [memory for memory in found if memory is not None]


async def _then(context: Context, moment: Moment, memory: Memory) -> Memory | None:
    if memory.kind is not Kind.FACT and memory.updated_at <= moment.known_at:
        return memory
    revisions = await context.records.history(context.tenant, memory.id)
    return as_of(revisions, moment.valid_at, moment.known_at)
