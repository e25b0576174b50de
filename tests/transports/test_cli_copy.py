"""`recollect copy`: from store to store, as it is typed."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.postgres import lent_database
from tests.transports.commands import Run, runner
from typer.testing import CliRunner, Result

from recollect.cli.main import app

SECRET = "s3cret"  # noqa: S105


@pytest.fixture
def copy(run: Run, tmp_path: Path) -> Callable[..., Result]:
    """Copies the folder of `run`, which holds a note."""
    run("remember", "The Ann of tea.", "--name", "tea")

    def invoke(target: str, *arguments: str, code: int = 0) -> Result:
        source = f"sqlite:{tmp_path / 'd'}"
        return run("copy", "--from", source, "--to", target, *arguments, code=code)

    return invoke


def test_a_folder_is_copied_and_told_table_by_table(
    copy: Callable[..., Result], tmp_path: Path
) -> None:
    told = copy(f"sqlite:{tmp_path / 'e'}").stdout

    assert "memory" in told
    assert "differs" not in told
    assert runner(tmp_path / "e")("read", "tea").stdout.strip().endswith("The Ann of tea.")


def test_a_copy_that_differs_ends_with_an_error(
    copy: Callable[..., Result], tmp_path: Path
) -> None:
    target = f"sqlite:{tmp_path / 'e'}"
    first = json.loads(copy(target, "--json").stdout)
    assert first["same"]
    runner(tmp_path / "e")("remember", "Since.")

    again = json.loads(copy(target, "--json", code=1).stdout)

    differing = [table for table in again["tables"] if not table["same"]]
    assert {table["table"] for table in differing} >= {"log", "memory", "revision"}
    assert differing[0]["target"]["rows"] == differing[0]["source"]["rows"] + 1
    assert "differs" in copy(target, code=1).stdout


def test_the_kind_alone_names_the_store_of_the_settings(tmp_path: Path) -> None:
    with lent_database() as database:
        environment = {
            "RECOLLECT_EMBEDDER__KIND": "hashing",
            "RECOLLECT_DATA_DIR": str(tmp_path / "d"),
        }
        stored = CliRunner(env=environment).invoke(app, ["remember", "Tea.", "--name", "tea"])
        assert stored.exit_code == 0
        environment |= {"RECOLLECT_STORE__KIND": "postgres", "RECOLLECT_STORE__URL": database.url}
        run = CliRunner(env=environment)

        copied = run.invoke(app, ["copy", "--from", "sqlite", "--to", "postgres"])

        assert copied.exit_code == 0, copied.output
        assert "Tea." in run.invoke(app, ["read", "tea"]).stdout


def test_a_database_that_no_setting_names_has_to_be_named(copy: Callable[..., Result]) -> None:
    assert "RECOLLECT_STORE__URL" in copy("postgres", code=2).stderr


@pytest.mark.parametrize(
    ("target", "code"),
    [
        (f"postgres:postgresql://ann:{SECRET}@127.0.0.1:1/recollect", 5),
        (f"postgresql://ann:{SECRET}@127.0.0.1:1/recollect", 5),
        (f"postgres:postgresql://ann:{SECRET}@127.0.0.1:none/recollect", 5),
        (f"mysql://ann:{SECRET}@db/recollect", 2),
    ],
)
def test_a_password_in_a_url_is_not_repeated(
    copy: Callable[..., Result], target: str, code: int
) -> None:
    told = copy(target, code=code)

    assert SECRET not in told.output
    assert told.stderr.startswith("error: ")


def test_an_unfinished_copy_is_abandoned_once_that_is_confirmed(
    copy: Callable[..., Result], tmp_path: Path
) -> None:
    run, target = runner(tmp_path / "e"), f"sqlite:{tmp_path / 'e'}"
    copy(target)
    with sqlite3.connect(tmp_path / "e/tenants/default/recollect.db") as file:
        file.execute('insert into copying values (\'{"origin": "", "reached": {}}\')')
    file.close()
    run("stats", code=5)

    run("copy", "--to", "sqlite", "--abandon", given="n", code=1)
    run("stats", code=5)
    told = run("copy", "--to", target, "--abandon", "--yes", "--json").stdout

    assert json.loads(told) == {"tenants": ["default"]}
    assert json.loads(run("stats", "--json").stdout)["memories"] == 0
    run("copy", "--to", target, "--abandon", "--yes", code=3)
    assert "memory" in copy(target).stdout


def test_a_copy_needs_a_source(run: Run) -> None:
    assert "--from" in run("copy", "--to", "sqlite:elsewhere", code=2).stderr
