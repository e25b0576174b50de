from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from recollect import operations
from recollect.app.local import open_local
from recollect.app.wiring import open_context
from recollect.operations.embedding import QUEUE
from recollect.settings import HashingSettings, InMemoryStoreSettings, Settings

pytestmark = pytest.mark.anyio

LONG = "A word and another. " * 2000


class Stuck:
    """An embedder that begins and never ends."""

    model = "hashing"
    dimensions = 64
    problem = None

    def __init__(self) -> None:
        self.began = anyio.Event()

    async def embed(self, texts: Sequence[str], *, purpose: str) -> Any:
        del texts, purpose
        self.began.set()
        await anyio.sleep_forever()


async def test_work_that_is_cancelled_can_be_done_by_others_at_once() -> None:
    settings = Settings(store=InMemoryStoreSettings(), embedder=HashingSettings())
    async with open_context(settings) as (context, _):
        await operations.remember(context, operations.Remember(content=LONG))
        stuck = Stuck()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(operations.work, replace(context, embedder=stuck))
            await stuck.began.wait()
            tasks.cancel_scope.cancel()
        job = await context.jobs.lease(context.tenant, QUEUE, timedelta(minutes=1), context.now())
        assert job is not None


async def test_what_an_interrupted_client_left_is_embedded_by_the_next(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, embedder=HashingSettings())

    async def be_interrupted() -> None:
        async with open_local(settings) as client:
            await client.remember(LONG)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await be_interrupted()
    async with open_local(settings) as client:
        await client.remember("Another")
    async with open_local(settings) as client:
        assert (await client.stats()).waiting == 0
