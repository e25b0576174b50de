"""The suites leave no home of the records out."""

from typing import get_args

import pytest
from tests.contract.stores import STORES, empty_store

from recollect.settings import StoreSettings


@pytest.mark.parametrize("kind", STORES)
def test_every_store_that_can_be_chosen_is_held_to_the_contract(kind: str) -> None:
    with empty_store(kind) as settings:
        assert isinstance(settings, get_args(get_args(StoreSettings)[0]))
        assert settings.kind == kind
