"""`recollect migrate`: for databases whose servers may not change the schema."""

from collections.abc import Generator

import pytest
from tests.postgres import TestDatabase, new_database
from typer.testing import CliRunner

from recollect.app.migration import SchemaStatus
from recollect.cli.main import app


@pytest.fixture
def database() -> Generator[TestDatabase]:
    database = new_database(migrated=False)
    yield database
    database.drop()


def test_a_database_is_looked_at_then_migrated_once(database: TestDatabase) -> None:
    url = database.settings.url.get_secret_value()
    runner = CliRunner(env={"RECOLLECT_STORE__KIND": "postgres", "RECOLLECT_STORE__URL": url})

    def status(*arguments: str) -> SchemaStatus:
        answer = runner.invoke(app, ["migrate", *arguments, "--json"])
        assert answer.exit_code == 0, answer.output
        return SchemaStatus.model_validate_json(answer.stdout)

    before = status("--status")
    assert before == SchemaStatus(applied=0, known=before.known)
    assert f"{before.known} migration" in runner.invoke(app, ["migrate", "--status"]).stdout
    assert status() == SchemaStatus(applied=before.known, known=before.known, migrated=before.known)
    assert status() == status("--status") == SchemaStatus(applied=before.known, known=before.known)
    assert "up to date" in runner.invoke(app, ["migrate"]).stdout


def test_a_store_in_files_needs_no_command() -> None:
    answer = CliRunner(env={"RECOLLECT_STORE__KIND": "sqlite"}).invoke(app, ["migrate"])

    assert answer.exit_code == 2
    assert "by themselves" in answer.stderr
