"""Showing results to people: what all of them share."""

import re
import sys
from functools import singledispatch

from rich.console import Console
from rich.table import Table
from rich.text import Text

from recollect.operations import (
    Result,
)

PIPED_WIDTH = 200
"""Columns of a table that goes into a file or a pipe, where nobody knows how wide it may be."""


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@singledispatch
def show(result: Result) -> None:
    """Print the result of an operation."""
    say(result.model_dump_json(indent=2))


def columns(*names: str) -> Table:
    """An empty table with these columns."""
    table = Table(box=None, pad_edge=False, header_style="cyan")
    for column in names:
        table.add_column(column, overflow="fold", no_wrap=column == "id")
    return table


def say(what: Table | Text | str) -> None:
    """Print it, a table as wide as the terminal."""
    width = None if sys.stdout.isatty() else PIPED_WIDTH
    console = Console(highlight=False, markup=False, width=width)
    console.print(what, soft_wrap=not isinstance(what, Table))


def plain(text: str) -> Text:
    """The text without what would steer a terminal; no character of it is markup."""
    return Text(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", text))


def clipped(text: str) -> Text:
    """The text in one line, and if that is too long its beginning."""
    line = plain(text)
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def at(scope: str, name: str) -> str:
    """A note's name and place."""
    return f"{name} in {scope}" if scope else name


def many(count: int, what: str) -> str:
    """So many of them, with the right ending."""
    if count == 1:
        return f"1 {what}"
    return f"{count} {what.removesuffix('y')}ies" if what.endswith("y") else f"{count} {what}s"
