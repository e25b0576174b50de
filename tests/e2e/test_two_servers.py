"""Two processes over one store are one memory."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.contract.stores import empty_store
from tests.e2e.conftest import LASTING
from tests.e2e.servers import Server, serving

WRITES = 200
TIMES = 5
RACERS = 6


@pytest.fixture(scope="module", params=LASTING)
def servers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generator[tuple[Server, Server]]:
    """Over one data folder if the store is in it, else over one of their own each."""
    one = other = tmp_path_factory.mktemp("one")
    if request.param != "sqlite":
        other = tmp_path_factory.mktemp("other")
    with (
        empty_store(request.param) as store,
        serving(one, store=store) as first,
        serving(other, store=store) as second,
    ):
        yield first, second


def test_two_servers_see_each_others_writes_at_once(servers: tuple[Server, Server]) -> None:
    one, other = servers
    for writer, reader, word in ((one, other, "zebra"), (other, one, "giraffe")):
        writer.until_all_is_embedded()
        reader.until_all_is_embedded()
        for number in range(5):
            text = f"The {word} has the number {number}"
            memory = writer.remember(text)
            assert _arms(reader.recall(text), memory) == {"dense", "lexical"}

            assert writer.http.delete(f"/v1/memories/{memory}").is_success
            assert _arms(reader.recall(text), memory) is None


def test_messages_of_one_server_are_the_others_too(servers: tuple[Server, Server]) -> None:
    for number, server in enumerate(servers * 3):
        message = {"content": f"This is message {number}", "producer": "Ann"}
        server.ask("/v1/messages", {"scope": "talk", "session": "s", "messages": [message]})

    listed, also = (server.http.get("/v1/memories?scope=talk").json() for server in servers)

    assert [m["position"] for m in listed["memories"]] == list(range(6))
    assert listed == also
    assert servers[1].faults() == []


def test_two_servers_with_many_writes_each_keep_them_all(servers: tuple[Server, Server]) -> None:
    def write(writer: int) -> None:
        for number in range(WRITES):
            note = {"scope": "many", "name": f"{writer}-{number}", "content": "Tea at four."}
            servers[writer].ask("/v1/memories", note)

    before = _last_seq(servers[0])
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, range(2)))

    for server in servers:
        assert server.http.get("/v1/memories?scope=many&limit=1").json()["count"] == 2 * WRITES
        assert _last_seq(server) == before + 2 * WRITES
        assert server.faults() == []


def test_of_those_who_replace_the_same_revision_exactly_one_wins(
    servers: tuple[Server, Server],
) -> None:
    servers[0].ask("/v1/memories", {"scope": "race", "name": "n", "content": "Nobody."})

    def replace(racer: int, revision: int) -> int:
        note = {"scope": "race", "name": "n", "content": f"By racer {racer}."}
        told = note | {"expected_revision": revision}
        return servers[racer % 2].http.post("/v1/memories", json=told).status_code

    with ThreadPoolExecutor(RACERS) as pool:
        for revision in range(1, TIMES + 1):
            racing = [pool.submit(replace, racer, revision) for racer in range(RACERS)]
            assert sorted(racer.result() for racer in racing) == [201, *[409] * (RACERS - 1)]

    [note] = servers[1].http.get("/v1/memories?scope=race").json()["memories"]
    assert note["revision"] == TIMES + 1


def _last_seq(server: Server) -> int:
    return server.http.get("/v1/stats").json()["last_seq"]


def _arms(answer: dict[str, Any], memory: str) -> set[str] | None:
    """The arms that found the memory by themselves; None if it is not in the answer."""
    for hit in answer["results"]:
        if hit["memory"]["id"] == memory:
            return {name for name, arm in hit["arms"].items() if arm["rank"] is not None}
    return None
