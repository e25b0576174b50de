"""A secret in a file that only its owner may read."""

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TypeVar

from anyio import to_thread

from recollect.errors import SecretStoreUnavailable

T = TypeVar("T")

OTHERS = 0o077
"""What nobody but the owner may do with the file."""


class SecretFile:
    """Keeps a secret as the only line of a file: mode 0600, in a folder made with mode 0700.

    Like OpenSSH with keys, it refuses a file of this user that others may read or write; who may
    read a file of somebody else, such as one mounted into a container, is not ours to decide.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def place(self) -> str:
        return str(self._path)

    async def get(self) -> str | None:
        return await self._run(self._read)

    async def check(self) -> None:
        await self._run(self._make_folder)

    async def set(self, secret: str) -> None:
        await self._run(lambda: self._write(secret))

    async def delete(self) -> bool:
        return await self._run(self._delete)

    async def _run(self, work: Callable[[], T]) -> T:
        with self._translated():
            return await to_thread.run_sync(work)

    @contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            raise SecretStoreUnavailable(
                f"{self._path} cannot be used: {error.strerror or type(error).__name__}"
            ) from error
        except UnicodeDecodeError:
            raise SecretStoreUnavailable(f"{self._path} does not hold text") from None

    def _read(self) -> str | None:
        try:
            with self._path.open(encoding="utf-8") as file:
                self._refuse_if_open_to_others(os.fstat(file.fileno()))
                return file.read().strip() or None
        except FileNotFoundError:
            return None

    def _refuse_if_open_to_others(self, status: os.stat_result) -> None:
        if os.name == "posix" and status.st_uid == os.geteuid() and status.st_mode & OTHERS:
            raise SecretStoreUnavailable(
                f"{self._path} is open to others (mode {status.st_mode & 0o7777:04o}); "
                f"run: chmod 600 {self._path}"
            )

    def _make_folder(self) -> None:
        folder = self._path.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise SecretStoreUnavailable(f"{folder} cannot be written")

    def _write(self, secret: str) -> None:
        self._make_folder()
        # Made with mode 0600, whatever the umask.
        with NamedTemporaryFile("w", encoding="utf-8", dir=self._path.parent, delete=False) as file:
            temporary = Path(file.name)
            try:
                file.write(secret + "\n")
                file.flush()
                os.fsync(file.fileno())
                temporary.replace(self._path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise

    def _delete(self) -> bool:
        try:
            self._path.unlink()
        except FileNotFoundError:
            return False
        return True
