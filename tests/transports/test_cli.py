import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.transports.commands import Answer, Run
from typer.testing import CliRunner

from recollect import errors
from recollect.app.diagnosis import Diagnosis
from recollect.app.serve import open_app
from recollect.cli.exits import exit_code, report
from recollect.cli.main import COMMANDS, app
from recollect.cli.reading import named
from recollect.operations import (
    BackedUp,
    Changed,
    Checked,
    Erased,
    Figures,
    Forgotten,
    Imported,
    Ingested,
    Learned,
    MemoryView,
    Page,
    Recalled,
    Reindexed,
    Remembered,
    Revisions,
)
from recollect.settings import HashingSettings, Settings, SqliteStoreSettings


def test_a_note_is_stored_and_recalled(run: Run) -> None:
    stored = run("remember", "The kettle is [bold]blue[/bold].", "--scope", "home", "--name", "k")
    assert stored.stdout == "stored k in home, revision 1\n"
    found = run("recall", "which kettle", "--scope", "home").stdout
    assert "The kettle is [bold]blue[/bold]." in found
    assert "k in home" in found
    assert "dense #1" in found
    assert run("recall", "kettle").stdout.startswith("nothing found")


def test_who_finds_nothing_is_told_where_else_to_look(run: Run) -> None:
    assert run("recall", "kettle").stderr == ""
    run("remember", "The kettle is blue.", "--scope", "home")
    for command in (["recall", "kettle"], ["list"], ["list", "--scope", "away"]):
        empty = run(*command)
        assert empty.stdout.startswith("nothing found")
        assert "(1)" in empty.stderr
        assert "--look all" in empty.stderr
        assert run(*command, "--json").stderr == ""
        assert run(*command, "--look", "all").stderr == ""
    assert run("list", "--look", "all", "--tag", "none").stderr == ""


def test_a_long_passage_is_clipped_for_people_only(run: Run, answer: Answer) -> None:
    text = "The kettle is blue. " * 30 + "\n\nEnd"
    run("remember", text, "--name", "k")
    shown = run("recall", "kettle").stdout
    assert "…" in shown
    assert "End" not in shown
    assert answer("recall", "kettle")["results"][0]["matched"]["text"] == text
    run("edit", "k", "The kettle\nis blue.")
    assert "…" not in run("recall", "kettle").stdout


def test_features_are_explained_to_people_too(run: Run) -> None:
    run("remember", "The kettle is blue.", "--name", "k")
    assert "fused 1.00" in run("recall", "kettle", "--explain").stdout
    assert "fused" not in run("recall", "kettle").stdout


def test_every_field_of_a_note_can_be_given(answer: Answer) -> None:
    answer(
        *("remember", "Text", "--scope", "a/b", "--name", "n", "--tag", "x", "--tag", "y"),
        *("--metadata", '{"user-id": 7}', "--source", "Ada", "--external-id", "e1"),
        *("--occurred-at", "2026-05-04T18:02:00Z", "--importance", "0.5"),
        *("--expires-at", "2999-01-01", "--if-absent"),
    )
    memory = answer("read", "n", "--scope", "a/b")
    assert memory["tags"] == ["x", "y"]
    assert memory["metadata"] == {"user-id": 7}
    assert (memory["source"], memory["external_id"], memory["importance"]) == ("Ada", "e1", 0.5)
    assert memory["occurred_at"] == "2026-05-04T18:02:00Z"
    assert memory["expires_at"] == "2999-01-01T00:00:00Z"


def test_text_comes_from_the_argument_a_file_or_standard_input(
    run: Run, answer: Answer, tmp_path: Path
) -> None:
    file = tmp_path / "note.md"
    file.write_text("From a file \u2028.", encoding="utf-8")
    answer("remember", "--file", str(file), "--name", "file")
    file.write_text("From a file \u2028.", encoding="utf-8-sig")
    assert answer("remember", "--file", str(file), "--name", "file")["revision"] == 2
    answer("remember", "-", "--name", "stdin", given="From stdin ✓.\n")
    assert answer("read", "file")["content"] == "From a file \u2028."
    assert run("read", "stdin").stdout == "From stdin ✓.\n"
    assert answer("recall", "-", given="stdin")["results"]
    run("remember", code=2)
    run("remember", "text", "--file", str(file), code=2)
    run("remember", "--file", str(tmp_path / "none"), code=2)
    run("remember", "-", given=b"\xff\xfe", code=2)


