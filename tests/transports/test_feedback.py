"""Reporting what became of recalls over REST, by the SDK, and its figures on the command line."""

import json
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests import foreign_logs
from tests.transports.serving import PLANTED, client_of, refused, settings_for, stored
from typer.testing import CliRunner

import recollect
from recollect.app.local import open_local
from recollect.app.serve import open_app
from recollect.cli.main import app
from recollect.client.asynchronous import AsyncClient
from recollect.client.http import HttpTransport
from recollect.errors import InvalidRequest
from recollect.operations import Mark, RecallFigures
from recollect.settings import SqliteStoreSettings

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["http", "in memory", "sqlite"])
async def client(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[AsyncClient]:
    if request.param == "http":
        async with open_app(settings_for(tmp_path)) as served:
            transport = HttpTransport(
                "http://localhost:8080", network=httpx2.ASGITransport(served), retry_delays=()
            )
            async with AsyncClient(transport=transport) as opened:
                yield opened
        return
    stores: dict[str, Any] = {"sqlite": {"store": SqliteStoreSettings()}}
    async with open_local(settings_for(tmp_path, **stores.get(request.param, {}))) as opened:
        yield opened


async def test_the_sdk_reports_verdicts_and_shows_the_figures(client: AsyncClient) -> None:
    note = await client.remember("Green tea.", name="tea", scope="a")
    await client.remember("Black tea.", name="tea")
    found = await client.recall("tea", look="all")

    one = await client.mark_applied(
        found.recall_id, "tea", "applied", scope="a", application="Brewing.", confidence="high"
    )
    assert (one.total_rows_affected, one.entries_processed) == (1, 1)
    many = await client.batch_mark_applied(
        [
            {"recall_id": found.recall_id, "memory": note.id, "verdict": "maybe"},
            Mark.model_validate(
                {"recall_id": found.recall_id, "memory": "tea", "verdict": "not_applied"}
            ),
        ]
    )
    assert many.rows_affected == [0, 1]

    figures = await client.recall_stats()
    assert figures.recalls == 1
    assert [rank.rank for rank in figures.ranks] == [1, 2]
    assert sorted((r.applied, r.not_applied) for r in figures.ranks) == [(0, 1), (1, 0)]
    assert {arm.arm for arm in figures.arms} == {"dense", "lexical"}


async def test_a_wrong_verdict_is_not_repeated_in_the_error(client: AsyncClient) -> None:
    for wrong in ({"verdict": PLANTED}, {"confidence": PLANTED}, {"scope": f"{PLANTED}?"}):
        given = {"recall_id": "r", "memory": "n", "verdict": "maybe"} | wrong
        with pytest.raises(InvalidRequest) as raised:
            await client.batch_mark_applied([given])
        assert PLANTED not in str(raised.value)
    with pytest.raises(InvalidRequest):
        await client.batch_mark_applied([])


def test_the_blocking_sdk_reports_verdicts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOLLECT_EMBEDDER__KIND", "hashing")
    with recollect.open(tmp_path) as client:
        client.remember("Green tea.", name="tea")
        found = client.recall("tea")
    with recollect.open(tmp_path) as client:
        assert client.mark_applied(found.recall_id, "tea", "applied").total_rows_affected == 1
        assert client.recall_stats().ranks[0].applied == 1


async def test_verdicts_are_posted_for_several_recalls_at_once(any_api: httpx2.AsyncClient) -> None:
    await stored(any_api, name="tea")
    ids = [
        (await any_api.post("/v1/recall", json={"query": "tea"})).json()["recall_id"]
        for _ in range(2)
    ]
    verdicts = [{"recall_id": i, "memory": "tea", "verdict": "applied"} for i in ids]

    answer = await any_api.post("/v1/recalls/verdicts", json={"verdicts": verdicts})

    assert (answer.status_code, answer.json()) == (
        200,
        {"total_rows_affected": 2, "entries_processed": 2, "rows_affected": [1, 1]},
    )
    stats = (await any_api.get("/v1/recalls/stats")).json()
    assert (stats["recalls"], stats["ranks"][0]["applied"]) == (2, 2)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"verdicts": []},
        {"verdicts": [PLANTED]},
        {"verdicts": [{"recall_id": "r", "memory": "n", "verdict": "maybe", PLANTED: 1}]},
        {"verdicts": [{"recall_id": "r", "memory": "n", "verdict": PLANTED}]},
    ],
    ids=range(5),
)
async def test_a_wrong_body_is_refused(api: httpx2.AsyncClient, body: Any) -> None:
    refused(await api.post("/v1/recalls/verdicts", json=body), 422, "invalid_request")


