"""The stores that outlive those who write to them."""

from collections.abc import Generator

import pytest
from tests.contract.stores import STORES, empty_store

from recollect.settings import StoreSettings

LASTING = [kind for kind in STORES if kind != "in_memory"]


@pytest.fixture(params=LASTING)
def store(request: pytest.FixtureRequest) -> Generator[StoreSettings]:
    with empty_store(request.param) as store:
        yield store
