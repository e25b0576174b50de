"""Taking over what memory-mcp noted of recalls."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests import foreign_logs
from tests.examples import THEN
from tests.foreign_logs import row

from recollect.domain.access import Principal
from recollect.domain.scopes import ScopeSet
from recollect.errors import InvalidRequest
from recollect.operations import (
    Context,
    EraseOne,
    ImportedRecalls,
    ImportRecallLog,
    RecallFigures,
    RecallStats,
    Remember,
    erase,
    import_recall_log,
    recall_stats,
    remember,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "recall_log.sqlite"


async def imported(context: Context, file: Path) -> ImportedRecalls:
    return await import_recall_log(context, ImportRecallLog(file=str(file)))


async def figures(context: Context) -> RecallFigures:
    return await recall_stats(context, RecallStats())


def counts(result: ImportedRecalls) -> tuple[int, int, int]:
    return result.imported, result.unchanged, result.verdicts


async def test_recalls_and_verdicts_are_taken_over_once(context: Context, file: Path) -> None:
    foreign_logs.write(
        file,
        row(rank=0, was_applied="applied", distance=0.1),
        row(rank=1, memory_name="milk", was_applied="not_applied", distance=-1.0),
        row(rank=0, recall_id="r_2", scope="a"),
    )

    assert counts(await imported(context, file)) == (3, 0, 2)
    shown = await figures(context)
    assert counts(await imported(context, file)) == (0, 3, 0)

    assert await figures(context) == shown
    assert shown.recalls == 2
    assert [(r.total, r.applied, r.not_applied) for r in shown.ranks] == [(2, 1, 0), (1, 0, 1)]
    assert [(b.range, b.total) for b in shown.buckets] == [("0.10–0.15", 1), ("0.25–0.30", 1)]
    assert shown.arms == []


async def test_what_was_said_since_is_taken_over_too(context: Context, file: Path) -> None:
    foreign_logs.write(file, row())
    await imported(context, file)
    file.unlink()
    foreign_logs.write(file, row(was_applied="maybe"), row(rank=1, memory_name="milk"))

    assert counts(await imported(context, file)) == (1, 1, 1)
    assert [rank.maybe for rank in (await figures(context)).ranks] == [1, 0]


async def test_a_result_is_about_the_note_of_its_name_and_scope(
    context: Context, file: Path
) -> None:
    note = await remember(context, Remember(content="Tea.", name="tea", scope="a"))
    foreign_logs.write(file, row(scope="a"), row(rank=1), row(rank=2, memory_name="gone"))
    await imported(context, file)

    await erase(context, EraseOne(id=note.id))

    assert [rank.rank for rank in (await figures(context)).ranks] == [2, 3]


async def test_a_result_is_about_the_note_below_the_scope_that_is_given(
    context: Context, file: Path
) -> None:
    note = await remember(context, Remember(content="Tea.", name="tea", scope="old/a"))
    foreign_logs.write(file, row(scope="a", was_applied="applied"))

    below = ImportRecallLog(file=str(file), scope="old")
    assert counts(await import_recall_log(context, below)) == (1, 0, 1)

    await erase(context, EraseOne(id=note.id))
    assert (await figures(context)).ranks == []


async def test_what_cannot_be_kept_is_counted_by_its_reason(context: Context, file: Path) -> None:
    old = (THEN - timedelta(days=91)).isoformat()
    foreign_logs.write(
        file,
        row(returned_at=old),
        row(rank=1, returned_at=old),
        row(rank=2, was_applied="perhaps"),
        row(rank=3),
    )

    result = await imported(context, file)

    assert counts(result) == (1, 0, 0)
    assert sorted(result.skipped.values()) == [1, 2]


async def test_what_is_out_of_reach_is_left_out(context: Context, file: Path) -> None:
    team = Principal(name="x", tenant="default", scopes=ScopeSet(subtrees=frozenset({"team"})))
    foreign_logs.write(file, row(scope="team/a", was_applied="applied"), row(rank=1, scope="b"))

    result = await imported(replace(context, principal=team), file)

    assert counts(result) == (1, 0, 1)
    assert list(result.skipped.values()) == [1]
    assert len((await figures(context)).ranks) == 1


async def test_a_long_log_is_taken_over_whole(context: Context, file: Path) -> None:
    rows = [row(recall_id=f"r_{n // 7}", rank=n % 7, was_applied="maybe") for n in range(1100)]
    foreign_logs.write(file, *rows)

    assert counts(await imported(context, file)) == (1100, 0, 1100)
    assert (await figures(context)).recalls == 158


async def test_a_file_that_is_no_log_is_refused(context: Context, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest):
        await imported(context, tmp_path / "missing")
