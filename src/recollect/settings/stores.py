"""The homes of the records."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from recollect.settings.fields import of_kind


class InMemoryStoreSettings(BaseModel, frozen=True, extra="forbid"):
    """Keep memories in the process; they are lost when it ends."""

    kind: Literal["in_memory"] = "in_memory"


class SqliteStoreSettings(BaseModel, frozen=True, extra="forbid"):
    """Keep memories in SQLite files below the data folder, one per tenant."""

    kind: Literal["sqlite"] = "sqlite"


StoreSettings = Annotated[
    InMemoryStoreSettings | SqliteStoreSettings, Field(discriminator="kind"), of_kind("sqlite")
]
