"""What is derived from the records can be lost: a check finds it and makes it anew."""

import sqlite3
from collections.abc import Generator
from contextlib import closing

import pytest
from tests.e2e.servers import Server, serving

LOST = [
    ("delete from vector", {"vectors"}),
    ("delete from vector where key % 3 = 0", {"vectors"}),
    ("update vector set embedding = zeroblob(length(embedding))", {"vectors"}),
    ("delete from text_index", {"text"}),
    ("update text_index set text = 'nonsense' where (rowid >> 12) % 2", {"text"}),
    ("insert into text_index (rowid, text) values (1000 << 12 | 2, 'of nobody')", {"text"}),
    ("delete from vector; delete from text_index", {"vectors", "text"}),
]
TEXT = "The heron stands in the river, number"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    with serving(tmp_path_factory.mktemp("data")) as server:
        server.until_all_is_embedded()
        yield server


@pytest.fixture(scope="module")
def memories(server: Server) -> list[str]:
    return [server.remember(f"{TEXT} {number}") for number in range(20)]


@pytest.mark.parametrize(("damage", "projections"), LOST)
def test_a_check_finds_and_mends_what_was_lost(
    server: Server, memories: list[str], damage: str, projections: set[str]
) -> None:
    _damage(server, damage)
    assert {fault["projection"] for fault in server.faults()} == projections

    mended = server.ask("/v1/check", {"repair": True})["faults"]

    assert mended
    assert all(fault["repaired"] for fault in mended)
    server.until_all_is_embedded()
    assert server.faults() == []
    best = server.recall(f"{TEXT} 7")["results"][0]
    assert best["memory"]["id"] == memories[7]
    assert best["arms"].keys() == {"dense", "lexical"}
    assert None not in {arm["rank"] for arm in best["arms"].values()}


def _damage(server: Server, script: str) -> None:
    """Changes the file behind the server's back."""
    (file,) = server.data_dir.glob("tenants/*/recollect.db")
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(script)