def test_an_edit_keeps_what_is_left_out_and_clears_what_is_named(answer: Answer) -> None:
    stored = answer("remember", "Old", "--name", "n", "--tag", "a", "--source", "Ada")
    answer("edit", stored["id"], "New", "--expected-revision", "1")
    memory = answer("read", "n")
    assert (memory["content"], memory["tags"], memory["source"]) == ("New", ["a"], "Ada")
    answer("edit", "n", "--clear", "tags", "--clear", "source", "--metadata", '{"k": 1}')
    memory = answer("read", f"id:{stored['id']}")
    assert (memory["tags"], memory["source"], memory["metadata"]) == ([], None, {"k": 1})


FILED = ("--category", "profile", "--tag", "Home", "--feature", "city")


def test_a_fact_is_learned_corrected_and_asked_for_as_it_was(answer: Answer) -> None:
    said = answer("ingest", "-", given='[{"producer": "Ann", "content": "I live in Rome."}]')
    cites = ("--cites", said["ids"][0])
    fact = answer("learn", "Ann lives in Rome.", *FILED, *cites, "--valid-from", "2020-01-01")
    answer("correct", fact["id"], "Ann lives in Oslo.", "--valid-from", "2024-01-01")
    answer("correct", f"id:{fact['id']}", "--tag", "Address", "--valid-to", "2025-01-01")
    memory = answer("read", fact["id"])
    assert (memory["content"], memory["tag"]) == ("Ann lives in Oslo.", "Address")
    assert (memory["valid_to"], memory["citations"]) == ("2025-01-01T00:00:00Z", said["ids"])

    def home(*options: str) -> list[str]:
        found = answer("recall", "Where does Ann live?", "--kind", "fact", *options)["results"]
        return [hit["memory"]["content"] for hit in found]

    assert home() == []
    assert home("--valid-at", "2021-01-01") == ["Ann lives in Rome."]
    assert home("--valid-at", "2024-06-01") == ["Ann lives in Oslo."]
    assert home("--known-at", "2021-01-01") == []
    answer("correct", fact["id"], "--clear", "valid-to")
    assert home() == ["Ann lives in Oslo."]


def test_the_history_of_a_fact_shows_when_it_was_true(run: Run, answer: Answer) -> None:
    fact = answer("learn", "Ann lives in Rome.", *FILED)["id"]
    run("correct", fact, "Ann lives in Oslo.", "--valid-from", "2024-01-01")
    run("correct", fact, "--valid-to", "2025-01-01")
    shown = run("history", fact).stdout
    assert "always" in shown
    assert "from 2024-01-01" in shown
    assert "until 2025-01-01" in shown


def test_messages_around_a_hit_are_given_when_asked_for(answer: Answer) -> None:
    messages = [{"producer": "Ann", "content": text} for text in ("One.", "Tea?", "Two.")]
    answer("ingest", "-", given=json.dumps(messages))
    [hit] = answer("recall", "tea", "--limit", "1", "--expand", "1")["results"]
    assert [near["content"] for near in hit["neighbours"]] == ["One.", "Two."]


def test_a_note_is_moved_or_renamed_where_it_is(answer: Answer) -> None:
    answer("remember", "Text", "--scope", "a", "--name", "n")
    assert answer("move", "n", "--scope", "a", "--to-scope", "b")["scope"] == "b"
    renamed = answer("move", "n", "--scope", "b", "--new-name", "m")
    assert (renamed["scope"], renamed["name"]) == ("b", "m")


