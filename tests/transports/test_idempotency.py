"""A write that is sent twice under one Idempotency-Key is carried out once."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest
from tests.transports.serving import PLANTED, message, refused, stored

pytestmark = pytest.mark.anyio

KEY = {"Idempotency-Key": "k-1"}
Write = Callable[[httpx2.AsyncClient, str, str], Awaitable[httpx2.Response]]


async def _remember(api: httpx2.AsyncClient, _: str, word: str) -> httpx2.Response:
    return await api.post("/v1/memories", json={"content": word}, headers=KEY)


async def _ingest(api: httpx2.AsyncClient, _: str, word: str) -> httpx2.Response:
    return await api.post("/v1/messages", json={"messages": [message(word)]}, headers=KEY)


async def _learn(api: httpx2.AsyncClient, _: str, word: str) -> httpx2.Response:
    filed = {"category": "c", "tag": "t", "feature": "f"}
    return await api.post("/v1/facts", json={"content": word, **filed}, headers=KEY)


async def _edit(api: httpx2.AsyncClient, note: str, word: str) -> httpx2.Response:
    return await api.patch(f"/v1/memories/{note}", json={"content": word}, headers=KEY)


async def _move(api: httpx2.AsyncClient, note: str, word: str) -> httpx2.Response:
    return await api.post(f"/v1/memories/{note}/move", json={"to_scope": word}, headers=KEY)


async def _forget(api: httpx2.AsyncClient, note: str, word: str) -> httpx2.Response:
    note = note if word == "first" else "another"
    return await api.delete(f"/v1/memories/{note}", headers=KEY)


async def _erase(api: httpx2.AsyncClient, note: str, word: str) -> httpx2.Response:
    note = note if word == "first" else "another"
    return await api.post(f"/v1/memories/{note}/erase", headers=KEY)


async def _forget_scope(api: httpx2.AsyncClient, _: str, word: str) -> httpx2.Response:
    query = {"scope": "" if word == "first" else word, "confirm": "true"}
    return await api.delete("/v1/memories", params=query, headers=KEY)


@pytest.mark.parametrize(
    "write", [_remember, _ingest, _learn, _edit, _move, _forget, _erase, _forget_scope]
)
async def test_a_write_sent_twice_is_carried_out_once(
    any_api: httpx2.AsyncClient, write: Write
) -> None:
    note = (await stored(any_api, name="n"))["id"]
    first = await write(any_api, note, "first")
    assert first.is_success
    before = await _state(any_api)
    again = await write(any_api, note, "first")
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert await _state(any_api) == before
    refused(await write(any_api, note, "other"), 422, "idempotency_mismatch")
    assert await _state(any_api) == before


async def test_a_key_used_for_one_write_does_not_serve_another(
    any_api: httpx2.AsyncClient,
) -> None:
    note = (await stored(any_api))["id"]
    await _remember(any_api, note, "first")
    refused(await _forget(any_api, note, "first"), 422, "idempotency_mismatch")


async def test_other_keys_store_anew(any_api: httpx2.AsyncClient) -> None:
    ids: set[str] = set()
    for key in ("a", "b"):
        answer = await any_api.post(
            "/v1/messages", json={"messages": [message()]}, headers={"Idempotency-Key": key}
        )
        ids.update(answer.json()["ids"])
    assert len(ids) == 2


async def test_a_refused_write_leaves_its_key_free(any_api: httpx2.AsyncClient) -> None:
    refused(await _edit(any_api, "nowhere", "first"), 404, "not_found")
    assert (await _remember(any_api, "", "first")).status_code == 201


async def test_reading_needs_no_key_and_ignores_one(any_api: httpx2.AsyncClient) -> None:
    await _remember(any_api, "", "first")
    for _ in range(2):
        answer = await any_api.post("/v1/recall", json={"query": "first"}, headers=KEY)
        assert len(answer.json()["results"]) == 1


@pytest.mark.parametrize("key", ["", "x" * 201, PLANTED * 20])
async def test_a_key_without_characters_or_with_too_many_is_refused(
    api: httpx2.AsyncClient, key: str
) -> None:
    headers = {"Idempotency-Key": key}
    answer = await api.post("/v1/memories", json={"content": "x"}, headers=headers)
    refused(answer, 422, "invalid_request")


async def _state(api: httpx2.AsyncClient) -> tuple[Any, Any]:
    figures = (await api.get("/v1/stats")).json()
    return figures["memories"], figures["last_seq"]


async def test_only_writes_that_heed_a_key_say_that_they_take_one(
    api: httpx2.AsyncClient,
) -> None:
    document = (await api.get("/v1/openapi.json")).json()
    taking = {
        (method.upper(), path)
        for path, ways in document["paths"].items()
        for method, described in ways.items()
        if any(p["name"] == "idempotency-key" for p in described.get("parameters", []))
    }
    assert taking == {
        ("POST", "/v1/memories"),
        ("DELETE", "/v1/memories"),
        ("PATCH", "/v1/memories/{id}"),
        ("DELETE", "/v1/memories/{id}"),
        ("POST", "/v1/memories/{id}/move"),
        ("POST", "/v1/memories/{id}/erase"),
        ("POST", "/v1/messages"),
        ("POST", "/v1/facts"),
        ("PATCH", "/v1/facts/{id}"),
    }
