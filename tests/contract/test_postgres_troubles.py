"""A database that cannot be used: what is wrong is told, and nothing of its URL."""

from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from tests.postgres import LocalServer, local_server
from typer.testing import CliRunner, Result

from recollect.app.diagnosis import Diagnosis
from recollect.cli.main import app

WRONG = "hunter2-SECRET"
DATABASES = """
create role asked login password 'right';
create database usable owner asked encoding 'UTF8' template template0;
create database ascii owner asked encoding 'SQL_ASCII' template template0;
"""


@pytest.fixture(scope="module")
def server() -> Generator[LocalServer]:
    """A server that asks one role for its password; no database has the extension."""
    server = local_server()
    rules = server.folder / "data" / "pg_hba.conf"
    rules.write_text("local all asked scram-sha-256\nlocal all postgres trust\n")
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("select pg_reload_conf()")
        for statement in DATABASES.strip().splitlines():
            connection.execute(statement.encode())
    yield server
    server.close()


def run(url: str, *command: str, data_dir: Path = Path("/nowhere")) -> Result:
    variables = {
        "RECOLLECT_DATA_DIR": str(data_dir),
        "RECOLLECT_STORE__KIND": "postgres",
        "RECOLLECT_STORE__URL": url,
        "RECOLLECT_EMBEDDER__KIND": "hashing",
    }
    return CliRunner(env=variables).invoke(app, command)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"password": WRONG}, "refuses the role or its password"),
        ({"password": None}, "refuses the role or its password"),
        ({"user": WRONG}, "refuses the role or its password"),
        ({"dbname": WRONG}, "no database of this name"),
        ({"host": f"{WRONG}.invalid"}, "host is not known"),
        ({"host": "127.0.0.1", "port": "1"}, "out of reach"),
        ({"dbname": "ascii"}, "encoding is not UTF8"),
        ({}, "create extension vector"),
    ],
)
def test_a_database_that_cannot_be_used_is_told_as_such(
    server: LocalServer, changes: dict[str, str | None], told: str
) -> None:
    usual = {"dbname": "usable", "user": "asked", "password": "right"}
    answer = run(make_conninfo(server.url, **(usual | changes)), "migrate")
    assert answer.exit_code == 5
    assert told in answer.stderr
    assert WRONG not in answer.output


@pytest.mark.parametrize("url", [f"mysql://a:{WRONG}@host/name", f"host=a {WRONG}"])
def test_a_url_that_is_none_is_refused_without_repeating_it(url: str) -> None:
    answer = run(url, "migrate")
    assert answer.exit_code == 2
    assert "postgresql://user:password@host/name" in answer.stderr
    assert WRONG not in answer.output


def test_the_doctor_tells_of_a_database_that_cannot_be_used_beside_all_else(
    server: LocalServer, tmp_path: Path
) -> None:
    url = make_conninfo(server.url, dbname="usable", user="asked", password=WRONG)
    answer = run(url, "doctor", "--json", data_dir=tmp_path)
    findings = {f.name: f for f in Diagnosis.model_validate_json(answer.stdout).findings}
    assert answer.exit_code == 1
    assert "password" in findings["store"].detail
    assert findings["data folder"].ok
    assert WRONG not in answer.output


def test_the_doctor_tells_which_database_it_is_and_whom_it_does_not_bind(
    server: LocalServer, tmp_path: Path
) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("create database whole")
    answer = run(make_conninfo(server.url, dbname="whole"), "doctor", "--json", data_dir=tmp_path)
    findings = {f.name: f for f in Diagnosis.model_validate_json(answer.stdout).findings}
    assert answer.exit_code == 0, answer.output
    assert findings["database"].detail.startswith("PostgreSQL 18")
    assert "row-level security does not bind the role" in findings["database"].detail
    assert "fts5" not in findings
