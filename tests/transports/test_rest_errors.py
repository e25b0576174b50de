"""What REST answers when it cannot do what is asked: which status, which code, and no input."""

import json
from typing import Any

import httpx2
import pytest
from tests.transports.serving import JSON, PLANTED, message, refused, stored, told

from recollect import errors
from recollect.api.problems import status_of

pytestmark = pytest.mark.anyio

UNKNOWN = "01900000-0000-7000-8000-000000000000"
HEADER = '{"format": "recollect", "version": 1}\n'


def _all(kind: type[errors.RecollectError]) -> set[type[errors.RecollectError]]:
    return {kind}.union(*(_all(below) for below in kind.__subclasses__()))


def test_every_error_has_its_status() -> None:
    statuses = {
        kind.__name__: status_of(kind.__new__(kind)) for kind in _all(errors.RecollectError)
    }
    assert statuses == {
        "RecollectError": 500, "InvalidRequest": 422, "InvalidFilter": 422, "InvalidCursor": 422,
        "MethodNotAllowed": 405, "TooLarge": 413, "NotFound": 404, "Conflict": 409,
        "RevisionConflict": 409, "AlreadyExists": 409, "IdempotencyMismatch": 422,
        "UnreadableNote": 409, "RemoteMoved": 409, "SignInFailed": 500, "Denied": 403,
        "Unauthenticated": 401, "ConfigError": 500, "FileProblem": 500, "Unavailable": 503,
        "EmbedderUnavailable": 503, "StoreUnavailable": 503, "StorageFull": 507,
        "LanguageModelUnavailable": 503, "SecretStoreUnavailable": 503, "SyncFailed": 503,
        "DeadlineExceeded": 504,
    }  # fmt: skip


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in _all(errors.RecollectError)]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"content": "x"}),
        ("DELETE", "", None),
        ("POST", "/move", {"to_scope": "a"}),
        ("POST", "/erase", None),
        ("GET", "/history", None),
    ],
)
async def test_a_memory_that_is_not_there_is_not_found(
    any_api: httpx2.AsyncClient, method: str, path: str, body: Any
) -> None:
    refused(
        await any_api.request(method, f"/v1/memories/{UNKNOWN}{path}", json=body), 404, "not_found"
    )


async def test_what_contradicts_the_store_is_a_conflict(any_api: httpx2.AsyncClient) -> None:
    note = await stored(any_api, name="tea")
    await stored(any_api, name="ice")
    url = f"/v1/memories/{note['id']}"
    new = {"content": "x", "name": "tea"}
    answer = await any_api.post("/v1/memories", json=new | {"if_absent": True})
    refused(answer, 409, "already_exists")
    answer = await any_api.post("/v1/memories", json=new | {"expected_revision": 7})
    refused(answer, 409, "revision_conflict")
    answer = await any_api.patch(url, json={"content": "x", "expected_revision": 7})
    refused(answer, 409, "revision_conflict")
    answer = await any_api.delete(url, params={"expected_revision": 7})
    refused(answer, 409, "revision_conflict")
    answer = await any_api.post(f"{url}/move", json={"to_scope": "", "new_name": "ice"})
    refused(answer, 409, "already_exists")
    answer = await any_api.post(f"{url}/move", json={"to_scope": ""})
    refused(answer, 422, "invalid_request")


async def test_a_message_id_with_other_content_is_a_conflict_and_nothing_is_stored(
    any_api: httpx2.AsyncClient,
) -> None:
    await told(any_api, message("One.", id="m1"))
    messages = [message("New."), message(PLANTED, id="m1")]
    answer = await any_api.post("/v1/messages", json={"messages": messages})
    refused(answer, 409, "already_exists")
    assert (await any_api.get("/v1/memories")).json()["count"] == 1


async def test_only_notes_can_be_moved(api: httpx2.AsyncClient) -> None:
    [episode] = await told(api, message())
    answer = await api.post(f"/v1/memories/{episode}/move", json={"to_scope": "a"})
    refused(answer, 422, "invalid_request")


