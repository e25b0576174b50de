"""Every home of the records; a new one has its case here and then has to pass every suite."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import get_args

from tests.postgres import lent_database

from recollect.settings import InMemoryStoreSettings, SqliteStoreSettings, StoreSettings

STORES: tuple[str, ...] = tuple(
    choice.model_fields["kind"].default for choice in get_args(get_args(StoreSettings)[0])
)
"""The names of all that can be chosen."""


@contextmanager
def empty_store(kind: str) -> Generator[StoreSettings]:
    """The settings of a store that holds nothing; those of SQLite mean the data folder's."""
    match kind:
        case "in_memory":
            yield InMemoryStoreSettings()
        case "sqlite":
            yield SqliteStoreSettings()
        case "postgres":
            with lent_database() as database:
                yield database.settings
        case _:
            raise NotImplementedError(f"no suite runs over a store in {kind}")
