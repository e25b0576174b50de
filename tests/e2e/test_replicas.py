"""Several servers and workers over one database are one memory."""

import signal
import subprocess
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import psycopg
import pytest
from mcp import Client
from tests.e2e.servers import DEADLINE_SECONDS, Server, serving
from tests.examples import note, storing
from tests.local_servers import served
from tests.model_hosts import ModelHost, Silence
from tests.postgres import TestDatabase, lent_database
from tests.transports.mcp_clients import call
from tests.transports.memmachine import PROJECT
from tests.transports.test_cli_process import environment

from recollect.app.wiring import open_context
from recollect.operations import work
from recollect.operations.work import LEASE
from recollect.settings import HashingSettings, Settings

LONG = "\n\n".join(f"# Part {n}\n" + f"Bird{n} sings. " * 60 for n in range(10))
"""More passages than are embedded before a write is acknowledged."""

POLLED_WITHIN_SECONDS = 20


@pytest.fixture
def database() -> Generator[TestDatabase]:
    with lent_database() as lent:
        yield lent


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Server, Server]]:
    """Two servers over one database, each with a folder of its own."""
    one, other = (tmp_path_factory.mktemp(name) for name in ("one", "other"))
    with lent_database() as lent:
        options = {"store": lent.settings, "memmachine": {"config_api": True}}
        with serving(one, **options) as first, serving(other, **options) as second:
            first.until_all_is_embedded()
            second.until_all_is_embedded()
            yield first, second


def turns(both: tuple[Server, Server]) -> tuple[tuple[Server, Server], ...]:
    return both, (both[1], both[0])


def test_what_one_stores_changes_and_forgets_the_other_recalls_so(
    both: tuple[Server, Server],
) -> None:
    for (writer, reader), word in zip(turns(both), ("zebra", "giraffe"), strict=True):
        for number in range(5):
            text = f"The {word} has the number {number}"
            memory = writer.remember(text)
            assert reader.arms(text, memory) == {"dense", "lexical"}

            fresh = f"The {word} moved to heron{number}"
            edited = reader.http.patch(f"/v1/memories/{memory}", json={"content": fresh})
            assert edited.is_success, edited.text
            assert writer.arms(f"heron{number}", memory) == {"dense", "lexical"}

            assert writer.http.delete(f"/v1/memories/{memory}").is_success
            assert reader.arms(fresh, memory) is None


def test_messages_to_either_stand_in_the_order_in_which_they_were_acknowledged(
    both: tuple[Server, Server],
) -> None:
    for number in range(6):
        message = {"content": f"This is message {number}", "producer": "Ann"}
        said = {"scope": "talk", "session": "s", "messages": [message]}
        both[number % 2].ask("/v1/messages", said)

    for server in both:
        listed = server.http.get("/v1/memories", params={"scope": "talk"}).json()["memories"]
        assert [m["position"] for m in listed] == list(range(6))
        assert [m["content"][-1] for m in listed] == list("012345")
        found = server.ask("/v1/context", {"scope": "talk", "session": "s", "question": "message"})
        places = [found["text"].index(f"message {number}") for number in range(6)]
        assert places == sorted(places)


def test_a_request_sent_to_both_under_one_key_is_carried_out_once(
    both: tuple[Server, Server],
) -> None:
    def ask(server: Server, number: int) -> tuple[int, Any]:
        body = {"content": f"Once {number}.", "scope": "once"}
        headers = {"Idempotency-Key": f"k{number}"}
        answer = server.http.post("/v1/memories", json=body, headers=headers)
        return answer.status_code, answer.json().get("id")

    with ThreadPoolExecutor(2) as clients:
        for number in range(5):
            first, second = clients.map(lambda s, n=number: ask(s, n), both)
            assert first == second
            assert first[0] == 201
    assert both[0].http.get("/v1/memories", params={"scope": "once"}).json()["count"] == 5


def test_a_verdict_reaches_a_recall_that_the_other_gave_just_now(
    both: tuple[Server, Server],
) -> None:
    for number, (giver, judge) in enumerate(turns(both)):
        memory = giver.remember(f"The magpie hides ring {number}")
        recalled = giver.recall(f"magpie ring {number}")
        mark = {"recall_id": recalled["recall_id"], "memory": memory, "verdict": "applied"}
        answer = judge.ask("/v1/recalls/verdicts", {"verdicts": [mark]})
        assert answer["rows_affected"] == [1]


