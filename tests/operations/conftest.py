"""A context over each home of the records, with a clock, ids and a model that tests control."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from tests.contract.stores import STORES, empty_store
from tests.operations.fakes import CountedIds, FakeClock, FakeEmbedder, context_of

from recollect.app.wiring import open_store
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
    with empty_store(request.param) as chosen:
        async with open_store(Settings(data_dir=tmp_path, store=chosen)) as store:
            yield context_of(store, clock, embedder, CountedIds())