@pytest.mark.parametrize("confirmation", [{}, {"confirm": "false"}, {"confirm": PLANTED}])
async def test_a_scope_is_not_forgotten_without_confirmation(
    api: httpx2.AsyncClient, confirmation: dict[str, str]
) -> None:
    await stored(api, scope="a")
    answer = await api.delete("/v1/memories", params={"scope": "a"} | confirmation)
    refused(answer, 422, "invalid_request")
    assert (await api.get("/v1/memories", params={"scope": "a"})).json()["count"] == 1


async def test_a_mistyped_parameter_is_refused(api: httpx2.AsyncClient) -> None:
    await stored(api, scope="a")
    query = {"scope": "a", "confirm": "true", "kinds": "episode"}
    refused(await api.delete("/v1/memories", params=query), 422, "invalid_request")
    refused(await api.get("/v1/memories", params={"tags": "x"}), 422, "invalid_request")
    assert (await api.get("/v1/memories", params={"scope": "a"})).json()["count"] == 1


async def test_an_unknown_field_is_named_only_if_it_looks_like_one(
    api: httpx2.AsyncClient,
) -> None:
    answer = await api.post("/v1/memories", json={"content": "x", "tagz": []})
    assert refused(answer, 422, "invalid_request")["problems"][0]["field"] == "tagz"
    answer = await api.post("/v1/memories", json={"content": "x", PLANTED: 1})
    assert refused(answer, 422, "invalid_request")["problems"][0]["field"] == "?"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        f'"{PLANTED}"'.encode(),
        f'{{"content": {PLANTED}'.encode(),
        f'{{"content": "{PLANTED}'.encode(),
        b'\xff{"content": "' + PLANTED.encode() + b'"}',
        b'{"content": "\xc3\x28"}',
        b"[" * 100_000,
        b'{"content": "x", "metadata": ' + b'{"a":' * 100_000,
        b'{"content": "x", "metadata": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
        b'{"content": "x", "metadata": {"a": ' + b"9" * 5000 + b"}}",
    ],
    ids=range(12),
)
@pytest.mark.parametrize("path", ["/v1/memories", "/v1/messages", "/v1/recall"])
async def test_a_body_that_cannot_be_read_is_refused(
    api: httpx2.AsyncClient, path: str, body: bytes
) -> None:
    answer = await api.post(path, content=body, headers=JSON)
    assert answer.status_code in (400, 422)
    refused(answer, answer.status_code, "invalid_request")


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", ""])
async def test_a_body_of_another_type_is_refused(
    api: httpx2.AsyncClient, content_type: str
) -> None:
    body = json.dumps({"content": PLANTED})
    headers = {"content-type": content_type}
    answer = await api.post("/v1/memories", content=body, headers=headers)
    refused(answer, 422, "invalid_request")


WRONG_NOTES = [
    {},
    {"content": None},
    {"content": 5},
    {"content": [PLANTED]},
    {"content": ""},
    {"content": " \n\t"},
    {"content": PLANTED + "\0"},
    {"content": "x" * 1_048_577},
    {"content": "é" * 524_289},
    *({"content": "x", "name": name} for name in (
        "", "..", "a/../b", "/a", "a/", "a//b", "a/b/c/d", ".a", "a b", "a\0", "a\n", "a\u202e",
        PLANTED + "!", "x" * 241, 5,
    )),
    *({"content": "x", "scope": scope} for scope in (
        "..", "a/../b", "/a", "a/", "all", "global", "a b", "a\0", "a\x1b", "/".join("a" * 11),
        "x" * 1001, PLANTED + "?", None,
    )),
    *({"content": "x", "tags": tags} for tags in (
        None, PLANTED, [PLANTED + "\0"], [""], ["x" * 501], [["x"]], ["x"] * 1001, [1] * 100_000,
    )),
    *({"content": "x", "metadata": metadata} for metadata in (
        None, [], {"a": 2**63}, {"a": 10**400}, {"a": [{"b": -(2**63) - 1}]}, {"a\0": 1},
        {"a": PLANTED + "\0"}, {PLANTED: [2**64]}, {"a": "x" * 65_536},
    )),
    *({"content": "x", "occurred_at": time} for time in (
        PLANTED, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-02-30", 1e300, [],
        "10000-01-01T00:00:00Z", "2026-01-01T00:00:00+99:00",
    )),
    {"content": "x", "importance": 1.5},
    {"content": "x", "importance": -1},
    {"content": "x", "expected_revision": 0},
    {"content": "x", "expected_revision": 2**63},
    {"content": "x", "source": "x" * 501},
]  # fmt: skip