async def test_two_servers_on_one_folder_share_the_log(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, store=SqliteStoreSettings())
    async with open_app(settings) as one, client_of(one) as first:
        await stored(first, name="tea")
        found = (await first.post("/v1/recall", json={"query": "tea"})).json()
        assert (await first.get("/v1/recalls/stats")).json()["recalls"] == 1
        async with open_app(settings) as two, client_of(two) as second:
            verdict = {"recall_id": found["recall_id"], "memory": "tea", "verdict": "maybe"}
            answer = await second.post("/v1/recalls/verdicts", json={"verdicts": [verdict]})
            assert answer.json()["total_rows_affected"] == 1


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., str]:
    environment = {"RECOLLECT_EMBEDDER__KIND": "hashing", "RECOLLECT_DATA_DIR": str(tmp_path)}

    def invoke(*arguments: str) -> str:
        result = CliRunner(env=environment).invoke(app, arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    return invoke


def test_the_command_line_shows_how_recalls_fare(run: Callable[..., str]) -> None:
    assert run("stats", "--recall").startswith("no recalls were noted yet\n")
    run("remember", "Green tea.", "--name", "tea")
    run("recall", "tea")
    run("recall", "what about green tea?")

    shown = run("stats", "--recall")
    figures = RecallFigures.model_validate_json(run("stats", "--recall", "--json"))

    assert figures.recalls == 2
    assert figures.ranks[0].unknown == 2
    for label in ("rank 1", "found by dense", "found by lexical", "distance 0.", "2 recalls"):
        assert label in shown
    assert json.loads(run("stats", "--json"))["memories"] == 1


def test_acceptance_is_the_share_of_what_was_judged(run: Callable[..., str]) -> None:
    run("remember", "Green tea.", "--name", "tea")
    ids = [json.loads(run("recall", "tea", "--json"))["recall_id"] for _ in range(5)]
    for recall_id, said in zip(ids, ("applied", "applied", "not_applied", "maybe"), strict=False):
        assert run("mark", recall_id, "tea", said) == "1 result has its verdict\n"
    assert run("mark", ids[0], "tea", "maybe").startswith("nothing was marked")

    [line] = [li for li in run("stats", "--recall").splitlines() if li.startswith("rank 1")]

    assert line.split() == ["rank", "1", "5", "2", "1", "1", "1", "50%"]


def test_the_log_of_memory_mcp_is_taken_over(run: Callable[..., str], tmp_path: Path) -> None:
    now = datetime.now(UTC).isoformat()
    file = foreign_logs.write(
        tmp_path / "recall_log.sqlite", foreign_logs.row(returned_at=now, was_applied="applied")
    )
    told = run("import", "recall-log", str(file))
    assert told == "imported 1 results, unchanged 0; 1 new verdicts\n"
    again = json.loads(run("import", "recall-log", str(file), "--json"))
    assert again == {"imported": 0, "unchanged": 1, "verdicts": 0, "skipped": {}}
    assert json.loads(run("stats", "--recall", "--json"))["ranks"][0]["applied"] == 1


def test_what_cannot_be_taken_over_is_told(tmp_path: Path) -> None:
    file = foreign_logs.write(tmp_path / "recall_log.sqlite", foreign_logs.row(rank=-1))
    result = CliRunner(env={"RECOLLECT_DATA_DIR": str(tmp_path / "d")}).invoke(
        app, ["import", "recall-log", str(file)]
    )
    assert result.exit_code == 1
    assert "skipped 1: its rank is no number from 0" in result.stdout
