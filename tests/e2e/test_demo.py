"""`make demo` over a database that holds memories; `.ci/run` runs it over files."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.postgres import lent_database

import recollect

ROOT = Path(__file__).parents[2]


def test_the_demo_over_a_database_answers_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECOLLECT_EMBEDDER__KIND", "hashing")
    monkeypatch.setenv("RECOLLECT_STORE__KIND", "postgres")
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    with lent_database() as database:
        monkeypatch.setenv("RECOLLECT_STORE__URL", database.url)
        with recollect.open(tmp_path) as memory:
            memory.remember("Ours.", scope="work", name="decisions/database")

            command = [sys.executable, ROOT / "demo" / "run.py"]
            shown = subprocess.run(
                command, check=True, capture_output=True, encoding="utf-8"
            ).stdout

            [left] = memory.list(look="all").memories
            assert left.content == "Ours."
    assert shown.startswith("Stored 8 notes and 12 messages")
    assert shown.count("╭") == 8
    assert "decisions/database" in shown
    assert "Ours." not in shown
