"""Importing from other tools on the command line."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.transports.commands import Answer, Run

MODIFIED = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def write(file: Path, content: str | bytes = "Text.\n") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    os.utime(file, (MODIFIED.timestamp(), MODIFIED.timestamp()))
    return file


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that was worked on with Serena."""
    memories = tmp_path / "code" / "shop" / ".serena" / "memories"
    write(memories / "project_overview.md", "# Shop\n\nA web shop; see mem:modules/payment.\n")
    write(memories / "modules" / "payment.md", "Payments go through a queue.\n")
    write(memories / "modules" / "deep" / "er" / "still.md", "Deep.\n")
    write(memories / "suggested commands.md", "Run make test.\n")
    write(memories / ".DS_Store", b"\0\1")
    write(memories.parent / "project.yml", "project_name: shop\n")
    return tmp_path / "code" / "shop"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder of Serena's own, with global memories."""
    write(tmp_path / "home" / ".serena" / "memories" / "global" / "style" / "commits.md", "Brief.")
    write(tmp_path / "home" / ".serena" / "serena_config.yml", "x: 1\n")
    return tmp_path / "home" / ".serena"


def places(answer: Answer) -> dict[str, str]:
    """The name in its scope and the text of every memory."""
    listed = answer("list", "--look", "all")["memories"]
    return {f"{m['scope']}:{m['name']}": m["content"] for m in listed}


def test_serena_memories_go_to_their_project_and_to_the_root(
    run: Run, answer: Answer, project: Path, home: Path
) -> None:
    shown = run("import", "serena", str(project), str(home)).stdout

    assert shown == "imported 5, unchanged 0, skipped 0; 2 under another name, scope or id\n"
    assert places(answer) == {
        ":style/commits": "Brief.",
        "shop:project_overview": "# Shop\n\nA web shop; see mem:modules/payment.\n",
        "shop:modules/payment": "Payments go through a queue.\n",
        "shop:modules/deep/er-still": "Deep.\n",
        "shop:suggested-commands": "Run make test.\n",
    }
    memory = answer("read", "suggested-commands", "--scope", "shop")
    assert memory["metadata"] == {"imported_name": "suggested commands"}
    assert (memory["source"], memory["occurred_at"]) == ("serena", "2026-03-04T05:06:07Z")


def test_a_serena_store_is_found_by_each_of_its_folders(
    run: Run, answer: Answer, project: Path, home: Path, tmp_path: Path
) -> None:
    for path in (home, home / "memories", home.parent, tmp_path / "code" / "shop" / ".serena"):
        assert "skipped 0" in run("import", "serena", str(path)).stdout
    run("import", "serena", str(project / ".serena" / "memories"))
    assert len(places(answer)) == 5
    copied = tmp_path / "backup" / "memories"
    write(copied / "notes.md")
    run("import", "serena", str(copied))
    assert "backup:notes" in places(answer)


def test_what_holds_no_serena_memories_is_a_usage_error(run: Run, tmp_path: Path) -> None:
    assert "Error: " in run("import", "serena", str(tmp_path), code=2).stderr
    run("import", "serena", str(tmp_path / "nowhere"), code=2)
    run("import", "serena", code=2)


def test_a_scope_takes_all_notes(run: Run, answer: Answer, project: Path, home: Path) -> None:
    run("import", "serena", str(project), str(home), "--scope", "old/serena")
    assert {place.partition(":")[0] for place in places(answer)} == {"old/serena"}


def test_the_second_import_changes_nothing(run: Run, answer: Answer, project: Path) -> None:
    run("import", "serena", str(project))
    before = run("export").stdout

    again = answer("import", "serena", str(project))

    assert (again["imported"], again["unchanged"], again["skipped"]) == (0, 4, [])
    assert run("export").stdout == before


def test_an_edited_file_is_a_new_revision_and_an_edited_note_stays(
    run: Run, answer: Answer, project: Path
) -> None:
    run("import", "serena", str(project))
    run("edit", "modules/payment", "Ours.", "--scope", "shop")
    write(project / ".serena" / "memories" / "project_overview.md", "New.\n")
    write(project / ".serena" / "memories" / "modules" / "payment.md", "Theirs.\n")

    again = answer("import", "serena", str(project), code=1)

    assert (again["imported"], again["unchanged"]) == (1, 2)
    assert [skipped["origin"] for skipped in again["skipped"]] == [
        f"{project}/.serena/memories/modules/payment.md"
    ]
    found = places(answer)
    assert found["shop:project_overview"] == "New.\n"
    assert found["shop:modules/payment"] == "Ours."
    assert answer("read", "project_overview", "--scope", "shop")["revision"] == 2


