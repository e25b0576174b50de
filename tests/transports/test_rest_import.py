"""Imports of what is no export: what is wrong is told line by line and stored nowhere."""

import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx2
import pytest
from tests.transports.serving import PLANTED, refused, stored

pytestmark = pytest.mark.anyio

HEADER = '{"format": "recollect", "version": 1}\n'
NOTE = {
    "type": "memory", "id": "n1", "kind": "note", "scope": "", "content": "x", "tags": [],
    "metadata": {}, "source": None, "external_id": None, "occurred_at": "2026-01-01T00:00:00Z",
    "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "revision": 1,
    "importance": None, "expires_at": None, "name": "n",
}  # fmt: skip
EPISODE = {name: value for name, value in NOTE.items() if name != "name"} | {
    "id": "e1", "kind": "episode", "producer": "Ann", "produced_for": None, "role": None,
    "session": "", "position": 0,
}  # fmt: skip
LINK = {
    "type": "link", "from_id": "n1", "to_id": "n1", "link_type": "cites", "weight": 1.0,
    "metadata": {},
}  # fmt: skip
RECORD = {
    "type": "record", "record_type": "project", "id": "p", "content": {},
    "updated_at": "2026-01-01T00:00:00Z", "revision": 1,
}  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\n\n", b"{}", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, PLANTED.encode(),
        b'{"format": "recollect", "version": 2}', b'{"format": "recollect"}',
    ],
    ids=range(10),
)  # fmt: skip
async def test_what_does_not_name_the_format_is_refused(
    any_api: httpx2.AsyncClient, body: bytes
) -> None:
    refused(await any_api.post("/v1/import", content=body), 422, "invalid_request")


@pytest.mark.parametrize("line", [NOTE, EPISODE, RECORD], ids=["note", "episode", "record"])
async def test_a_line_of_the_format_is_imported(
    any_api: httpx2.AsyncClient, line: dict[str, Any]
) -> None:
    answer = await any_api.post("/v1/import", content=HEADER + json.dumps(line))
    assert answer.json() == {"imported": 1, "unchanged": 0, "skipped": [], "planned": []}


async def test_a_dry_run_stores_nothing(any_api: httpx2.AsyncClient) -> None:
    body = HEADER + json.dumps(NOTE)
    answer = await any_api.post("/v1/import?dry_run=true", content=body)
    assert answer.json() == {
        "imported": 1,
        "unchanged": 0,
        "skipped": [],
        "planned": [{"line": 2, "change": "new"}],
    }
    refused(await any_api.post("/v1/import?dryrun=true", content=body), 422, "invalid_request")
    assert (await any_api.get("/v1/stats")).json()["revisions"] == 0


async def test_a_byte_order_mark_does_no_harm(api: httpx2.AsyncClient) -> None:
    body = "\ufeff" + HEADER + json.dumps(NOTE)
    assert (await api.post("/v1/import", content=body)).json()["imported"] == 1


WRONG_LINES = [
    PLANTED,
    "[" * 100_000,
    "null",
    "5",
    "{}",
    json.dumps({"type": PLANTED}),
    json.dumps(NOTE | {"content": "\ud800"}),
    json.dumps(NOTE | {"metadata": {"a": float("nan")}}),
    *(
        json.dumps(line | {name: value})
        for line in (NOTE, EPISODE, LINK, RECORD)
        for name in line
        if name not in ("type", "source", "produced_for", "role", "external_id")
        for value in ([], {"a": PLANTED}, 2**70)
        if (name, value) not in (("tags", []), ("metadata", {"a": PLANTED}), ("weight", 2**70))
        and (name, value) != ("content", {"a": PLANTED})
    ),
    *(json.dumps(NOTE | {name: None}) for name in ("id", "name", "scope", "content", "kind")),
    *(json.dumps(EPISODE | {name: None}) for name in ("producer", "session", "position")),
    json.dumps(NOTE | {"revision": "5"}),
    json.dumps(NOTE | {"revision": 0}),
    json.dumps(NOTE | {"importance": "0.5"}),
    json.dumps(NOTE | {"occurred_at": "0001-01-01T00:00:00+14:00"}),
    json.dumps(NOTE | {"name": "../x"}),
    json.dumps(EPISODE | {"position": -1}),
]


async def test_wrong_lines_are_skipped_and_the_others_are_stored(
    any_api: httpx2.AsyncClient,
) -> None:
    good = [json.dumps(NOTE | {"id": f"good-{n}", "name": f"good-{n}"}) for n in range(2)]
    lines = [good[0], *WRONG_LINES, good[1]]
    answer = await any_api.post("/v1/import", content=HEADER + "\n".join(lines))
    assert answer.status_code == 200
    told = answer.json()
    skipped = {line["line"] for line in told["skipped"]}
    assert [line for number, line in enumerate(WRONG_LINES, start=3) if number not in skipped] == []
    assert (told["imported"], len(told["skipped"])) == (2, len(WRONG_LINES))
    assert PLANTED not in answer.text
    exported = (await any_api.get("/v1/export")).text.strip().split("\n")
    assert [json.loads(line).get("id") for line in exported] == [None, "good-0", "good-1"]


async def test_a_line_that_contradicts_the_store_is_skipped(any_api: httpx2.AsyncClient) -> None:
    await stored(any_api, name="n")
    answer = await any_api.post("/v1/import", content=HEADER + json.dumps(NOTE))
    assert (answer.json()["imported"], len(answer.json()["skipped"])) == (0, 1)


async def test_an_import_may_be_larger_than_other_bodies(api: httpx2.AsyncClient) -> None:
    async def lines() -> AsyncGenerator[bytes]:
        yield HEADER.encode()
        for number in range(10):
            note = NOTE | {"id": f"n{number}", "name": f"n{number}", "content": "x" * 1_000_000}
            yield json.dumps(note).encode() + b"\n"

    answer = await api.post("/v1/import", content=lines())
    assert answer.json()["imported"] == 10


async def test_an_endless_line_is_refused(api: httpx2.AsyncClient) -> None:
    async def endless() -> AsyncGenerator[bytes]:
        yield HEADER.encode()
        while True:
            yield b"x" * 1_048_576

    refused(await api.post("/v1/import", content=endless()), 413, "too_large")