def test_projects_and_the_configuration_are_everybodys(both: tuple[Server, Server]) -> None:
    for number, (one, other) in enumerate(turns(both)):
        project = PROJECT | {"project_id": f"p{number}", "description": "Birds"}
        assert one.ask("/api/v2/projects", project)["description"] == "Birds"
        assert other.ask("/api/v2/projects/get", project)["description"] == "Birds"
        deleted = other.http.post("/api/v2/projects/delete", json=project)
        assert deleted.is_success, deleted.text
        assert one.http.post("/api/v2/projects/get", json=project).status_code == 404

        short = {"message_capacity": 1000 + number}
        changed = one.http.put("/api/v2/config/memory/episodic/short_term", json=short)
        assert changed.is_success, changed.text
        now = other.http.get("/api/v2/config/memory/episodic/short_term").json()
        assert now["message_capacity"] == 1000 + number


@pytest.mark.anyio
async def test_tools_of_one_list_what_those_of_the_other_remember(
    both: tuple[Server, Server],
) -> None:
    one, other = (Client(f"{server.http.base_url}/mcp") for server in both)
    async with one as writing, other as reading:
        for number in range(3):
            await call(writing, "remember", name=f"n{number}", content="Tea.", scope="tools")
            page = await call(reading, "list", scope="tools")
            assert [note["name"] for note in page["memories"]][-1] == f"n{number}"
        await call(reading, "forget", name="n0", scope="tools")
        page = await call(writing, "list", scope="tools")
        named = [note["name"] for note in page["memories"] if note["scope"] == "tools"]
        assert named == ["n1", "n2"]


def test_what_a_server_leaves_to_do_another_that_works_does_soon(
    tmp_path: Path, database: TestDatabase
) -> None:
    kept = {"store": database.settings}
    with serving(tmp_path / "a", work_in_background=False, **kept) as idle:
        memory = idle.remember(LONG)
        assert waiting(idle) == 1
        with serving(tmp_path / "b", **kept) as busy:
            busy.until_all_is_embedded()
            for number in range(2):
                idle.ask("/v1/memories", {"content": LONG, "scope": f"s{number}"})
                began = monotonic()
                idle.until_all_is_embedded()
                assert monotonic() - began < POLLED_WITHIN_SECONDS
        assert idle.arms("Bird9 sings", memory) == {"dense", "lexical"}


def waiting(server: Server) -> int:
    return server.http.get("/v1/stats").json()["waiting"]


@contextmanager
def working(data_dir: Path, database: TestDatabase) -> Generator[subprocess.Popen[bytes]]:
    """A worker of the command line, killed at the end if it still runs."""
    variables = {"RECOLLECT_STORE__KIND": "postgres", "RECOLLECT_STORE__URL": database.url}
    with subprocess.Popen(
        [sys.executable, "-m", "recollect", "--data-dir", str(data_dir), "work"],
        stderr=subprocess.PIPE,
        env=environment(**variables),
    ) as process:
        yield process
        process.kill()


def test_a_worker_alone_does_what_servers_leave_and_ends_when_told(
    tmp_path: Path, database: TestDatabase
) -> None:
    idle = serving(tmp_path / "a", store=database.settings, work_in_background=False)
    with idle as server, working(tmp_path / "b", database) as worker:
        server.remember(LONG)
        server.until_all_is_embedded()

        worker.send_signal(signal.SIGTERM)
        assert worker.wait(DEADLINE_SECONDS) == 0
        assert worker.stderr
        assert b"worker.started" in worker.stderr.read()
        server.ask("/v1/memories", {"content": LONG, "scope": "later"})
        assert waiting(server) == 1


@pytest.mark.anyio
async def test_a_job_of_a_killed_process_is_anothers_after_its_lease(
    tmp_path: Path, database: TestDatabase
) -> None:
    settings = Settings(data_dir=tmp_path, store=database.settings, embedder=HashingSettings())
    async with open_context(settings) as (context, embedders):
        await context.records.commit(context.tenant, storing(note()))
        with served(ModelHost(answers=[Silence() for _ in range(9)]).app()) as url:
            silent = {"kind": "openai", "base_url": f"{url}/v1", "timeout_seconds": 600}
            with serving(tmp_path / "a", silent, store=database.settings) as dying:
                until_leased(database)
                dying.kill()

        await embedders.embedder.load()
        assert not await work(context)
        later = datetime.now(UTC) + LEASE + timedelta(seconds=1)
        assert await work(replace(context, now=lambda: later))
        counts = await context.records.counts(context.tenant, "any")
        assert sum(counts.by_model.values()) == 1
        assert await context.jobs.counts(context.tenant) == {}


def until_leased(database: TestDatabase) -> None:
    end = monotonic() + DEADLINE_SECONDS
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        while not connection.execute("select 1 from job where token is not null").fetchone():
            assert monotonic() < end
