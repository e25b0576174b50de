"""A lock between processes that ends with its process, and between the tasks of one."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from anyio import Lock, fail_after, sleep, to_thread
from filelock import FileLock, Timeout

from recollect.errors import RecollectError, Unavailable

_PAUSE_SECONDS = 0.02


class Lease:
    """The right to change a repository."""

    def __init__(self, path: Path, deadline_seconds: float) -> None:
        # Not a lock file that only exists: a killed process must not hold it.
        self._file = FileLock(path, mode=0o600, thread_local=False, fallback_to_soft=False)
        self._turn = Lock()
        self._deadline_seconds = deadline_seconds

    @property
    def is_held(self) -> bool:
        """Whether this process holds it."""
        return self._file.is_locked

    def check_held(self) -> None:
        """Check that whoever changes the repository holds it; else it is a defect of ours."""
        if not self.is_held:
            raise RecollectError("the repository of notes is changed without being held")

    @asynccontextmanager
    async def held(self) -> AsyncGenerator[None]:
        """Hold it.

        Raises:
            Unavailable: Somebody else does, beyond the deadline.
        """
        async with AsyncExitStack() as stack:
            try:
                with fail_after(self._deadline_seconds):
                    await stack.enter_async_context(self._turn)
                    await self._acquire()
            except TimeoutError as error:
                raise Unavailable(
                    "another process is at work on the repository of notes for longer than "
                    f"{self._deadline_seconds:g} s; retry"
                ) from error
            stack.callback(self._file.release)
            yield

    async def _acquire(self) -> None:
        while True:
            try:
                await to_thread.run_sync(partial(self._file.acquire, blocking=False))
            except Timeout:
                await sleep(_PAUSE_SECONDS)
            else:
                return
