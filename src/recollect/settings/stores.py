"""The homes of the records."""

import os
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, Field, SecretStr, model_validator

from recollect.settings.fields import FROZEN, of_kind
from recollect.settings.postgres import usual_url


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
    """The database, such as `postgresql://user:password@host/name`.

    When unset, `POSTGRES_URL` is read, or `POSTGRES_HOST`, `POSTGRES_PORT`, `POSTGRES_USER`,
    `POSTGRES_PASSWORD` and `POSTGRES_DB`.
    """
    pool_size: int = Field(default=10, ge=1, le=1000)
    """Connections to the database that a process holds at most."""
    statement_seconds: float = Field(default=30, gt=0, le=3600)
    """How long the database may take for one statement, in seconds."""
    connect_seconds: float = Field(default=10, gt=0, le=600)
    """How long to wait for a connection to the database, in seconds."""

    @model_validator(mode="before")
    @classmethod
    def _or_the_usual_variables(cls, given: Any) -> Any:
        if not isinstance(given, dict) or cast("dict[str, Any]", given).get("url"):
            return cast("Any", given)
        if (url := usual_url(os.environ)) is None:
            raise ValueError(
                "no database is named: set RECOLLECT_STORE__URL, such as "
                "postgresql://user:password@host/name, or POSTGRES_URL, or POSTGRES_HOST"
            )
        return cast("dict[str, Any]", given) | {"url": url}


StoreSettings = Annotated[
    InMemoryStoreSettings | SqliteStoreSettings | PostgresStoreSettings,
    Field(discriminator="kind"),
    of_kind("sqlite"),
]
