"""Contexts over a store in memory that a test holds in its hands."""

from dataclasses import replace

from recollect.adapters.in_memory.indexes import InMemoryTextIndex, InMemoryVectorIndex
from recollect.adapters.in_memory.jobs import InMemoryJobQueue
from recollect.adapters.in_memory.records import InMemoryRecordStore
from recollect.adapters.in_memory.tables import World
from recollect.operations import Context


def over(context: Context, world: World, vectors: InMemoryVectorIndex) -> Context:
    """The same context over this store in memory."""
    records = InMemoryRecordStore(world)
    return replace(
        context,
        records=records,
        log=records,
        text=InMemoryTextIndex(world),
        vectors=vectors,
        jobs=InMemoryJobQueue(world),
    )
