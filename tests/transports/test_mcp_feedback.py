"""Reporting what became of recalled memories, as memory-mcp's clients do it."""

from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from tests.transports.mcp_clients import WAYS, call, connected, misread, protocol_error
from tests.transports.serving import PLANTED

from recollect.settings import SqliteStoreSettings

pytestmark = pytest.mark.anyio

INVALID = -32602


@pytest.fixture(params=WAYS)
async def tools(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Client]:
    async with connected(request.param, tmp_path) as client:
        yield client


@pytest.fixture
async def few_tools(tmp_path: Path) -> AsyncGenerator[Client]:
    async with connected("memory auto", tmp_path, tools="core") as client:
        yield client


async def recalled(tools: Client, *names: str, **where: Any) -> Any:
    """Store notes of these names and recall them."""
    for name in names:
        await call(tools, "remember", name=name, content=f"Tea, {name}.", **where)
    return await call(tools, "recall", query="tea", scope="all")


async def test_a_verdict_is_counted_once(tools: Client) -> None:
    recall_id = (await recalled(tools, "one", "two"))["recall_id"]
    given = {"recall_id": recall_id, "memory": "one", "verdict": "applied"}

    assert await call(tools, "mark_applied", **given) == {"rows_affected": 1}
    assert await call(tools, "mark_applied", **given) == {"rows_affected": 0}
    assert await call(tools, "mark_applied", **(given | {"verdict": "maybe"})) == {
        "rows_affected": 0
    }


async def test_a_memory_is_named_by_its_name_or_id_and_if_need_be_its_scope(
    tools: Client,
) -> None:
    await recalled(tools, "n", scope="a")
    await recalled(tools, "n", scope="b")
    found = await recalled(tools, "n")
    given = {"recall_id": found["recall_id"], "verdict": "maybe"}
    [in_a] = [hit["id"] for hit in found["results"] if hit["scope"] == "a"]

    async def mark(**more: Any) -> int:
        return (await call(tools, "mark_applied", **(given | more)))["rows_affected"]

    assert await mark(memory="n", scope="elsewhere") == 0
    assert await mark(memory="n", scope="global") == 1
    assert await mark(memory=in_a) == 1
    assert await mark(memory="n", scope=None) == 1
    assert await mark(memory="n") == 0


async def test_a_batch_says_what_it_reached(tools: Client) -> None:
    recall_id = (await recalled(tools, "one", "two"))["recall_id"]
    other_id = (await call(tools, "recall", query="one"))["recall_id"]
    verdicts = [
        {"recall_id": recall_id, "memory": "one", "verdict": "applied", "confidence": "high"},
        {"recall_id": recall_id, "memory": "two", "verdict": "not_applied", "application": None},
        {"recall_id": other_id, "memory": "one", "verdict": "maybe", "application": "So."},
        {"recall_id": recall_id, "memory": "one", "verdict": "maybe"},
        {"recall_id": "r_unknown", "memory": "one", "verdict": "applied"},
    ]

    assert await call(tools, "batch_mark_applied", verdicts=verdicts) == {
        "total_rows_affected": 3,
        "entries_processed": 5,
        "rows_affected": [1, 1, 1, 0, 0],
    }


async def test_the_statistics_tell_what_became_of_results(tools: Client) -> None:
    found = await recalled(tools, "one")
    [hit] = found["results"]
    assert found["recall_id"]
    await call(tools, "recall", query="tea")
    await call(tools, "mark_applied", recall_id=found["recall_id"], memory="one", verdict="applied")

    stats = await call(tools, "recall_stats")

    counts = {"total": 2, "applied": 1, "maybe": 0, "not_applied": 0, "unknown": 1}
    low = int(hit["distance"] * 20) / 20
    assert stats["recalls"] == 2
    assert stats["buckets"] == [{"range": f"{low:.2f}–{low + 0.05:.2f}"} | counts]
    assert stats["ranks"] == [{"rank": 1} | counts]
    assert stats["arms"] == [{"arm": "dense"} | counts, {"arm": "lexical"} | counts]


async def test_before_the_first_recall_there_is_nothing_to_tell(tools: Client) -> None:
    stats = await call(tools, "recall_stats")
    assert stats == {"recalls": 0, "buckets": [], "ranks": [], "arms": []}