def test_forgetting_a_scope_wants_a_yes(run: Run, answer: Answer) -> None:
    for scope in ("a", "a/b"):
        run("remember", "Text", "--scope", scope)
    run("forget", "--all", "--scope", "a", given="n\n", code=1)
    assert answer("forget", "--all", "--scope", "a", "--yes")["forgotten"] == 1
    assert answer("forget", "--all", "--scope", "a", "--subtree", "--yes")["forgotten"] == 1
    assert answer("list", "--look", "all")["count"] == 0


def test_an_erased_memory_leaves_no_history(run: Run, answer: Answer) -> None:
    stored = answer("remember", "Text", "--name", "n")
    assert answer("history", "n")["revisions"][0]["verb"] == "remember"
    assert answer("forget", "n")["forgotten"] == 1
    assert answer("history", stored["id"])["revisions"][1]["verb"] == "forget"
    run("erase", stored["id"], given="n\n", code=1)
    answer("erase", stored["id"], "--yes")
    run("history", stored["id"], code=3)
    answer("remember", "Text", "--name", "n", "--scope", "a")
    answer("erase", "n", "--scope", "a", "--yes")
    run("history", "n", "--scope", "a", code=3)


def test_lists_go_on_from_a_cursor(run: Run, answer: Answer) -> None:
    for number in range(3):
        answer("remember", f"Text {number}", "--name", f"n{number}")
    page = answer("list", "--limit", "2")
    rest = answer("list", "--limit", "2", "--cursor", page["next_cursor"])
    assert [m["name"] for m in page["memories"] + rest["memories"]] == ["n0", "n1", "n2"]
    assert page["next_cursor"] in run("list", "--limit", "2").stdout


MESSAGES = [
    {"id": "1", "producer": "Ada", "content": "Hello"},
    {"producer": "Ben", "content": "Hi", "occurred_at": "2026-01-01T00:00:00Z"},
]


def test_the_context_for_a_prompt_is_printed_as_it_is(run: Run, answer: Answer) -> None:
    run("ingest", "-", "--scope", "chat", given=json.dumps(MESSAGES))

    shown = run("context", "--scope", "chat").stdout

    assert shown.startswith("# Recent messages\n")
    asked = answer("context", "-", "--scope", "chat", "--no-recent", given="hello")
    assert asked["recent"] == []
    assert asked["older"]
    assert answer("context", "--scope", "chat")["text"] + "\n" == shown


@pytest.mark.parametrize(
    "text",
    [json.dumps(MESSAGES), "\n\n".join(json.dumps(message) for message in MESSAGES)],
    ids=["array", "lines"],
)
def test_a_conversation_is_stored(run: Run, answer: Answer, tmp_path: Path, text: str) -> None:
    file = tmp_path / "talk"
    file.write_text(text, encoding="utf-8-sig")
    stored = answer("ingest", str(file), "--scope", "chat", "--session", "s")
    assert len(stored["ids"]) == 2
    again = answer(
        "ingest", "-", "--scope", "chat", "--session", "s", given=json.dumps(MESSAGES[:1])
    )
    assert again["ids"] == stored["ids"][:1]
    assert (stored["known"], again["known"]) == (0, 1)
    shown = run("ingest", "-", given='[{"id": "1", "producer": "Ada", "content": "Hello"}]').stdout
    assert shown == "stored 1 message\n"
    shown = run("ingest", "-", given='[{"id": "1", "producer": "Ada", "content": "Hello"}]').stdout
    assert shown == "stored 0 messages; already there: 1\n"
    shown = answer("list", "--scope", "chat", "--kind", "episode")["memories"]
    assert [memory["producer"] for memory in shown] == ["Ben", "Ada"]


def test_a_long_conversation_is_stored_in_portions(answer: Answer) -> None:
    lines = "\n".join(json.dumps({"producer": "Ada", "content": f"Line {n}"}) for n in range(1100))
    assert len(set(answer("ingest", "-", given=lines)["ids"])) == 1100


