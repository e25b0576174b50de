"""Adding, listing and deleting memories in the face of MemMachine."""

from typing import Any

import anyio
import pytest
from tests.transports.memmachine import Face, refused

pytestmark = pytest.mark.anyio

NOBODYS = "00000000-0000-4000-8000-000000000000"
EPISODE_KEYS = {
    "uid", "content", "producer_id", "producer_role", "produced_for_id", "episode_type",
    "created_at", "session_key", "content_type",
}  # fmt: skip


async def test_what_was_said_is_listed_as_it_was_said(any_face: Face) -> None:
    said: dict[str, Any] = {
        "content": "Tea at four?", "producer": "ann", "produced_for": "bot", "role": "user",
        "timestamp": "2024-01-02T04:04:05.5+01:00", "metadata": {"topic": "tea"},
        "episode_type": "message", "unknown": [1],
    }  # fmt: skip
    [uid] = await any_face.add(said)
    assert await any_face.listed() == [
        {
            "uid": uid,
            "content": "Tea at four?",
            "producer_id": "ann",
            "producer_role": "user",
            "produced_for_id": "bot",
            "episode_type": "message",
            "content_type": "string",
            "session_key": "acme/chat",
            "metadata": {"topic": "tea"},
            "created_at": "2024-01-02T03:04:05.500000Z",
        }
    ]


async def test_little_needs_to_be_said_of_a_message(face: Face) -> None:
    uids = await face.add("First.", "", "  ", "Fourth.")
    listed = await face.listed()
    assert [episode["uid"] for episode in listed] == uids
    assert [episode["content"] for episode in listed] == ["First.", "", "  ", "Fourth."]
    assert all(episode.keys() == EPISODE_KEYS for episode in listed)
    assert {episode["producer_id"] for episode in listed} == {"user"}


@pytest.mark.parametrize(
    ("timestamp", "created_at"),
    [
        ("2024-01-02T03:04:05Z", "2024-01-02T03:04:05Z"),
        ("2024-01-02T03:04:05", "2024-01-02T03:04:05Z"),
        ("2024-01-02T03:04:05-02:00", "2024-01-02T05:04:05Z"),
        ("2024-01-02", "2024-01-02T00:00:00Z"),
        (1704164645, "2024-01-02T03:04:05Z"),
        (1704164645.25, "2024-01-02T03:04:05.250000Z"),
        (1704164645000, "2024-01-02T03:04:05Z"),
        (0, "1970-01-01T00:00:00Z"),
        (-1, "1969-12-31T23:59:59Z"),
    ],
)
async def test_times_are_iso_8601_or_numbers_since_1970(
    face: Face, timestamp: object, created_at: str
) -> None:
    await face.add({"content": "Tea.", "timestamp": timestamp})
    assert [episode["created_at"] for episode in await face.listed()] == [created_at]


@pytest.mark.parametrize(
    "timestamp", ["yesterday", "", True, [], {}, 1e300, -1e300, "0001-01-01T00:00:00+14:00", "1704"]
)
async def test_what_is_no_time_is_refused(face: Face, timestamp: object) -> None:
    message = {"content": "Tea.", "timestamp": timestamp}
    answer = await face.ask("/memories", 422, messages=[message])
    assert "messages.0.timestamp" in refused(answer, "RequestValidationError")
    assert await face.listed() == []


@pytest.mark.parametrize(
    "body",
    [
        {}, {"messages": []}, {"messages": [{}]}, {"messages": [{"content": None}]},
        {"messages": [{"content": "x", "metadata": {"a": 1}}]},
        {"messages": [{"content": "x", "metadata": {"a": None}}]},
        {"messages": [{"content": "x", "metadata": {"a": "\0"}}]},
        {"messages": [{"content": "x", "episode_type": "action"}]},
        {"messages": [{"content": "x\0"}]}, {"messages": [{"content": "x", "producer": None}]},
        {"messages": [{"content": "x"}], "types": ["procedural"]},
        {"messages": [{"content": "x"}, {"content": 5}]},
    ],
)  # fmt: skip
async def test_a_wrong_message_is_refused_and_nothing_is_stored(
    face: Face, body: dict[str, Any]
) -> None:
    refused(await face.ask("/memories", 422, **body), "RequestValidationError")
    assert await face.listed() == []


async def test_adding_creates_the_project_unless_only_facts_are_meant(any_face: Face) -> None:
    await any_face.add("Tea.", types=["semantic"])
    await any_face.ask("/projects/get", 404)
    assert await any_face.ask("/projects/episode_count/get") == {"count": 1}
    await any_face.add("Cake.", types=["episodic", "semantic"])
    await any_face.ask("/projects/get")
    assert await any_face.texts() == ["Tea.", "Cake."]


async def test_without_names_everything_is_in_the_universal_project(face: Face) -> None:
    message = {"messages": [{"content": "Tea."}]}
    answer = await face.http.post("/api/v2/memories", json=message)
    assert answer.status_code == 200
    universal = face.of(org_id="universal", project_id="universal")
    assert await universal.texts() == ["Tea."]


