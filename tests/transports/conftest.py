"""Servers to ask: over every store, in this process."""

from collections.abc import AsyncGenerator
from pathlib import Path

import httpx2
import pytest
from tests.contract.stores import STORES
from tests.transports.serving import client_of, settings_for

from recollect.app.serve import open_app


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
    settings = settings_for(tmp_path, store=STORES[request.param])
    async with open_app(settings) as app, client_of(app) as client:
        yield client
