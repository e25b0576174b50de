"""Progress of long work: bars on standard error, only on a terminal, and waiting for its end."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from recollect.client.blocking import Client

POLL_SECONDS = 0.1
STALLED_SECONDS = 30


@contextmanager
def progress(what: str, total: int | None) -> Generator[Callable[[int], None]]:
    """Show how far the work is; the block calls what it is given with how much more is done.

    Args:
        what: What is being done.
        total: How much there is; None when nobody knows.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.advance(task, done)


def await_embedding(client: "Client", waiting: int) -> int:
    """Wait until what waits is embedded; gives how many still do, and tells people why.

    Without a model, or once nothing moves any more, it waits no longer; nor does it for an index
    that is being made of the vectors, which may take minutes and is not needed for answers.
    """
    problem = "the work has stalled; it goes on with the next write, or in a running server"
    moved = monotonic()
    with progress("Embedding", waiting) as advance:
        while waiting and monotonic() - moved < STALLED_SECONDS:
            figures = client.stats()
            if figures.problem is not None:
                problem = figures.problem
                break
            if figures.waiting != waiting:
                advance(max(waiting - figures.waiting, 0))
                waiting, moved = figures.waiting, monotonic()
            if waiting:
                sleep(POLL_SECONDS)
    if waiting:
        typer.echo(f"still waiting to be embedded: {waiting} ({problem})", err=True)
    if (made := client.stats().indexed) is not None:
        typer.echo(f"index of vectors: {made:.0%} made; see `recollect stats`", err=True)
    return waiting
