"""Writes to a store until it is killed: `python -m tests.e2e.writer`.

Each line of standard input is settings that tell where the store is. A fork of this process, whose
imports are done, prints its process id and writes to that store from several tasks. It prints
`begun` before each write and the ids after each, as a client would know them. When it is dead,
`gone` is printed.
"""

import json
import os
import sys
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

import anyio

from recollect import operations
from recollect.app.wiring import open_context
from recollect.settings import HashingSettings, load

WRITERS = 4


async def write_for_ever(place: dict[str, Any]) -> None:
    tell(str(os.getpid()))
    settings = load(**place, embedder=HashingSettings())
    async with open_context(settings) as (context, embedders), anyio.create_task_group() as tasks:
        await embedders.embedder.load()
        for writer in range(WRITERS):
            tasks.start_soon(_write, context, writer)


async def _write(context: operations.Context, writer: int) -> None:
    for number in count():
        tell("begun")
        text = f"The {number}th thing that writer {writer} of {os.getpid()} has to say"
        if writer % 2:
            note = operations.Remember(content=text)
            ids = [(await operations.remember(context, note)).id]
        else:
            turns = [{"content": f"{text}, {turn}", "producer": "Ann"} for turn in range(5)]
            talk = operations.Ingest.model_validate({"session": str(writer), "messages": turns})
            ids = (await operations.ingest(context, talk)).ids
        tell(" ".join(ids))


def tell(line: str) -> None:
    """One write to the pipe, whole or not at all."""
    os.write(sys.stdout.fileno(), f"{line}\n".encode())


def fork_for_each_line(write: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
    """Let a fork write what each line of standard input, a JSON object, tells it to."""
    for line in sys.stdin:
        if (fork := os.fork()) == 0:
            anyio.run(write, json.loads(line))
        os.waitpid(fork, 0)
        tell("gone")


if __name__ == "__main__":
    fork_for_each_line(write_for_ever)
