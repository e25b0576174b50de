"""What recalls leave behind, and what can be said of it afterwards."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError
from tests.operations.fakes import FakeClock, FakeEmbedder

from recollect.domain.access import Principal, Right
from recollect.domain.feedback import Acceptance, Judgement, NotedRecall, RecallLine
from recollect.domain.scopes import Look, ScopeSet
from recollect.operations import (
    BatchMarkApplied,
    Context,
    EraseOne,
    Ingest,
    Mark,
    Message,
    Move,
    Recall,
    RecallFigures,
    RecallStats,
    Remember,
    batch_mark_applied,
    erase,
    ingest,
    move,
    recall,
    recall_stats,
    remember,
)

pytestmark = pytest.mark.anyio


class Witness:
    """A RecallLog that only remembers what was noted."""

    def __init__(self) -> None:
        self.noted: list[tuple[str, NotedRecall]] = []

    async def note(self, tenant: str, recall: NotedRecall) -> None:
        self.noted.append((tenant, recall))

    async def add(self, tenant: str, recalls: Sequence[NotedRecall]) -> int:
        raise NotImplementedError

    async def judge(
        self, tenant: str, scopes: ScopeSet, judgements: Sequence[Judgement]
    ) -> list[int]:
        raise NotImplementedError

    async def tally(self, tenant: str, scopes: ScopeSet) -> Acceptance:
        raise NotImplementedError

    async def prune(self, tenant: str, before: object, limit: int) -> int:
        raise NotImplementedError


def verdict(recall_id: str, memory: str, **fields: Any) -> BatchMarkApplied:
    usual = {"recall_id": recall_id, "memory": memory, "verdict": "applied"}
    return BatchMarkApplied.model_validate({"verdicts": [usual | fields]})


async def figures(context: Context) -> RecallFigures:
    return await recall_stats(context, RecallStats())


async def test_an_answer_is_noted_as_it_was_given(context: Context, clock: FakeClock) -> None:
    await remember(context, Remember(content="Green tea.", name="green", scope="a"))
    await remember(context, Remember(content="Black tea.", name="black"))
    await ingest(context, Ingest(messages=(Message(content="Tea!", producer="Ann"),)))
    witness = Witness()
    asked = replace(context, recalls=witness)

    answer = await recall(asked, Recall(query="green tea", look=Look.ALL))

    [(tenant, noted)] = witness.noted
    assert tenant == "default"
    assert (noted.id, noted.at, noted.principal) == (answer.recall_id, clock(), "local")
    assert [line.rank for line in noted.lines] == [0, 1, 2]
    assert [(line.memory_id, line.scope, line.name) for line in noted.lines] == [
        (hit.memory.id, hit.memory.scope, hit.memory.name) for hit in answer.results
    ]
    for line, hit in zip(noted.lines, answer.results, strict=True):
        assert line.arms == {name: arm.rank for name, arm in hit.arms.items()}
        assert line.distance == pytest.approx(1 - hit.arms["dense"].score, abs=1e-6)
        assert line.distance >= 0


async def test_what_meaning_did_not_find_has_no_distance(
    context: Context, embedder: FakeEmbedder
) -> None:
    await remember(context, Remember(content="Green tea."))
    embedder.problem = "gone"
    witness = Witness()

    await recall(replace(context, recalls=witness), Recall(query="green tea"))

    [line] = witness.noted[0][1].lines
    assert (line.distance, dict(line.arms)) == (-1, {"lexical": 1})


async def test_only_what_was_answered_is_noted(context: Context) -> None:
    for number in range(5):
        await remember(context, Remember(content="Green tea.", name=f"n{number}"))
    witness = Witness()
    asked = replace(context, recalls=witness)

    whole = await recall(asked, Recall(query="tea"))
    cut = await recall(asked, Recall(query="tea", max_tokens=600))
    await recall(asked, Recall(query="tea", scope="nowhere"))

    assert 0 < len(cut.results) < len(whole.results)
    assert [len(noted.lines) for _, noted in witness.noted] == [5, len(cut.results)]


async def test_a_verdict_stays_when_the_memory_moves_and_goes_when_it_is_erased(
    context: Context,
) -> None:
    note = await remember(context, Remember(content="Green tea.", name="tea"))
    answer = await recall(context, Recall(query="tea"))
    await move(context, Move(id=note.id, to_scope="b", new_name="other"))

    marked = await batch_mark_applied(
        context, verdict(answer.recall_id, "tea", application="Brewing.")
    )
    assert (marked.total_rows_affected, marked.rows_affected) == (1, [1])
    assert [rank.applied for rank in (await figures(context)).ranks] == [1]

    await erase(context, EraseOne(id=note.id))
    assert await figures(context) == RecallFigures(recalls=0, buckets=[], ranks=[], arms=[])


async def test_an_episode_is_named_by_its_id(context: Context) -> None:
    told = await ingest(context, Ingest(messages=(Message(content="Tea!", producer="Ann"),)))
    answer = await recall(context, Recall(query="tea"))

    marked = await batch_mark_applied(context, verdict(answer.recall_id, told.ids[0]))

    assert marked.rows_affected == [1]


async def test_who_may_only_read_may_report_what_came_of_it(context: Context) -> None:
    await remember(context, Remember(content="Tea.", name="tea"))
    reader = Principal(name="reader", tenant="default", rights=frozenset({Right.READ}))
    reading = replace(context, principal=reader)
    answer = await recall(reading, Recall(query="tea"))

    assert (await batch_mark_applied(reading, verdict(answer.recall_id, "tea"))).rows_affected == [
        1
    ]
    assert (await figures(reading)).recalls == 1


async def test_out_of_reach_there_is_nothing_to_report_on(context: Context) -> None:
    await remember(context, Remember(content="Tea.", name="tea", scope="secret"))
    answer = await recall(context, Recall(query="tea", look=Look.ALL))
    team = ScopeSet(subtrees=frozenset({"team"}))
    strangers = (
        Principal(name="x", tenant="default", scopes=team),
        Principal(name="x", tenant="other"),
    )
    for stranger in strangers:
        outside = replace(context, principal=stranger)
        assert (
            await batch_mark_applied(outside, verdict(answer.recall_id, "tea"))
        ).rows_affected == [0]
        assert (await figures(outside)).recalls == 0

    assert (await batch_mark_applied(context, verdict(answer.recall_id, "tea"))).rows_affected == [
        1
    ]


async def test_ranks_are_shown_from_one_and_distances_as_ranges(context: Context) -> None:
    distances = (0.0, 0.12, 0.9999, 1.3, -1.0)
    lines = tuple(
        RecallLine(rank=rank, memory_id=None, scope="", name="n", distance=distance)
        for rank, distance in enumerate(distances)
    )
    noted = NotedRecall(id="r", at=context.now(), principal=None, lines=lines)
    await context.recalls.note("default", noted)

    shown = await figures(context)

    assert [rank.rank for rank in shown.ranks] == [1, 2, 3, 4, 5]
    assert [(bucket.range, bucket.total) for bucket in shown.buckets] == [
        ("0.00–0.05", 1),
        ("0.10–0.15", 1),
        ("0.95–1.00", 2),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"verdicts": []},
        {"verdicts": [{"recall_id": "r", "memory": "n", "verdict": "yes"}]},
        {"verdicts": [{"recall_id": "r", "memory": "n"}]},
        {"verdicts": [{"recall_id": "r", "memory": "n", "verdict": "maybe", "rank": 1}]},
        {"verdicts": [{"recall_id": "r", "memory": "n", "verdict": "maybe", "scope": "a//b"}]},
        {
            "verdicts": [
                {"recall_id": "r", "memory": "n", "verdict": "maybe", "application": "x" * 10_001}
            ]
        },
    ],
    ids=range(6),
)
def test_a_wrong_verdict_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        BatchMarkApplied.model_validate(wrong)


def test_a_verdict_is_of_medium_confidence_unless_told() -> None:
    given = Mark.model_validate({"recall_id": "r", "memory": "n", "verdict": "maybe"})
    assert given.confidence == "medium"
