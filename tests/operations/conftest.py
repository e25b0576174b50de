"""A context over each home of the records, with a clock, ids and a model that tests control."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.contract.stores import STORES
from tests.operations.fakes import CountedIds, FakeClock, FakeEmbedder

from recollect.adapters.in_memory.embedding import WordCounter
from recollect.adapters.memory_mcp import MemoryMcpRecallLog
from recollect.app.wiring import open_store
from recollect.domain.access import LOCAL
from recollect.domain.ranking import shipped_weights
from recollect.operations import Context
from recollect.settings import Settings


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def embedder() -> FakeEmbedder:
    return FakeEmbedder()


@pytest.fixture(params=STORES)
async def context(
    request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock, embedder: FakeEmbedder
) -> AsyncGenerator[Context]:
    settings = Settings(data_dir=tmp_path, store=STORES[request.param])
    async with open_store(settings) as store:
        yield Context(
            principal=LOCAL,
            records=store.records,
            log=store.records,
            text=store.text,
            vectors=store.vectors,
            jobs=store.jobs,
            maintenance=store.maintenance,
            recalls=store.recalls,
            recalls_kept=timedelta(days=90),
            foreign_recalls=MemoryMcpRecallLog(),
            embedder=embedder,
            tokens=WordCounter(),
            weights=shipped_weights(),
            now=clock,
            new_id=CountedIds(),
        )
