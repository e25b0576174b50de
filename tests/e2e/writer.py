"""Writes to a store until it is killed: `python -m tests.e2e.writer`.

Each line of standard input is a data folder. A fork of this process, whose imports are done,
writes to the store in it from several tasks; the fork's process id is printed. In the folder's
file `told` it notes `begun` before each write and the ids after each, as a client would know them.
"""

import os
import sys
from itertools import count
from pathlib import Path

import anyio

from recollect import operations
from recollect.app.wiring import open_context
from recollect.settings import HashingSettings, load

TOLD = "told"
WRITERS = 4


async def write_for_ever(folder: Path) -> None:
    told = os.open(folder / TOLD, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    settings = load(data_dir=folder, embedder=HashingSettings())
    async with open_context(settings) as (context, model), anyio.create_task_group() as tasks:
        await model.embedder.load()
        for writer in range(WRITERS):
            tasks.start_soon(_write, context, writer, told)


async def _write(context: operations.Context, writer: int, told: int) -> None:
    for number in count():
        os.write(told, b"begun\n")
        text = f"The {number}th thing that writer {writer} of {os.getpid()} has to say"
        if writer % 2:
            note = operations.Remember(content=text)
            ids = [(await operations.remember(context, note)).id]
        else:
            turns = [{"content": f"{text}, {turn}", "producer": "Ann"} for turn in range(5)]
            talk = operations.Ingest.model_validate({"session": str(writer), "messages": turns})
            ids = (await operations.ingest(context, talk)).ids
        os.write(told, f"{' '.join(ids)}\n".encode())


def main() -> None:
    for line in sys.stdin:
        folder = Path(line.strip())
        if (fork := os.fork()) == 0:
            anyio.run(write_for_ever, folder)
        print(fork, flush=True)  # noqa: T201
        os.waitpid(fork, 0)
        print("gone", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
