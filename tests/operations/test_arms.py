"""What happened when the question says, and what is linked to the best, is found as well."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from anyio import wait_all_tasks_blocked
from tests.examples import MINUTE, TENANT, THEN, batch, episode, fact, note, storing
from tests.operations.fakes import FakeClock, FakeEmbedder

from recollect.domain.access import Principal, Right
from recollect.domain.changes import PutLink
from recollect.domain.memory import Link, Memory
from recollect.domain.scopes import Look, ScopeSet
from recollect.operations import (
    Context,
    Hit,
    Recall,
    RecallStats,
    Remember,
    recall,
    recall_stats,
    remember,
)
from recollect.operations.arms import LINKED_FROM, OVER_FETCH
from recollect.ports import Nearest

pytestmark = pytest.mark.anyio

CHRISTMAS = datetime(2025, 12, 24, 18, tzinfo=UTC)


@pytest.fixture
def embedder() -> FakeEmbedder:
    """Finds nothing by meaning, or everything would be found."""
    embedder = FakeEmbedder()
    embedder.problem = "no model"
    return embedder


async def hits(context: Context, query: str, **fields: object) -> dict[str, Hit]:
    """The hits by their text, best first."""
    answer = await recall(context, Recall.model_validate({"query": query} | fields))
    return {hit.memory.content: hit for hit in answer.results}


def places(hit: Hit) -> dict[str, tuple[int | None, float]]:
    return {name: (arm.rank, arm.score) for name, arm in hit.arms.items()}


async def store(context: Context, *memories: Memory) -> None:
    await context.records.commit(TENANT, storing(*memories))


async def link(context: Context, start: Memory, end: Memory, weight: float = 1.0) -> None:
    made = Link(from_id=start.id, to_id=end.id, type="cites", weight=weight)
    await context.records.commit(TENANT, batch(PutLink(link=made)))


async def test_what_happened_on_a_named_day_is_found_whatever_its_words(context: Context) -> None:
    await store(
        context,
        note("Goose and dumplings.", occurred_at=CHRISTMAS),
        note("A walk in the snow.", occurred_at=CHRISTMAS + MINUTE),
        note("Leftovers.", occurred_at=CHRISTMAS + timedelta(days=1)),
        note("Elsewhere.", occurred_at=CHRISTMAS, scope="hidden"),
    )

    found = await hits(context, "what was eaten on 24 december 2025?")

    assert {text: places(hit) for text, hit in found.items()} == {
        "A walk in the snow.": {"time": (1, 1.0)},
        "Goose and dumplings.": {"time": (2, 1.0)},
    }


@pytest.mark.parametrize(
    ("query", "year"), [("in december", 2025), ("in january", 2026), ("in december 2024", 2024)]
)
async def test_without_a_year_the_latest_month_that_has_begun_is_meant(
    context: Context, query: str, year: int
) -> None:
    moments = [datetime(y, m, 1, tzinfo=UTC) for y in (2024, 2025, 2026) for m in (1, 12)]
    await store(context, *(note(f"In {at:%Y}.", occurred_at=at) for at in moments))

    # The clock stands in January 2026.
    assert list(await hits(context, query)) == [f"In {year}."]


async def test_two_named_days_share_what_the_arm_may_bring(context: Context) -> None:
    world = [
        note(f"{month} {i}", occurred_at=datetime(2025, month, 1, tzinfo=UTC) + i * MINUTE)
        for month in (5, 6)
        for i in range(OVER_FETCH)
    ]
    await store(context, *world)

    both = await hits(context, "on 2025-05-01 or 2025-06-01?", limit=OVER_FETCH)
    one = await hits(context, "on 2025-05-01?", limit=OVER_FETCH)

    newest = [f"{month} {i}" for month in (5, 6) for i in range(OVER_FETCH // 2, OVER_FETCH)]
    assert set(both) == set(newest)
    assert len(one) == OVER_FETCH


@pytest.mark.parametrize(
    "query", ["in 2025", "on 2023-02-30?", "in december 9999", "on 0000-01-01"]
)
async def test_a_year_alone_and_days_that_no_calendar_has_find_nothing(
    context: Context, query: str
) -> None:
    await store(context, note("Goose and dumplings.", occurred_at=CHRISTMAS))

    assert await hits(context, query) == {}


async def test_a_question_of_nothing_but_dates_is_answered(context: Context) -> None:
    await store(context, note("Goose and dumplings.", occurred_at=CHRISTMAS))
    days = " ".join(f"2025-12-{day:02}" for day in (24, *range(1, 24)))

    assert list(await hits(context, days * 100)) == ["Goose and dumplings."]


async def test_the_citation_of_a_fact_leads_to_what_was_said_and_back(context: Context) -> None:
    said, learned = episode("The kettle whistled."), fact("Ann likes tea.")
    await store(context, said, learned)
    await link(context, learned, said, weight=0.5)

    forth = await hits(context, "tea", explain=True)
    back = await hits(context, "kettle")

    assert list(forth) == ["Ann likes tea.", "The kettle whistled."]
    assert places(forth["The kettle whistled."]) == {"links": (1, 0.5)}
    assert "links" not in forth["Ann likes tea."].arms
    assert (forth["The kettle whistled."].features or {})["fused"] == pytest.approx(0.3)
    assert places(back["Ann likes tea."]) == {"links": (1, 0.5)}


async def test_heavier_links_come_first_and_none_weighs_more_than_one(context: Context) -> None:
    start, ends = note("tea"), {w: note(f"weight {w}") for w in (-1.0, 0.5, 7.0)}
    await store(context, start, *ends.values())
    for weight, end in ends.items():
        await link(context, start, end, weight)
    await link(context, start, start)

    found = await hits(context, "tea")

    assert [(text, hit.arms["links"].score) for text, hit in list(found.items())[1:]] == [
        ("weight 7.0", 1.0), ("weight 0.5", 0.5), ("weight -1.0", 0.0),
    ]  # fmt: skip
    assert "links" not in found["tea"].arms


async def test_a_link_leads_nowhere_that_was_not_asked_for(context: Context) -> None:
    start = note("tea")
    others = [note("hidden", scope="hidden"), note("expired", expires_at=THEN), fact("a fact")]
    await store(context, start, *others)
    for other in others:
        await link(context, start, other)
    narrow = Principal(
        name="n", tenant=TENANT, scopes=ScopeSet.of("", Look.EXACT), rights=frozenset({Right.READ})
    )

    asked = replace(context, principal=narrow)

    assert list(await hits(asked, "tea", look="all", kinds=["note"])) == ["tea"]


async def test_links_are_followed_from_the_best_alone(context: Context) -> None:
    best = [note("tea tea") for _ in range(LINKED_FROM)]
    last, end = note("tea and much else of which it is not about"), note("end")
    await store(context, *best, last, end)
    await link(context, last, end)

    assert "end" not in await hits(context, "tea", limit=100)
    await link(context, best[-1], end)
    assert "end" in await hits(context, "tea", limit=100)


async def test_verdicts_are_counted_by_every_arm(context: Context, clock: FakeClock) -> None:
    await remember(context, Remember(content="Goose.", name="goose"))
    await remember(context, Remember(content="Dumplings.", name="dumplings"))
    by_name = await context.get_named("", "goose"), await context.get_named("", "dumplings")
    await link(context, *by_name)

    await hits(context, f"goose on {clock().date().isoformat()}?")

    figures = await recall_stats(context, RecallStats())
    assert {arm.arm: arm.total for arm in figures.arms} == {"lexical": 1, "links": 1, "time": 2}
    assert figures.buckets == []


class LateVectors:
    """Finds nothing by meaning before the search by words is through."""

    def __init__(self, context: Context) -> None:
        self._vectors = context.vectors
        self.asked: list[str] = []

    async def search(self, *asked: Any) -> Nearest:
        await wait_all_tasks_blocked()
        nearest = await self._vectors.search(*asked)
        self.asked.append("search")
        return nearest

    async def scores(self, *asked: Any) -> Mapping[str, float]:
        self.asked.append("scores")
        return await self._vectors.scores(*asked)

    def __getattr__(self, name: str) -> object:
        return getattr(self._vectors, name)


async def test_what_words_find_is_scored_by_vectors_as_new_as_those_searched(
    context: Context, embedder: FakeEmbedder
) -> None:
    await store(context, note("tea"))
    embedder.problem = None
    vectors = LateVectors(context)

    await hits(replace(context, vectors=vectors), "tea")  # type: ignore[arg-type]

    assert vectors.asked[0] == "search"
