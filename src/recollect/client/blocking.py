"""The blocking client: the asynchronous one on an event loop in a thread of its own."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, ExitStack, suppress
from datetime import timedelta
from functools import partial, wraps
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

from anyio.from_thread import start_blocking_portal

from recollect.client.asynchronous import DEFAULT_URL, AsyncClient
from recollect.client.http import TIMEOUT

P = ParamSpec("P")
R = TypeVar("R")

PORTION = 100
"""How many items are fetched from the event loop at once."""


def _blocking(
    method: Callable[Concatenate[AsyncClient, P], Awaitable[R]],
) -> Callable[Concatenate["Client", P], R]:
    """The same method, waiting for its result."""

    @wraps(method)
    def call(self: "Client", *args: P.args, **kwargs: P.kwargs) -> R:
        return self.wait_for(partial(method, self.asynchronous, *args, **kwargs))

    return call


def _iterating(
    method: Callable[Concatenate[AsyncClient, P], AsyncGenerator[R]],
) -> Callable[Concatenate["Client", P], Generator[R]]:
    """The same method, giving an ordinary iterator."""

    @wraps(method)
    def iterate(self: "Client", *args: P.args, **kwargs: P.kwargs) -> Generator[R]:
        coming = method(self.asynchronous, *args, **kwargs)
        try:
            while portion := self.wait_for(partial(_next_of, coming)):
                yield from portion
        finally:
            # After the client was closed, or in the middle of an interrupt, it ends by itself.
            with suppress(RuntimeError):
                self.wait_for(coming.aclose)

    return iterate


async def _next_of(coming: AsyncGenerator[R]) -> list[R]:
    """The next items, as many as one hop between threads is worth; none at the end."""
    portion: list[R] = []
    async for item in coming:
        portion.append(item)
        if len(portion) == PORTION:
            break
    return portion


class Client:
    """A memory server, or a store in this process, as a Python object that blocks.

    It has the methods of `AsyncClient`, waits for their results, and may be used by any thread.
    Use it as a context manager, or `close` it.

    Attributes:
        asynchronous: The client behind it, for use on its own event loop only.
    """

    def __init__(
        self,
        base_url: str = DEFAULT_URL,
        *,
        token: str | None = None,
        timeout: timedelta = TIMEOUT,
        opening: AbstractAsyncContextManager[AsyncClient] | None = None,
    ) -> None:
        """Prepare for a server; nothing is sent yet.

        Args:
            base_url: Where the server listens.
            token: The bearer token, if it asks for one.
            timeout: For each wait for an answer.
            opening: Gives the client to use, instead of one for that server.
        """
        opening = opening or AsyncClient(base_url, token=token, timeout=timeout)
        with ExitStack() as stack:
            self._portal = stack.enter_context(start_blocking_portal(name="recollect"))
            self.asynchronous = stack.enter_context(
                self._portal.wrap_async_context_manager(opening)
            )
            self._open = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.__exit__(kind, error, traceback)

    def close(self) -> None:
        """Finish what is under way and let go of everything; may be called twice."""
        self._open.close()

    def wait_for(self, work: Callable[[], Awaitable[R]]) -> R:
        """The result of asynchronous work; an interrupt of the wait cancels the work."""
        future: Future[R] = self._portal.start_task_soon(work)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    remember = _blocking(AsyncClient.remember)
    recall = _blocking(AsyncClient.recall)
    read = _blocking(AsyncClient.read)
    edit = _blocking(AsyncClient.edit)
    move = _blocking(AsyncClient.move)
    forget = _blocking(AsyncClient.forget)
    forget_scope = _blocking(AsyncClient.forget_scope)
    erase = _blocking(AsyncClient.erase)
    list = _blocking(AsyncClient.list)
    list_all = _iterating(AsyncClient.list_all)
    ingest = _blocking(AsyncClient.ingest)
    context = _blocking(AsyncClient.context)
    learn = _blocking(AsyncClient.learn)
    correct = _blocking(AsyncClient.correct)
    history = _blocking(AsyncClient.history)
    mark_applied = _blocking(AsyncClient.mark_applied)
    batch_mark_applied = _blocking(AsyncClient.batch_mark_applied)
    recall_stats = _blocking(AsyncClient.recall_stats)
    import_recall_log = _blocking(AsyncClient.import_recall_log)
    stats = _blocking(AsyncClient.stats)
    sync = _blocking(AsyncClient.sync)
    reindex = _blocking(AsyncClient.reindex)
    check = _blocking(AsyncClient.check)
    backup = _blocking(AsyncClient.backup)
    export = _iterating(AsyncClient.export)
    import_ = _blocking(AsyncClient.import_)
