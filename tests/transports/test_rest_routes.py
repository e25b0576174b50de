"""Every route of `/v1` on its good days, over every store: what is pinned of its answer."""

import json
from typing import Any

import httpx2
import pytest
from tests.transports.serving import message, stored, told

pytestmark = pytest.mark.anyio

MEMORY = {
    "id", "kind", "scope", "content", "tags", "metadata", "source", "external_id", "occurred_at",
    "created_at", "updated_at", "revision", "importance", "expires_at", "name", "producer",
    "produced_for", "role", "session", "position", "category", "tag", "feature", "set_id",
    "valid_from", "valid_to",
}  # fmt: skip


async def contents(api: httpx2.AsyncClient, **query: Any) -> list[str]:
    answer = await api.get("/v1/memories", params=query)
    assert answer.status_code == 200
    return [memory["content"] for memory in answer.json()["memories"]]


async def test_storing_a_note_tells_where_it_is(any_api: httpx2.AsyncClient) -> None:
    note = await stored(any_api, "Tea at four.", scope="acme/api", name="tea", tags=["drink"])
    assert note.keys() == {
        "id", "name", "scope", "revision", "replaced", "created_at", "updated_at", "similar",
        "degraded",
    }  # fmt: skip
    assert (note["name"], note["scope"], note["revision"]) == ("tea", "acme/api", 1)
    assert (note["replaced"], note["similar"], note["degraded"]) == (False, [], [])


async def test_storing_under_the_same_name_replaces(any_api: httpx2.AsyncClient) -> None:
    first = await stored(any_api, name="tea")
    second = await stored(any_api, "Tea at five.", name="tea")
    assert (second["id"], second["replaced"], second["revision"]) == (first["id"], True, 2)
    assert await contents(any_api) == ["Tea at five."]


async def test_a_note_can_be_read_by_its_id(any_api: httpx2.AsyncClient) -> None:
    fields = {"metadata": {"a": [1, 2.5, None, "ü"]}, "source": "Ann", "importance": 0.5}
    note = await stored(any_api, name="tea", occurred_at="2026-01-01T10:00:00+02:00", **fields)
    answer = await any_api.get(f"/v1/memories/{note['id']}")
    memory = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert memory.keys() == MEMORY | {"citations"}
    assert {name: memory[name] for name in fields} == fields
    assert memory["occurred_at"] == "2026-01-01T08:00:00Z"
    assert (memory["kind"], memory["name"], memory["producer"]) == ("note", "tea", None)


async def test_a_date_without_a_zone_is_taken_as_utc(any_api: httpx2.AsyncClient) -> None:
    note = await stored(any_api, occurred_at="2026-01-01T10:00:00")
    memory = (await any_api.get(f"/v1/memories/{note['id']}")).json()
    assert memory["occurred_at"] == "2026-01-01T10:00:00Z"