@pytest.mark.parametrize("text", ["", "nothing", "[{}]", '{"producer": "Ada"}', "[1]", "[[["])
def test_what_is_no_conversation_is_a_usage_error(run: Run, text: str) -> None:
    failed = run("ingest", "-", given=text, code=2)
    assert failed.stderr.startswith("error: ")
    assert failed.stderr.count("\n") == 1


def test_a_wrong_message_is_named_by_its_line(run: Run) -> None:
    lines = '{"producer": "Ada", "content": "x"}\n\n{"producer": "Ada", "content": 5}\n'
    assert "line 3: content" in run("ingest", "-", given=lines, code=2).stderr


def test_an_export_is_imported_elsewhere(run: Run, answer: Answer, tmp_path: Path) -> None:
    run("remember", "One \u2028 line", "--name", "n")
    exported = run("export").stdout
    file = tmp_path / "all.jsonl"
    assert run("export", "--output", str(file)).stdout == ""
    assert file.read_text(encoding="utf-8") == exported
    run("remember", "More")
    assert run("export", "-o", str(file), code=4).stderr.endswith("[already_exists]\n")
    assert file.read_text(encoding="utf-8") == exported
    run("export", "-o", str(file), "--force")
    assert file.read_text(encoding="utf-8") == run("export").stdout
    file.write_text(exported, encoding="utf-8-sig")
    elsewhere = ("--data-dir", str(tmp_path / "other"))
    assert answer(*elsewhere, "import", str(file))["imported"] == 1
    assert answer(*elsewhere, "import", "-", given="\ufeff" + exported)["unchanged"] == 1
    assert run(*elsewhere, "export").stdout == exported


def test_an_import_that_skips_lines_fails(run: Run, answer: Answer) -> None:
    lines = '{"format": "recollect", "version": 1}\n{"type": "memory"}\n'
    skipped = answer("import", "-", given=lines, code=1)["skipped"]
    assert [line["line"] for line in skipped] == [2]
    assert "skipped line 2" in run("import", "-", given=lines, code=1).stdout
    run("import", "-", given="something else", code=2)
    run("import", "nowhere.jsonl", code=1)


def test_a_store_is_counted_checked_rebuilt_and_copied(
    run: Run, answer: Answer, tmp_path: Path
) -> None:
    run("remember", "Text", "--scope", "a")
    assert answer("stats")["by_scope"] == {"a": 1}
    assert answer("check") == {"faults": []}
    assert answer("check", "--no-repair") == {"faults": []}
    assert answer("reindex") == {"waiting": 1}
    assert answer("stats")["waiting"] == 0
    copy = tmp_path / "copy.db"
    assert answer("backup", str(copy)) == {"size_bytes": copy.stat().st_size}
    run("backup", str(copy), code=4)


def test_the_doctor_finds_nothing_wrong(run: Run) -> None:
    diagnosis = Diagnosis.model_validate_json(run("doctor", "--json").stdout)
    assert diagnosis.ok
    names = {finding.name for finding in diagnosis.findings}
    assert names == {
        *("python", "sqlite", "fts5", "data folder", "store", "embedder", "tokenizer"),
        *("notes in git", "server"),
    }


def test_the_doctor_names_files_that_are_no_notes(run: Run, tmp_path: Path) -> None:
    home = tmp_path / "d" / "notes" / "projects" / "home"
    run("remember", "Green.", "--name", "tea", "--scope", "home")
    assert "1 in default (branch main, no remote)" in run("doctor").stdout
    (home / "my tea.md").write_text("Black.")
    (home / "broken.md").write_text("---\nid: 1\n---\nWhite.")
    run("list")
    told = " ".join(run("doctor", code=1).stdout.split())
    assert "(2)" in told
    assert "projects/home/my tea.md" in told
    assert "projects/home/broken.md (its frontmatter lacks name," in told
    assert "White" not in told


