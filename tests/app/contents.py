"""Stores that hold some of everything, made by the operations themselves."""

from dataclasses import replace
from datetime import timedelta
from random import Random

from tests.examples import batch
from tests.operations.fakes import CountedIds, FakeClock, FakeEmbedder, context_of

from recollect.app.wiring import Store
from recollect.domain.changes import NewJob, PutLink, PutRecord
from recollect.domain.memory import Link, RegistryRecord
from recollect.errors import RecollectError
from recollect.operations import (
    BatchMarkApplied,
    Context,
    Correct,
    Edit,
    EraseOne,
    ForgetOne,
    Ingest,
    Learn,
    Mark,
    Message,
    Move,
    Recall,
    Remember,
    batch_mark_applied,
    correct,
    edit,
    erase,
    forget,
    ingest,
    learn,
    move,
    recall,
    remember,
)

QUESTIONS = [
    "What does Ann drink?",
    "painting a lake at dawn",
    "東京 trip",
    "the deploy key of the staging server",
    "naïve café, 100 %",
    "who said hello on Monday",
]
_WORDS = [
    *("Ann", "Bob", "tea", "coffee", "lake", "painting", "dawn", "東京", "trip", "deploy", "key"),
    *("staging", "server", "naïve", "café", "hello", "Monday", "river", "walking", "ponies", "😀"),
    *('"quoted"', "{braces}", "back\\slash", "tab\there", "line\nbreak"),
]
_SCOPES = ("", "acme", "acme/api", "日本")


async def filled(store: Store, seed: int, turns: int = 60) -> Context:
    """A context over the store, which has been used for a while."""
    dice, clock = Random(seed), FakeClock()
    context = context_of(store, clock, FakeEmbedder(), CountedIds())
    for number in range(turns):
        clock.pass_by(timedelta(seconds=dice.randrange(90_000), microseconds=dice.randrange(10)))
        try:
            await dice.choice(_TURNS)(context, dice, number)
        except RecollectError:  # such as an edit of what is forgotten by now
            continue
    await _leave_the_rest(context, dice)
    return context


def _text(dice: Random) -> str:
    return " ".join(dice.choices(_WORDS, k=dice.randrange(1, 40)))


async def _id(context: Context, dice: Random) -> str:
    entries = await context.log.entries(context.tenant, 0, 1000)
    return dice.choice([e.record_id for e in entries if e.before is None] or ["nothing"])


async def _remember(context: Context, dice: Random, number: int) -> None:
    note = Remember(
        content=_text(dice),
        scope=dice.choice(_SCOPES),
        name=f"note-{number}",
        tags=tuple(dice.sample(_WORDS[:8], dice.randrange(3))),
        metadata={"n": dice.choice([1, -0.5, 1e300, 2**53, None, True]), "ü": [{"x": "y"}]},
        importance=dice.choice([None, 0.25]),
    )
    await remember(replace(context, idempotency_key=f"key-{number}"), note)


async def _ingest(context: Context, dice: Random, number: int) -> None:
    messages = tuple(
        Message(content=_text(dice), producer=dice.choice(["Ann", "Bob"]), id=f"{number}-{i}")
        for i in range(dice.randrange(1, 6))
    )
    await ingest(context, Ingest(scope=dice.choice(_SCOPES), session="monday", messages=messages))


async def _learn(context: Context, dice: Random, number: int) -> None:
    filed = Learn(
        content=_text(dice), scope="acme", category="profile", tag="taste", feature=f"f{number}"
    )
    learned = await learn(context, filed)
    await correct(context, Correct(id=learned.id, content=_text(dice)))


async def _edit(context: Context, dice: Random, _: int) -> None:
    await edit(context, Edit(id=await _id(context, dice), content=_text(dice)))


async def _move(context: Context, dice: Random, number: int) -> None:
    to = dice.choice(_SCOPES)
    await move(context, Move(id=await _id(context, dice), to_scope=to, new_name=f"moved-{number}"))


async def _forget(context: Context, dice: Random, _: int) -> None:
    await forget(context, ForgetOne(id=await _id(context, dice)))


async def _erase(context: Context, dice: Random, _: int) -> None:
    await erase(context, EraseOne(id=await _id(context, dice)))


async def _recall(context: Context, dice: Random, _: int) -> None:
    recalled = await recall(context, Recall(query=dice.choice(QUESTIONS), look="all"))
    if not recalled.results:
        return
    first = recalled.results[0].memory.id
    mark = Mark(recall_id=recalled.recall_id, memory=first, verdict="applied")
    await batch_mark_applied(context, BatchMarkApplied(verdicts=(mark,)))


async def _link(context: Context, dice: Random, number: int) -> None:
    ends = {"from_id": await _id(context, dice), "to_id": await _id(context, dice)}
    link = Link(**ends, type=f"kind {number % 3}", weight=1 / 3, metadata={"why": _text(dice)})
    await context.records.commit(context.tenant, batch(PutLink(link=link)))


_TURNS = (
    *(_remember, _remember, _remember, _ingest, _ingest, _learn, _edit, _edit),
    *(_move, _forget, _erase, _recall, _recall, _link, _link),
)


async def _leave_the_rest(context: Context, dice: Random) -> None:
    """Registry records, jobs in every state, and memories that wait to be embedded."""
    for number in range(5):
        record = RegistryRecord(
            type=f"type {number % 2}",
            id=f"ü {number}",
            content={"about": _text(dice), "n": number},
            updated_at=context.now(),
        )
        await context.records.commit(
            context.tenant, batch(PutRecord(record=record, expected_revision=0))
        )
    for number in range(4):
        job = NewJob(queue="q", dedupe_key=str(number), order_key="o", payload={"é": number})
        await context.jobs.enqueue(context.tenant, job)
    later = NewJob(queue="later", dedupe_key="", run_after=context.now() + timedelta(days=1))
    await context.jobs.enqueue(context.tenant, later)
    for again in (context.now(), None):
        held = await context.jobs.lease(context.tenant, "q", timedelta(hours=1), context.now())
        assert held
        await context.jobs.fail(context.tenant, held, again)
    await context.jobs.lease(context.tenant, "q", timedelta(hours=1), context.now())
    absent = FakeEmbedder()
    absent.problem = "no model"
    await remember(replace(context, embedder=absent), Remember(content="Waits for its vectors."))
