"""The folder that holds one folder, and in it one file, per tenant."""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from anyio import Lock, to_thread

from recollect.adapters.sqlite.database import Database
from recollect.errors import InvalidRequest, StoreUnavailable

FILE_NAME = "recollect.db"
_TENANT = re.compile(r"[a-z0-9][a-z0-9\-]{0,62}")


class Home:
    """Where the tenants' files lie; each is opened when it is first asked for.

    Args:
        folder: The folder of folders.
        receiving: Copies may be brought into the files.
    """

    def __init__(self, folder: Path, *, receiving: bool = False) -> None:
        self._folder = folder
        self._receiving = receiving
        self._open: dict[str, Database] = {}
        self._opening = Lock()

    async def database(self, tenant: str) -> Database:
        """The tenant's file, opened or created.

        Raises:
            InvalidRequest: The text is no tenant's name, so no path is made of it.
            StoreUnavailable: The folder cannot be written, or the file is not to be used yet.
        """
        if found := self._open.get(tenant):
            return found
        if not _TENANT.fullmatch(tenant):
            raise InvalidRequest("a tenant is named by up to 63 of a-z, 0-9 and '-'")
        async with self._opening:
            if tenant not in self._open:
                self._open[tenant] = await to_thread.run_sync(self._create, tenant)
            return self._open[tenant]

    def names(self) -> list[str]:
        """The tenants that have a file, sorted."""
        return sorted(f.parent.name for f in self._folder.glob(f"*/{FILE_NAME}"))

    def close(self) -> None:
        """Close every file."""
        for database in self._open.values():
            database.close()
        self._open.clear()

    def _create(self, tenant: str) -> Database:
        folder = self._folder / tenant
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StoreUnavailable(
                f"the data folder cannot be written ({error.strerror}); check its permissions, "
                "or choose another with --data-dir"
            ) from error
        return Database(folder / FILE_NAME, receiving=self._receiving)


@asynccontextmanager
async def open_home(folder: Path, *, receiving: bool = False) -> AsyncGenerator[Home]:
    """Give the home of the tenants, and close what was opened at the end."""
    home = Home(folder, receiving=receiving)
    try:
        yield home
    finally:
        await to_thread.run_sync(home.close)
