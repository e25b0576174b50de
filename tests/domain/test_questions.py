"""A question is taken apart into words, persons and dates."""

from datetime import UTC, date, datetime

import pytest

from recollect.domain.questions import (
    STOP_WORDS,
    NamedDate,
    content_words,
    name_words,
    named_dates,
    read_question,
)


def moment(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def test_content_words_are_distinct_in_lower_case_and_in_order():
    assert content_words("What is the BOAT that Ada's boat met?") == ["boat", "ada", "met"]


def test_a_text_of_stop_words_alone_keeps_them():
    assert content_words("to be or not to be") == ["to", "be", "or", "not"]
    assert content_words("?!") == []


def test_words_of_other_scripts_are_content():
    assert content_words("Где Ёлка?") == ["где", "ёлка"]
    assert content_words("船在哪里") == ["船在哪里"]
    assert read_question("船在哪里").terms == ("船在", "在哪", "哪里")


def test_stop_words_are_single_words_in_lower_case():
    assert all(word == word.lower() and word.isalnum() for word in STOP_WORDS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("on 8 may 2023", NamedDate(year=2023, month=5, day=8)),
        ("on may 8th, 2023", NamedDate(year=2023, month=5, day=8)),
        ("the 3rd of june", NamedDate(year=None, month=6, day=3)),
        ("in may", NamedDate(year=None, month=5, day=None)),
        ("in august 2022", NamedDate(year=2022, month=8, day=None)),
        ("on 2024-02-29", NamedDate(year=2024, month=2, day=29)),
    ],
)
def test_a_named_date_is_read(text, expected):
    assert named_dates(text) == (expected,)


def test_may_is_a_verb_unless_it_stands_as_a_month():
    assert named_dates("what may she like?") == ()


def test_the_period_of_a_month_is_all_of_it():
    february = NamedDate(year=None, month=2, day=None)
    assert february.period(2024) == (date(2024, 2, 1), date(2024, 2, 29))
    assert NamedDate(year=None, month=12, day=None).period(9999) is not None


def test_a_date_that_the_calendar_lacks_has_no_period():
    assert NamedDate(year=2023, month=2, day=30).period(2023) is None
    assert NamedDate(year=0, month=2, day=None).period(0) is None


@pytest.mark.parametrize(
    ("now", "named", "first", "end"),
    [
        ("2026-05-20", {"month": 5}, "2026-05-01", "2026-06-01"),
        ("2026-05-01", {"month": 5}, "2026-05-01", "2026-06-01"),
        ("2026-04-30", {"month": 5}, "2025-05-01", "2025-06-01"),
        ("2026-01-01", {"month": 12}, "2025-12-01", "2026-01-01"),
        ("2026-05-20", {"month": 5, "day": 21}, "2025-05-21", "2025-05-22"),
        ("2026-05-20", {"month": 2, "day": 29}, "2024-02-29", "2024-03-01"),
        ("1904-02-28", {"month": 2, "day": 29}, "1896-02-29", "1896-03-01"),
        ("2026-05-20", {"month": 5, "year": 2031}, "2031-05-01", "2031-06-01"),
        ("2026-05-20", {"month": 5, "day": 8, "year": 1999}, "1999-05-08", "1999-05-09"),
    ],
)
def test_without_a_year_the_latest_that_has_begun_is_meant(now, named, first, end):
    meant = NamedDate(**({"year": None, "day": None} | named)).meant(moment(now))
    assert meant == (moment(first), moment(end))


@pytest.mark.parametrize(
    "named",
    [
        {"month": 2, "day": 30},
        {"month": 2, "day": 29, "year": 2023},
        {"month": 5, "year": 0},
        {"month": 12, "year": 9999},
    ],
)
def test_what_the_calendar_lacks_is_not_meant(named):
    lacking = NamedDate(**({"year": None, "day": None} | named))
    assert lacking.meant(moment("2026-05-20")) is None
    assert lacking.meant(moment("0001-01-01")) is None


def test_stop_words_in_a_name_do_not_call_its_bearer():
    assert name_words("Will Turner") == {"turner"}
