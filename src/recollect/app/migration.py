"""Bringing the schema of a database up to this program's, without serving."""

from recollect.app.wiring.stores import open_schema
from recollect.operations import Result
from recollect.settings import Settings


class SchemaStatus(Result):
    """How far a database's schema is."""

    applied: int
    """The number of the last migration that the database has seen."""
    known: int
    """The number of the last one that this program knows."""
    migrated: int = 0
    """How many were applied just now."""


async def schema_status(settings: Settings) -> SchemaStatus:
    """Say how far the database is, and change nothing.

    Raises:
        InvalidRequest: The store keeps its schema up to date by itself.
        StoreUnavailable: The database is out of reach.
    """
    applied, known = await open_schema(settings).status()
    return SchemaStatus(applied=applied, known=known)


async def migrate(settings: Settings) -> SchemaStatus:
    """Apply what the database has not seen.

    Raises:
        InvalidRequest, StoreUnavailable: As `schema_status`, or the role may not change the schema.
    """
    migrated = await open_schema(settings).migrate()
    status = await schema_status(settings)
    return status.model_copy(update={"migrated": migrated})
