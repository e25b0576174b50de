"""Figures, rebuilding, checks and work in the background."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Literal

import pytest
from tests.examples import MODEL, episode, put
from tests.examples import batch as changing
from tests.operations.fakes import FakeClock, FakeEmbedder

from recollect.domain.changes import NewJob
from recollect.domain.passages import FloatMatrix
from recollect.errors import EmbedderUnavailable
from recollect.operations import (
    Check,
    Context,
    EraseOne,
    Message,
    Recall,
    Reindex,
    Remember,
    Stats,
    catch_up,
    check,
    erase,
    ingest,
    recall,
    reindex,
    remember,
    stats,
    work,
)
from recollect.operations.ingest import Ingest
from recollect.ports import Fault, Maintenance

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)


async def fill(context: Context) -> None:
    await remember(context, Remember(content="Tea at four.", name="tea", scope="work"))
    await remember(context, Remember(content="Tea at five.", name="tea", scope="work"))
    await ingest(context, Ingest(messages=(Message(content="Tea?", producer="Ann"),)))


async def test_figures_tell_how_much_there_is(context: Context, embedder: FakeEmbedder) -> None:
    await fill(context)
    figures = await stats(context, Stats())

    assert (figures.memories, figures.by_kind) == (2, {"note": 1, "episode": 1})
    assert figures.by_scope == {"": 1, "work": 1}
    assert (figures.links, figures.revisions, figures.last_seq, figures.waiting) == (0, 3, 3, 0)
    assert figures.problem is None
    assert figures.model.startswith("hashing-64/")
    embedder.problem = "run `recollect warmup`"
    assert (await stats(context, Stats())).problem == "run `recollect warmup`"


async def test_figures_tell_which_work_waits_and_which_was_given_up(context: Context) -> None:
    await fill(context)
    given_up = NewJob(queue="embed", dedupe_key="x")
    await context.jobs.enqueue("default", given_up)
    job = await context.jobs.lease("default", "embed", HOUR, context.now())
    assert job is not None
    await context.jobs.fail("default", job, None)

    jobs = (await stats(context, Stats())).jobs

    assert {name: (count.waiting, count.dead) for name, count in jobs.items()} == {
        "embed": (0, 1),
        "summarise": (1, 0),
    }


async def test_figures_of_an_empty_store_are_zero(context: Context) -> None:
    figures = await stats(context, Stats())

    assert (figures.memories, figures.by_kind, figures.by_scope, figures.last_seq) == (0, {}, {}, 0)


async def test_reindexing_gives_the_same_answers_once_the_work_is_done(context: Context) -> None:
    await fill(context)
    before = (await recall(context, Recall(query="tea", look="all"))).results  # type: ignore[arg-type]

    assert (await reindex(context, Reindex())).waiting == 2
    between = await recall(context, Recall(query="tea", look="all"))  # type: ignore[arg-type]
    assert {hit.memory.id for hit in between.results} == {hit.memory.id for hit in before}
    assert between.degraded == ["dense"]

    while await work(context):
        pass
    after = await recall(context, Recall(query="tea", look="all"))  # type: ignore[arg-type]
    assert after.results == before
    assert after.degraded == []


class FaultyMaintenance(Maintenance):
    """Reports that vectors were found wrong, and repaired if that was asked for."""

    async def check(self, tenant: str, *, repair: bool) -> list[Fault]:
        return [Fault(projection="vectors", memory_id=tenant, problem="differ", repaired=repair)]


@pytest.mark.parametrize("repair", [True, False])
async def test_repaired_vectors_are_embedded_anew_in_the_background(
    context: Context, *, repair: bool
) -> None:
    await fill(context)
    assert (await check(context, Check())).faults == []
    assert not await work(context)

    found = await check(replace(context, maintenance=FaultyMaintenance()), Check(repair=repair))

    assert [(f.projection, f.problem, f.repaired) for f in found.faults] == [
        ("vectors", "differ", repair)
    ]
    assert await work(context) is repair


async def test_there_is_nothing_to_catch_up_with_when_all_is_embedded(
    context: Context, embedder: FakeEmbedder
) -> None:
    await fill(context)
    await catch_up(context)

    assert not await work(context)
    assert len(embedder.documents) == 3


async def test_a_new_model_embeds_everything_again(
    context: Context, embedder: FakeEmbedder
) -> None:
    await fill(context)
    embedder.model = "another"  # type: ignore[misc]
    await catch_up(context)
    while await work(context):
        pass

    answer = await recall(context, Recall(query="tea", look="all"))  # type: ignore[arg-type]
    assert answer.degraded == []
    assert all("dense" in hit.arms for hit in answer.results)
    assert (await stats(context, Stats())).waiting == 0


async def test_work_that_fails_without_a_model_is_tried_again_later(
    context: Context, embedder: FakeEmbedder, clock: FakeClock
) -> None:
    embedder.problem = "no model"
    await fill(context)
    with pytest.raises(EmbedderUnavailable):
        await work(context)
    assert not await work(context)

    clock.pass_by(HOUR)
    embedder.problem = None
    assert await work(context)
    assert (await stats(context, Stats())).waiting == 0


class SlowEmbedder(FakeEmbedder):
    """Takes a minute for whatever it embeds."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock

    async def embed(
        self, texts: Sequence[str], *, purpose: Literal["query", "document"]
    ) -> FloatMatrix:
        self._clock.pass_by(timedelta(minutes=1))
        return await super().embed(texts, purpose=purpose)


async def test_a_backlog_larger_than_one_lease_is_worked_off_in_turns(
    context: Context, clock: FakeClock
) -> None:
    embedder = SlowEmbedder(clock)
    context = replace(context, embedder=embedder)
    many = [episode(f"Message {i}.", session="s", position=i) for i in range(500)]
    await context.records.commit("default", changing(*(put(memory) for memory in many)))
    await catch_up(context)

    turns = 0
    while await work(context):
        turns += 1

    assert turns > 1
    assert len(embedder.documents) == 500
    assert (await context.records.counts("default", MODEL)).waiting == 500
    assert (await stats(context, Stats())).waiting == 0


class ErasingEmbedder(FakeEmbedder):
    """While it embeds, somebody erases a memory."""

    def __init__(self, context: Context, memory_id: str) -> None:
        super().__init__()
        self._context = context
        self._victims = [memory_id]

    async def embed(
        self, texts: Sequence[str], *, purpose: Literal["query", "document"]
    ) -> FloatMatrix:
        while self._victims:
            await erase(self._context, EraseOne(id=self._victims.pop()))
        return await super().embed(texts, purpose=purpose)


async def test_what_is_erased_while_it_is_embedded_stays_erased(
    context: Context, embedder: FakeEmbedder
) -> None:
    embedder.problem = "no model"
    note = await remember(context, Remember(content="Tea at four."))
    await work(replace(context, embedder=ErasingEmbedder(context, note.id)))

    embedder.problem = None
    assert (await recall(context, Recall(query="tea"))).results == []
    assert (await stats(context, Stats())).memories == 0
