"""What a process does beside answering."""

import pytest
from anyio import create_task_group, fail_after, lowlevel, sleep_forever
from tests.examples import TENANT, note, storing
from tests.in_memory import over

from recollect.adapters.in_memory.indexes import InMemoryVectorIndex
from recollect.adapters.in_memory.tables import World
from recollect.app.serve import work_in_background
from recollect.app.wiring import open_context
from recollect.operations.embedding import model_key
from recollect.settings import HashingSettings, InMemoryStoreSettings, Settings

pytestmark = pytest.mark.anyio


class LongToIndex(InMemoryVectorIndex):
    """Its index takes longer than anybody waits."""

    async def warm(self, tenant: str, model: str) -> None:
        del tenant, model
        await sleep_forever()


async def test_embedding_does_not_wait_for_an_index_to_be_made() -> None:
    settings = Settings(store=InMemoryStoreSettings(), embedder=HashingSettings())
    world = World()
    vectors = LongToIndex(world)
    async with open_context(settings) as (opened, embedders):
        context = over(opened, world, vectors)
        await context.records.commit(TENANT, storing(note("Tea.")))
        async with create_task_group() as tasks:
            tasks.start_soon(work_in_background, context, embedders)
            with fail_after(20):
                while await vectors.waiting(TENANT, model_key(context), 1):
                    await lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
