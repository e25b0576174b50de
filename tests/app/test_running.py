import json
import os
from pathlib import Path

import pytest
from tests.transports.mcp_clients import listening
from tests.transports.serving import settings_for

from recollect.app.finding import server_of
from recollect.app.running import announced, note_of

pytestmark = pytest.mark.anyio

NOBODY = "http://127.0.0.1:1"


def noted(url: str) -> str:
    return json.dumps({"url": url, "store": "sqlite"})


async def test_a_server_is_found_by_its_note_while_it_runs(tmp_path: Path) -> None:
    async with listening(settings_for(tmp_path)) as url:
        with announced(tmp_path, url, "sqlite"):
            assert await server_of(tmp_path, "sqlite") == url
        assert await server_of(tmp_path, "sqlite") is None


async def test_the_other_server_is_found_when_one_of_two_has_ended(tmp_path: Path) -> None:
    async with listening(settings_for(tmp_path)) as url:
        note_of(tmp_path, 1).write_text(noted(url))
        with announced(tmp_path, NOBODY, "sqlite"):
            pass
        assert await server_of(tmp_path, "sqlite") == url


async def test_what_a_killed_server_left_behind_is_taken_away(tmp_path: Path) -> None:
    async with listening(settings_for(tmp_path)) as url:
        note_of(tmp_path, 1).write_text(noted(url))
        note_of(tmp_path, 2).write_text(noted(NOBODY))
        os.utime(note_of(tmp_path, 1), (0, 0))
        assert await server_of(tmp_path, "sqlite") == url
    assert os.listdir(tmp_path) == ["server-1.json"]  # noqa: PTH208


async def test_a_damaged_note_counts_as_none(tmp_path: Path) -> None:
    note_of(tmp_path, 1).write_text("[", encoding="utf-8")
    assert await server_of(tmp_path, "sqlite") is None


async def test_a_server_over_another_store_is_not_meant(tmp_path: Path) -> None:
    async with listening(settings_for(tmp_path)) as url:
        with announced(tmp_path, url, "postgres"):
            assert await server_of(tmp_path, "sqlite") is None
            assert await server_of(tmp_path, "postgres") == url
