"""The database that holds every tenant's records."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from recollect.adapters.postgres.database import Database, Place, open_pool
from recollect.adapters.postgres.migrating import migrate


@asynccontextmanager
async def open_database(place: Place, *, receiving: bool = False) -> AsyncGenerator[Database]:
    """Bring the schema up to date, give the database, and close its connections at the end."""
    await migrate(place)
    async with open_pool(place) as pool:
        yield Database(place, pool, receiving=receiving)
