"""Working without serving: what servers leave to other processes."""

import signal
from functools import partial

import structlog
from anyio import Event, open_signal_receiver

from recollect.app.beside import beside
from recollect.app.mirroring import mirrored
from recollect.app.serve import work_in_background
from recollect.app.wiring import open_context
from recollect.settings import Settings

log = structlog.get_logger()


async def work_until_stopped(settings: Settings) -> None:
    """Do what waits in every queue of the store, and mirror notes, until a signal comes.

    Raises:
        StoreUnavailable: The store cannot be opened.
        KeyboardInterrupt: That is how it was stopped.
    """
    loaded = Event()
    async with (
        open_context(settings) as (plain, embedders),
        mirrored(settings, plain, turn=loaded) as context,
        beside(partial(work_in_background, context, embedders, loaded)),
    ):
        await context.log.last_seq(context.tenant)
        was_interrupted = await _stopped()
    if was_interrupted:
        raise KeyboardInterrupt


async def _stopped() -> bool:
    """Wait for the signal to stop; says whether it was an interrupt."""
    with open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        log.info("worker.started")
        async for received in signals:
            return received == signal.SIGINT
    return False
