"""The store used inside a process: the client's methods run the operations directly."""

from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from os import PathLike
from pathlib import Path
from typing import Final, TypeVar

from anyio import Event, Lock, move_on_after

from recollect import operations, settings
from recollect.app.beside import beside
from recollect.app.mirroring import PATIENCE, mirrored
from recollect.app.wiring import Embedders, open_context
from recollect.client.asynchronous import AsyncClient
from recollect.client.blocking import Client
from recollect.errors import EmbedderUnavailable, StoreUnavailable, Unavailable
from recollect.operations import (
    EMBEDDING,
    Context,
    Imported,
    Operation,
    Queue,
    Request,
    Result,
)

Q = TypeVar("Q", bound=Request)
R = TypeVar("R", bound=Result)

_EMBEDDING: Final = (
    operations.Remember,
    operations.Edit,
    operations.Move,
    operations.Ingest,
    operations.Learn,
    operations.Correct,
    operations.Reindex,
    operations.Check,
)
"""What makes vectors, or leaves some to be made."""

_ASKING: Final = (operations.Recall, operations.PromptContext)

_WITH_MODEL: Final = (*_EMBEDDING, *_ASKING, operations.Stats)
"""What is worth loading the model for; the rest answers without that wait."""


class LocalTransport:
    """Runs operations on a context of this process.

    The model is loaded when it is first of use. Without one everything works by words alone, and
    answers say so in `degraded`.

    Args:
        context: What it runs on.
        embedders: The context's, not loaded.
        came_in: People's edits were taken in, as yet without vectors.
    """

    def __init__(self, context: Context, embedders: Embedders, *, came_in: bool = False) -> None:
        self._context = context
        self._embedders = embedders
        self._is_loaded = False
        self._came_in = came_in
        self._loading = Lock()
        self._working = Lock()
        self._waits = Event()

    async def run(self, operation: Operation[Q, R], request: Q) -> R:
        """Carry the request out."""
        if isinstance(request, _WITH_MODEL):
            await self._load()
        if isinstance(request, _ASKING):
            await self._embed_what_came_in()
        result = await operation(self._context, request)
        if isinstance(request, _EMBEDDING):
            self._waits.set()
        return result

    def export(self) -> AsyncGenerator[str]:
        """Every record as lines of JSON."""
        return operations.export(self._context)

    async def import_lines(self, lines: AsyncIterable[str], *, dry_run: bool = False) -> Imported:
        """Store what an export gave."""
        if dry_run:
            return await operations.import_lines(self._context, lines, dry_run=True)
        await self._load()
        imported = await operations.import_lines(self._context, lines)
        self._waits.set()
        return imported

    async def aclose(self) -> None:
        """Nothing: whoever opened the context closes it."""

    async def catch_up(self) -> None:
        """Have everything embedded that still waits."""
        await self._load()
        self._waits.set()

    async def work_in_background(self) -> None:
        """Do what writes leave behind, until cancelled."""
        while True:
            await self._waits.wait()
            await self.finish()
            # Nobody waits for the rest at the end: it stays noted in the store.
            for queue in operations.QUEUES:
                if queue is not EMBEDDING:
                    await self._work_off(queue)

    async def finish(self) -> None:
        """Embed whatever writes of this transport have left behind.

        What cannot be embedded now stays noted in the store.
        """
        async with self._working:
            if self._waits.is_set():
                self._waits = Event()
                if self._embedders.embedder.problem is not None:
                    return  # an attempt now would only put off the next one
                with suppress(Unavailable):
                    await operations.catch_up(self._context)
                await self._work_off(EMBEDDING)

    async def _embed_what_came_in(self) -> None:
        """Have found by meaning, too, what came in before the model was there; for a second."""
        if not self._came_in or self._embedders.embedder.problem is not None:
            return
        self._came_in = False
        with move_on_after(PATIENCE.total_seconds()):
            async with self._working:
                await self._work_off(EMBEDDING)

    async def _work_off(self, queue: Queue) -> None:
        with suppress(Unavailable):
            while await operations.work(self._context, [queue]):
                pass

    async def _load(self) -> None:
        async with self._loading:
            if not self._is_loaded:
                self._is_loaded = True
                with suppress(EmbedderUnavailable):
                    await self._embedders.embedder.load()
                with suppress(EmbedderUnavailable):
                    await self._embedders.load_previous(self._context)


def open_client(path: str | PathLike[str] | None = None) -> Client:
    """Open a data folder and use it inside this process, by a client that blocks.

    Other processes may use the folder at the same time. Close the client, or use it as a context
    manager: closing finishes what is embedded in the background.

    Args:
        path: The data folder; created if it is not there. The configured one when left out.

    Raises:
        ConfigError: The settings in the environment are wrong.
        StoreUnavailable: The folder cannot be read or written.
    """
    return Client(opening=open_async_client(path))


def open_async_client(
    path: str | PathLike[str] | None = None,
) -> AbstractAsyncContextManager[AsyncClient]:
    """Open a data folder inside this process, as an async context manager; see `open`."""
    data_dir = Path(path).expanduser() if path else path
    return open_local(settings.load(data_dir=data_dir))


@asynccontextmanager
async def open_local(
    chosen: settings.Settings, *, catching_up: bool = False
) -> AsyncGenerator[AsyncClient]:
    """Open the store that the settings choose, and close it at the end.

    After an error in the block background work is finished too; an interrupt leaves it.

    Args:
        chosen: The settings.
        catching_up: Embed what earlier writes have left, too.
    """
    async with _open_transport(chosen) as local, beside(local.work_in_background):
        try:
            if catching_up:
                await local.catch_up()
            yield AsyncClient(transport=local)
        except Exception:
            await local.finish()
            raise
        await local.finish()


@asynccontextmanager
async def _open_transport(chosen: settings.Settings) -> AsyncGenerator[LocalTransport]:
    async with open_context(chosen) as (plain, embedders):
        known = await _last_seq(plain)
        async with mirrored(chosen, plain) as context:
            came_in = await _last_seq(context) > known
            yield LocalTransport(context, embedders, came_in=came_in)


async def _last_seq(context: Context) -> int:
    """The newest change; 0 if the store cannot be opened, as the first operation will tell."""
    try:
        return await context.log.last_seq(context.tenant)
    except StoreUnavailable:
        return 0