def test_a_dry_run_shows_what_would_come_and_stores_nothing(
    run: Run, answer: Answer, project: Path
) -> None:
    write(project / ".serena" / "memories" / "readme.txt")
    run("remember", "Ours.", "--name", "n")
    before = run("export").stdout

    shown = run("import", "serena", str(project), "--dry-run", code=1).stdout
    planned = answer("import", "serena", str(project), "--dry-run", code=1)

    assert run("export").stdout == before
    assert answer("stats")["revisions"] == 1
    assert "suggested-commands in shop" in shown
    assert "readme.txt" in shown
    assert shown.endswith(
        "would import 4, unchanged 0, skipped 1; 2 under another name, scope or id\n"
    )
    assert planned["dry_run"]
    assert {(p["name"], p["scope"], p["change"]) for p in planned["planned"]} == {
        ("modules/deep/er-still", "shop", "new"),
        ("modules/payment", "shop", "new"),
        ("project_overview", "shop", "new"),
        ("suggested-commands", "shop", "new"),
    }
    run("import", "serena", str(project), code=1)
    again = answer("import", "serena", str(project), "--dry-run", code=1)
    assert {p["change"] for p in again["planned"]} == {"unchanged"}


def test_files_that_cannot_be_notes_are_skipped_with_a_reason(
    answer: Answer, project: Path, tmp_path: Path
) -> None:
    memories = project / ".serena" / "memories"
    secret = write(tmp_path / "secret.md", "Secret.")
    write(tmp_path / "outside" / "secret.md", "Secret.")
    write(memories / "latin1.md", "caf\xe9".encode("latin-1"))
    write(memories / "huge.md", "x" * 1_048_577)
    write(memories / "empty.md", "")
    write(memories / "nul.md", "a\0b")
    write(memories / "suggested@commands.md", "Another.")
    write(memories / "picture.png", b"\x89PNG")
    (memories / "link.md").symlink_to(secret)
    (memories / "folder").symlink_to(tmp_path / "outside")
    (memories / "dangling.md").symlink_to(memories / "nowhere.md")
    (memories / "inside.md").symlink_to(memories / "project_overview.md")
    os.mkfifo(memories / "pipe.md")
    write(memories / os.fsdecode(b"caf\xe9.md"))

    result = answer("import", "serena", str(project), code=1)

    reasons = {Path(s["origin"]).name: s["reason"] for s in result["skipped"]}
    assert set(reasons) == {
        "latin1.md", "huge.md", "empty.md", "nul.md", "suggested@commands.md", "picture.png",
        "link.md", "folder", "dangling.md", "pipe.md", "caf?.md",
    }  # fmt: skip
    assert all(reasons.values())
    assert result["imported"] == 5
    assert "Secret." not in places(answer).values()


def test_a_note_of_that_name_here_is_never_overwritten(
    run: Run, answer: Answer, project: Path
) -> None:
    run("remember", "Ours.", "--name", "project_overview", "--scope", "shop")
    assert len(answer("import", "serena", str(project), code=1)["skipped"]) == 1
    assert places(answer)["shop:project_overview"] == "Ours."


GRAPH: list[dict[str, Any]] = [
    {
        "type": "entity",
        "name": "Ada Lovelace",
        "entityType": "person",
        "observations": ["Wrote the notes on the Engine", "Likes maths"],
    },
    {"type": "entity", "name": "Engine", "entityType": "machine", "observations": []},
    {"type": "relation", "from": "Ada Lovelace", "to": "Engine", "relationType": "programs"},
]


def test_a_knowledge_graph_becomes_notes_and_links(
    run: Run, answer: Answer, tmp_path: Path
) -> None:
    file = write(tmp_path / "memory.jsonl", "\n".join(map(json.dumps, GRAPH)) + "\n")

    assert answer("import", "mcp-memory", str(file), "--scope", "kg")["imported"] == 3

    memory = answer("read", "Ada-Lovelace", "--scope", "kg")
    assert memory["content"] == "# Ada Lovelace\n\n- Wrote the notes on the Engine\n- Likes maths\n"
    assert (memory["tags"], memory["source"]) == (["person"], "mcp-memory")
    lines = [json.loads(line) for line in run("export").stdout.splitlines()]
    (link,) = [line for line in lines if line.get("type") == "link"]
    assert (link["from_id"], link["link_type"]) == (memory["id"], "programs")
    assert answer("import", "mcp-memory", str(file), "--scope", "kg")["unchanged"] == 3


def test_a_graph_that_grew_changes_what_grew(answer: Answer, tmp_path: Path) -> None:
    file = write(tmp_path / "memory.jsonl", "\n".join(map(json.dumps, GRAPH)))
    answer("import", "mcp-memory", str(file))
    engine = GRAPH[1] | {"observations": ["Made of brass"]}
    more = [{"type": "relation", "from": "Engine", "to": "Nobody", "relationType": "x"}, "nonsense"]
    lines = [json.dumps(item) for item in (GRAPH[0], engine, GRAPH[2], *more)]
    write(file, "\n".join(lines))

    again = answer("import", "mcp-memory", str(file), code=1)

    assert (again["imported"], again["unchanged"]) == (1, 2)
    assert [skipped["origin"] for skipped in again["skipped"]] == ["line 5", "Engine x Nobody"]
    assert answer("read", "Engine")["content"] == "# Engine\n\n- Made of brass\n"


