"""A server started with another model answers from the old vectors until it has made new ones."""

from pathlib import Path

from tests.e2e.servers import HASHING, Server, serving
from tests.local_servers import served
from tests.model_hosts import ModelHost, refusal

COUNT = 100
OLD = HASHING | {"dimensions": 512}
NEW = HASHING | {"dimensions": 384}


def test_memories_are_found_by_meaning_while_the_model_changes(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with serving(folder, OLD) as server:
        server.until_all_is_embedded()
        for number in range(COUNT):
            server.remember(f"heron{number} stands in river{number}")
        assert_all_are_found(server, degraded=[])

    nothing = tmp_path / "nothing"
    nothing.mkdir()
    missing = {"kind": "minilm", "path": str(nothing)}
    with serving(folder, missing, previous_embedder=OLD) as server:
        assert_all_are_found(server, degraded=["dense"])
        figures = server.http.get("/v1/stats").json()
        assert (figures["waiting"], figures["advice"]) == (COUNT, None)

    with serving(folder, NEW, previous_embedder=OLD) as server:
        assert "dense" in server.recall("heron50 river50")["results"][0]["arms"]
        server.until_all_is_embedded()
        assert_all_are_found(server, degraded=[])
        (model,) = server.http.get("/v1/stats").json()["by_model"]
        assert model.startswith("hashing-384/")
        assert server.faults() == []


def assert_all_are_found(server: Server, degraded: list[str]) -> None:
    for number in range(0, COUNT, 7):
        answer = server.recall(f"heron{number} river{number}")
        best = answer["results"][0]
        assert best["memory"]["content"] == f"heron{number} stands in river{number}"
        assert best["arms"]["dense"]["rank"] == 1
        assert answer["degraded"] == degraded


def test_memories_are_embedded_anew_by_a_model_behind_an_api(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with serving(folder, OLD) as server:
        for number in range(COUNT):
            server.remember(f"heron{number} stands in river{number}")
        server.until_all_is_embedded()

    host = ModelHost(dimensions=1536)
    with served(host.app()) as url:
        behind_api = {"kind": "openai", "base_url": f"{url}/v1", "dimensions": 1024}
        with serving(folder, behind_api, previous_embedder=OLD) as server:
            server.until_all_is_embedded()
            assert_all_are_found(server, degraded=[])
            (model,) = server.http.get("/v1/stats").json()["by_model"]
            assert model == "openai/text-embedding-3-small-1024/markdown-1/pieces-1"
            assert server.faults() == []
            written = len(host.asked)
            host.answers = [refusal(503)] * (written + 100)
            assert server.recall("heron50 river50")["degraded"] == ["dense"]
            server.remember("heron100 stands in river100")
            assert "(503)" in server.http.get("/readyz").json()["dense"]
            assert server.recall("heron100")["results"][0]["arms"].keys() == {"lexical"}
