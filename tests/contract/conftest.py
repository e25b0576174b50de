"""The stores that the suites run over."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from tests.contract.stores import STORES, empty_store

from recollect.app.wiring import Store, open_store
from recollect.settings import Settings


@pytest.fixture(params=STORES)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Store]:
    with empty_store(request.param) as chosen:
        async with open_store(Settings(data_dir=tmp_path, store=chosen)) as store:
            yield store
