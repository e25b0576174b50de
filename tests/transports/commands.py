"""Commands to run in a test."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from recollect.cli.main import app

Run = Callable[..., Result]
Answer = Callable[..., Any]


def runner(data_dir: Path) -> Run:
    """Runs a command on this folder and checks how it ended."""
    environment = {"RECOLLECT_EMBEDDER__KIND": "hashing", "RECOLLECT_DATA_DIR": str(data_dir)}

    def invoke(*arguments: str, code: int = 0, given: str | bytes | None = None) -> Result:
        result = CliRunner(env=environment).invoke(app, arguments, input=given)
        assert result.exit_code == code, (result.output, result.exception)
        return result

    return invoke
