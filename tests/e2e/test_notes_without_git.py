"""A repository that cannot be written or read harms no write, and nothing else in it."""

from pathlib import Path
from time import monotonic

import pytest
from filelock import FileLock
from tests.e2e.homes import Home, at_home, until
from tests.e2e.work_trees import committed_notes, lying_notes

pytestmark = pytest.mark.anyio

AT_MOST_SECONDS = 3
"""A write waits a second for the repository; the rest is for slow machines."""


async def _write_without_git(home: Home, name: str) -> None:
    begun = monotonic()
    kept = await home.call("remember", name=name, content="Green tea.")
    assert "mirror" in kept["degraded"]
    assert monotonic() - begun < AT_MOST_SECONDS
    assert home.server.recall("green tea")["results"]


async def test_a_write_during_another_programs_lease_is_committed_after_it(tmp_path: Path) -> None:
    async with at_home(tmp_path) as home:
        await home.call("remember", name="milk", content="White.")
        with FileLock(home.notes / ".git" / "recollect" / "lock"):
            await _write_without_git(home, "tea")
            assert committed_notes(home.notes).keys() == {"global/milk.md"}
        await until(lambda: "global/tea.md" in committed_notes(home.notes))


async def test_writes_without_a_folder_are_committed_once_there_is_one(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("in the way")
    async with at_home(tmp_path) as home:
        await _write_without_git(home, "tea")
        await _write_without_git(home, "milk")
        assert (await home.call("forget", name="milk")) == {"ok": True, "degraded": ["mirror"]}
        home.notes.unlink()
        await until(lambda: home.notes.is_dir() and "global/tea.md" in lying_notes(home.notes), 15)
        assert (await home.call("edit", name="tea", content="Black."))["degraded"] == []
        assert committed_notes(home.notes) == lying_notes(home.notes)


async def test_a_repository_lost_while_serving_is_made_anew(tmp_path: Path) -> None:
    async with at_home(tmp_path) as home:
        await home.call("remember", name="tea", content="Green.")
        home.notes.rename(tmp_path / "elsewhere")
        await home.call("remember", name="milk", content="White.")
        await until(lambda: home.notes.is_dir() and len(lying_notes(home.notes)) == 2, 15)
        assert home.all_notes().keys() == {":tea", ":milk"}


async def test_what_is_erased_is_in_no_file_and_no_answer(tmp_path: Path) -> None:
    async with at_home(tmp_path) as home:
        kept = await home.call("remember", name="secret", content="The word is abracadabra.")
        await home.call("edit", name="secret", content="The word was abracadabra.")
        home.edit_by_hand("global/secret.md", "was", "had been")
        await until(lambda: "had been" in home.all_notes()[":secret"]["content"])

        assert home.server.ask(f"/v1/memories/{kept['id']}/erase", {})["degraded"] == []

        assert lying_notes(home.notes) == committed_notes(home.notes) == {}
        assert home.server.recall("abracadabra")["results"] == []
        assert home.server.http.get(f"/v1/memories/{kept['id']}/history").status_code == 404
        home.server.kill()
        stored = b"".join(f.read_bytes() for f in (tmp_path / "tenants").rglob("*") if f.is_file())
        assert b"abracadabra" not in stored


async def test_a_file_that_cannot_be_read_is_told_to_agents_and_by_checks(tmp_path: Path) -> None:
    async with at_home(tmp_path) as home:
        await home.call("remember", name="tea", content="Green.")
        assert "skipped" not in await home.call("list")
        (home.notes / "global" / "bad.md").write_text("---\nid: 1\n---\n\nNo name.\n")
        await until(lambda: home.server.faults() != [])

        [fault] = home.server.faults()
        assert (fault["projection"], fault["repaired"]) == ("mirror", False)
        assert "global/bad.md" in fault["problem"]
    async with at_home(tmp_path) as home:
        await until(lambda: home.server.faults() == [fault])
        listed = await home.call("list")
        assert [skipped["path"] for skipped in listed["skipped"]] == ["global/bad.md"]
        assert listed["skipped"][0]["reason"]
        assert listed["count"] == 1
        (home.notes / "global" / "bad.md").unlink()
        await until(lambda: home.server.faults() == [])
        assert "skipped" not in await home.call("list")
