import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from tests.local_servers import served
from tests.model_hosts import ModelHost, refusal

from recollect.app.running import note_of

DEADLINE_SECONDS = 60
TOKEN = "s3cret"  # noqa: S105


def environment(**more: str) -> dict[str, str]:
    clean = {
        n: v
        for n, v in os.environ.items()  # noqa: TID251
        if not n.startswith("RECOLLECT_")
    }
    return clean | {"RECOLLECT_EMBEDDER__KIND": "hashing"} | more


def run(
    *arguments: str | Path, given: str | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "recollect", *map(str, arguments)],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_SECONDS,
        env=environment(**variables),
    )


@contextmanager
def serving(data_dir: Path, **variables: str) -> Generator[tuple[str, subprocess.Popen[str]]]:
    """A server of the command line, and its address; stopped at the end if it still runs."""
    command = [sys.executable, "-m", "recollect", "--data-dir", str(data_dir), "serve"]
    with subprocess.Popen(
        [*command, "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**variables),
        # A shell's background job ignores interrupts; a program of the foreground does not.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    ) as process:
        try:
            assert process.stderr
            event = json.loads(process.stderr.readline())
            assert event["event"] == "server.listening"
            yield event["url"], process
        finally:
            process.kill()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    with serving(tmp_path_factory.mktemp("server"), RECOLLECT_TOKEN=TOKEN) as (url, _):
        yield url


def test_commands_work_on_a_running_server(server: str) -> None:
    remote = {"RECOLLECT_URL": server, "RECOLLECT_TOKEN": TOKEN}
    assert run("remember", "The kettle is blue.", "--name", "k", **remote).returncode == 0
    found = run("recall", "kettle", "--json", **remote)
    assert json.loads(found.stdout)["results"][0]["memory"]["name"] == "k"
    assert run("read", "k", **remote).stdout == "The kettle is blue.\n"
    exported = run("export", **remote).stdout
    again = run("import", "-", "--json", given=exported, **remote)
    assert json.loads(again.stdout)["unchanged"] == len(exported.splitlines()) - 1
    assert json.loads(run("reindex", "--json", **remote).stdout)["waiting"] >= 1
    assert json.loads(run("stats", "--json", **remote).stdout)["waiting"] == 0
    assert run("doctor", **remote).returncode == 0
    assert run("backup", "x.db", **remote).returncode == 2


def test_another_tools_notes_are_imported_to_a_running_server(server: str, tmp_path: Path) -> None:
    remote = {"RECOLLECT_TOKEN": TOKEN}
    (tmp_path / "notes of old.md").write_text("The teapot is red.")
    command = ["--url", server, "import", "claude-memory", tmp_path, "--scope", "old", "--json"]
    tried = json.loads(run(*command, "--dry-run", **remote).stdout)
    assert [arrival["change"] for arrival in tried["planned"]] == ["new"]
    assert run("--url", server, "read", "notes-of-old", "--scope", "old", **remote).returncode == 3
    assert json.loads(run(*command, **remote).stdout)["imported"] == 1
    assert json.loads(run(*command, **remote).stdout)["unchanged"] == 1
    shown = run("--url", server, "read", "notes-of-old", "--scope", "old", **remote).stdout
    assert shown == "The teapot is red.\n"


def test_a_wrong_token_is_refused(server: str) -> None:
    refused = run("--url", server, "stats", RECOLLECT_TOKEN="wrong")  # noqa: S106
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.endswith("[unauthenticated]\n")
    assert run("--url", server, "doctor", RECOLLECT_TOKEN="wrong").returncode == 1  # noqa: S106


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)], ids=["int", "term"]
)
def test_a_stopped_server_takes_its_note_away(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    with serving(tmp_path) as (url, process):
        note = note_of(tmp_path, process.pid)
        wait_until_exists(note)
        assert json.loads(note.read_text())["url"] == url
        process.send_signal(number)
        assert process.wait(DEADLINE_SECONDS) == code
        assert not note.exists()
        assert process.stderr
        assert "Traceback" not in process.stderr.read()


def wait_until_exists(file: Path) -> None:
    end = monotonic() + DEADLINE_SECONDS
    while not file.exists():
        assert monotonic() < end
        sleep(0.01)


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("127.0.0.1", "something else listens there"),
        ("192.0.2.1", "does not have that address"),
        ("no-such-host.invalid", "no such host name"),
        ("", "no such host name"),
    ],
)
def test_where_it_cannot_listen_is_told_in_one_line(
    server: str, tmp_path: Path, host: str, told: str
) -> None:
    port = server.rpartition(":")[2]
    failed = run("--data-dir", tmp_path, "serve", "--insecure", "--host", host, "--port", port)
    assert failed.returncode == 2
    assert failed.stderr.startswith("error: ")
    assert told in failed.stderr
    assert failed.stderr.endswith("[config]\n")
    assert failed.stderr.count("\n") == 1


def test_processes_share_a_folder(tmp_path: Path) -> None:
    def remember(number: int) -> dict[str, Any]:
        stored = run("--data-dir", tmp_path, "remember", f"Note {number}", "--json")
        assert stored.returncode == 0, stored.stderr
        return json.loads(stored.stdout)

    with ThreadPoolExecutor(2) as threads:
        stored = list(threads.map(remember, range(4)))
    listed = json.loads(run("--data-dir", tmp_path, "list", "--json").stdout)
    assert {m["id"] for m in listed["memories"]} == {s["id"] for s in stored}
    assert listed["count"] == 4
    assert json.loads(run("--data-dir", tmp_path, "check", "--json").stdout) == {"faults": []}


