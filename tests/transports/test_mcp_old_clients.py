"""Clients that know memory-mcp's fields, and nothing of ours, can read every answer.

The models are written by hand from section 1 of memory-mcp's contract. They take a field only by
its exact type, and pass over fields that they do not know. Old clients read the text.
"""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from mcp import Client
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from tests.transports.mcp_clients import DURATION, WAYS, connected

pytestmark = pytest.mark.anyio

Count = Annotated[int, Field(ge=0)]
Time = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}|\.\d{6}|\.\d{9})?Z$")]
Name = Annotated[str, Field(min_length=1)]


class Known(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class Placed(Known):
    id: str
    name: Name
    scope: Name


class RecalledMemory(Placed):
    tags: list[str]
    content: Annotated[str, Field(max_length=500)]
    content_length: Count
    truncated: bool
    distance: Annotated[float, Field(ge=0, le=2)] | Literal[-1.0]
    match_type: Literal["semantic", "lexical", "both"]


class Recalled(Known):
    recall_id: Annotated[str, Field(pattern=r"^r_[0-9a-f]{32}$")]
    results: list[RecalledMemory]
    count: Count
    limit: Count
    pre_filter_count: Count
    skipped_errors: Count


class ReadMemory(Placed):
    tags: list[str]
    content: str
    source: str | None
    created_at: Time
    updated_at: Time


class Summary(Placed):
    tags: list[str]
    created_at: Time
    updated_at: Time


class Listed(Known):
    memories: list[Summary]
    count: Count
    returned: Count
    limit: Annotated[int, Field(ge=1, le=100)]
    has_more: bool
    next_cursor: str | None


class Marked(Known):
    rows_affected: Count


class BatchMarked(Known):
    total_rows_affected: Count
    entries_processed: Count


class Bucket(Known):
    range: Annotated[str, Field(pattern=r"^\d\.\d\d–\d\.\d\d$")]
    total: Annotated[int, Field(ge=1)]
    applied: Count
    maybe: Count
    not_applied: Count
    unknown: Count


class Stats(Known):
    buckets: list[Bucket]


ANSWERS: dict[str, type[Known]] = {
    "remember": Placed,
    "edit": Placed,
    "move": Placed,
    "recall": Recalled,
    "read": ReadMemory,
    "list": Listed,
    "mark_applied": Marked,
    "batch_mark_applied": BatchMarked,
    "recall_stats": Stats,
}
"""All but `forget`, whose answer is a word, and `sync`, which needs a repository."""


@pytest.fixture(params=WAYS)
async def tools(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Client]:
    async with connected(request.param, tmp_path) as client:
        yield client


async def asked(tools: Client, tool: str, **arguments: Any) -> Any:
    """Call a tool as an old client does, and give what it makes of the answer."""
    result = await tools.call_tool(tool, arguments)
    assert not result.is_error
    assert isinstance((result.meta or {})[DURATION], int)
    [content] = result.content
    assert content.type == "text"
    return TypeAdapter(ANSWERS[tool]).validate_json(content.text)


async def test_every_answer_is_readable_to_who_knows_the_old_fields_only(tools: Client) -> None:
    for number in range(3):
        await asked(
            tools, "remember",
            name=f"tea/{number}", content="Tea ☕ at four. " * 50 * number + "Tea.", tags=["a"],
            source="Ann" if number else None,
        )  # fmt: skip
    await asked(tools, "edit", name="tea/1", tags=["b", "c"])
    await asked(tools, "move", name="tea/2", to_scope="acme/api")
    assert (await asked(tools, "read", name="tea/2", scope="acme/api")).source == "Ann"
    page = await asked(tools, "list", scope="all", limit=2)
    assert (page.returned, page.has_more) == (2, True)
    assert (await asked(tools, "list", scope="all", cursor=page.next_cursor)).returned == 1
    found = await asked(tools, "recall", query="when is tea?", scope="all")
    assert {memory.truncated for memory in found.results} == {True, False}
    assert (await asked(tools, "recall", query="tea", scope="nowhere", limit=0)).count == 0
    verdict = {"recall_id": found.recall_id, "memory": "tea/0", "verdict": "applied"}
    assert (await asked(tools, "mark_applied", **verdict)).rows_affected == 1
    again = await asked(tools, "batch_mark_applied", verdicts=[verdict])
    assert (again.total_rows_affected, again.entries_processed) == (0, 1)
    buckets = (await asked(tools, "recall_stats")).buckets
    assert sum(bucket.applied for bucket in buckets) == 1
    for bucket in buckets:
        assert bucket.total == bucket.applied + bucket.unknown


async def test_forgetting_answers_with_the_old_word(tools: Client) -> None:
    await asked(tools, "remember", name="n", content="Tea.")
    result = await tools.call_tool("forget", {"name": "n"})
    assert [content.text for content in result.content if content.type == "text"] == ["ok"]


async def test_no_tool_is_left_out(tools: Client) -> None:
    assert {tool.name for tool in (await tools.list_tools()).tools} == {*ANSWERS, "forget", "sync"}
