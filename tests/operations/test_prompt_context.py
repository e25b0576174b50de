"""What a prompt should hold of a conversation."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.examples import MINUTE, THEN, batch, fact, put
from tests.operations.fakes import FakeClock, FakeEmbedder, FakeLanguageModel
from tests.operations.talks import SESSION, settle, talk

from recollect.domain.access import Principal
from recollect.domain.filters import parse
from recollect.domain.memory import Memory
from recollect.domain.scopes import ScopeSet
from recollect.domain.working_memory import BLOCK, MARK, WorkingMemory, tokens
from recollect.operations import (
    Context,
    ForgetOne,
    Ingest,
    Message,
    Prompt,
    PromptContext,
    Session,
    forget,
    ingest,
    prompt_context,
    working_memory,
)

pytestmark = pytest.mark.anyio


async def prompt(context: Context, question: str | None = None, **fields: object) -> Prompt:
    asked = {"session": SESSION, "question": question} | fields
    return await prompt_context(context, PromptContext.model_validate(asked))


async def learned(context: Context, *facts: Memory) -> None:
    await context.records.commit("default", batch(*(put(f) for f in facts)))


def contents(memories: list[object]) -> list[str]:
    return [memory.content for memory in memories]  # type: ignore[attr-defined]


async def test_a_session_without_anything_gives_an_empty_text(context: Context) -> None:
    given = await prompt(context, "where to?")

    assert (given.text, given.tokens) == ("", 0)
    assert (given.summary, given.recent, given.older, given.facts) == (None, [], [], [])
    assert given.degraded == []


async def test_a_short_session_is_given_whole_and_in_order(context: Context) -> None:
    ids = await talk(context, 3)

    given = await prompt(context)

    assert given.text == (
        "# Recent messages\n"
        "Ann (1 January 2026): We sail to harbour number 0 with lamp 0.\n"
        "Ben (1 January 2026): We sail to harbour number 1 with lamp 1.\n"
        "Ann (1 January 2026): We sail to harbour number 2 with lamp 2."
    )
    assert [memory.id for memory in given.recent] == ids
    assert given.summary is None
    assert given.recall_id is None


@pytest.mark.parametrize("max_tokens", [1, 20, 60, 200, 1000, 5000])
@pytest.mark.parametrize("question", [None, "which lamp at harbour number 7?"])
async def test_the_text_keeps_its_budget(
    context: Context, max_tokens: int, question: str | None
) -> None:
    await talk(context, 100)
    await learned(context, *(fact(f"Ann likes lamp {i}.") for i in range(20)))

    given = await prompt(context, question, max_tokens=max_tokens)

    assert given.tokens == tokens(given.text) <= max_tokens
    assert given.text or max_tokens < 60


async def test_a_long_session_has_all_its_parts_under_their_titles(
    context: Context, clock: FakeClock
) -> None:
    await talk(context, 6 * BLOCK)
    await settle(context, clock)
    await learned(context, fact("Ann likes tea.", valid_from=THEN))

    given = await prompt(context, "which lamp at harbour number 7?")

    titles = [line for line in given.text.splitlines() if line.startswith("# ")]
    assert titles == [
        "# Facts",
        "# Digest of earlier messages: sentences quoted from them",
        "# Earlier messages about the question",
        "# Recent messages",
    ]
    assert "- profile, taste, drink: Ann likes tea. (since 1 January 2026)" in given.text
    assert given.recent[-1].content == f"We sail to harbour number {6 * BLOCK - 1} with lamp 191."
    assert "We sail to harbour number 7 with lamp 7." in contents(list(given.older))
    assert given.summary is not None
    assert given.summary.kind == "digest"
    assert given.recall_id is not None


async def test_every_message_is_shown_or_summarised(context: Context) -> None:
    await talk(context, 100)

    given = await prompt(context, max_tokens=500)

    assert given.summary is not None
    assert given.summary.messages + len(given.recent) >= 100
    assert 0 < len(given.recent) < 100


async def test_no_message_is_given_twice(context: Context) -> None:
    await talk(context, 40)

    given = await prompt(context, "harbour lamp", max_tokens=700)

    recent, older = ({m.id for m in part} for part in (given.recent, given.older))
    assert older
    assert recent.isdisjoint(older)


async def test_older_messages_come_in_order_with_those_around_them(context: Context) -> None:
    await talk(context, 60)
    said = "The anchor is of bronze."
    message = Message(content=said, producer="Ann", occurred_at=THEN + timedelta(minutes=60))
    await ingest(context, Ingest(session=SESSION, messages=(message,)))
    await talk(context, 60, start=61)

    given = await prompt(context, "what is the anchor made of?", max_tokens=600)

    places = [memory.position for memory in given.older]
    assert places == sorted(places)  # type: ignore[type-var]
    assert {59, 60, 61} <= set(places)


async def test_messages_of_other_sessions_of_the_scope_are_recalled(context: Context) -> None:
    await talk(context, 3, session="sunday")

    given = await prompt(context, "which lamp at harbour number 1?")

    assert given.recent == []
    assert {memory.session for memory in given.older} == {"sunday"}


async def test_only_facts_that_are_valid_now_are_given_the_newest_first(
    context: Context, clock: FakeClock
) -> None:
    day = timedelta(days=1)
    await learned(
        context,
        fact("Ann likes tea.", occurred_at=THEN - 2 * day),
        fact("Ann likes water.", occurred_at=THEN - day),
        fact("Ann liked milk.", valid_to=clock.time - MINUTE),
        fact("Ann will like wine.", valid_from=clock.time + MINUTE),
        fact("Ann likes secrets.", expires_at=clock.time - MINUTE),
        fact("Ben likes tea.", scope="elsewhere"),
    )

    assert contents(list((await prompt(context)).facts)) == ["Ann likes water.", "Ann likes tea."]
    asked = await prompt(context, "what does Ann drink, tea or milk?")
    assert contents(list(asked.facts)) == ["Ann likes tea.", "Ann likes water."]


@pytest.mark.parametrize("part", ["summary", "recent", "older", "facts"])
async def test_each_part_can_be_left_out(context: Context, part: str) -> None:
    await talk(context, 100)
    await learned(context, fact())
    question = "which lamp at harbour number 7?"

    given = await prompt(context, question, max_tokens=600)
    without = await prompt(context, question, max_tokens=600, **{part: False})

    assert getattr(given, part)
    assert not getattr(without, part)
    for other in {"summary", "recent", "older", "facts"} - {part}:
        assert getattr(without, other)


async def test_of_a_long_message_the_passage_that_answers_is_shown_with_marks(
    context: Context,
) -> None:
    filler = "Nothing of interest happens here at all, the sea is calm. " * 60
    content = f"{filler}\n\nThe anchor is of bronze.\n\n{filler}"
    await ingest(
        context, Ingest(session="old", messages=(Message(content=content, producer="Ann"),))
    )

    given = await prompt(context, "anchor bronze", max_tokens=1000)

    shown = given.text.split("# Earlier messages about the question\n")[1]
    assert "The anchor is of bronze." in shown
    assert shown.startswith("Ann (1 January 2026): […] ")
    assert shown.endswith(MARK)
    assert given.older[0].content == content


async def test_a_summary_by_a_language_model_says_so(context: Context, clock: FakeClock) -> None:
    context = replace(context, language_model=FakeLanguageModel())
    await talk(context, 6 * BLOCK)
    await settle(context, clock)

    given = await prompt(context)

    assert "# Summary of earlier messages\nWritten " in given.text
    assert given.summary is not None
    assert (given.summary.kind, given.summary.model) == ("model", "fake-1")


async def test_what_is_forgotten_or_expired_is_in_no_part(
    context: Context, clock: FakeClock
) -> None:
    ids = await talk(context, 3)
    await forget(context, ForgetOne(id=ids[1]))

    given = await prompt(context, "harbour number 1")

    assert "number 1" not in given.text
    assert [memory.id for memory in given.recent] == [ids[0], ids[2]]
    assert clock.time == THEN


async def test_who_does_not_reach_the_scope_gets_nothing(context: Context) -> None:
    await talk(context, 100)
    await learned(context, fact())
    stranger = Principal(
        name="x", tenant="default", scopes=ScopeSet(subtrees=frozenset({"elsewhere"}))
    )

    given = await prompt(replace(context, principal=stranger), "harbour")

    assert given.text == ""


async def test_without_an_embedding_model_words_find_and_the_answer_says_so(
    context: Context, embedder: FakeEmbedder
) -> None:
    await talk(context, 3, session="sunday")
    embedder.problem = "no model"

    given = await prompt(context, "harbour")

    assert given.degraded == ["dense"]
    assert given.older


async def test_a_summary_that_lacks_messages_is_named_as_degraded(
    context: Context, clock: FakeClock
) -> None:
    await talk(context, 600)

    assert (await prompt(context)).degraded == ["summary"]
    await settle(context, clock)
    assert (await prompt(context)).degraded == []


async def test_working_memory_is_the_newest_messages_that_match_and_the_summary(
    context: Context,
) -> None:
    await talk(context, 10)

    newest, summary = await working_memory(context, Session("", SESSION), limit=3)
    by_ann, _ = await working_memory(
        context, Session("", SESSION), matching=parse("producer = 'Ann'"), limit=3
    )

    assert [m.detail.position for m in newest] == [7, 8, 9]  # type: ignore[union-attr]
    assert summary == ""
    assert [m.detail.position for m in by_ann] == [4, 6, 8]  # type: ignore[union-attr]


async def test_working_memory_is_bounded_in_characters_and_what_is_beyond_is_summarised(
    context: Context,
) -> None:
    await talk(context, 10)

    newest, summary = await working_memory(
        context, Session("", SESSION), limit=100, max_characters=100
    )

    assert [m.detail.position for m in newest] == [8, 9]  # type: ignore[union-attr]
    assert "harbour number 7" in summary
    assert "harbour number 8" not in summary
    [newest_alone], _ = await working_memory(
        context, Session("", SESSION), limit=100, max_characters=1
    )
    assert newest_alone.detail.position == 9  # type: ignore[union-attr]


async def test_working_memory_without_summaries_has_an_empty_one(context: Context) -> None:
    context = replace(context, working=WorkingMemory(summaries=False))
    await talk(context, 100)

    assert (await working_memory(context, Session("", SESSION), limit=1))[1] == ""
