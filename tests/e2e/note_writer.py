"""Writes notes that are mirrored until it is killed: `python -m tests.e2e.note_writer`.

As `tests.e2e.writer`; but before each write it prints `begun`, and after each what a client would
know of one note: its id and how often it was written, or `gone`.
"""

import os
from itertools import count
from typing import Any

import anyio
from tests.e2e.writer import fork_for_each_line, tell

from recollect import operations
from recollect.app.mirroring import mirrored
from recollect.app.wiring import open_context
from recollect.settings import HashingSettings, load

WRITERS = 3


async def write_for_ever(place: dict[str, Any]) -> None:
    tell(str(os.getpid()))
    settings = load(**place, embedder=HashingSettings())
    async with (
        open_context(settings) as (plain, embedders),
        mirrored(settings, plain) as context,
        anyio.create_task_group() as tasks,
    ):
        await embedders.embedder.load()
        for writer in range(WRITERS):
            tasks.start_soon(_write, context, writer)


async def _write(context: operations.Context, writer: int) -> None:
    for number in count():
        name, scope = f"w{writer}-{os.getpid()}-{number}", ("", "team", "team/sub")[number % 3]
        tell("begun")
        note = operations.Remember(name=name, scope=scope, content="Written 1 times.")
        kept = await operations.remember(context, note)
        _told(kept.id, "1", kept.degraded)

        tell("begun")
        change = operations.Edit(id=kept.id, content="Written 2 times.")
        _told(kept.id, "2", (await operations.edit(context, change)).degraded)

        tell("begun")
        place = operations.Move(id=kept.id, to_scope="moved", new_name=name)
        _told(kept.id, "2", (await operations.move(context, place)).degraded)

        if number % 2:
            tell("begun")
            gone = await operations.forget(context, operations.ForgetOne(id=kept.id))
            _told(kept.id, "gone", gone.degraded)


def _told(note_id: str, state: str, degraded: list[str]) -> None:
    """Tell what a client knows now, and whether the mirror was said to follow later."""
    tell(" ".join([note_id, state, *degraded]))


if __name__ == "__main__":
    fork_for_each_line(write_for_ever)
