"""The mirror of a running process: it follows the change log and people's edits."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial

import structlog
from anyio import Event, current_time, move_on_after, sleep

from recollect.app.beside import beside
from recollect.app.remote_notes import credential
from recollect.app.wiring import open_note_repositories
from recollect.errors import RecollectError, Unavailable
from recollect.operations import Context
from recollect.operations.mirror import Mount, check_place, exchange, mirror, mounts_of
from recollect.ports import Exchange, NoteRepository, SkippedFile
from recollect.settings import InMemoryStoreSettings, Settings

log = structlog.get_logger()

POLL = timedelta(seconds=2)
"""How often people's edits are looked for."""

LOOK_SHARE = 0.02
"""At most this share of the time goes into looking; with more notes it is done less often."""

LONGEST_POLL = timedelta(seconds=3)
"""How often at least: an edit by hand is to be known within five seconds."""

PATIENCE = timedelta(seconds=1)
"""How long a write waits for its file and commit, and a recall for what people edited."""

AGAIN = timedelta(seconds=10)
"""How long until what failed is tried again."""


class FollowingMirror:
    """Passes over each repository when a note was written, and when it is time to look.

    Args:
        context: In which it acts; without a mirror, so that it never waits for itself.
        opening: Opens the repositories; tried again until it succeeds.
        logs: Whether failures are logged; the answers to writes tell of them as well.
    """

    def __init__(
        self,
        context: Context,
        opening: Callable[[], Awaitable[Sequence[NoteRepository]]],
        *,
        logs: bool,
    ) -> None:
        self._context = context
        self._opening = opening
        self._logs = logs
        self._mounts: Sequence[Mount] = ()
        self._skipped: list[SkippedFile] = []
        self._reached = -1
        self._problem: RecollectError | None = None
        self._wanted = Event()
        self._passed = Event()

    async def check_place(self, scope: str, name: str, own_id: str = "") -> None:
        """As the port says."""
        for mount in self._mounts:
            if mount.owns(scope):
                # A repository out of reach fails no write; a later pass reports what has no place.
                with suppress(Unavailable):
                    await check_place(mount, scope, name, own_id)

    async def reached(self, tenant: str, seq: int) -> bool:
        """As the port says."""
        del tenant  # the context's own
        self._wanted.set()
        if self._problem is None:
            with move_on_after(PATIENCE.total_seconds()):
                while self._reached < seq and self._problem is None:
                    await self._passed.wait()
        return self._reached >= seq

    async def sync(self, *, pull: bool) -> list[Exchange]:
        """As the port says."""
        await self._open()
        return [await exchange(self._context, mount, pull=pull) for mount in self._mounts]

    def skipped(self) -> list[SkippedFile]:
        """As the port says."""
        return self._skipped

    async def follow(self, turn: Event | None = None) -> None:
        """Pass over the repositories until cancelled; what fails is logged and tried again.

        Args:
            turn: When to begin; None for at once.
        """
        if turn is not None:
            await turn.wait()
        due, took = 0.0, 0.0
        while True:
            self._wanted = Event()
            began = current_time()
            # However often something is written, edits by hand have their turn.
            await self._pass(look=began >= due)
            now = current_time()
            if self._problem is not None:
                due = now + AGAIN.total_seconds()
            elif began >= due:
                due = now + _pause(min(took, now - began))
                took = now - began
            with move_on_after(due - now):
                await self._wanted.wait()

    async def first_pass(self) -> None:
        """Wait until the repositories were looked at once, as long as for a write."""
        with move_on_after(PATIENCE.total_seconds()):
            await self._passed.wait()

    async def _pass(self, *, look: bool) -> None:
        try:
            await self._open()
            # The default one comes last: a note leaves it when its new repository has it.
            passes = [
                await mirror(self._context, mount, look=look) for mount in reversed(self._mounts)
            ]
            self._problem = None
            self._reached = min(passed.seq for passed in passes)
            self._skipped = [skipped for passed in passes for skipped in passed.skipped]
        except RecollectError as error:
            if self._problem is None and self._logs:
                log.warning("mirror.failed", code=error.code, problem=str(error))
            self._problem = error
        except Exception as error:
            # A boundary of the process: memory without files is better than no memory.
            if self._problem is None and self._logs:
                log.exception("mirror.crashed", error=type(error).__name__)
            self._problem = RecollectError("the notes in git failed in a way that is not known")
        if self._problem is not None:
            self._mounts = ()  # somebody may have put another folder in its place
        done, self._passed = self._passed, Event()
        done.set()

    async def _open(self) -> None:
        if not self._mounts:
            self._mounts = mounts_of(await self._opening())

    async def sync_every(self, seconds: float) -> None:
        """Sync again and again until cancelled."""
        while True:
            await sleep(seconds)
            try:
                failed = [(done.label, done.problem) for done in await self.sync(pull=True)]
            except RecollectError as error:  # no repository could be opened
                failed = [("default", error)]
            for label, problem in failed:
                if problem is not None:
                    log.warning("sync.failed", repository=label, code=problem.code)


def _pause(took: float) -> float:
    """Seconds until the next look. `took` is the shorter of two: one may have brought much in."""
    return min(max(POLL.total_seconds(), took / LOOK_SHARE), LONGEST_POLL.total_seconds())


@asynccontextmanager
async def mirrored(
    settings: Settings, context: Context, *, turn: Event | None = None
) -> AsyncGenerator[Context]:
    """The context with a mirror that works for as long as the block, if there is to be one.

    Args:
        settings: Whether there is one, and where.
        context: Without a mirror.
        turn: Begin when it is set, and log. Without one let people's edits come in first, if that
            takes no second, and leave logs to whoever owns the process.
    """
    if not settings.git.mirror or isinstance(settings.store, InMemoryStoreSettings):
        yield context
        return
    opening = partial(open_note_repositories, settings, partial(credential, settings))
    following = FollowingMirror(context, opening, logs=turn is not None)
    works = [partial(following.follow, turn)]
    if (interval := settings.git.interval_seconds) is not None:
        works.append(partial(following.sync_every, interval))
    async with beside(*works):
        if turn is None:
            await following.first_pass()
        yield replace(context, mirror=following)