async def test_what_is_added_while_a_project_is_deleted_is_either_gone_or_in_a_project(
    any_face: Face,
) -> None:
    await any_face.add("First.")

    async def add() -> None:
        await any_face.add("More.")

    async def delete() -> None:
        await any_face.http.post("/api/v2/projects/delete", json=any_face.project)

    for _ in range(5):
        async with anyio.create_task_group() as all_at_once:
            for step in (add, delete, add, delete, add):
                all_at_once.start_soon(step)
        answer = await any_face.http.post("/api/v2/projects/get", json=any_face.project)
        assert answer.status_code == (200 if await any_face.texts() else 404)


@pytest.mark.parametrize(
    ("size", "number", "texts"),
    [
        (2, 0, ["0", "1"]), (2, 1, ["2", "3"]), (2, 2, ["4"]), (2, 3, []), (100, 0, list("01234")),
        (0, 0, []), (0, 7, []), (-1, 0, list("01234")), (-1, 3, list("01234")), (2, -1, ["0", "1"]),
        (2, 10**30, []), (10**30, 0, list("01234")), (-(10**30), -(10**30), list("01234")),
    ],
)  # fmt: skip
async def test_a_list_has_pages(any_face: Face, size: int, number: int, texts: list[str]) -> None:
    await any_face.add("0", "1", "2", "3", "4")
    assert await any_face.texts(page_size=size, page_num=number) == texts


async def test_a_list_is_in_the_order_in_which_things_happened(any_face: Face) -> None:
    late, early = "2024-01-02T00:00:00Z", "2024-01-01T00:00:00Z"
    await any_face.add(
        {"content": "3", "timestamp": late},
        {"content": "1", "timestamp": early},
        {"content": "2", "timestamp": early},
    )
    assert await any_face.texts() == ["1", "2", "3"]


async def test_a_list_has_both_memories_or_the_one_asked_for(face: Face) -> None:
    empty = {"episodic_memory": [], "semantic_memory": []}
    assert await face.ask("/memories/list") == {"status": 0, "content": empty}
    for kind in ("episodic", "semantic"):
        content = (await face.ask("/memories/list", type=kind))["content"]
        assert content == {f"{kind}_memory": []}


async def test_a_list_may_be_filtered(any_face: Face) -> None:
    await any_face.add(
        {"content": "Tea.", "metadata": {"topic": "tea", "n": "5"}},
        {"content": "Cake.", "producer": "it's me"},
    )
    assert await any_face.texts(filter="m.topic = 'tea' AND m.n = 5") == ["Tea."]
    assert await any_face.texts(filter="m.topic IS NULL") == ["Cake."]
    assert await any_face.texts(filter="producer_id = 'it''s me'") == ["Cake."]
    assert await any_face.texts(filter="Episode_Type = MESSAGE") == ["Tea.", "Cake."]
    assert await any_face.texts(filter="session_key = 'acme/chat'") == ["Tea.", "Cake."]
    assert await any_face.texts(filter="category = 'profile'") == []
    refused(await any_face.ask("/memories/list", 422, filter="nothing = 1"), "InvalidFilter")
    refused(await any_face.ask("/memories/search", 422, query="x", filter="("), "InvalidFilter")


async def test_deleted_episodes_are_gone_for_good(any_face: Face) -> None:
    one, two, three = await any_face.add("One.", "Two.", "Three.")
    delete = "/memories/episodic/delete"
    await any_face.ask(delete, 204, episodic_id=f" {one.upper()} ", episodic_ids=[two, one])
    assert await any_face.texts() == ["Three."]
    await any_face.ask(delete, 204, episodic_ids=[one, three, NOBODYS])
    assert await any_face.texts() == []
    assert await any_face.found("one") == []
    assert (await any_face.http.get(f"/v1/memories/{one}/history")).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {}, {"episodic_id": None}, {"episodic_ids": []}, {"episodic_id": " "},
        {"episodic_ids": ["5"]}, {"episodic_id": "x"}, {"episodic_ids": [""]},
    ],
)  # fmt: skip
async def test_what_names_no_episode_is_refused(face: Face, body: dict[str, Any]) -> None:
    answer = await face.ask("/memories/episodic/delete", 422, **body)
    assert answer["detail"]["code"] == 422


async def test_deleting_at_once_deletes_once(any_face: Face) -> None:
    uids = await any_face.add(*map(str, range(8)))

    async def delete() -> None:
        await any_face.ask("/memories/episodic/delete", 204, episodic_ids=uids)

    async with anyio.create_task_group() as all_at_once:
        for _ in range(8):
            all_at_once.start_soon(delete)
    assert await any_face.listed() == []


async def test_nobody_reaches_the_episodes_of_another_project(any_face: Face) -> None:
    [uid] = await any_face.add("Tea.")
    for other in ({"project_id": "other"}, {"org_id": "other"}):
        stranger = any_face.of(**other)
        assert await stranger.texts() == []
        assert await stranger.found("tea") == []
        await stranger.ask("/memories/episodic/delete", 204, episodic_ids=[uid])
        assert await stranger.texts(filter="session_key = 'acme/chat'") == []
    assert await any_face.texts() == ["Tea."]


async def test_notes_are_no_business_of_this_face(any_face: Face) -> None:
    note = {"content": "Tea at four.", "scope": "acme/chat", "name": "tea"}
    stored = (await any_face.http.post("/v1/memories", json=note)).json()
    assert await any_face.listed() == []
    assert await any_face.found("tea") == []
    await any_face.ask("/memories/episodic/delete", 204, episodic_ids=[stored["id"]])
    assert (await any_face.http.get(f"/v1/memories/{stored['id']}")).status_code == 200
