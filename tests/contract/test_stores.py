"""The suites leave no home of the records out."""

from typing import get_args

from tests.contract.stores import STORES

from recollect.settings import StoreSettings


def test_every_store_that_can_be_chosen_is_held_to_the_contract() -> None:
    choices = get_args(get_args(StoreSettings)[0])

    assert {type(settings) for settings in STORES.values()} == set(choices)
    assert all(name == settings.kind for name, settings in STORES.items())
