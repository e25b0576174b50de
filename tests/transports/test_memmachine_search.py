"""Searching in the face of MemMachine."""

from pathlib import Path
from typing import Any

import pytest
from tests.transports.memmachine import Face, refused
from tests.transports.serving import client_of, settings_for

from recollect.app.serve import open_app
from recollect.settings import SqliteStoreSettings

pytestmark = pytest.mark.anyio

TALK = [
    "Shall we meet?", "Where do you want to go?", "To the harbour, for the ships.",
    "The harbour is closed.", "Then the market.", "I like cheese.",
]  # fmt: skip


async def told(face: Face, *texts: str) -> list[str]:
    """Store messages, a minute apart."""
    return await face.add(*({"content": text, "timestamp": 60 * n} for n, text in enumerate(texts)))


async def without_short_term(face: Face) -> None:
    """Let searches answer from long-term memory alone."""
    await face.ask("/projects", 201)
    await face.ask("/memory/episodic/short_term/config", 204, enabled=False)


async def long_term(face: Face, query: str, **body: Any) -> list[Any]:
    answer = await face.ask("/memories/search", query=query, **body)
    return answer["content"]["episodic_memory"]["long_term_memory"]["episodes"]


async def test_an_empty_project_answers_with_empty_memories(any_face: Face) -> None:
    nothing = {
        "long_term_memory": {"episodes": []},
        "short_term_memory": {"episodes": [], "episode_summary": [""]},
    }
    assert await any_face.ask("/memories/search", query="tea") == {
        "status": 0,
        "content": {"episodic_memory": nothing, "semantic_memory": []},
    }
    for kind in ("episodic", "semantic"):
        answer = await any_face.ask("/memories/search", query="", types=[kind])
        assert answer["content"].keys() == {f"{kind}_memory"}
    refused(await any_face.ask("/projects/get", 404))


async def test_what_was_said_is_found_at_once_with_its_score(any_face: Face) -> None:
    await without_short_term(any_face)
    [uid] = await any_face.add({"content": "The harbour is closed.", "metadata": {"k": "v"}})
    [found] = await long_term(any_face, "harbour")
    assert found.pop("created_at")
    assert 0 <= found.pop("score") <= 1
    assert found == {
        "uid": uid,
        "content": "The harbour is closed.",
        "producer_id": "user",
        "producer_role": "",
        "produced_for_id": "",
        "episode_type": "message",
        "metadata": {"k": "v"},
    }


async def test_the_newest_messages_are_shown_once_and_without_a_score(any_face: Face) -> None:
    await told(any_face, *TALK)
    content = (await any_face.ask("/memories/search", query="harbour", top_k=2))["content"]
    recent = content["episodic_memory"]["short_term_memory"]
    older = content["episodic_memory"]["long_term_memory"]["episodes"]
    assert [episode["content"] for episode in recent["episodes"]] == TALK[-2:]
    assert all("score" not in episode for episode in recent["episodes"])
    assert len(recent["episode_summary"]) == 1
    assert {episode["content"] for episode in older} == {TALK[2], TALK[3]}


async def test_each_memory_gives_as_much_as_is_asked_for(any_face: Face) -> None:
    texts = [f"Ship number {n} in the harbour." for n in range(230)]
    await any_face.add(*texts)
    for top_k in (1, 7, 100, 150):
        assert len(await any_face.found("harbour", top_k=top_k)) == min(2 * top_k, 230)
    await without_short_term(any_face)
    assert len(await long_term(any_face, "harbour", top_k=10**9)) == 230
    assert len(await long_term(any_face, "nothing of the sort", top_k=200)) == 200


@pytest.mark.parametrize("top_k", [0, -1, 1.5, "many"])
async def test_less_than_one_is_not_asked_for(face: Face, top_k: object) -> None:
    answer = await face.ask("/memories/search", 422, query="tea", top_k=top_k)
    refused(answer, "RequestValidationError")


async def test_neighbours_come_along_in_the_order_of_what_was_said(any_face: Face) -> None:
    await without_short_term(any_face)
    await told(any_face, *TALK)
    await any_face.of(project_id="other").add("The harbour, the harbour!")
    for top_k, expand, expected in [
        (1, 5, TALK[2:3]),
        (4, 3, TALK[1:5]),
        (3, 3, TALK[2:5]),
        (2, 1, TALK[2:4]),
        (6, 0, None),
        (6, -3, None),
        (6, 10**9, TALK),
    ]:
        found = await long_term(
            any_face, "to the ships in the harbour", top_k=top_k, expand_context=expand
        )
        texts = [episode["content"] for episode in found]
        assert sorted(texts) == sorted(TALK) if expected is None else texts == expected
        if top_k == 4:
            assert len({episode["score"] for episode in found}) == 1


async def test_what_others_said_comes_not_along_when_one_user_asks(any_face: Face) -> None:
    await without_short_term(any_face)
    turns = [f"{user} likes tea, {i}." for i in range(3) for user in ("Ann", "Ben")]
    await any_face.add(*({"content": text, "metadata": {"user": text[:3]}} for text in turns))
    found = await long_term(any_face, "tea", filter="m.user = 'Ann'", top_k=5, expand_context=4)
    assert [episode["content"] for episode in found] == turns[::2]


async def test_only_what_reaches_the_threshold_is_given(any_face: Face) -> None:
    await without_short_term(any_face)
    await told(any_face, *TALK)
    scores = [episode["score"] for episode in await long_term(any_face, "harbour")]
    assert len(set(scores)) > 1
    found = await long_term(any_face, "harbour", score_threshold=scores[1])
    assert [episode["score"] for episode in found] == [s for s in scores if s >= scores[1]]
    assert await long_term(any_face, "harbour", score_threshold=9) == []


async def test_a_filter_holds_for_both_memories(any_face: Face) -> None:
    await any_face.add(
        {"content": "Coffee.", "metadata": {"time": "morning"}},
        {"content": "Tea.", "metadata": {"time": "evening"}},
    )
    for filter_, expected in [
        ("m.time = 'morning'", ["Coffee."]),
        ("m.time = 'noon'", []),
        ("producer_id = 'user' AND NOT m.time = 'morning'", ["Tea."]),
        ("category = 'profile'", []),
    ]:
        found = await any_face.found("drink", filter=filter_)
        assert [episode["content"] for episode in found] == expected


async def test_memories_that_are_switched_off_are_left_out(any_face: Face) -> None:
    await told(any_face, *TALK)
    switches = "/memory/episodic/config"
    await any_face.ask(switches, 204, long_term_memory_enabled=False)
    assert await long_term(any_face, "harbour", top_k=1) == []
    assert [e["content"] for e in await any_face.found("harbour", top_k=1)] == TALK[-1:]
    await any_face.ask(switches, 204, short_term_memory_enabled=False)
    refused(await any_face.ask("/memories/search", 422, query="harbour"), "InvalidRequest")
    await any_face.ask(switches, 204, enabled=False)
    answer = await any_face.ask("/memories/search", query="harbour")
    assert answer["content"].keys() == {"semantic_memory"}
    await any_face.add("And another thing.")
    assert await any_face.texts() == [*TALK, "And another thing."]


async def test_the_messages_at_hand_outlive_the_server(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, store=SqliteStoreSettings())
    answers: list[Any] = []
    for _ in range(2):
        async with open_app(settings) as app, client_of(app) as http:
            face = Face(http)
            if not answers:
                await told(face, *TALK)
            answers.append(await face.ask("/memories/search", query="harbour", top_k=3))
    assert answers[0] == answers[1]
