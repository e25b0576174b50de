"""Commands to run in a test."""

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog
from typer.testing import CliRunner, Result

from recollect.cli.main import app

Run = Callable[..., Result]
Answer = Callable[..., Any]


@contextmanager
def logging_restored() -> Generator[None]:
    """Logging is set up afterwards as it was before."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        structlog.reset_defaults()
        root.handlers[:] = handlers
        root.setLevel(level)


def runner(data_dir: Path) -> Run:
    """Runs a command on this folder and checks how it ended."""
    environment = {"RECOLLECT_EMBEDDER__KIND": "hashing", "RECOLLECT_DATA_DIR": str(data_dir)}

    def invoke(*arguments: str, code: int = 0, given: str | bytes | None = None) -> Result:
        # A command that serves sets logging up, to a stream that ends with the command.
        with logging_restored():
            result = CliRunner(env=environment).invoke(app, arguments, input=given)
        assert result.exit_code == code, (result.output, result.exception)
        return result

    return invoke
