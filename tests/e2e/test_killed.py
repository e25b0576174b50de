"""`kill -9` at any moment loses nothing that was acknowledged and leaves nothing half done."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from threading import Semaphore

import httpx2
import pytest
from tests.e2e.forkers import forker, told_until_killed
from tests.e2e.servers import Server, serving, where

from recollect import operations
from recollect.app.wiring import open_context
from recollect.settings import HashingSettings, StoreSettings, load

FORKED_ROUNDS = {"sqlite": 50, "postgres": 10}
SERVER_ROUNDS = {"sqlite": 5, "postgres": 3}
MANY_ROUNDS = 50
WRITERS = 4
MOST_LINES = 100
MOST_WRITES = 30

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork")


@pytest.mark.anyio
async def test_killed_writers_lose_nothing_and_leave_nothing_half_done(
    tmp_path: Path, store: StoreSettings, *, thorough: bool
) -> None:
    random = Random(1)
    rounds = MANY_ROUNDS if thorough else FORKED_ROUNDS[store.kind]
    known: list[str] = []
    in_flight = 0
    with forker("tests.e2e.writer") as writers:
        for _ in range(rounds):
            lines = told_until_killed(
                writers, where(tmp_path, store), random.randrange(1, MOST_LINES)
            )
            answers = [line.split() for line in lines if line != "begun"]
            in_flight += lines.count("begun") > len(answers)
            known += [memory for ids in answers for memory in ids]
            await _assert_all_is_there(tmp_path, store, known)
    assert in_flight == rounds


async def _assert_all_is_there(folder: Path, store: StoreSettings, ids: list[str]) -> None:
    settings = load(**where(folder, store), embedder=HashingSettings())
    async with open_context(settings) as (context, embedders):
        await embedders.embedder.load()
        found = await context.records.get(context.tenant, ids)
        assert [memory.id for memory in found] == ids
        checked = await operations.check(context, operations.Check(repair=False))
        assert checked.faults == []
        question = operations.Recall(query=found[-1].content, limit=1)
        best = (await operations.recall(context, question)).results[0]
        assert set(best.arms) == {"dense", "lexical"}
        assert (await operations.stats(context, operations.Stats())).waiting == 0


def test_a_killed_server_loses_nothing_and_leaves_nothing_half_done(
    tmp_path: Path, store: StoreSettings, *, thorough: bool
) -> None:
    random = Random(2)
    rounds = MANY_ROUNDS if thorough else SERVER_ROUNDS[store.kind]
    known: list[str] = []
    in_flight = 0
    for _ in range(rounds):
        with serving(tmp_path, store=store) as server:
            _assert_server_has(server, known)
            new, cut_off = _write_until_killed(server, random)
            known += new
            in_flight += cut_off
    with serving(tmp_path, store=store) as server:
        _assert_server_has(server, known)
    assert in_flight >= rounds - 1


def _assert_server_has(server: Server, ids: list[str]) -> None:
    assert server.faults() == []
    for memory in ids:
        assert server.http.get(f"/v1/memories/{memory}").status_code == 200


def _write_until_killed(server: Server, random: Random) -> tuple[list[str], bool]:
    """The ids of what was acknowledged, and whether a write was under way at the end."""
    written = Semaphore(0)
    with ThreadPoolExecutor(WRITERS) as pool:
        writers = [pool.submit(_write, server, writer, written) for writer in range(WRITERS)]
        for _ in range(random.randrange(1, MOST_WRITES)):
            written.acquire()
        server.kill()
    told = [writer.result() for writer in writers]
    return [memory for ids, _ in told for memory in ids], any(cut_off for _, cut_off in told)


def _write(server: Server, writer: int, written: Semaphore) -> tuple[list[str], bool]:
    """Writes until there is no answer; tells whether that came after the server had the request."""
    ids: list[str] = []
    while True:
        content = f"Thing {len(ids)} that writer {writer} has to say"
        try:
            if writer % 2:
                ids.append(server.remember(content))
            else:
                messages = [{"content": content, "producer": "Ann"}] * 3
                ids += server.ask("/v1/messages", {"messages": messages})["ids"]
        except httpx2.ConnectError:
            return ids, False
        except httpx2.TransportError:
            return ids, True
        written.release()
