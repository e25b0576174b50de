"""Serving: one process with its context, its faces and its work in the background."""

import signal
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from types import FrameType
from typing import TypeVar

import structlog
import uvicorn
from anyio import Event, Lock, create_task_group, sleep, sleep_forever, to_thread
from starlette.types import ASGIApp

from recollect.api.app import create_app
from recollect.api.guard import Policy
from recollect.api.shared import Shared
from recollect.app import running
from recollect.app.faces import late_faces
from recollect.app.listening import listening
from recollect.app.mirroring import mirrored
from recollect.app.wiring import Embedders, open_context
from recollect.errors import ConfigError, RecollectError
from recollect.operations import EMBEDDING, QUEUES, Context, Queue, catch_up, work
from recollect.operations.embedding import model_key, older_keys
from recollect.settings import Settings, is_loopback

T = TypeVar("T")

log = structlog.get_logger()

POLL = timedelta(milliseconds=500)
"""How often work in the background is looked for."""

LOOK_AFTER = timedelta(minutes=1)
"""How often to see whether what was stored since is worth an index."""

AGAIN = timedelta(seconds=10)
"""How long until what failed is tried again, such as loading a model that was not there."""


@asynccontextmanager
async def open_app(settings: Settings) -> AsyncGenerator[ASGIApp]:
    """Give the application, ready to answer, with its work running in the background.

    Raises:
        ConfigError: It would be reachable from other machines without a credential.
    """
    policy = _policy(settings)
    loaded = Event()
    async with (
        open_context(settings) as (plain, embedders),
        mirrored(settings, plain, turn=loaded) as context,
        create_task_group() as tasks,
    ):
        queues = QUEUES if settings.work_in_background else ()
        tasks.start_soon(work_in_background, context, embedders, loaded, queues)
        shared = Shared(context)
        faces, routes = late_faces(settings, shared)
        turn = Lock()
        for face in faces:
            tasks.start_soon(face.open, turn)
        await context.log.last_seq(context.tenant)
        shared.starting = None
        yield create_app(shared, policy, routes)
        tasks.cancel_scope.cancel()


async def work_in_background(
    context: Context,
    embedders: Embedders,
    loaded: Event | None = None,
    queues: Sequence[Queue] = QUEUES,
) -> None:
    """Load the models and do what waits in the queues, for as long as the process runs.

    The event is set once loading the current model was tried; only embedding waits for it to
    succeed.
    """
    tried, ready = loaded or Event(), Event()

    async def load() -> None:
        try:
            await embedders.embedder.load()
        finally:
            tried.set()
        await catch_up(context)

    async def warm_older() -> None:
        for key in await older_keys(context):
            await context.vectors.warm(context.tenant, key)

    async def warm() -> None:
        await context.vectors.warm(context.tenant, model_key(context))
        await warm_older()

    async def load_previous() -> None:
        await tried.wait()
        await embedders.load_previous(context)
        await warm_older()

    async with create_task_group() as tasks:
        tasks.start_soon(_insist, load_previous)
        tasks.start_soon(_look_after, warm, tried)
        for queue in queues:
            tasks.start_soon(_follow, context, queue, ready if queue is EMBEDDING else tried)
        await _insist(load)
        ready.set()


async def _follow(context: Context, queue: Queue, turn: Event) -> None:
    """Do what waits in one queue, from the event on."""
    await turn.wait()
    while True:
        if not await _insist(partial(work, context, [queue])):
            await sleep(POLL.total_seconds())


async def _look_after(warm: Callable[[], Awaitable[None]], turn: Event) -> None:
    """Keep searches quick, from the event on; embedding does not wait for it."""
    await turn.wait()
    while True:
        await _insist(warm)
        await sleep(LOOK_AFTER.total_seconds())


async def _insist(step: Callable[[], Awaitable[T]]) -> T:
    """Do it until it succeeds.

    What fails is logged and tried again: a full disk or a missing model must not end the server.
    """
    while True:
        try:
            return await step()
        except RecollectError as error:
            log.warning("background.failed", code=error.code, problem=str(error))
        except Exception as error:
            # A boundary of the process: answers from words are better than no server.
            log.exception("background.crashed", error=type(error).__name__)
        await sleep(AGAIN.total_seconds())


def _policy(settings: Settings) -> Policy:
    loopback = is_loopback(settings.host)
    if not loopback and settings.token is None and not settings.insecure:
        raise ConfigError(
            f"listening at {settings.host} would let every machine in: set RECOLLECT_TOKEN, "
            "or pass --insecure if something else guards the way"
        )
    return Policy(
        token=None if settings.token is None else settings.token.get_secret_value(),
        hosts=(*settings.allowed_hosts, settings.host),
        origins=settings.allowed_origins,
        any_host=not loopback and not settings.allowed_hosts,
        max_body_bytes=settings.max_body_bytes,
        deadline_seconds=settings.deadline_seconds,
    )


async def serve(settings: Settings) -> None:
    """Listen until the process is told to stop, and close everything.

    Raises:
        ConfigError: It cannot or must not listen there.
        KeyboardInterrupt: That is how it was stopped.
    """
    if settings.configured and (replaced := settings.configured.replaced):
        log.warning("configuration.databases_replaced", databases=[r.name for r in replaced])
    async with open_app(settings) as app:
        was_interrupted = await listen(app, settings)
    if was_interrupted:
        raise KeyboardInterrupt


class _Server(uvicorn.Server):
    """Ends after a signal, and not the process with it: there is more to close."""

    was_interrupted = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; at once if interrupted again."""
        del frame
        self.was_interrupted = sig == signal.SIGINT
        self.force_exit = self.should_exit and self.was_interrupted
        self.should_exit = True


async def listen(app: ASGIApp, settings: Settings) -> bool:
    """Serve the application until a signal comes; says whether that was an interrupt.

    Raises:
        ConfigError: It cannot listen there.
    """
    sockets = await to_thread.run_sync(listening, settings.host, settings.port)
    server = _Server(
        uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=10,
        )
    )
    async with create_task_group() as tasks:
        tasks.start_soon(_announce, server, settings, sockets[0].getsockname()[1])
        try:
            await server.serve(sockets)
        finally:
            tasks.cancel_scope.cancel()
    return server.was_interrupted


async def _announce(server: uvicorn.Server, settings: Settings, port: int) -> None:
    """Note the address in the data folder once the server listens, for `recollect mcp`."""
    while not server.started:  # noqa: ASYNC110  (uvicorn has no event for it)
        await sleep(0.01)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    log.info("server.listening", url=f"http://{host}:{port}")
    with running.announced(settings.data_dir, f"http://{host}:{port}", settings.store.kind):
        await sleep_forever()
