"""Texts merged by lines."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recollect.domain.text_merge import common_lines, merge_text

line_lists = st.lists(st.sampled_from(["", "a", "b", "c", "}", "d", "e"]), max_size=8)
line_texts = line_lists.map("\n".join)


def lines(text: str) -> str:
    """A letter a line."""
    return "\n".join(text)


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged"),
    [
        ("abcde", "Abcde", "abcdE", "AbcdE"), ("abcde", "acde", "abcdeF", "acdeF"),
        ("abc", "aXbc", "abYc", "aXbYc"), ("abc", "", "abc", ""), ("abc", "abXc", "abXc", "abXc"),
        ("abcdefg", "fgabcde", "abcdefG", None), ("abc", "aXc", "aYc", None),
        ("abc", "aXbc", "aYbc", None), ("abc", "aXc", "ac", None), ("abcd", "aXcd", "abYd", None),
        ("a}b}c}", "a}X}c}", "a}b}c}Y}", "a}X}c}Y}"), ("ab", "abX", "Yab", "YabX"),
    ],
)  # fmt: skip
def test_changes_apart_are_joined_and_changes_to_the_same_are_not(
    base: str, ours: str, theirs: str, merged: str | None
) -> None:
    expected = None if merged is None else lines(merged)

    assert merge_text(lines(base), lines(ours), lines(theirs)) == expected


def test_a_last_line_may_do_without_its_break() -> None:
    assert merge_text("a", "a\nb\n", "x\na") == "x\na\nb\n"
    assert merge_text("a\n", "a\nb", "x\na\n") == "x\na\nb"
    assert merge_text("one\r\ntwo\r\n", "one\r\ntwo\r\nthree\r\n", "one\r\ntwo\r\n") == (
        "one\r\ntwo\r\nthree\r\n"
    )


@given(line_texts, line_texts, line_texts)
def test_the_sides_may_be_swapped(base: str, ours: str, theirs: str) -> None:
    assert merge_text(base, ours, theirs) == merge_text(base, theirs, ours)


@given(line_texts, line_texts)
def test_a_side_that_changed_nothing_takes_the_other(base: str, ours: str) -> None:
    assert merge_text(base, ours, base) == ours
    assert merge_text(base, ours, ours) == ours


@given(line_texts, line_texts, line_texts)
def test_no_added_line_is_lost(base: str, ours: str, theirs: str) -> None:
    merged = merge_text(base, ours, theirs)
    if merged is not None:
        added = {*ours.split("\n"), *theirs.split("\n")} - {*base.split("\n")}
        assert added <= {*merged.split("\n")}


@given(st.lists(st.uuids().map(str), min_size=5, max_size=9, unique=True), st.data())
def test_changes_to_lines_apart_always_merge(texts: list[str], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(texts) - 3))
    other = data.draw(st.integers(at + 2, len(texts) - 1))
    ours, theirs, both = list(texts), list(texts), list(texts)
    ours[at] = both[at] = "ours"
    theirs[other] = both[other] = "theirs"

    assert merge_text(*("\n".join(text) for text in (texts, ours, theirs))) == "\n".join(both)


@given(line_lists, line_lists)
def test_common_lines_are_equal_and_in_order(one: list[str], other: list[str]) -> None:
    pairs = common_lines(one, other)

    assert all(one[i] == other[j] for i, j in pairs)
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in itertools.pairwise(pairs))


def test_lines_that_are_common_only_between_others_are_found() -> None:
    assert common_lines("1}2A3}4", "5}6A7}8") == [(1, 1), (3, 3), (5, 5)]


@given(st.permutations(list("abcdefgh")))
def test_of_lines_that_are_there_once_the_longest_series_is_found(other: list[str]) -> None:
    one = sorted(other)
    longest = max(
        len(some)
        for size in range(len(one) + 1)
        for some in itertools.combinations(other, size)
        if list(some) == sorted(some)
    )
    pairs = common_lines(["<", *one, ">"], [">", *other, "<"])

    assert len(pairs) == longest


@pytest.mark.parametrize("text", ["\n" * 500_000, "a\nb\n" * 250_000])
def test_long_texts_of_repeated_lines_are_merged_in_time(text: str) -> None:
    assert merge_text(text, "x\n" + text, text + "y") == f"x\n{text}y"
