"""Work that runs for as long as a block of code."""

from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager

from anyio import create_task_group


@asynccontextmanager
async def beside(*works: Callable[[], Coroutine[None, None, None]]) -> AsyncGenerator[None]:
    """Run each of the works until the block ends; the block's errors come out as they are."""
    try:
        async with create_task_group() as tasks:
            for work in works:
                tasks.start_soon(work)
            yield
            tasks.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