@pytest.mark.parametrize("note", WRONG_NOTES, ids=range(len(WRONG_NOTES)))
async def test_a_note_that_cannot_be_stored_is_refused(
    api: httpx2.AsyncClient, note: dict[str, Any]
) -> None:
    answer = await api.post("/v1/memories", json=note)
    problem = refused(answer, 422, "invalid_request")
    assert problem["problems"]
    assert len(answer.content) < 4000
    assert (await api.get("/v1/memories", params={"look": "all"})).json()["count"] == 0


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"tags": ["x"] * 1001}, "tags: at most 1000"),
        ({"source": "x" * 501}, "source: at most 500 characters"),
        ({"content": ""}, "content: must not be empty"),
    ],
)
async def test_a_wrong_field_is_told_in_its_own_terms(
    api: httpx2.AsyncClient, fields: dict[str, Any], detail: str
) -> None:
    answer = await api.post("/v1/memories", json={"content": "x"} | fields)
    assert refused(answer, 422, "invalid_request")["detail"] == detail


async def test_what_a_whole_request_lacks_is_told_without_pydantics_words(
    api: httpx2.AsyncClient,
) -> None:
    note = await stored(api)
    detail = refused(
        await api.patch(f"/v1/memories/{note['id']}", json={}), 422, "invalid_request"
    )["detail"]
    assert detail.startswith("nothing to update")


@pytest.mark.parametrize(
    "metadata",
    [
        '{"a": NaN}',
        '{"a": [Infinity]}',
        f'{{"{PLANTED}": -Infinity}}',
        f'{{"{PLANTED}": 1e999}}',
        '{"a": "\\ud800"}',
        f'{{"{PLANTED}\\udfff": 1}}',
        '{"a": "\\u0000"}',
        '{"a":' * 101 + "1" + "}" * 101,
        '{"a":' * 300 + "1" + "}" * 300,
    ],
)
async def test_metadata_that_is_no_proper_json_is_refused(
    any_api: httpx2.AsyncClient, metadata: str
) -> None:
    body = f'{{"content": "x", "metadata": {metadata}}}'
    answer = await any_api.post("/v1/memories", content=body, headers=JSON)
    problem = refused(answer, 422, "invalid_request")
    assert problem["problems"][0]["field"] == "metadata"
    assert len(answer.content) < 8000


@pytest.mark.parametrize("field", ["content", "name", "scope", "source", "external_id"])
async def test_half_a_surrogate_pair_is_refused(api: httpx2.AsyncClient, field: str) -> None:
    note = json.dumps({"content": "x"} | {field: f"{PLANTED}\ud800"})
    answer = await api.post("/v1/memories", content=note, headers=JSON)
    assert refused(answer, 422, "invalid_request")["problems"][0]["field"] == field


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=-1", "limit=1000000000", "limit=" + "9" * 30, "limit=" + "9" * 5000,
        "limit=1.5", f"limit={PLANTED}", "limit=", "limit=NaN", f"look={PLANTED}", "look=",
        f"kind={PLANTED}", "kind=", "scope=..", "scope=%00", "scope=%ED%A0%80", "scope=a%20b",
        "name=", "name=..%2Fa", "name=%00", "tag=", "tag=%00", "tag=" + "x" * 501,
        "tag=x&" * 1001, "filter=%00", "cursor=" + "x" * 8193, "cursor=%ED%A0%80",
    ],
)  # fmt: skip
async def test_a_list_with_a_wrong_parameter_is_refused(
    any_api: httpx2.AsyncClient, query: str
) -> None:
    answer = await any_api.get(f"/v1/memories?{query}")
    problem = answer.json()
    refused(
        answer, 422, "invalid_cursor" if "invalid_cursor" in problem["code"] else "invalid_request"
    )


@pytest.mark.parametrize(
    "filter_text",
    [
        PLANTED, f"m.a = {PLANTED}", f"content = '{PLANTED}", f"created_at > '{PLANTED}'",
        f"created_at > date('{PLANTED}')", "m.a = '\ud7ff' AND", "(" * 1000, "m.a IN ()", "kind",
    ],
)  # fmt: skip
async def test_a_filter_that_does_not_parse_is_refused(
    any_api: httpx2.AsyncClient, filter_text: str
) -> None:
    answer = await any_api.get("/v1/memories", params={"filter": filter_text})
    refused(answer, 422, "invalid_filter")
    answer = await any_api.post("/v1/recall", json={"query": "tea", "filter": filter_text})
    refused(answer, 422, "invalid_filter")