def test_the_doctor_says_what_is_wrong(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    shown = run("--data-dir", str(file), "doctor", "--json", code=1).stdout
    wrong = {f.name for f in Diagnosis.model_validate_json(shown).findings if not f.ok}
    assert wrong == {"data folder", "store", "notes in git"}
    assert "wrong" in run("--data-dir", str(file), "doctor", code=1).stdout


def test_a_missing_model_is_told_with_its_remedy(tmp_path: Path) -> None:
    environment = {
        "RECOLLECT_EMBEDDER__KIND": "minilm",
        "RECOLLECT_EMBEDDER__PATH": str(tmp_path / "nothing"),
        "RECOLLECT_DATA_DIR": str(tmp_path),
    }
    runner = CliRunner(env=environment)
    warmup = runner.invoke(app, ["warmup"])
    assert warmup.exit_code == 5
    assert "recollect warmup" in warmup.stderr
    assert warmup.stderr.endswith("[embedder_unavailable]\n")
    doctor = runner.invoke(app, ["doctor", "--json"])
    assert doctor.exit_code == 1
    stored = runner.invoke(app, ["remember", "Text", "--json"])
    assert json.loads(stored.stdout)["degraded"] == ["dense"]
    found = json.loads(runner.invoke(app, ["recall", "text", "--json"]).stdout)
    assert (len(found["results"]), found["degraded"]) == (1, ["dense"])
    for command in (["remember", "More"], ["recall", "text"], ["reindex"]):
        told = runner.invoke(app, command)
        assert told.exit_code == 0
        assert "recollect warmup" in told.output
    assert "still waiting to be embedded: 2" in told.stderr


def test_vectors_that_nothing_can_ask_are_told_with_the_remedy(run: Run, tmp_path: Path) -> None:
    run("remember", "The kettle is blue.")
    changed = {
        "RECOLLECT_EMBEDDER__KIND": "hashing",
        "RECOLLECT_EMBEDDER__DIMENSIONS": "32",
        "RECOLLECT_DATA_DIR": str(tmp_path / "d"),
    }
    runner = CliRunner(env=changed)
    assert runner.invoke(app, ["doctor"]).exit_code == 0
    for command in ("doctor", "stats"):
        shown = " ".join(runner.invoke(app, [command]).stdout.split())
        assert "vectors of hashing-64 lie idle (1 of the memories)" in shown
        assert "RECOLLECT_PREVIOUS_EMBEDDER__KIND" in shown
    found = json.loads(runner.invoke(app, ["recall", "kettle", "--json"]).stdout)
    assert found["results"][0]["arms"].keys() == {"lexical"}

    runner = CliRunner(env=changed | {"RECOLLECT_PREVIOUS_EMBEDDER__KIND": "hashing"})
    assert "hashing-64 from built in" in runner.invoke(app, ["doctor"]).stdout
    assert "RECOLLECT" not in runner.invoke(app, ["stats"]).stdout
    found = json.loads(runner.invoke(app, ["recall", "kettle", "--json"]).stdout)
    assert found["results"][0]["arms"].keys() == {"dense", "lexical"}
    assert found["degraded"] == ["dense"]


def test_warming_up_says_where_the_model_comes_from(answer: Answer, tmp_path: Path) -> None:
    ready = {"model": "hashing-64", "source": "built in", "cache": None, "embedded": 0}
    assert answer("warmup") == ready
    assert not (tmp_path / "d").exists()


def test_warming_up_embeds_what_waited_for_the_model(
    run: Run, answer: Answer, tmp_path: Path
) -> None:
    without = {"RECOLLECT_EMBEDDER__KIND": "minilm", "RECOLLECT_EMBEDDER__PATH": str(tmp_path)}
    folder = {"RECOLLECT_DATA_DIR": str(tmp_path / "d")}
    CliRunner(env=without | folder).invoke(app, ["remember", "Text"])
    assert answer("recall", "text")["degraded"] == ["dense"]
    assert "1 wait to be embedded" in run("recall", "text").stderr
    assert answer("warmup")["embedded"] == 1
    assert answer("recall", "text")["degraded"] == []
    assert answer("warmup")["embedded"] == 0


@pytest.mark.anyio
async def test_json_answers_are_those_of_rest(run: Run, tmp_path: Path) -> None:
    run("remember", "The kettle is blue.", "--name", "k", "--tag", "t")
    recalled = json.loads(run("recall", "kettle", "--json").stdout)
    listed = json.loads(run("--json", "list").stdout)
    settings = Settings(
        data_dir=tmp_path / "d", store=SqliteStoreSettings(), embedder=HashingSettings()
    )
    async with (
        open_app(settings) as server,
        httpx2.AsyncClient(
            transport=httpx2.ASGITransport(server), base_url="http://localhost"
        ) as http,
    ):
        asked = await http.post("/v1/recall", json={"query": "kettle"})
        assert without_luck(recalled) == without_luck(asked.json())
        assert listed == (await http.get("/v1/memories")).json()


def without_luck(recalled: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in recalled.items() if k not in ("recall_id", "took_ms")}


def test_json_answers_are_the_results_of_operations(run: Run, tmp_path: Path) -> None:
    shown = Remembered.model_validate_json(run("remember", "Text", "--name", "n", "--json").stdout)
    Recalled.model_validate_json(run("recall", "text", "--json").stdout)
    MemoryView.model_validate_json(run("read", "n", "--json").stdout)
    Changed.model_validate_json(run("edit", "n", "New", "--json").stdout)
    fact = Learned.model_validate_json(run("learn", "Fact", *FILED, "--json").stdout)
    Changed.model_validate_json(run("correct", fact.id, "New", "--json").stdout)
    Changed.model_validate_json(run("move", "n", "--to-scope", "b", "--json").stdout)
    Revisions.model_validate_json(run("history", shown.id, "--json").stdout)
    Page.model_validate_json(run("list", "--json").stdout)
    Figures.model_validate_json(run("stats", "--json").stdout)
    Checked.model_validate_json(run("check", "--json").stdout)
    Reindexed.model_validate_json(run("reindex", "--json").stdout)
    BackedUp.model_validate_json(run("backup", str(tmp_path / "b.db"), "--json").stdout)
    Forgotten.model_validate_json(run("forget", shown.id, "--json").stdout)
    Erased.model_validate_json(run("erase", shown.id, "--yes", "--json").stdout)
    lines = run("export").stdout
    Imported.model_validate_json(run("import", "-", "--json", given=lines).stdout)
    messages = '[{"producer": "Ada", "content": "x"}]'
    Ingested.model_validate_json(run("ingest", "-", "--json", given=messages).stdout)


def test_every_result_has_a_form_for_people(run: Run, answer: Answer, tmp_path: Path) -> None:
    memory_id = answer("remember", "Text", "--name", "n")["id"]
    fact_id = answer("learn", "Fact", *FILED)["id"]
    run("remember", "Text", "--name", "m")
    for command in (
        *(["remember", "Text", "--name", "n"], ["edit", "n", "New"], ["history", memory_id]),
        *(["learn", "Text", *FILED], ["correct", fact_id, "New"], ["history", fact_id]),
        *(["move", "n", "--to-scope", "b"], ["list", "--look", "all"], ["stats"], ["check"]),
        *(["reindex"], ["warmup"], ["doctor"], ["backup", str(tmp_path / "b.db")]),
        *(
            ["recall", "text", "--look", "all"],
            ["forget", memory_id],
            ["erase", memory_id, "--yes"],
        ),
    ):
        shown = run(*command).stdout
        assert shown.strip(), command
        assert not shown.startswith("{"), command


def test_tables_do_not_steer_the_terminal(run: Run) -> None:
    run("remember", "red \x1b[31m\x9b31m bell \x07", "--name", "n")
    for command in (["list"], ["recall", "red"]):
        shown = run(*command).stdout
        assert not {"\x1b", "\x9b", "\x07"} & set(shown)


@pytest.mark.parametrize(
    ("arguments", "code", "name"),
    [
        (["read", "none"], 3, "not_found"),
        (["read", "01a1fc37-3a3f-7000-9b71-11c19c796744"], 3, "not_found"),
        (["remember", "x", "--scope", "all"], 2, "invalid_request"),
        (["recall", ""], 2, "invalid_request"),
        (["recall", "x", "--filter", "m.a ="], 2, "invalid_filter"),
        (["list", "--cursor", "c1_x"], 2, "invalid_cursor"),
        (["edit", "there"], 2, "invalid_request"),
        (["remember", "x", "--name", "there", "--if-absent"], 4, "already_exists"),
        (["edit", "there", "x", "--expected-revision", "9"], 4, "revision_conflict"),
        (["ingest", "nowhere.jsonl"], 1, "file_problem"),
        (["--data-dir", "", "stats"], 2, "config"),
        (["--url", "localhost:1", "stats"], 2, "config"),
        (["--url", "http://127.0.0.1:1", "stats"], 5, "unavailable"),
        (["serve", "--host", "192.0.2.1"], 2, "config"),
    ],
    ids=str,
)
def test_an_error_is_one_line_with_its_code(
    run: Run, arguments: list[str], code: int, name: str
) -> None:
    run("remember", "Text", "--name", "there")
    failed = run(*arguments, code=code)
    assert failed.stdout == ""
    assert failed.stderr.startswith("error: ")
    assert failed.stderr.endswith(f" [{name}]\n")
    assert failed.stderr.count("\n") == 1
    problem = json.loads(run("--json", *arguments, code=code).stderr)
    assert (problem["code"], problem["title"]) == (name, name.replace("_", " "))
    assert problem["detail"] in failed.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["recall"],
        ["recall", "x", "--limit", "many"],
        ["recall", "x", "--look", "away"],
        ["remember", "x", "--occurred-at", "yesterday"],
        ["remember", "x", "--metadata", "[1]"],
        ["forget"],
    ],
    ids=str,
)
def test_wrong_usage_ends_with_2(run: Run, arguments: list[str]) -> None:
    assert "Error: " in run(*arguments, code=2).stderr


