"""Recalling what was true then, and what was known then."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.examples import MINUTE, THEN, batch
from tests.operations.fakes import FakeClock
from tests.operations.test_rights import limited

from recollect.domain.changes import PutLink
from recollect.domain.memory import Link
from recollect.operations import (
    Context,
    Correct,
    Edit,
    ForgetOne,
    Hit,
    Ingest,
    Learn,
    Message,
    Move,
    Recall,
    Remember,
    correct,
    edit,
    forget,
    ingest,
    learn,
    move,
    recall,
    remember,
)

pytestmark = pytest.mark.anyio

DAY = timedelta(days=1)


def day(number: int) -> datetime:
    """So many days after the first."""
    return THEN + number * DAY


GREEN = Correct(id="-", content="Ann drinks green tea.", valid_from=day(5))


async def hits(context: Context, query: str = "tea", **fields: object) -> list[Hit]:
    request = {"query": query, "look": "all"} | fields
    return (await recall(context, Recall.model_validate(request))).results


async def texts(context: Context, **fields: object) -> set[str]:
    return {hit.memory.content for hit in await hits(context, **fields)}


async def learned(context: Context, content: str, **fields: datetime) -> str:
    """Store a fact and give its id."""
    filed = {"category": "profile", "tag": "taste", "feature": "drink"}
    request = Learn.model_validate({"content": content} | filed | fields)
    return (await learn(context, request)).id


async def test_the_old_value_is_recalled_for_the_time_before_the_change(
    context: Context, clock: FakeClock
) -> None:
    drink = await learned(context, "Ann drinks black tea.")
    clock.pass_by(10 * DAY)
    await correct(context, GREEN.model_copy(update={"id": drink}))

    assert await texts(context) == {"Ann drinks green tea."}
    assert await texts(context, valid_at=day(5)) == {"Ann drinks green tea."}
    [old] = await hits(context, valid_at=day(4))
    assert (old.memory.content, old.memory.revision) == ("Ann drinks black tea.", 1)
    assert old.matched.text == "Ann drinks black tea."
    assert (old.memory.valid_from, old.memory.valid_to) == (None, day(5))


async def test_what_was_known_then_is_told_from_what_is_known_now(
    context: Context, clock: FakeClock
) -> None:
    drink = await learned(context, "Ann drinks black tea.")
    clock.pass_by(10 * DAY)
    await correct(context, GREEN.model_copy(update={"id": drink}))

    assert await texts(context, known_at=day(6)) == {"Ann drinks black tea."}
    assert await texts(context, known_at=day(6), valid_at=day(9)) == {"Ann drinks black tea."}
    assert await texts(context, known_at=day(10), valid_at=day(4)) == {"Ann drinks black tea."}
    assert await texts(context, known_at=day(10), valid_at=day(6)) == {"Ann drinks green tea."}
    assert await texts(context, known_at=day(99)) == {"Ann drinks green tea."}
    assert await texts(context, known_at=day(-1)) == set()


async def test_a_fact_that_has_ended_is_recalled_for_the_time_before(
    context: Context, clock: FakeClock
) -> None:
    drink = await learned(context, "tea")
    await correct(context, Correct(id=drink, valid_to=day(1)))
    clock.pass_by(2 * DAY)

    assert await texts(context) == set()
    assert await texts(context, valid_at=day(1)) == set()
    assert await texts(context, valid_at=day(1) - MINUTE) == {"tea"}


async def test_without_a_time_for_truth_the_time_of_knowledge_is_meant(
    context: Context, clock: FakeClock
) -> None:
    await learned(context, "tea until then", valid_to=day(1))
    clock.pass_by(2 * DAY)

    assert await texts(context, known_at=day(0)) == {"tea until then"}
    assert await texts(context, known_at=day(0), valid_at=day(2)) == set()


async def test_notes_and_messages_are_recalled_as_they_were_worded_then(
    context: Context, clock: FakeClock
) -> None:
    note = await remember(context, Remember(content="Tea at four.", name="tea"))
    [said] = (await ingest(context, Ingest(messages=(Message(content="Tee?", producer="A"),)))).ids
    clock.pass_by(DAY)
    await edit(context, Edit(id=note.id, content="Tea at five."))
    await edit(context, Edit(id=said, content="Tea?"))
    await remember(context, Remember(content="Tea bags.", name="bags"))

    assert await texts(context, known_at=day(0)) == {"Tea at four.", "Tee?"}
    assert await texts(context, known_at=day(1)) == {"Tea at five.", "Tea?", "Tea bags."}
    assert await texts(context, valid_at=day(0)) == {"Tea at five.", "Tea?", "Tea bags."}


async def test_neighbours_are_as_they_were_known_then(context: Context, clock: FakeClock) -> None:
    messages = (Message(content="tea", producer="A"), Message(content="Yess.", producer="B"))
    first = (await ingest(context, Ingest(messages=messages))).ids
    clock.pass_by(DAY)
    await edit(context, Edit(id=first[1], content="Yes."))
    await ingest(context, Ingest(messages=(Message(content="Fine.", producer="A"),)))

    async def near(**fields: object) -> list[str]:
        [hit] = await hits(context, limit=1, expand=5, **fields)
        return [neighbour.content for neighbour in hit.neighbours]

    assert await near(known_at=day(0)) == ["Yess."]
    assert await near() == ["Yes.", "Fine."]


async def test_a_memory_counts_where_it_was_selected_then_as_now(
    context: Context, clock: FakeClock
) -> None:
    for name in ("always", "late"):
        tags = ("hot",) if name == "always" else ()
        await remember(context, Remember(content=f"tea {name}", name=name, tags=tags))
    clock.pass_by(DAY)
    await edit(context, Edit(name="late", tags=("hot",)))
    await edit(context, Edit(name="always", importance=0.5))

    assert await texts(context, tags=("hot",)) == {"tea always", "tea late"}
    assert await texts(context, tags=("hot",), known_at=day(0)) == {"tea always"}


async def test_what_lay_out_of_reach_then_is_not_shown(context: Context, clock: FakeClock) -> None:
    note = await remember(context, Remember(content="tea", scope="secret", name="tea"))
    clock.pass_by(DAY)
    await move(context, Move(id=note.id, to_scope="team"))

    assert await texts(limited(context)) == {"tea"}
    assert await texts(limited(context), known_at=day(0)) == set()
    assert await texts(context, known_at=day(0)) == {"tea"}


async def test_what_was_forgotten_since_is_in_no_answer(context: Context, clock: FakeClock) -> None:
    note = await remember(context, Remember(content="tea", name="tea"))
    clock.pass_by(DAY)
    await forget(context, ForgetOne(id=note.id))

    assert await texts(context, known_at=day(0)) == set()


async def test_a_memory_that_was_not_true_leaves_its_place_to_the_next(
    context: Context, clock: FakeClock
) -> None:
    for number in range(8):
        await learned(context, f"tea {number}", valid_from=day(number % 2))
    clock.pass_by(2 * DAY)

    assert len(await hits(context, limit=3, valid_at=day(0))) == 3
    assert len(await hits(context, limit=8, valid_at=day(0))) == 4


class CountingRecords:
    """Counts the questions to a record store."""

    def __init__(self, context: Context) -> None:
        self._records = context.records
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> object:
        self.asked.append(name)
        return getattr(self._records, name)


async def test_an_ordinary_recall_asks_the_records_no_more_than_it_must(context: Context) -> None:
    fact = await learned(context, "tea")
    note = await remember(context, Remember(content="tea", name="tea"))
    link = Link(from_id=fact, to_id=note.id, type="about")
    await context.records.commit("default", batch(PutLink(link=link)))
    counting = CountingRecords(context)

    await hits(replace(context, records=counting))  # type: ignore[arg-type]

    # The arms bring outlines of what they find.
    assert sorted(counting.asked) == ["links_touching"]
