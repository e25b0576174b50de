"""The whole life of notes, by nothing but an MCP client, files and a bare repository.

Remembered, edited by hand, shared over a remote, cloned, edited on both sides, lost and restored.
"""

import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import anyio
import pytest
from mcp import Client
from pygit2 import clone_repository, init_repository
from tests.e2e.homes import SEEN_WITHIN_SECONDS
from tests.e2e.note_format import read_strictly
from tests.e2e.servers import serving
from tests.e2e.work_trees import committed_notes, unclean
from tests.transports.mcp_clients import call
from tests.transports.test_mcp_everywhere import stdio

pytestmark = pytest.mark.anyio

MEETING = "We meet on Monday.\n\nAnn brings the keys.\n\nThe room is on the left."
TEAM_MEETING = {"name": "team/meeting", "scope": "acme/api"}


@asynccontextmanager
async def client_of(transport: str, folder: Path) -> AsyncGenerator[Client]:
    """A client of the folder's notes; over stdio it starts the program for itself."""
    if transport == "stdio":
        async with stdio("auto", DATA_DIR=str(folder), EMBEDDER__KIND="hashing") as tools:
            yield tools
    else:
        with serving(folder) as server:
            async with Client(f"{server.http.base_url}/mcp") as tools:
                yield tools


async def all_notes(tools: Client) -> dict[tuple[str, str], dict[str, Any]]:
    """Every note as `read` gives it, by scope and name; without what each machine counts itself."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    page = await call(tools, "list", scope="all", limit=2)
    while True:
        for summary in page["memories"]:
            scope, name = summary["scope"], summary["name"]
            note = await call(tools, "read", scope=scope, name=name)
            kept = {field: note[field] for field in note if field not in ("revision", "updated_at")}
            found[scope, name] = kept
        if not page["has_more"]:
            return found
        page = await call(tools, "list", scope="all", limit=2, cursor=page["next_cursor"])


async def recalled(tools: Client, query: str, text: str) -> Any:
    """The hit with this text, which must come within the time that an edit may take."""
    began = monotonic()
    while True:
        for hit in (await call(tools, "recall", query=query, scope="all"))["results"]:
            if text in hit["content"]:
                return hit
        assert monotonic() - began < SEEN_WITHIN_SECONDS
        await anyio.sleep(0.05)


def edit_by_hand(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


def begin(here: Path, remote: Path) -> None:
    """A bare repository, and a first folder whose notes know it as their remote."""
    init_repository(str(remote), bare=True, initial_head="main")
    notes = here / "notes"
    notes.mkdir(parents=True)
    init_repository(str(notes), initial_head="main").remotes.create("origin", str(remote))


async def remember_and_edit_by_hand(tools: Client, notes: Path) -> None:
    kept = await call(tools, "remember", name="tea", content="We drink green tea.", tags=["yes"])
    await call(tools, "remember", **TEAM_MEETING, content=MEETING, source="a talk")
    edit_by_hand(notes / "global/tea.md", "green tea", "oolong")
    assert (await recalled(tools, "what do we drink", "oolong"))["id"] == kept["id"]


async def change_both(one: Client, notes_of_one: Path, two: Client) -> None:
    """The same notes on both sides: lines of one text, tags, a tag against a place."""
    meeting = notes_of_one / "projects/acme/api/team/meeting.md"
    edit_by_hand(meeting, "Monday", "Tuesday, says one")
    await call(one, "edit", name="tea", tags=["yes", "one"])
    await call(one, "remember", name="of-one", content="Only one knew this.")
    await call(two, "edit", **TEAM_MEETING, content=MEETING.replace("left", "right, says two"))
    await call(two, "edit", name="tea", tags=["yes", "two"])
    await call(two, "move", name="tea", to_scope="kitchen")


async def sync(*clients: Client) -> None:
    for tools in clients:
        assert (await call(tools, "sync"))["status"] == "sync complete"


@pytest.mark.parametrize("transport", ["http", "stdio"])
async def test_notes_are_edited_shared_merged_lost_and_restored(
    transport: str, tmp_path: Path
) -> None:
    here, there, remote = tmp_path / "here", tmp_path / "there", tmp_path / "remote.git"
    begin(here, remote)
    async with client_of(transport, here) as one:
        await remember_and_edit_by_hand(one, here / "notes")
        await sync(one)
        clone_repository(str(remote), str(there / "notes"))
        async with client_of(transport, there) as two:
            await recalled(two, "what do we drink", "oolong")
            assert await all_notes(two) == await all_notes(one)
            await change_both(one, here / "notes", two)
            await sync(one, two, one)
            notes = await all_notes(two)
            assert await all_notes(one) == notes

    assert set(notes) == {("acme/api", "team/meeting"), ("global", "of-one"), ("kitchen", "tea")}
    merged = MEETING.replace("Monday", "Tuesday, says one").replace("left", "right, says two")
    assert notes["acme/api", "team/meeting"]["content"] == merged
    assert sorted(notes["kitchen", "tea"]["tags"]) == ["one", "two", "yes"]
    files = committed_notes(remote)
    assert committed_notes(here / "notes") == committed_notes(there / "notes") == files
    assert {read_strictly(content).name for content in files.values()} == {n for _, n in notes}

    shutil.rmtree(there / "tenants")
    async with client_of(transport, there) as two:
        await recalled(two, "what do we drink", "oolong")
        assert await all_notes(two) == notes
    assert committed_notes(there / "notes") == files
    assert unclean(here / "notes") == unclean(there / "notes") == []
