"""What rows of memory-mcp's log of recalls mean here."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.foreign_logs import row

from recollect.domain.feedback import Confidence, Judgement, RecallLine, Verdict
from recollect.domain.foreign.recalls import line_of
from recollect.errors import InvalidRequest


def test_a_row_is_a_line_of_a_recall() -> None:
    found = line_of(row(rank=3, distance=0.5, memory_name="db/pool", scope="acme/api"))

    assert (found.recall_id, found.at) == ("r_1", datetime(2026, 1, 1, 9, tzinfo=UTC))
    assert found.line == RecallLine(
        rank=3, memory_id=None, scope="acme/api", name="db/pool", distance=0.5
    )
    assert found.judgement is None


def test_a_verdict_is_about_the_memory_of_the_row() -> None:
    found = line_of(
        row(scope="a", was_applied="not_applied", confidence="low", application_note="So.")
    )

    assert found.judgement == Judgement(
        recall_id="r_1",
        memory="tea",
        scope="a",
        verdict=Verdict.NOT_APPLIED,
        confidence=Confidence.LOW,
        application="So.",
    )


def test_columns_that_older_logs_lack_may_be_missing() -> None:
    old = row(was_applied="applied")
    for column in ("confidence", "application_note", "was_read", "session_id"):
        del old[column]

    judgement = line_of(old).judgement

    assert judgement is not None
    assert (judgement.confidence, judgement.application) == (Confidence.MEDIUM, None)


@pytest.mark.parametrize(
    ("stored", "here"),
    [("global", ""), ("a/b", "a/b"), ("project:x", "x"), ("all", "all-scope"), ("a b", "a-b")],
)
def test_scopes_become_ours(stored: str, here: str) -> None:
    assert line_of(row(scope=stored)).line.scope == here


@pytest.mark.parametrize(
    ("stored", "here"), [("global", "team"), ("a/b", "team/a/b"), ("all", "team/all")]
)
def test_scopes_go_below_another_as_those_of_notes_do(stored: str, here: str) -> None:
    assert line_of(row(scope=stored), "team").line.scope == here


@pytest.mark.parametrize(
    ("stored", "here"),
    [(-1.0, -1), (-0.0, 0), (-1e-7, 0), (-0.999, 0), (0, 0), (0.3, 0.3), (2, 2)],
)
def test_exact_matches_count_though_rounded_below_nothing(stored: float, here: float) -> None:
    assert line_of(row(distance=stored)).line.distance == here


@pytest.mark.parametrize(
    "stored",
    ["2026-01-01T09:00:00Z", "2026-01-01 09:00:00", "2026-01-01T11:00:00+02:00"],
)
def test_times_are_utc(stored: str) -> None:
    assert line_of(row(returned_at=stored)).at == datetime(2026, 1, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "wrong",
    [
        {"recall_id": None}, {"recall_id": ""}, {"recall_id": 5}, {"recall_id": "a\0"},
        {"memory_name": None}, {"memory_name": b"x"}, {"scope": None}, {"rank": None},
        {"rank": -1}, {"rank": "0"}, {"rank": 2**40}, {"distance": None}, {"distance": "x"},
        {"distance": -1.5}, {"distance": 2.5}, {"distance": float("nan")}, {"returned_at": None},
        {"returned_at": "yesterday"}, {"returned_at": "0001-01-01T00:00:00+05:00"},
        {"was_applied": "yes"}, {"was_applied": 1},
        {"was_applied": "applied", "confidence": "sure"},
    ],
    ids=str,
)  # fmt: skip
def test_a_row_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        line_of(row(**wrong))


_ANYTHING = st.none() | st.integers() | st.floats() | st.text() | st.binary()


@given(st.dictionaries(st.sampled_from(sorted(row())), _ANYTHING))
def test_whatever_a_row_holds_it_is_understood_or_refused(columns: dict[str, Any]) -> None:
    try:
        found = line_of(row(**columns))
    except InvalidRequest:
        return
    assert found.line.rank >= 0
    assert found.line.distance == -1 or 0 <= found.line.distance <= 2