def test_a_folder_of_claudes_notes_keeps_its_paths(answer: Answer, tmp_path: Path) -> None:
    folder = tmp_path / "memories"
    write(folder / "MEMORY.md", "# Index\n")
    write(folder / "customers" / "refunds.xml", "<refunds/>")
    write(folder / "preferences.txt", "Short answers.")
    write(folder / ".git" / "HEAD.md", "no note")

    answer("import", "claude-memory", str(folder), "--scope", "claude")

    assert set(places(answer)) == {
        "claude:MEMORY",
        "claude:customers/refunds.xml",
        "claude:preferences.txt",
    }
    one = write(tmp_path / "CLAUDE.md", "Use uv.")
    answer("import", "claude-memory", str(one))
    assert places(answer)[":CLAUDE"] == "Use uv."


NOTE = """---
id: {id}
name: {name}
tags: []
scope:
  type: {scope}
created_at: 2026-01-02T03:04:05Z
updated_at: 2026-01-02T03:04:06Z
---

{body}
"""


def test_a_repository_of_memory_mcp_keeps_ids_dates_and_scopes(
    run: Run, answer: Answer, tmp_path: Path
) -> None:
    repository = tmp_path / "repository"
    ids = [f"0b8f3c1e-6f0a-4a55-9d0e-2f6b1c7d9a1{number}" for number in range(2)]
    style = NOTE.format(id=ids[0], name="style", scope="Root", body="Brief.")
    pool = NOTE.format(id=ids[1], name="db/pool", scope="Path\n  name: acme", body="Small.")
    odd = NOTE.format(id="seven", name="odd", scope="Path\n  name: all", body="Odd.")
    write(repository / "global" / "style.md", style)
    write(repository / "projects" / "acme" / "db" / "pool.md", pool)
    write(repository / "projects" / "all" / "odd.md", odd)
    write(repository / "projects" / "plain.md", "No frontmatter.")
    write(repository / ".memory-mcp-index" / "all" / "x.md", style)
    write(repository / "README.md", "No note.")

    result = answer("import", "memory-mcp", str(repository), code=1)

    assert (result["imported"], len(result["skipped"])) == (3, 1)
    assert [(r["name"], r["scope"]) for r in result["renamed"]] == [("odd", "all-scope")]
    memory = answer("read", ids[1])
    assert (memory["scope"], memory["name"], memory["source"]) == ("acme", "db/pool", "memory-mcp")
    assert (memory["created_at"], memory["updated_at"]) == (
        "2026-01-02T03:04:05Z",
        "2026-01-02T03:04:06Z",
    )
    assert answer("read", "odd", "--scope", "all-scope")["external_id"] == "seven"
    assert answer("import", "memory-mcp", str(repository), code=1)["unchanged"] == 3
    write(repository / "global" / "style.md", style.replace("Brief.", "Be brief."))
    assert answer("import", "memory-mcp", str(repository), code=1)["imported"] == 1
    assert answer("read", ids[0])["revision"] == 2
    run("import", "memory-mcp", str(tmp_path), code=2)


def test_a_scope_that_is_given_is_not_mended(
    run: Run, answer: Answer, project: Path, tmp_path: Path
) -> None:
    file = write(tmp_path / "memory.jsonl", json.dumps(GRAPH[1]))
    for source in (("serena", project), ("mcp-memory", file), ("claude-memory", file)):
        failed = run("import", *map(str, source), "--scope", "all", code=2)
        assert failed.stderr.endswith("[invalid_request]\n")
    assert places(answer) == {}


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_file_of_our_own_lines_needs_no_word_before_it(
    run: Run, tmp_path: Path, place: str
) -> None:
    run("remember", "Text", "--name", "n")
    file = write(tmp_path / "all.jsonl", run("export").stdout)
    as_json = ["--json"]
    arguments = [*as_json, str(file)] if place == "before" else [str(file), *as_json]
    for words in (["import"], ["import", "lines"], ["import", "--json", "lines"]):
        assert json.loads(run(*words, *arguments).stdout)["unchanged"] == 1
    assert json.loads(run("import", "--dry-run", *arguments).stdout)["unchanged"] == 1
    given = file.read_text()
    assert json.loads(run("import", "--json", "-", given=given).stdout)["unchanged"] == 1


def test_a_dry_run_of_our_own_lines_stores_nothing(
    run: Run, answer: Answer, tmp_path: Path
) -> None:
    run("remember", "Text", "--name", "n")
    exported = run("export").stdout
    elsewhere = ("--data-dir", str(tmp_path / "other"))

    planned = answer(*elsewhere, "import", "-", "--dry-run", given=exported)

    assert planned["planned"] == [{"line": 2, "change": "new"}]
    shown = run(*elsewhere, "import", "-", "--dry-run", given=exported).stdout
    assert shown == "would import 1, unchanged 0\n"
    assert answer(*elsewhere, "stats")["memories"] == 0


def test_the_table_of_a_dry_run_does_not_steer_the_terminal(run: Run, tmp_path: Path) -> None:
    write(tmp_path / "memories" / "a\x1b[31m.md")
    write(tmp_path / "memories" / "b\x1b[31m.png")
    shown = run("import", "claude-memory", str(tmp_path / "memories"), "--dry-run", code=1).stdout
    assert "\x1b" not in shown
