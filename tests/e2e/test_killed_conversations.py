"""`kill -9` while messages come in: each one acknowledged is there, in order, once."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from threading import Semaphore
from typing import Any

import httpx2
import pytest
from tests.e2e.servers import Server, serving

from recollect.settings import StoreSettings

ROUNDS = {"sqlite": 5, "postgres": 3}
MANY_ROUNDS = 50
WRITERS = 4
MOST_WRITES = 30
AT_ONCE = 3

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork")


def test_a_server_killed_while_messages_come_in_keeps_them_in_order_and_once(
    tmp_path: Path, store: StoreSettings, *, thorough: bool
) -> None:
    random = Random(3)
    rounds = MANY_ROUNDS if thorough else ROUNDS[store.kind]
    acknowledged: list[list[str]] = [[] for _ in range(WRITERS)]
    in_flight = 0
    for _ in range(rounds):
        with serving(tmp_path, store=store) as server:
            said = [_assert_told(server, writer, acknowledged[writer]) for writer in range(WRITERS)]
            in_flight += _write_until_killed(server, random, acknowledged, said)
    with serving(tmp_path, store=store) as server:
        assert server.faults() == []
        for writer in range(WRITERS):
            _assert_told(server, writer, acknowledged[writer])
    assert in_flight >= rounds - 1


def _project(writer: int) -> dict[str, Any]:
    return {"org_id": "acme", "project_id": f"writer-{writer}"}


def _assert_told(server: Server, writer: int, acknowledged: list[str]) -> int:
    """What was acknowledged is there; returns how many messages there are."""
    body = {**_project(writer), "type": "episodic", "page_size": -1}
    listed = server.ask("/api/v2/memories/list", body)["content"]["episodic_memory"]
    uids = [episode["uid"] for episode in listed]
    contents = [episode["content"] for episode in listed]
    # Whole requests, each once, in the order in which they were sent.
    assert contents == [f"message {number}" for number in range(len(contents))]
    assert len(contents) % AT_ONCE == 0
    assert [uid for uid in uids if uid in set(acknowledged)] == acknowledged
    return len(contents)


def _write_until_killed(
    server: Server, random: Random, acknowledged: list[list[str]], said: list[int]
) -> bool:
    """Whether a write was under way at the end."""
    written = Semaphore(0)
    with ThreadPoolExecutor(WRITERS) as pool:
        writers = [
            pool.submit(_write, server, writer, (said[writer], acknowledged[writer]), written)
            for writer in range(WRITERS)
        ]
        for _ in range(random.randrange(1, MOST_WRITES)):
            written.acquire()
        server.kill()
    return any(writer.result() for writer in writers)


def _write(server: Server, writer: int, so_far: tuple[int, list[str]], written: Semaphore) -> bool:
    """Writes until there is no answer; whether that came after the server had the request."""
    said, acknowledged = so_far
    try:
        while True:
            messages = [{"content": f"message {said + n}"} for n in range(AT_ONCE)]
            answer = server.ask("/api/v2/memories", {**_project(writer), "messages": messages})
            acknowledged += [result["uid"] for result in answer["results"]]
            said += AT_ONCE
            written.release()
    except httpx2.ConnectError:
        return False
    except httpx2.TransportError:
        return True
    finally:
        # Nobody must wait for one who failed.
        written.release(MOST_WRITES)