async def test_a_list_gives_every_memory_once_page_by_page(any_api: httpx2.AsyncClient) -> None:
    for number in range(5):
        await stored(any_api, f"Note {number}.", name=f"n{number}")
    found: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = (await any_api.get("/v1/memories", params=query)).json()
        assert page.keys() == {"memories", "count", "next_cursor"}
        assert page["count"] == 5
        assert page["memories"][0].keys() == MEMORY
        found += [memory["name"] for memory in page["memories"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert found == ["n0", "n1", "n2", "n3", "n4"]


async def test_a_list_looks_where_it_is_told(any_api: httpx2.AsyncClient) -> None:
    for scope in ("", "a", "a/b", "c"):
        await stored(any_api, f"in {scope!r}", scope=scope)
    assert await contents(any_api) == ["in ''"]
    assert await contents(any_api, scope="a") == ["in 'a'"]
    assert await contents(any_api, scope="a", look="subtree") == ["in 'a'", "in 'a/b'"]
    assert await contents(any_api, scope="a", look="subtree+global") == [
        "in ''", "in 'a'", "in 'a/b'"
    ]  # fmt: skip
    assert len(await contents(any_api, look="all")) == 4


async def test_a_list_holds_only_what_was_asked_for(any_api: httpx2.AsyncClient) -> None:
    await stored(any_api, "tea", name="tea", tags=["hot", "drink"], metadata={"n": 1})
    await stored(any_api, "ice", name="ice", tags=["cold", "drink"], metadata={"n": 2})
    await told(any_api, message("hello"))
    assert await contents(any_api, name="tea") == ["tea"]
    assert await contents(any_api, tag=["drink", "cold"]) == ["ice"]
    assert await contents(any_api, filter="m.n > 1") == ["ice"]
    assert await contents(any_api, kind="episode") == ["hello"]
    assert len(await contents(any_api, kind=["episode", "note"])) == 3


async def test_editing_changes_what_is_given_and_keeps_the_rest(
    any_api: httpx2.AsyncClient,
) -> None:
    note = await stored(any_api, name="tea", tags=["drink"], source="Ann")
    answer = await any_api.patch(
        f"/v1/memories/{note['id']}", json={"content": "Tea at five.", "source": None}
    )
    changed = answer.json()
    assert answer.status_code == 200
    assert changed.keys() == {"id", "name", "scope", "revision", "updated_at", "degraded"}
    assert changed["revision"] == 2
    memory = (await any_api.get(f"/v1/memories/{note['id']}")).json()
    assert (memory["content"], memory["source"]) == ("Tea at five.", None)
    assert (memory["tags"], memory["created_at"]) == (["drink"], note["created_at"])


async def test_a_note_can_be_moved_and_renamed(any_api: httpx2.AsyncClient) -> None:
    note = await stored(any_api, name="tea")
    answer = await any_api.post(
        f"/v1/memories/{note['id']}/move", json={"to_scope": "kitchen", "new_name": "drinks/tea"}
    )
    moved = answer.json()
    assert answer.status_code == 200
    assert (moved["id"], moved["scope"], moved["name"]) == (note["id"], "kitchen", "drinks/tea")
    assert await contents(any_api) == []
    assert await contents(any_api, scope="kitchen") == ["Tea at four."]


async def test_a_forgotten_memory_is_in_no_answer_but_in_its_history(
    any_api: httpx2.AsyncClient,
) -> None:
    note = await stored(any_api, "Tea at four.")
    url = f"/v1/memories/{note['id']}"
    answer = await any_api.delete(url, params={"expected_revision": 1})
    forgotten = {"forgotten": 1, "ids": [note["id"]], "degraded": []}
    assert (answer.status_code, answer.json()) == (200, forgotten)
    assert (await any_api.get(url)).status_code == 404
    assert await contents(any_api) == []
    recalled = await any_api.post("/v1/recall", json={"query": "tea"})
    assert recalled.json()["results"] == []
    history = (await any_api.get(f"{url}/history")).json()
    assert [revision["verb"] for revision in history["revisions"]] == ["remember", "forget"]
    first, last = history["revisions"]
    assert first.keys() == {"revision", "recorded_at", "actor", "verb", "memory"}
    assert first["memory"].keys() == MEMORY
    assert last["memory"] is None


async def test_an_erased_memory_has_no_history(any_api: httpx2.AsyncClient) -> None:
    note = await stored(any_api)
    url = f"/v1/memories/{note['id']}"
    answer = await any_api.post(f"{url}/erase")
    assert (answer.status_code, answer.json()) == (
        200,
        {"id": note["id"], "revisions": 1, "degraded": []},
    )
    assert (await any_api.get(f"{url}/history")).status_code == 404


async def test_a_scope_can_be_forgotten_with_what_lies_below(any_api: httpx2.AsyncClient) -> None:
    for scope in ("a", "a/b", "ab", ""):
        await stored(any_api, f"in {scope!r}", scope=scope)
    await told(any_api, message(), scope="a")
    query = {"scope": "a", "confirm": "true", "kind": "note"}
    exact = await any_api.delete("/v1/memories", params=query)
    assert (exact.status_code, exact.json()["forgotten"]) == (200, 1)
    subtree = await any_api.delete(
        "/v1/memories", params={"scope": "a", "look": "subtree", "confirm": "true"}
    )
    assert subtree.json()["forgotten"] == 2
    assert await contents(any_api, look="all") == ["in ''", "in 'ab'"]


async def test_recall_answers_in_the_pinned_shape(any_api: httpx2.AsyncClient) -> None:
    await stored(any_api, "# Drinks\n\nTea at four — ☕.\n\nCoffee never.", name="tea")
    await told(any_api, message("One."), message("The tea is cold."), message("Two."), scope="x")
    answer = await any_api.post(
        "/v1/recall", json={"query": "tea", "look": "all", "before": 1, "after": 1, "limit": 2}
    )
    recalled = answer.json()
    assert answer.status_code == 200
    assert recalled.keys() >= {"recall_id", "results", "degraded", "took_ms"}
    assert recalled["degraded"] == []
    assert recalled["took_ms"] >= 0
    hits = {hit["memory"]["content"]: hit for hit in recalled["results"]}
    note, episode = hits["# Drinks\n\nTea at four — ☕.\n\nCoffee never."], hits["The tea is cold."]
    for hit in recalled["results"]:
        assert hit.keys() >= {"memory", "score", "matched", "arms", "neighbours"}
        assert hit["memory"].keys() == MEMORY
        assert 0 <= hit["score"] <= 1
        assert hit["arms"].keys() <= {"dense", "lexical"}
        assert all(arm.keys() == {"rank", "score"} for arm in hit["arms"].values())
        matched = hit["matched"]
        assert matched.keys() == {"text", "start", "end", "heading"}
        assert hit["memory"]["content"][matched["start"] : matched["end"]] == matched["text"]
    assert note["arms"]["lexical"]["rank"] in (1, 2)
    assert note["neighbours"] == []
    assert [n["content"] for n in episode["neighbours"]] == ["One.", "Two."]


async def test_a_fact_is_stored_corrected_and_read_with_what_it_cites(
    any_api: httpx2.AsyncClient,
) -> None:
    said = await told(any_api, message("I live in Rome."), message("Now in Oslo."))
    filed = {"category": "profile", "tag": "Home", "feature": "city", "set_id": "ann"}
    learned = await any_api.post(
        "/v1/facts", json={"content": "Ann lives in Rome.", "citations": said[:1], **filed}
    )
    fact = learned.json()
    assert (learned.status_code, fact.keys()) == (
        201,
        {"id", "external_id", "scope", "set_id", "created_at", "degraded"},
    )
    path = f"/v1/facts/{fact['id']}"
    change = {"content": "Ann lives in Oslo.", "valid_from": "2026-01-01", "citations": said[1:]}
    corrected = await any_api.patch(path, json=change)
    assert (corrected.status_code, corrected.json()["revision"]) == (200, 2)
    read = (await any_api.get(f"/v1/memories/{fact['id']}")).json()
    assert read["citations"] == said
    assert (read["content"], read["valid_from"]) == ("Ann lives in Oslo.", "2026-01-01T00:00:00Z")
    assert {name: read[name] for name in filed} == filed
    query = {"query": "Where does Ann live?", "kinds": ["fact"], "valid_at": "2025-01-01"}
    [hit] = (await any_api.post("/v1/recall", json=query)).json()["results"]
    assert hit["memory"]["content"] == "Ann lives in Rome."
    await any_api.patch(path, json={"valid_from": None, "valid_to": "2026-02-01T00:00:00Z"})
    ended = (await any_api.get(f"/v1/memories/{fact['id']}")).json()
    assert (ended["valid_from"], ended["valid_to"]) == (None, "2026-02-01T00:00:00Z")


async def test_a_recall_fits_its_token_budget(any_api: httpx2.AsyncClient) -> None:
    for number in range(10):
        await stored(any_api, f"Tea number {number}. " * 20)
    answer = await any_api.post("/v1/recall", json={"query": "tea", "max_tokens": 1000})
    assert 0 < len(answer.json()["results"]) < 10
    assert -(-len(answer.content) // 4) <= 1000


async def test_messages_are_stored_in_order(any_api: httpx2.AsyncClient) -> None:
    fields = {"produced_for": "Bob", "role": "user", "occurred_at": "2026-01-01T00:00:00Z"}
    ids = await told(
        any_api,
        message("One.", id="m1", metadata={"a": 1}, **fields),
        message("Two.", **fields),
        scope="chats", session="s1",
    )  # fmt: skip
    page = (await any_api.get("/v1/memories", params={"scope": "chats"})).json()["memories"]
    assert [memory["id"] for memory in page] == ids
    first = page[0]
    assert (first["kind"], first["session"], first["external_id"]) == ("episode", "s1", "m1")
    assert (first["producer"], first["produced_for"], first["role"]) == ("Ann", "Bob", "user")
    assert (first["metadata"], first["position"], page[1]["position"]) == ({"a": 1}, 0, 1)


async def test_a_message_sent_again_is_stored_once(any_api: httpx2.AsyncClient) -> None:
    first = await told(any_api, message("One.", id="m1"))
    again = await told(any_api, message("One.", id="m1"), message("Two.", id="m2"))
    assert again[0] == first[0]
    assert len(await contents(any_api)) == 2


async def test_figures_count_what_there_is(any_api: httpx2.AsyncClient) -> None:
    await stored(any_api, scope="a")
    await told(any_api, message(), scope="b")
    figures = (await any_api.get("/v1/stats")).json()
    assert figures["memories"] == 2
    assert figures["by_kind"] == {"episode": 1, "note": 1}
    assert figures["by_scope"] == {"a": 1, "b": 1}
    assert figures["problem"] is None


async def test_every_index_can_be_rebuilt_and_checked(any_api: httpx2.AsyncClient) -> None:
    await stored(any_api, "Tea at four.")
    rebuilt = await any_api.post("/v1/reindex")
    assert (rebuilt.status_code, rebuilt.json()) == (200, {"waiting": 1})
    assert (await any_api.post("/v1/check")).json() == {"faults": []}
    checked = await any_api.post("/v1/check", json={"repair": True})
    assert (checked.status_code, checked.json()) == (200, {"faults": []})
    recalled = await any_api.post("/v1/recall", json={"query": "tea"})
    assert len(recalled.json()["results"]) == 1


async def test_an_export_can_be_imported_into_an_empty_store(
    any_api: httpx2.AsyncClient, api: httpx2.AsyncClient
) -> None:
    await stored(api, "Tea\u2028at four.", scope="a", tags=["x"], metadata={"deep": _nested(90)})
    await told(api, message("Hello.", id="m1", occurred_at="2026-01-01"), session="s")
    export = await api.get("/v1/export")
    assert export.headers["content-type"] == "application/x-ndjson"
    header, *lines = export.text.strip("\n").split("\n")
    assert json.loads(header) == {"format": "recollect", "version": 1}
    assert [json.loads(line)["type"] for line in lines] == ["memory", "memory"]
    imported = await any_api.post("/v1/import", content=export.content)
    assert imported.json() == {"imported": 2, "unchanged": 0, "skipped": [], "planned": []}
    assert (await any_api.get("/v1/export")).text == export.text
    again = await any_api.post("/v1/import", content=export.content)
    assert again.json() == {"imported": 0, "unchanged": 2, "skipped": [], "planned": []}


def _nested(depth: int) -> Any:
    return {"a": _nested(depth - 1)} if depth else 1


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/memories?scope=nowhere", None),
        ("GET", "/v1/memories?scope=nowhere&look=subtree", None),
        ("POST", "/v1/recall", {"query": "tea", "scope": "nowhere"}),
        ("POST", "/v1/recall", {"query": "?!", "look": "all"}),
    ],
)
async def test_where_there_is_nothing_the_answer_is_empty(
    any_api: httpx2.AsyncClient, method: str, path: str, body: Any
) -> None:
    answer = await any_api.request(method, path, json=body)
    assert answer.status_code == 200
    assert not answer.json().get("memories", answer.json().get("results"))


async def test_an_answer_bears_the_request_id_it_was_given_or_a_new_one(
    api: httpx2.AsyncClient,
) -> None:
    given = await api.get("/healthz", headers={"x-request-id": "abc-1.2_3"})
    assert given.headers["x-request-id"] == "abc-1.2_3"
    made = {
        (await api.get("/healthz", headers=headers)).headers["x-request-id"]
        for headers in ({}, {"x-request-id": "with space"}, {"x-request-id": "a" * 101})
    }
    assert len(made) == 3
    assert made.isdisjoint({"with space", "a" * 101})


async def test_the_context_for_a_prompt_has_its_parts_as_text_and_as_data(
    any_api: httpx2.AsyncClient,
) -> None:
    await told(any_api, message("The anchor is of bronze."), scope="ship", session="old")
    ids = await told(any_api, message("What is the anchor of?"), scope="ship", session="new")
    asked = {"scope": "ship", "session": "new", "question": "What is the anchor of?"}
    answer = await any_api.post("/v1/context", json=asked)
    context = answer.json()
    assert answer.status_code == 200
    assert context.keys() == {
        "text", "tokens", "summary", "recent", "older", "facts", "recall_id", "degraded", "took_ms",
    }  # fmt: skip
    assert [memory["id"] for memory in context["recent"]] == ids
    assert context["recent"][0].keys() == MEMORY
    assert [memory["content"] for memory in context["older"]] == ["The anchor is of bronze."]
    assert context["text"].startswith("# Earlier messages about the question\nAnn (")
    assert context["recall_id"].startswith("r_")
