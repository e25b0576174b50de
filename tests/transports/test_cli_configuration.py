"""A server of the command line with a MemMachine file, as a deployment starts it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx2
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from tests.postgres import TestDatabase, lent_database
from typer.testing import CliRunner

from recollect.app.diagnosis import Diagnosis
from recollect.cli.main import app

DEADLINE_SECONDS = 60
FILE = """
Logging:
  level: INFO
  path: $LOG_HOME/memmachine.log
episode_store: {database: Main_DB}
session_manager: {database: main_db}
episodic_memory:
  long_term_memory: {backend: event, embedder: Built_In, reranker: words}
resources:
  databases:
    Main_DB: {provider: sqlite, config: {path: "${LOG_HOME}/memmachine.db"}}
  embedders:
    Built_In: {provider: sentence-transformer, config: {model: all-MiniLM-L6-v2}}
  rerankers:
    words: {provider: bm25}
"""

IN_POSTGRES = """
episode_store: {database: profile_storage}
session_manager: {database: profile_storage}
semantic_memory: {database: profile_storage, config_database: profile_storage}
episodic_memory: {long_term_memory: {vector_graph_store: graph}}
resources:
  databases:
    profile_storage:
      provider: postgres
      config: {host: $DB_HOST, port: $DB_PORT, user: $DB_USER, password: $DB_PASSWORD,
               db_name: $DB_NAME, pool_size: 3, max_overflow: 2}
    graph: {provider: neo4j, config: {uri: "bolt://neo4j:7687", password: neo4j_password}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "configuration.yml"
    path.write_text(FILE, encoding="utf-8")
    return path


def environment(**more: str) -> dict[str, str]:
    ours = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}  # noqa: TID251
    return ours | more


def test_a_server_starts_with_a_file_and_keeps_its_data_beside_its_database(
    file: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "recollect", "serve", "--configuration", str(file)]
    variables = environment(LOG_HOME=str(tmp_path), HOST="127.0.0.1", RECOLLECT_PORT="0")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=variables) as process:
        try:
            assert process.stderr
            url = json.loads(process.stderr.readline())["url"]
            assert httpx2.get(f"{url}/startupz", timeout=DEADLINE_SECONDS).is_success
        finally:
            process.send_signal(signal.SIGTERM)
    assert process.returncode == 0
    assert (tmp_path / "recollect" / "tenants").is_dir()


def test_a_server_keeps_its_data_in_the_database_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "configuration.yml"
    file.write_text(IN_POSTGRES, encoding="utf-8")
    with lent_database() as database:
        variables = environment(
            **parts(database),
            HOST="127.0.0.1",
            RECOLLECT_PORT="0",
            RECOLLECT_EMBEDDER__KIND="hashing",
            RECOLLECT_DATA_DIR=str(tmp_path / "data"),
        )
        command = [sys.executable, "-m", "recollect", "serve", "--configuration", str(file)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=variables) as process:
            try:
                assert process.stderr
                warned = json.loads(process.stderr.readline())
                assert warned["event"] == "configuration.databases_replaced"
                assert warned["databases"] == ["graph"]
                url = json.loads(process.stderr.readline())["url"]
                said = {"content": "Tea at four.", "producer": "ann"}
                body = {"org_id": "o", "project_id": "p", "messages": [said]}
                assert httpx2.post(
                    f"{url}/api/v2/memories", json=body, timeout=DEADLINE_SECONDS
                ).is_success
            finally:
                process.send_signal(signal.SIGTERM)
        with psycopg.connect(database.admin_url) as connection:
            rows = connection.execute("select content from memory").fetchall()
    assert process.returncode == 0
    assert rows == [("Tea at four.",)]
    assert not (tmp_path / "data" / "tenants").exists()


def parts(database: TestDatabase) -> dict[str, str]:
    named = conninfo_to_dict(database.url)
    names = {"host": "DB_HOST", "user": "DB_USER", "password": "DB_PASSWORD", "dbname": "DB_NAME"}
    return {names[name]: str(value) for name, value in named.items() if name in names} | {
        "DB_PORT": str(named.get("port", 5432))
    }


def test_a_wrong_file_stops_the_start_and_says_why(file: Path) -> None:
    file.write_text("resources: {rerankers: {best: {provider: cohere}}}", encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "recollect", "serve"],
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_SECONDS,
        env=environment(MEMORY_CONFIG=str(file)),
    )
    assert ended.returncode == 2
    assert "resources.rerankers.best.provider: cohere is not built yet" in ended.stderr
    assert ended.stderr.endswith("[config]\n")


def test_the_doctor_names_the_file_and_tries_its_resources(file: Path, tmp_path: Path) -> None:
    text = FILE.replace(
        "Built_In: {provider: sentence-transformer, config: {model: all-MiniLM-L6-v2}}",
        "Built_In: {provider: sentence-transformer, config: {model: all-MiniLM-L6-v2}}\n"
        "    Away: {provider: openai, config: {base_url: 'http://127.0.0.1:9/v1', api_key: $KEY}}",
    )
    file.write_text(text, encoding="utf-8")
    variables = {
        "LOG_HOME": str(tmp_path),
        "KEY": "sk-hunter2",
        "RECOLLECT_CONFIGURATION": str(file),
        "RECOLLECT_EMBEDDER__KIND": "hashing",
    }
    shown = CliRunner(env=variables).invoke(app, ["doctor", "--json"])
    findings = {f.name: f for f in Diagnosis.model_validate_json(shown.stdout).findings}

    assert str(file) in findings["configuration"].detail
    assert "without effect here: logging.path" in findings["configuration"].detail
    assert findings["embedders Built_In"].ok
    assert findings["rerankers words"].detail == "bm25: ready"
    assert findings["databases Main_DB"].ok
    assert not findings["embedders Away"].ok
    assert "out of reach" in findings["embedders Away"].detail
    assert shown.exit_code == 1
    assert "hunter2" not in shown.output
