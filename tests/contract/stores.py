"""Every home of the records; a new one has its line here and then has to pass every suite."""

from collections.abc import Mapping

from recollect.settings import InMemoryStoreSettings, SqliteStoreSettings, StoreSettings

STORES: Mapping[str, StoreSettings] = {
    "in_memory": InMemoryStoreSettings(),
    "sqlite": SqliteStoreSettings(),
}
