"""Copies a store until it is killed: `python -m tests.e2e.copier`; see `tests.e2e.writer`.

Of each folder `source` is the data folder that is copied, and `target` a file with the name of
where to. The process tells a line for every page.
"""

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.writer import fork_for_each_line, tell

from recollect.app.copying import Copying, copy
from recollect.settings import Settings


async def copy_slowly(folder: Path) -> None:
    tell(str(os.getpid()))
    target = (folder / "target").read_text(encoding="utf-8")
    copying = Copying(source=f"sqlite:{folder / 'source'}", target=target, page=2)
    await copy(Settings(), copying, _telling)


@contextmanager
def _telling(what: str, _: int | None) -> Generator[Callable[[int], None]]:
    yield lambda _: tell(what)


if __name__ == "__main__":
    fork_for_each_line(copy_slowly)
