"""Notes go to a git remote and come from it, by command."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pygit2
import pytest
from tests.transports.commands import Answer, Run, runner


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A remote without anything, to which every data folder of the test syncs."""
    path = tmp_path / "remote.git"
    pygit2.init_repository(str(path), bare=True)
    monkeypatch.setenv("RECOLLECT_GIT__REMOTE_URL", str(path))
    return str(path)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Run:
    """Runs a command on another data folder."""
    return runner(tmp_path / "elsewhere")


def names(answer: Callable[..., Any]) -> dict[str, str]:
    return {m["name"]: m["content"] for m in answer("list", "--look", "all")["memories"]}


def test_two_folders_exchange_notes_over_a_remote(
    run: Run, answer: Answer, elsewhere: Run, remote: str
) -> None:
    run("remember", "Green.", "--name", "tea", "--scope", "home")
    assert answer("sync")["pull"] == "up-to-date"
    assert "1 added" in elsewhere("sync").stdout
    elsewhere("edit", "tea", "Black.", "--scope", "home")
    elsewhere("sync")
    synced = answer("sync")
    assert (synced["status"], synced["pull"]) == ("sync complete", "fast-forward")
    assert synced["reindex"] == {"added": 0, "updated": 1, "removed": 0, "errors": 0}
    assert names(answer) == {"tea": "Black."}
    assert "token" not in Path(remote, "config").read_text()


def test_notes_of_a_remote_are_imported_once(
    run: Run, answer: Answer, elsewhere: Run, remote: str
) -> None:
    elsewhere("remember", "Green.", "--name", "tea", "--tag", "drink")
    elsewhere("sync")
    assert answer("import", "git", remote, "--dry-run")["imported"] == 1
    assert answer("import", "git", remote)["imported"] == 1
    assert answer("import", "git", remote)["unchanged"] == 1
    note = answer("read", "tea")
    assert (note["content"], note["tags"]) == ("Green.", ["drink"])
    run("import", "git", remote, "--branch", "other", code=3)


def test_a_remote_that_is_not_there_fails_plainly(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RECOLLECT_GIT__REMOTE_URL", str(tmp_path / "nowhere"))
    failed = run("sync", code=5)
    assert failed.stderr.startswith("error: sync failed for 1/1 repos: default: ")


def test_who_has_no_remote_is_told_how_to_get_one(run: Run) -> None:
    run("remember", "Green.", "--name", "tea")
    assert "RECOLLECT_GIT__REMOTE_URL" in run("sync").stdout


@pytest.mark.usefixtures("remote")
def test_a_conflict_is_told_with_where_the_older_text_is(run: Run, elsewhere: Run) -> None:
    run("remember", "Green.", "--name", "tea", "--scope", "home")
    assert "RECOLLECT_GIT__REMOTE_URL" not in run("sync").stdout
    elsewhere("sync")
    run("edit", "tea", "Black.", "--scope", "home")
    elsewhere("edit", "tea", "White.", "--scope", "home")
    run("sync")
    told = elsewhere("sync").stdout
    assert "both sides changed tea in home" in told
    assert "tea.conflict-" in told
    assert "tea.conflict-" in elsewhere("list", "--scope", "home").stdout
