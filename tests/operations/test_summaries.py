"""Summaries: made by jobs from what is stored, by a digest or a language model."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.examples import MINUTE, batch, put
from tests.operations.fakes import FakeClock, FakeLanguageModel
from tests.operations.talks import SESSION, messages_of, settle, summary_record, talk

from recollect.domain.changes import DropRecord, PutRecord
from recollect.domain.digest import DIGEST_TOKENS
from recollect.domain.memory import RegistryRecord
from recollect.domain.working_memory import BLOCK, WorkingMemory, fallen_out, tokens
from recollect.errors import LanguageModelUnavailable
from recollect.operations import Context, Edit, EraseOne, edit, erase, work
from recollect.operations.summaries import (
    MODEL_INPUT_TOKENS,
    STEPS_AT_ONCE,
    SUMMARISE,
    SUMMARY,
    Session,
    Summary,
    read_summary,
    summarising,
)

pytestmark = pytest.mark.anyio

PLACE = Session("", SESSION)


@pytest.fixture
def model() -> FakeLanguageModel:
    return FakeLanguageModel()


@pytest.fixture
def with_model(context: Context, model: FakeLanguageModel) -> Context:
    return replace(context, language_model=model)


async def read(context: Context, *shown: str) -> Summary:
    summary, complete = await read_summary(context, PLACE, shown)
    assert complete
    return summary


async def test_a_short_session_needs_no_summary(context: Context, clock: FakeClock) -> None:
    ids = await talk(context, 3)
    await settle(context, clock)

    assert await summary_record(context) is None
    assert await read(context, *ids) == Summary()


async def test_what_fell_out_of_the_window_is_digested_by_a_job(
    context: Context, clock: FakeClock
) -> None:
    await talk(context, 5 * BLOCK)
    await settle(context, clock)

    record = await summary_record(context)

    assert record is not None
    fallen = fallen_out(await messages_of(context), context.working.window_tokens)
    assert record.content["kind"] == "digest"
    assert record.content["model"] is None
    assert record.content["through"] == len(fallen) * BLOCK - 1
    assert record.content["messages"] == len(fallen) * BLOCK
    assert 0 < tokens(str(record.content["text"])) <= DIGEST_TOKENS


async def test_the_digest_is_the_same_whenever_the_jobs_ran(
    context: Context, clock: FakeClock
) -> None:
    for start in range(0, 6 * BLOCK, 17):
        await talk(context, min(17, 6 * BLOCK - start), start=start)
        await settle(context, clock)
    await talk(context, 6 * BLOCK, session="at once")
    await settle(context, clock)

    piecemeal, at_once = await summary_record(context), await summary_record(context, "at once")
    assert piecemeal is not None
    assert at_once is not None
    assert piecemeal.content == at_once.content


async def test_before_any_job_ran_a_read_tells_the_same(context: Context, clock: FakeClock) -> None:
    await talk(context, 5 * BLOCK)

    early = await read(context)
    await settle(context, clock)

    assert await summary_record(context) is not None
    assert await read(context) == early


async def test_what_is_neither_shown_nor_in_the_summary_yet_is_digested_for_the_occasion(
    context: Context,
) -> None:
    ids = await talk(context, BLOCK // 2)

    summary = await read(context, *ids[5:])

    assert summary.messages == 5
    assert "harbour number 4" in summary.text
    assert "harbour number 5" not in summary.text


async def test_reading_too_long_a_session_says_that_the_summary_lacks_something(
    context: Context, clock: FakeClock
) -> None:
    for start in range(0, 600, 100):
        await talk(context, 100, start=start)
    lost = await context.jobs.lease("default", SUMMARISE, MINUTE, clock() + MINUTE)
    assert lost is not None
    await context.jobs.complete("default", lost)

    summary, complete = await read_summary(context, PLACE, ())
    assert not complete
    assert summary.messages > 0
    await settle(context, clock)
    assert (await read_summary(context, PLACE, ()))[1]


async def test_a_burst_of_messages_is_one_job_that_waits_until_it_settled(
    context: Context, clock: FakeClock
) -> None:
    for start in range(5):
        await talk(context, 1, start=start)

    assert not await work(context)
    clock.pass_by(timedelta(seconds=2))
    assert await work(context)
    assert not await work(context)


async def test_nothing_is_enqueued_and_nothing_read_when_summaries_are_off(
    context: Context, clock: FakeClock
) -> None:
    context = replace(context, working=WorkingMemory(summaries=False))
    await talk(context, 3 * BLOCK)
    clock.pass_by(timedelta(minutes=1))

    assert not await work(context)
    assert await read(context) == Summary()


async def test_a_language_model_writes_the_summary_from_the_last_one_and_the_next_block(
    with_model: Context, model: FakeLanguageModel, clock: FakeClock
) -> None:
    await talk(with_model, 5 * BLOCK)
    await settle(with_model, clock)

    record = await summary_record(with_model)

    assert record is not None
    steps = len(model.asked)
    assert steps >= 2
    assert (record.content["kind"], record.content["model"]) == ("model", "fake-1")
    assert record.content["text"] == f"Written {steps}."
    assert record.content["messages"] == steps * BLOCK
    assert "Written" not in model.asked[0]
    assert "Written 1." in model.asked[1]
    assert f"Ann (1 January 2026): We sail to harbour number {BLOCK} with" in model.asked[1]
    assert f"harbour number {BLOCK - 1} " not in model.asked[1]


async def test_a_run_asks_the_language_model_a_bounded_number_of_times(
    with_model: Context, model: FakeLanguageModel, clock: FakeClock
) -> None:
    await talk(with_model, 10 * BLOCK)
    clock.pass_by(timedelta(minutes=1))

    assert await work(with_model)
    assert 0 < len(model.asked) <= STEPS_AT_ONCE
    await settle(with_model, clock)
    assert len(model.asked) > STEPS_AT_ONCE


async def test_what_a_language_model_is_shown_is_bounded(
    with_model: Context, model: FakeLanguageModel, clock: FakeClock
) -> None:
    await talk(with_model, 3 * BLOCK)
    [first, *_] = await messages_of(with_model)
    long = replace(first, content="very long " * 50_000, revision=2)
    await with_model.records.commit("default", batch(put(long, 1)))
    await settle(with_model, clock)

    assert model.asked
    assert all(tokens(text) <= MODEL_INPUT_TOKENS + 100 for text in model.asked)


async def test_while_the_language_model_is_away_the_last_good_summary_stays(
    with_model: Context, model: FakeLanguageModel, clock: FakeClock
) -> None:
    await talk(with_model, 4 * BLOCK)
    await settle(with_model, clock)
    before = await summary_record(with_model)
    model.problem = "away"
    await talk(with_model, 2 * BLOCK, start=4 * BLOCK)
    clock.pass_by(timedelta(minutes=1))

    with pytest.raises(LanguageModelUnavailable):
        await work(with_model)

    assert before is not None
    assert await summary_record(with_model) == before
    summary = await read(with_model)
    assert summary.text.startswith(f"{before.content['text']}\nAnn (1 January 2026): ")
    model.problem = None
    await settle(with_model, clock)
    after = await summary_record(with_model)
    assert after is not None
    assert after.revision > before.revision


async def test_a_language_model_that_stays_away_leaves_a_dead_letter(
    with_model: Context, model: FakeLanguageModel, clock: FakeClock
) -> None:
    model.problem = "away"
    await talk(with_model, 4 * BLOCK)

    for _ in range(20):
        clock.pass_by(timedelta(hours=1))
        try:
            assert not await work(with_model)
        except LanguageModelUnavailable:
            continue

    [dead] = await with_model.jobs.dead("default", SUMMARISE)
    assert dead.payload == {"scope": "", "session": SESSION}
    assert (await read(with_model)).kind == "digest"


async def test_what_will_expire_is_in_no_summary(
    with_model: Context, model: FakeLanguageModel, clock: FakeClock
) -> None:
    await talk(with_model, 3 * BLOCK)
    [first, *_] = await messages_of(with_model)
    expiring = replace(first, expires_at=clock.time + timedelta(days=1), revision=2)
    await with_model.records.commit("default", batch(put(expiring, 1)))
    await settle(with_model, clock)

    assert model.asked
    assert "harbour number 0 " not in "".join(model.asked)
    assert "harbour number 2 " in model.asked[0]


async def test_a_summary_is_made_anew_when_one_of_its_messages_is_edited(
    context: Context, clock: FakeClock
) -> None:
    ids = await talk(context, 3 * BLOCK)
    await settle(context, clock)
    before = await summary_record(context)
    await edit(context, Edit(id=ids[0], tags=("sea",)))
    assert await summary_record(context) == before

    await edit(context, Edit(id=ids[0], content="Mountains are what we climb with rope and axe."))

    assert before is not None
    assert await summary_record(context) is None
    assert "harbour number 0 " not in (await read(context)).text
    await settle(context, clock)
    after = await summary_record(context)
    assert after is not None
    assert "harbour number 0 " not in str(after.content)


async def test_a_record_that_is_no_summary_is_replaced(context: Context, clock: FakeClock) -> None:
    foreign = RegistryRecord(
        type=SUMMARY, id=PLACE.key, content={"text": "?"}, updated_at=clock.time, revision=7
    )
    await context.records.commit("default", batch(PutRecord(record=foreign, expected_revision=0)))
    await talk(context, 3 * BLOCK)

    assert (await read(context)).messages > 0
    await settle(context, clock)

    record = await summary_record(context)
    assert record is not None
    assert record.content["messages"] == BLOCK


class Deleting(FakeLanguageModel):
    """While it writes, a message is erased, with the summary as every deletion does it."""

    def __init__(self, during: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self._during = [during]

    async def write(self, instructions: str, text: str, *, max_tokens: int) -> str:
        while self._during:
            await self._during.pop()()
        return await super().write(instructions, text, max_tokens=max_tokens)


async def test_what_is_erased_while_it_is_summarised_is_in_no_summary(
    context: Context, clock: FakeClock
) -> None:
    ids = await talk(context, 3 * BLOCK)

    async def erased() -> None:
        assert await summary_record(context) is not None
        await erase(context, EraseOne(id=ids[0]))
        await context.records.commit("default", batch(DropRecord(type=SUMMARY, id=PLACE.key)))

    model = Deleting(erased)
    await settle(replace(context, language_model=model), clock)

    record = await summary_record(context)
    assert record is not None
    first, *later = model.asked
    assert "harbour number 0 " in first
    assert later
    assert "harbour number 0 " not in "".join(later)
    assert record.content["messages"] == BLOCK - 1


async def test_a_summary_that_was_dropped_is_never_continued_by_who_still_works_on_it(
    context: Context, clock: FakeClock
) -> None:
    await talk(context, 3 * BLOCK)
    await settle(context, clock)
    old = await summary_record(context)
    await context.records.commit("default", batch(DropRecord(type=SUMMARY, id=PLACE.key)))
    for job in summarising(context, PLACE):
        await context.jobs.enqueue("default", job)
    await settle(context, clock)
    new = await summary_record(context)

    assert old is not None
    assert new is not None
    assert new.content == old.content
    assert new.revision > old.revision + 1
