"""`kill -9` at any moment loses nothing that was acknowledged and leaves nothing half done."""

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from threading import Event
from time import monotonic

import httpx2
import pytest

from recollect import operations
from recollect.app.wiring import open_context
from recollect.settings import HashingSettings, load
from tests.e2e.servers import Server, serving
from tests.e2e.writer import TOLD

FORKED_ROUNDS = 40
SERVER_ROUNDS = 10
MOST_SECONDS_OF_WRITING = 0.25

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork")


@pytest.fixture
def forker() -> Generator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.e2e.writer"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        yield process
        process.kill()


@pytest.mark.anyio
async def test_killed_writers_lose_nothing_and_leave_nothing_half_done(
    tmp_path: Path, forker: subprocess.Popen[str]
) -> None:
    random = Random(1)
    told = tmp_path / TOLD
    in_flight = 0
    for _ in range(FORKED_ROUNDS):
        told.write_text("")
        _kill_after(forker, tmp_path, random.uniform(0, MOST_SECONDS_OF_WRITING))
        lines = told.read_text().splitlines()
        answers = [line.split() for line in lines if line != "begun"]
        in_flight += lines.count("begun") > len(answers)
        await _assert_all_is_there(tmp_path, [memory for ids in answers for memory in ids])
    assert in_flight == FORKED_ROUNDS


def _kill_after(forker: subprocess.Popen[str], folder: Path, seconds: float) -> None:
    """Kills the writers so long after the first answer."""
    assert forker.stdin
    assert forker.stdout
    print(folder, file=forker.stdin, flush=True)
    process = int(forker.stdout.readline())
    told = folder / TOLD
    while not any(line != b"begun\n" for line in told.open("rb")):
        pass
    _spin(seconds)
    os.kill(process, signal.SIGKILL)
    assert forker.stdout.readline() == "gone\n"


async def _assert_all_is_there(folder: Path, ids: list[str]) -> None:
    settings = load(data_dir=folder, embedder=HashingSettings())
    async with open_context(settings) as (context, model):
        await model.embedder.load()
        found = await context.records.get(context.tenant, ids)
        assert [memory.id for memory in found] == ids
        checked = await operations.check(context, operations.Check(repair=False))
        assert checked.faults == []
        question = operations.Recall(query=found[-1].content, limit=1)
        best = (await operations.recall(context, question)).results[0]
        assert set(best.arms) == {"dense", "lexical"}
        assert (await operations.stats(context, operations.Stats())).waiting == 0


def test_a_killed_server_loses_nothing_and_leaves_nothing_half_done(tmp_path: Path) -> None:
    random = Random(2)
    known: list[str] = []
    in_flight = 0
    for _ in range(SERVER_ROUNDS):
        with serving(tmp_path) as server:
            _assert_server_has(server, known)
            new, unanswered = _write_until_killed(server, random)
            known += new
            in_flight += unanswered > 0
    with serving(tmp_path) as server:
        _assert_server_has(server, known)
    assert in_flight == SERVER_ROUNDS


def _assert_server_has(server: Server, ids: list[str]) -> None:
    assert server.faults() == []
    for memory in ids:
        assert server.http.get(f"/v1/memories/{memory}").status_code == 200


def _write_until_killed(server: Server, random: Random) -> tuple[list[str], int]:
    """The ids of what was acknowledged, and how many writes got no answer."""
    first = Event()
    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(_write, server, writer, first) for writer in range(3)]
        assert first.wait(30)
        _spin(random.uniform(0, MOST_SECONDS_OF_WRITING))
        server.kill()
    ids = [memory for writer in writers for memory in writer.result()]
    return ids, len(writers)


def _write(server: Server, writer: int, first: Event) -> list[str]:
    """Writes until there is no answer."""
    ids: list[str] = []
    while True:
        content = f"Thing {len(ids)} that writer {writer} has to say"
        try:
            if writer:
                ids.append(server.remember(content))
            else:
                messages = [{"content": content, "producer": "Ann"}] * 3
                ids += server.ask("/v1/messages", {"messages": messages})["ids"]
        except httpx2.TransportError:
            return ids
        first.set()


def _spin(seconds: float) -> None:
    """Lets a random time pass, so that the kill comes at any moment of a write."""
    end = monotonic() + seconds
    while monotonic() < end:
        pass