def test_wrong_input_is_not_repeated(run: Run) -> None:
    failed = run("remember", "x", "--scope", "!secret!", code=2)
    assert "secret" not in failed.stderr


def test_an_unknown_variable_of_ours_stops_the_start(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECOLLECT_DATADIR", "x")
    assert run("stats", code=2).stderr.endswith("[config]\n")


def test_exit_codes_follow_the_classes_of_errors() -> None:
    assert exit_code(errors.RecollectError) == 1
    assert exit_code(errors.Unauthenticated) == 1
    assert exit_code(errors.InvalidFilter) == 2
    assert exit_code(errors.ConfigError) == 2
    assert exit_code(errors.NotFound) == 3
    assert exit_code(errors.IdempotencyMismatch) == 4
    assert exit_code(errors.StorageFull) == 5


def test_a_defect_is_not_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(KeyError("x"), as_json=False) is None
    assert report(BrokenPipeError(), as_json=False) is None
    assert capsys.readouterr().err == ""
    grouped = ExceptionGroup("", [errors.Unavailable("away\nindeed")])
    assert report(grouped, as_json=False) == 5
    assert capsys.readouterr().err == "error: away indeed [unavailable]\n"


def test_names_and_ids_are_told_apart() -> None:
    assert named("decisions/queue") == (None, "decisions/queue")
    assert named("01a1fc37-3a3f-7000-9b71-11c19c796744")[0]
    assert named("id:anything at all") == ("anything at all", None)


def test_help_and_version_are_shown(run: Run) -> None:
    assert run("--version").stdout.startswith("recollect ")
    shown = run("--help").stdout
    for name, command in COMMANDS:
        assert f"  {name} " in shown
        first = (command.__doc__ or "").partition("\n")[0]
        assert first in " ".join(run(name, "--help").stdout.split())
