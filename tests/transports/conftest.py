"""Servers to ask: over every store, in this process. Commands to run."""

import json
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.contract.stores import STORES, empty_store
from tests.transports.commands import Answer, Run, logging_restored, runner
from tests.transports.memmachine import Face
from tests.transports.serving import client_of, settings_for

from recollect.app.serve import open_app
from recollect.app.telemetry import configure_logging


@pytest.fixture
def logged(capfd: pytest.CaptureFixture[str]) -> Generator[Callable[[], str]]:
    """Everything that was written so far while logging is set up as for a real server."""
    # What pytest puts in the place of standard error does not outlive the setup.
    stream = StringIO()
    with logging_restored():
        with redirect_stderr(stream):
            configure_logging("debug", json=True)
        yield lambda: "".join((stream.getvalue(), *capfd.readouterr()))


@pytest.fixture
async def api(tmp_path: Path) -> AsyncGenerator[httpx2.AsyncClient]:
    """A client of a server that keeps its memories in the process."""
    async with open_app(settings_for(tmp_path)) as app, client_of(app) as client:
        yield client


@pytest.fixture(params=STORES)
async def any_api(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncGenerator[httpx2.AsyncClient]:
    """A client of a server, once for every store."""
    with empty_store(request.param) as chosen:
        settings = settings_for(tmp_path, store=chosen)
        async with open_app(settings) as app, client_of(app) as client:
            yield client


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a command on a folder of its own and checks how it ended."""
    return runner(tmp_path / "d")


@pytest.fixture
def answer(run: Run) -> Answer:
    """Runs a command with `--json` and gives what it answers."""

    def invoke(*arguments: str, given: str | None = None, code: int = 0) -> Any:
        return json.loads(run(*arguments, "--json", given=given, code=code).stdout)

    return invoke


@pytest.fixture
def face(api: httpx2.AsyncClient) -> Face:
    """Asks the face of MemMachine, of a server that keeps its memories in the process."""
    return Face(api)


@pytest.fixture
def any_face(any_api: httpx2.AsyncClient) -> Face:
    """Asks the face of MemMachine, once for every store."""
    return Face(any_api)
