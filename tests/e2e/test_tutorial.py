"""The tutorial's program runs as it is written."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial" / "give-your-agent-a-memory.md"


def test_the_agent_of_the_tutorial_remembers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECOLLECT_EMBEDDER__KIND", "hashing")
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    [program] = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)

    def run() -> str:
        return subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path, check=True, capture_output=True, encoding="utf-8",
        ).stdout  # fmt: skip

    first, again = run(), run()

    reply, _, text = first.partition("\n")
    assert re.fullmatch(r"I read \d+ words\.", reply)
    older, recent = text.split("\n\n")
    assert older.startswith("# Earlier messages about the question\n")
    assert "with my cat Nube." in older
    assert recent.startswith("# Recent messages\n")
    assert recent.rstrip().endswith(reply)
    assert recent.count("What is the name of my cat?") == 1
    assert again.count("with my cat Nube.") > 1
