"""Copies a store until it is killed: `python -m tests.e2e.copier`; see `tests.e2e.writer`.

It is told the `source` and the `target`, and tells a line for every page; told only a `target`, it
abandons the copy there.
"""

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import anyio
from tests.e2e.writer import fork_for_each_line, tell

import recollect.adapters.postgres.copying
import recollect.adapters.sqlite.copying  # noqa: F401  (forks need not import it again)
from recollect.app.copying import Copying, abandon, copy
from recollect.settings import Settings


async def copy_slowly(places: dict[str, Any]) -> None:
    tell(str(os.getpid()))
    if "source" in places:
        await copy(Settings(), Copying(**places, page=2), _telling)
    else:
        await abandon(Settings(), places["target"], None)
        await anyio.sleep_forever()


@contextmanager
def _telling(what: str, _: int | None) -> Generator[Callable[[int], None]]:
    yield lambda _: tell(what)


if __name__ == "__main__":
    fork_for_each_line(copy_slowly)