@pytest.mark.parametrize("cursor", [PLANTED, "c1_", "c1_W10", "c1_" + "e30", "c1_bnVsbA", "💥"])
async def test_an_unknown_cursor_is_refused(any_api: httpx2.AsyncClient, cursor: str) -> None:
    answer = await any_api.get("/v1/memories", params={"cursor": cursor})
    refused(answer, 422, "invalid_cursor")


async def test_a_cursor_of_another_query_is_refused(any_api: httpx2.AsyncClient) -> None:
    for name in ("a", "b"):
        await stored(any_api, name=name)
    cursor = (await any_api.get("/v1/memories", params={"limit": 1})).json()["next_cursor"]
    answer = await any_api.get("/v1/memories", params={"cursor": cursor, "look": "all"})
    refused(answer, 422, "invalid_cursor")


@pytest.mark.parametrize(
    "fields",
    [
        {"query": ""}, {"query": None}, {"query": "x" * 100_001}, {"query": PLANTED + "\0"},
        {"limit": 0}, {"limit": 1001}, {"limit": 10**30}, {"max_tokens": 0}, {"before": 21},
        {"after": -1}, {"look": PLANTED}, {"kinds": [PLANTED]}, {"valid_at": PLANTED},
        {"occurred_after": PLANTED}, {"scope": "all"}, {"tags": [PLANTED + "\0"]},
    ],
)  # fmt: skip
async def test_a_recall_with_a_wrong_field_is_refused(
    api: httpx2.AsyncClient, fields: dict[str, Any]
) -> None:
    answer = await api.post("/v1/recall", json={"query": "tea"} | fields)
    problem = refused(answer, 422, "invalid_request")
    assert problem["problems"][0]["field"].startswith(next(iter(fields)))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"messages": []},
        {"messages": [message()] * 1001},
        {"messages": [{}] * 100_000},
        {"messages": [message(PLANTED + "\0")]},
        {"messages": [message(producer="")]},
        {"messages": [message(id="")]},
        {"messages": [message(occurred_at="0001-01-01T00:00:00+14:00")]},
        {"messages": [message()], "scope": "global"},
        {"messages": [message()], "session": None},
    ],
    ids=range(10),
)
async def test_messages_that_cannot_be_stored_are_refused(
    api: httpx2.AsyncClient, body: dict[str, Any]
) -> None:
    answer = await api.post("/v1/messages", json=body)
    refused(answer, 422, "invalid_request")
    assert len(answer.content) < 4000


@pytest.mark.parametrize("body", [{}, {"content": None}, {"expected_revision": 1}, {"name": "x"}])
async def test_an_edit_that_changes_nothing_is_refused(
    api: httpx2.AsyncClient, body: dict[str, Any]
) -> None:
    note = await stored(api)
    answer = await api.patch(f"/v1/memories/{note['id']}", json=body)
    refused(answer, 422, "invalid_request")


@pytest.mark.parametrize("memory_id", ["%00", "x" * 201, "%ED%A0%80%00"])
async def test_what_cannot_be_an_id_is_refused(api: httpx2.AsyncClient, memory_id: str) -> None:
    for path in ("", "/history"):
        answer = await api.get(f"/v1/memories/{memory_id}{path}")
        refused(answer, 422, "invalid_request")


@pytest.mark.parametrize("path", ["/", "/v1", f"/v1/{PLANTED}", "/v1/memories/"])
async def test_what_is_no_route_is_not_found(api: httpx2.AsyncClient, path: str) -> None:
    refused(await api.get(path), 404, "not_found")


async def test_a_method_that_a_route_does_not_know_is_refused(api: httpx2.AsyncClient) -> None:
    for method, path in (("PUT", "/v1/memories"), ("GET", "/v1/recall"), ("GET", "/mcp")):
        answer = await api.request(method, path)
        refused(answer, 405, "method_not_allowed")
        assert answer.headers["allow"]