def test_a_reader_that_has_had_enough_ends_the_command_quietly(tmp_path: Path) -> None:
    lines = [json.dumps({"producer": "Ada", "content": f"{n} {'x' * 500}"}) for n in range(400)]
    assert run("--data-dir", tmp_path, "ingest", "-", given="\n".join(lines)).returncode == 0
    for command in (["list", "--limit", "1000"], ["list", "--json", "--limit", "1000"], ["export"]):
        with subprocess.Popen(
            [sys.executable, "-m", "recollect", "--data-dir", str(tmp_path), *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
        ) as process:
            assert process.stdout
            assert process.stderr
            process.stdout.readline()
            process.stdout.close()
            assert process.stderr.read() == b""
            # 0 if all was written before the reader went.
            assert process.wait(DEADLINE_SECONDS) in (0, 1)


def test_a_list_fits_a_terminal_of_80_columns(tmp_path: Path) -> None:
    for number in range(2):
        name = f"a-name-that-goes-on-and-on/and-on-and-on-and-on/{number}"
        run("--data-dir", tmp_path, "remember", "word " * 50, "--name", name, "--tag", "t" * 40)
    shown = run_on_a_terminal("--data-dir", tmp_path, "list")
    assert max(map(len, shown)) <= 80
    assert len(shown) == 4
    ids = [
        m["id"]
        for m in json.loads(run("--data-dir", tmp_path, "list", "--json").stdout)["memories"]
    ]
    assert [line.split()[1] for line in shown[1:3]] == ids


def run_on_a_terminal(*arguments: str | Path) -> list[str]:
    """The lines that a command shows on a terminal."""
    terminal, inside = os.openpty()
    with os.fdopen(terminal, "rb", buffering=0) as shown:
        subprocess.run(
            [sys.executable, "-m", "recollect", *map(str, arguments)],
            stdout=inside,
            check=True,
            timeout=DEADLINE_SECONDS,
            env=environment(COLUMNS="80", TERM="dumb"),
        )
        os.close(inside)
        text = shown.read(65_536).decode()
    return text.splitlines()


def test_standard_output_holds_nothing_but_the_answer(tmp_path: Path) -> None:
    stored = run("--data-dir", tmp_path, "remember", "Text", "--json")
    assert json.loads(stored.stdout)["revision"] == 1
    assert stored.stderr == ""
    missing = run("--data-dir", tmp_path, "--json", "read", "none")
    assert (missing.returncode, missing.stdout) == (3, "")
    assert json.loads(missing.stderr)["code"] == "not_found"


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from recollect.cli.main import app; "
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0; "
        "print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    heavy = {"pydantic", "numpy", "httpx2", "anyio", "rich", "fastapi", "structlog", "openai"}
    assert not heavy & set(shown.stdout.split())


def test_the_doctor_tries_the_models_that_are_set(tmp_path: Path) -> None:
    host = ModelHost()
    with served(host.app()) as url:
        variables = {
            "RECOLLECT_EMBEDDER__KIND": "openai",
            "RECOLLECT_EMBEDDER__BASE_URL": f"{url}/v1",
            "RECOLLECT_EMBEDDER__DIMENSIONS": "48",
            "RECOLLECT_LANGUAGE_MODEL__KIND": "openai-responses",
            "RECOLLECT_LANGUAGE_MODEL__BASE_URL": f"{url}/v1",
            "RECOLLECT_LANGUAGE_MODEL__MAX_RETRIES": "0",
            "RECOLLECT_RERANKER__KIND": "embedder",
        }
        assert examined(tmp_path, **variables) == {
            "embedder": True,
            "language model": True,
            "reranker": True,
        }
        assert len(host.asked) <= 5
        warmed = run("--data-dir", tmp_path, "warmup", "--json", **variables)
        assert json.loads(warmed.stdout)["model"] == "openai/text-embedding-3-small-48"

        host.answers, host.dimensions = [refusal(401)] * 99, 47
        host.asked.clear()
        assert set(examined(tmp_path, **variables).values()) == {False}
        failed = run("--data-dir", tmp_path, "warmup", "--json", **variables)
        assert failed.returncode == 5
        assert json.loads(failed.stderr)["code"] == "embedder_unavailable"


def examined(folder: Path, **variables: str) -> dict[str, bool]:
    """How the doctor found the models."""
    findings = json.loads(run("--data-dir", folder, "doctor", "--json", **variables).stdout)
    told = {finding["name"]: finding["ok"] for finding in findings["findings"]}
    return {name: told[name] for name in ("embedder", "language model", "reranker")}


def test_a_server_imports_neither_models_nor_protocols_that_nobody_asked_for(
    tmp_path: Path,
) -> None:
    code = (
        "import sys, anyio; from recollect.app.serve import open_app; "
        "from recollect.settings import load\n"
        "async def start():\n"
        "  async with open_app(load()): pass\n"
        "anyio.run(start); print({'openai', 'mcp'}.isdisjoint(sys.modules))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        text=True,
        env=environment(RECOLLECT_DATA_DIR=str(tmp_path)),
    )
    assert shown.stdout.split()[-1] == "True"
