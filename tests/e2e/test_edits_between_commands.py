"""What people edit while nothing runs is found by the next command, and by the next client."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.work_trees import commit_messages
from tests.transports.test_cli_process import run

import recollect

BY_WORDS = "What colour has the bicycle shed?"
BY_MEANING = "Which paint covers the hut where cycles are parked?"
MODEL = {"RECOLLECT_EMBEDDER__KIND": "minilm"}
"""A model that is loaded when it is first of use, so later than files are looked at."""


def _edit_by_hand(folder: Path) -> None:
    file = folder / "notes" / "global" / "shed.md"
    text = file.read_text()
    assert "Nothing yet." in text
    file.write_text(text.replace("Nothing yet.", "The bicycle shed has the colour of mustard."))


def _asked(folder: Path, question: str) -> Any:
    recalled = run("--data-dir", folder, "recall", question, "--json", **MODEL)
    assert recalled.returncode == 0, recalled.stderr
    return json.loads(recalled.stdout)


def test_the_next_command_finds_an_edit_by_words_and_by_meaning(tmp_path: Path) -> None:
    kept = run("--data-dir", tmp_path, "remember", "Nothing yet.", "--name", "shed", **MODEL)
    assert kept.returncode == 0, kept.stderr
    _edit_by_hand(tmp_path)

    by_words, by_meaning = _asked(tmp_path, BY_WORDS), _asked(tmp_path, BY_MEANING)

    for recalled, arm in ((by_words, "lexical"), (by_words, "dense"), (by_meaning, "dense")):
        [hit] = recalled["results"]
        assert "mustard" in hit["memory"]["content"]
        assert hit["arms"][arm]["rank"] == 1
        assert recalled["degraded"] == []
    assert "Edited by hand." in commit_messages(tmp_path / "notes")[0]


def test_the_next_client_finds_an_edit_by_words_and_by_meaning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECOLLECT_EMBEDDER__KIND", "minilm")
    with recollect.open(tmp_path) as memories:
        memories.remember("Nothing yet.", name="shed")
    _edit_by_hand(tmp_path)

    with recollect.open(tmp_path) as memories:
        [hit] = memories.recall(BY_MEANING).results

    assert "mustard" in hit.memory.content
    assert hit.arms["dense"].rank == 1


def test_a_file_put_there_by_hand_is_a_memory_of_the_next_command(tmp_path: Path) -> None:
    run("--data-dir", tmp_path, "remember", "Something else.", "--name", "else", **MODEL)
    (tmp_path / "notes" / "global" / "shed.md").write_text("The bicycle shed is as old as me.\n")

    best = _asked(tmp_path, BY_WORDS)["results"][0]

    assert best["memory"]["name"] == "shed"
    assert best["arms"]["dense"]["rank"] is not None
