"""The homes of the records."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, SecretStr

from recollect.settings.fields import FROZEN, of_kind


class InMemoryStoreSettings(BaseModel, frozen=True, extra="forbid"):
    """Keep memories in the process; they are lost when it ends."""

    kind: Literal["in_memory"] = "in_memory"


class SqliteStoreSettings(BaseModel, frozen=True, extra="forbid"):
    """Keep memories in SQLite files below the data folder, one per tenant."""

    kind: Literal["sqlite"] = "sqlite"


class PostgresStoreSettings(BaseModel):
    """Keep memories in a PostgreSQL database with pgvector, for any number of processes."""

    model_config = FROZEN

    kind: Literal["postgres"] = "postgres"
    url: SecretStr
    """The database, such as `postgresql://user:password@host/name`; needed for `postgres`."""
    pool_size: int = Field(default=10, ge=1, le=1000)
    """Connections to the database that a process holds at most."""
    statement_seconds: float = Field(default=30, gt=0, le=3600)
    """How long the database may take for one statement, in seconds."""
    connect_seconds: float = Field(default=10, gt=0, le=600)
    """How long to wait for a connection to the database, in seconds."""


StoreSettings = Annotated[
    InMemoryStoreSettings | SqliteStoreSettings | PostgresStoreSettings,
    Field(discriminator="kind"),
    of_kind("sqlite"),
]