async def test_a_client_that_reconnects_can_still_report(tmp_path: Path) -> None:
    kept: dict[str, Any] = {"store": SqliteStoreSettings()}
    async with connected("/mcp legacy", tmp_path, **kept) as before:
        recall_id = (await recalled(before, "n"))["recall_id"]
    async with connected("/mcp/ auto", tmp_path, **kept) as after:
        marked = await call(
            after, "mark_applied", recall_id=recall_id, memory="n", verdict="applied"
        )
        assert marked == {"rows_affected": 1}
        [rank] = (await call(after, "recall_stats"))["ranks"]
        assert (rank["total"], rank["applied"]) == (1, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"recall_id": None},
        {"recall_id": 5},
        {"memory": None},
        {"memory": [PLANTED]},
        {"verdict": None},
        {"verdict": PLANTED},
        {"verdict": "Applied"},
        {"application": 5},
        {"confidence": None},
        {"confidence": 1},
        {"scope": 5},
    ],
    ids=str,
)
async def test_a_verdict_that_cannot_be_read_is_a_result_that_says_so(
    tmp_path: Path, wrong: dict[str, Any]
) -> None:
    async with connected("memory auto", tmp_path) as tools:
        recall_id = (await recalled(tools, "n"))["recall_id"]
        good = {"recall_id": recall_id, "memory": "n", "verdict": "applied"}
        for batch in ([good | wrong], [good, good | wrong]):
            assert len(await misread(tools, "batch_mark_applied", {"verdicts": batch})) < 500
        await misread(tools, "mark_applied", good | wrong)
        assert (await call(tools, "mark_applied", **good))["rows_affected"] == 1


@pytest.mark.parametrize("verdicts", [None, 5, "x", {}, [5] * 100_000, [{}]], ids=range(6))
async def test_verdicts_that_are_no_list_of_them_cannot_be_read(
    tmp_path: Path, verdicts: Any
) -> None:
    async with connected("memory auto", tmp_path) as tools:
        assert len(await misread(tools, "batch_mark_applied", {"verdicts": verdicts})) < 500


@pytest.mark.parametrize(
    "wrong",
    [
        {"confidence": "sure"},
        {"confidence": ""},
        {"scope": "project:x"},
        {"scope": "all"},
        {"application": PLANTED + "\0"},
        {"application": "x" * 10_001},
        {"memory": "\0"},
    ],
    ids=range(7),
)
async def test_one_wrong_value_and_no_verdict_is_taken(
    tmp_path: Path, wrong: dict[str, Any]
) -> None:
    async with connected("memory auto", tmp_path) as tools:
        recall_id = (await recalled(tools, "n"))["recall_id"]
        good = {"recall_id": recall_id, "memory": "n", "verdict": "applied"}
        code, message = await protocol_error(
            tools, "batch_mark_applied", verdicts=[good, good | wrong]
        )
        assert (code, message[:15]) == (INVALID, "invalid input: ")
        code, message = await protocol_error(tools, "mark_applied", **(good | wrong))
        assert (code, message[:15]) == (INVALID, "invalid input: ")
        assert (await call(tools, "mark_applied", **good))["rows_affected"] == 1


async def test_a_wrong_confidence_is_told_by_its_place(tmp_path: Path) -> None:
    async with connected("memory auto", tmp_path) as tools:
        good = {"recall_id": "r_1", "memory": "n", "verdict": "applied"}
        _, message = await protocol_error(
            tools, "batch_mark_applied", verdicts=[good, good | {"confidence": "sure"}]
        )
        assert "verdicts.1.confidence" in message


async def test_an_empty_batch_is_invalid_input(tmp_path: Path) -> None:
    async with connected("memory auto", tmp_path) as tools:
        code, message = await protocol_error(tools, "batch_mark_applied", verdicts=[])
        assert (code, message[:15]) == (INVALID, "invalid input: ")


async def test_a_verdict_on_nothing_is_no_error(tmp_path: Path) -> None:
    async with connected("memory auto", tmp_path) as tools:
        for recall_id, memory in (("", ""), ("r_0", "n"), ("x" * 300, "a b/../c")):
            marked = await call(
                tools, "mark_applied", recall_id=recall_id, memory=memory, verdict="maybe"
            )
            assert marked == {"rows_affected": 0}


async def test_what_a_memory_was_used_for_is_not_logged(
    tmp_path: Path, logged: Callable[[], str]
) -> None:
    async with connected("/mcp auto", tmp_path) as tools:
        recall_id = (await recalled(tools, "n"))["recall_id"]
        marked = await call(
            tools, "mark_applied",
            recall_id=recall_id, memory="n", verdict="applied", application=PLANTED,
        )  # fmt: skip
        assert marked == {"rows_affected": 1}
    assert PLANTED not in logged()


async def test_the_small_set_of_tools_has_no_feedback(few_tools: Client) -> None:
    names = [tool.name for tool in (await few_tools.list_tools()).tools]
    assert names == ["edit", "forget", "list", "move", "read", "recall", "remember"]
    assert "mark" not in (few_tools.instructions or "mark")
    for tool in ("mark_applied", "batch_mark_applied", "recall_stats"):
        assert await protocol_error(few_tools, tool) == (INVALID, "tool not found")
    assert (await recalled(few_tools, "n"))["count"] == 1
