"""A database that is stopped or killed while a server writes loses nothing acknowledged."""

import signal
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from threading import Semaphore
from time import monotonic

import pytest
from tests.e2e.servers import DEADLINE_SECONDS, Server, serving
from tests.postgres import LocalServer, local_server, new_database

ROUNDS = 2
MANY_ROUNDS = 50
WRITERS = 4
MOST_WRITES = 60
WAYS = (signal.SIGKILL, signal.SIGINT)


@dataclass
class Told:
    """What the server told one writer: the ids, and when the write that failed had begun."""

    ids: list[str] = field(default_factory=list[str])
    failed: float = 0


@pytest.fixture
def database() -> Generator[LocalServer]:
    server = local_server(fsync="on", full_page_writes="on")
    yield server
    server.close()


def test_a_database_that_dies_under_load_loses_nothing_that_the_server_acknowledged(
    database: LocalServer, tmp_path: Path, *, thorough: bool
) -> None:
    random = Random(4)
    settings = new_database(admin=database.url).settings
    impatient = settings.model_copy(update={"connect_seconds": 1})
    rounds = MANY_ROUNDS if thorough else ROUNDS
    known: list[str] = []
    in_flight = 0
    with serving(tmp_path, store=impatient) as server:
        for number in range(rounds):
            told, gone = _write_until_gone(server, database, random, WAYS[number % 2])
            known += [memory for each in told for memory in each.ids]
            in_flight += any(each.failed < gone for each in told)
            database.start()
            _until_ready(server)
            assert server.faults() == []
            _assert_all_is_there(server, known)
    assert in_flight >= rounds * 4 // 5


def _write_until_gone(
    server: Server, database: LocalServer, random: Random, how: signal.Signals
) -> tuple[list[Told], float]:
    """What was told, and when the database was sent the signal."""
    written = Semaphore(0)
    with ThreadPoolExecutor(WRITERS) as pool:
        writers = [pool.submit(_write, server, written) for _ in range(WRITERS)]
        for _ in range(random.randrange(1, MOST_WRITES)):
            written.acquire()
        gone = monotonic()
        database.stop(how)
    return [writer.result() for writer in writers], gone


def _write(server: Server, written: Semaphore) -> Told:
    """Writes until it is told that the database is away."""
    told = Told()
    while True:
        begun = monotonic()
        note = {"content": f"Thing {len(told.ids)}", "name": f"{begun}-{id(told)}"}
        answer = server.http.post("/v1/memories", json=note)
        if answer.status_code == 503:
            assert answer.json()["code"] == "store_unavailable"
            told.failed = begun
            return told
        assert answer.status_code == 201, answer.text
        told.ids.append(answer.json()["id"])
        written.release()


def _until_ready(server: Server) -> None:
    end = monotonic() + DEADLINE_SECONDS
    while not server.http.get("/readyz").is_success:
        assert monotonic() < end, "the server did not recover"


def _assert_all_is_there(server: Server, ids: list[str]) -> None:
    listed: set[str] = set()
    cursor = ""
    while cursor is not None:
        page = server.http.get(f"/v1/memories?limit=1000{cursor and f'&cursor={cursor}'}").json()
        listed |= {memory["id"] for memory in page["memories"]}
        cursor = page["next_cursor"]
    assert set(ids) <= listed
    assert server.http.get("/v1/stats").json()["last_seq"] == len(listed)
