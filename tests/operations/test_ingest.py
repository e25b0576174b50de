"""Storing conversations."""

from datetime import timedelta

import pytest
from pydantic import ValidationError
from tests.examples import MINUTE, THEN
from tests.operations.fakes import FakeClock, FakeEmbedder

from recollect.errors import AlreadyExists
from recollect.operations import (
    Browse,
    Context,
    Ingest,
    Message,
    Read,
    Recall,
    browse,
    catch_up,
    ingest,
    read,
    recall,
    work,
)
from recollect.operations.embedding import model_key

pytestmark = pytest.mark.anyio


def said(content: str, **fields: object) -> Message:
    return Message.model_validate({"content": content, "producer": "Ann"} | fields)


async def stored(context: Context) -> list[tuple[str, int | None]]:
    page = await browse(context, Browse(limit=1000))
    return [(memory.content, memory.position) for memory in page.memories]


async def test_messages_are_stored_with_all_they_say(context: Context) -> None:
    [message_id] = (
        await ingest(
            context,
            Ingest(
                scope="acme/api",
                session="s/1",
                messages=(
                    said(
                        "Tea at four?",
                        id="client-1",
                        produced_for="Bo",
                        role="user",
                        occurred_at="2025-12-31T23:59:59.999999+01:00",
                        tags=["plan", "plan"],
                        metadata={"lang": "en"},
                        source="chat",
                    ),
                ),
            ),
        )
    ).ids

    found = await read(context, Read(id=message_id))

    assert (found.kind, found.scope, found.session) == ("episode", "acme/api", "s/1")
    assert (found.content, found.external_id) == ("Tea at four?", "client-1")
    assert (found.producer, found.produced_for, found.role) == ("Ann", "Bo", "user")
    assert found.occurred_at == THEN.replace(
        year=2025, month=12, day=31, hour=22, minute=59, second=59, microsecond=999_999
    )
    assert (found.tags, found.metadata, found.source) == (["plan"], {"lang": "en"}, "chat")
    assert (found.created_at, found.revision, found.position) == (THEN, 1, 0)


async def test_a_message_without_a_time_is_said_now(context: Context) -> None:
    [message_id] = (await ingest(context, Ingest(messages=(said("Hi."),)))).ids

    assert (await read(context, Read(id=message_id))).occurred_at == THEN


async def test_ids_and_positions_follow_the_order_of_the_messages(context: Context) -> None:
    first = await ingest(context, Ingest(messages=tuple(said(text) for text in "cab")))
    second = await ingest(context, Ingest(messages=(said("d"),)))

    assert await stored(context) == [("c", 0), ("a", 1), ("b", 2), ("d", 3)]
    ids = [*first.ids, *second.ids]
    contents = [(await read(context, Read(id=i))).content for i in ids]
    assert contents == ["c", "a", "b", "d"]


async def test_messages_are_listed_by_time_then_by_arrival(context: Context) -> None:
    late, early = THEN, THEN - MINUTE
    times = {"1": late, "2": early, "3": late, "4": early}
    messages = tuple(said(text, occurred_at=time) for text, time in times.items())
    await ingest(context, Ingest(messages=messages))

    assert [content for content, _ in await stored(context)] == ["2", "4", "1", "3"]


async def test_a_message_sent_again_is_the_same_memory(context: Context, clock: FakeClock) -> None:
    request = Ingest(messages=(said("Tea?", id="1"), said("Yes.", id="2")))
    first = await ingest(context, request)
    clock.pass_by(timedelta(days=2))
    more = Ingest(messages=(*request.messages, said("Fine.", id="3")))
    second = await ingest(context, more)

    assert second.ids[:2] == first.ids
    assert (first.known, second.known) == (0, 2)
    assert await stored(context) == [("Tea?", 0), ("Yes.", 1), ("Fine.", 2)]


async def test_the_same_message_twice_in_one_request_is_stored_once(context: Context) -> None:
    one, two = (await ingest(context, Ingest(messages=(said("Hi.", id="1"),) * 2))).ids

    assert one == two
    assert await stored(context) == [("Hi.", 0)]


@pytest.mark.parametrize(
    "other",
    [
        {"content": "Other."}, {"producer": "Bo"}, {"produced_for": "Bo"}, {"role": "user"},
        {"metadata": {"a": 1}}, {"occurred_at": "2026-01-01T00:00:00Z"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("at_once", [True, False])
async def test_another_message_under_a_used_id_is_refused_and_nothing_is_stored(
    context: Context, other: dict[str, object], *, at_once: bool
) -> None:
    message = said("Hi.", id="1")
    conflicting = Message.model_validate(message.model_dump() | other)
    first = (said("New."), message) if at_once else (said("New."),)
    if not at_once:
        await ingest(context, Ingest(messages=(message,)))
    before = await stored(context)

    with pytest.raises(AlreadyExists):
        await ingest(context, Ingest(messages=(*first, conflicting)))

    assert await stored(context) == before


async def test_an_id_means_another_message_in_another_session_or_scope(context: Context) -> None:
    for scope, session in (("", ""), ("", "s"), ("work", "")):
        message = said(f"{scope}/{session}", id="1")
        await ingest(context, Ingest(scope=scope, session=session, messages=(message,)))

    assert (await browse(context, Browse(look="all"))).count == 3  # type: ignore[arg-type]


async def test_a_thousand_messages_are_stored_in_order_and_recalled(context: Context) -> None:
    messages = tuple(said(f"Message about topic{i}.", id=str(i)) for i in range(1000))
    result = await ingest(context, Ingest(messages=messages))

    assert len(set(result.ids)) == 1000
    assert await stored(context) == [(f"Message about topic{i}.", i) for i in range(1000)]
    best = (await recall(context, Recall(query="topic777"))).results[0]
    assert best.memory.content == "Message about topic777."


@pytest.mark.parametrize("nothing", ["", " \n"])
async def test_what_was_said_is_kept_even_if_it_was_nothing(context: Context, nothing: str) -> None:
    stored = await ingest(context, Ingest(messages=(said(nothing), said("Yes."))))

    listed = await browse(context, Browse())
    assert [memory.content for memory in listed.memories] == [nothing, "Yes."]
    assert [memory.id for memory in listed.memories] == stored.ids
    assert (await context.records.counts("default", model_key(context))).waiting == 0


async def test_one_message_too_many_is_refused() -> None:
    messages = [{"content": "Hi.", "producer": "Ann"}] * 1001
    for wrong in (messages, [], [{"content": "a\0b", "producer": "Ann"}], [{"content": "Hi."}]):
        with pytest.raises(ValidationError):
            Ingest.model_validate({"messages": wrong})


async def test_without_a_model_messages_are_stored_and_embedded_when_it_comes(
    context: Context, embedder: FakeEmbedder, clock: FakeClock
) -> None:
    embedder.problem = "loading"
    result = await ingest(context, Ingest(messages=(said("Tea at four?"), said("Yes."))))
    assert result.degraded == ["dense"]
    assert (await context.records.counts("default", "any")).waiting == 2

    embedder.problem = None
    clock.pass_by(MINUTE)
    await catch_up(context)
    assert await work(context)

    answer = await recall(context, Recall(query="tea at four"))
    assert answer.degraded == []
    assert "dense" in answer.results[0].arms
    assert sorted(embedder.documents) == [
        "Ann (1 January 2026): Tea at four?",
        "Ann (1 January 2026): Yes.",
    ]
    assert not await work(context)
