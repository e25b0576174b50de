"""Without the model's weights the server answers from text, and catches up once they are there."""

from pathlib import Path

from tests.e2e.servers import serving

DEFAULT = {"kind": "minilm"}


def test_what_is_stored_without_weights_is_embedded_once_they_are_there(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    folder = tmp_path / "data"
    with serving(folder, {"kind": "minilm", "path": str(nothing)}) as server:
        stored = server.ask("/v1/memories", {"content": "We deploy every Friday at noon."})
        assert stored["degraded"] == ["dense"]

        answer = server.recall("When do we deploy?")

        assert answer["degraded"] == ["dense"]
        assert [hit["memory"]["id"] for hit in answer["results"]] == [stored["id"]]
        assert answer["results"][0]["arms"].keys() == {"lexical"}
        assert server.http.get("/readyz").json()["status"] == "degraded"

    with serving(folder, DEFAULT) as server:
        server.until_all_is_embedded()

        answer = server.recall("On which weekday is the release shipped?")

        assert answer["degraded"] == []
        assert [hit["memory"]["id"] for hit in answer["results"]] == [stored["id"]]
        assert answer["results"][0]["arms"]["dense"]["rank"] == 1
        assert server.faults() == []
