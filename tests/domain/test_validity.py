"""What was true then, as it was known then."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import THEN, episode, fact, note

from recollect.domain.changes import Revision
from recollect.domain.memory import Fact, Memory
from recollect.domain.validity import as_of, is_true

YEAR = timedelta(days=365)


def year(number: int) -> datetime:
    """The time so many years after `THEN`."""
    return THEN + number * YEAR


def span(memory: Memory) -> Fact:
    """The fact's detail, which holds its validity."""
    assert isinstance(memory.detail, Fact)
    return memory.detail


def recorded(*memories: Memory | None) -> list[Revision]:
    """These revisions of one memory, a year apart from the year 0 on; None was forgotten."""
    return [
        Revision(
            revision=index + 1,
            recorded_at=year(index),
            actor="tester",
            verb="edit" if memory else "forget",
            memory=replace(memory, revision=index + 1, updated_at=year(index)) if memory else None,
        )
        for index, memory in enumerate(memories)
    ]


def said(revisions: Sequence[Revision], valid: int, known: int) -> str | None:
    """The text for these years."""
    memory = as_of(revisions, year(valid), year(known))
    return memory and memory.content


def test_a_change_leaves_the_old_value_true_before_it() -> None:
    revisions = recorded(fact("Rome"), fact("Oslo", valid_from=year(1)))

    assert [said(revisions, valid, 9) for valid in (-1, 0, 1, 2)] == [
        "Rome",
        "Rome",
        "Oslo",
        "Oslo",
    ]
    old = as_of(revisions, year(0), year(9))
    assert old
    assert span(old).valid_to == year(1)


def test_a_change_that_was_not_known_yet_has_not_happened_yet() -> None:
    revisions = recorded(fact("Rome"), fact("Oslo", valid_from=year(-1)))

    assert said(revisions, 0, 0) == "Rome"
    assert said(revisions, 0, 1) == "Oslo"
    before = as_of(revisions, year(0), year(0))
    assert before
    assert span(before).valid_to is None


def test_nothing_was_known_before_it_was_recorded() -> None:
    assert said(recorded(fact("Rome")), 0, -1) is None
    assert as_of([], THEN, THEN) is None


def test_a_mended_error_was_never_true() -> None:
    revisions = recorded(fact("Roem", valid_from=year(0)), fact("Rome", valid_from=year(0)))

    assert said(revisions, 0, 0) == "Roem"
    assert [said(revisions, valid, 1) for valid in (-1, 0, 1)] == [None, "Rome", "Rome"]


def test_an_ended_fact_was_true_until_its_end() -> None:
    revisions = recorded(fact("Rome"), fact("Rome", valid_to=year(1)))

    assert [said(revisions, valid, 9) for valid in (0, 1, 2)] == ["Rome", None, None]
    assert said(revisions, 2, 0) == "Rome"


def test_a_later_start_takes_the_place_of_the_wrong_one() -> None:
    revisions = recorded(fact("Oslo"), fact("Oslo", valid_from=year(5)))

    assert [said(revisions, valid, 9) for valid in (4, 5)] == [None, "Oslo"]
    assert said(revisions, 4, 0) == "Oslo"


def test_what_became_true_again_was_not_true_in_between() -> None:
    spans = [(None, year(1)), (year(3), None)]
    revisions = recorded(*(fact("Oslo", valid_from=start, valid_to=end) for start, end in spans))

    assert [said(revisions, valid, 9) for valid in (0, 1, 2, 3)] == ["Oslo", None, None, "Oslo"]


def test_a_value_that_came_back_leaves_the_one_between_true() -> None:
    revisions = recorded(
        fact("Oslo"), fact("Rome", valid_from=year(1)), fact("Oslo", valid_from=year(2))
    )

    assert [said(revisions, valid, 9) for valid in (0, 1, 2)] == ["Oslo", "Rome", "Oslo"]


@pytest.mark.parametrize("make", [note, episode])
def test_of_what_is_no_fact_the_newest_revision_known_then_counts(
    make: Callable[[str], Memory],
) -> None:
    revisions = recorded(make("old"), make("new"))

    assert [said(revisions, -9, known) for known in (-1, 0, 1)] == [None, "old", "new"]


def test_a_forgotten_memory_says_nothing_until_it_is_stored_again() -> None:
    revisions = recorded(fact("Rome"), None, fact("Oslo", valid_from=year(9)))

    assert [said(revisions, 9, known) for known in (0, 1, 2)] == ["Rome", None, "Oslo"]
    assert said(revisions, 0, 2) is None


def test_an_imported_memory_was_known_since_it_was_created() -> None:
    late = replace(note("tea"), revision=7, updated_at=year(5))
    revisions = [Revision(revision=7, recorded_at=year(6), actor="a", verb="import", memory=late)]

    assert said(revisions, 0, 0) == "tea"


years = st.integers(-3, 3).map(year)
contents = st.sampled_from(["Rome", "Oslo"])


@st.composite
def facts(draw: st.DrawFn) -> Memory:
    start, end = draw(st.none() | years), draw(st.none() | years)
    return fact(draw(contents), valid_from=start, valid_to=end)


histories = st.lists(facts() | st.none(), max_size=6).map(lambda made: recorded(*made))


@given(histories, years, years)
def test_what_is_given_was_recorded_by_then_and_true_then(
    revisions: list[Revision], valid_at: datetime, known_at: datetime
) -> None:
    memory = as_of(revisions, valid_at, known_at)

    if memory is not None:
        revision = revisions[memory.revision - 1]
        assert revision.memory
        assert revision.recorded_at <= known_at
        assert memory.content == revision.memory.content
        assert is_true(memory, valid_at)
        assert is_true(revision.memory, valid_at)


@given(histories, years, years)
def test_what_was_recorded_later_makes_no_difference(
    revisions: list[Revision], valid_at: datetime, known_at: datetime
) -> None:
    then = [revision for revision in revisions if revision.recorded_at <= known_at]

    assert as_of(revisions, valid_at, known_at) == as_of(then, valid_at, known_at)


@given(st.lists(st.integers(-3, 3), max_size=5).map(sorted), years)
def test_changes_one_after_another_are_each_true_until_the_next(
    starts: list[int], valid_at: datetime
) -> None:
    changes = (fact(f"change {i}", valid_from=year(s)) for i, s in enumerate(starts))

    memory = as_of(recorded(fact("first"), *changes), valid_at, year(9))

    begun = sum(year(start) <= valid_at for start in starts)
    assert memory
    assert memory.content == (f"change {begun - 1}" if begun else "first")
    assert span(memory).valid_to == (year(starts[begun]) if begun < len(starts) else None)


@given(histories, facts(), years)
def test_an_error_mended_since_ever_leaves_nothing_of_what_was_before(
    revisions: list[Revision], mended: Memory, valid_at: datetime
) -> None:
    whole = replace(mended, detail=replace(span(mended), valid_from=None, valid_to=None))
    revisions = recorded(*(revision.memory for revision in revisions), whole)

    memory = as_of(revisions, valid_at, year(9))

    assert memory
    assert (memory.revision, memory.content) == (len(revisions), mended.content)
