"""Chunking cuts Markdown into passages that fit, at its structure, and loses nothing."""

import re
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from recollect.domain.chunking import (
    MAX_HEADING_LENGTH,
    MAX_PASSAGE_LENGTH,
    VERSION,
    TokenSpans,
    chunk,
)
from recollect.domain.passages import Passage

TOKEN = re.compile(r"\w{1,4}|[^\w\s]")


def spans(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in TOKEN.finditer(text)]


def spans_by_character(text: str) -> list[tuple[int, int]]:
    """Several tokens for a wide character, as byte-level tokenizers make them."""
    return [
        (index, index + 1)
        for index, char in enumerate(text)
        if not char.isspace()
        for _ in char.encode()
    ]


def spans_by_word(text: str) -> list[tuple[int, int]]:
    """One token for a word of any length, as WordPiece tokenizers make of giants."""
    return [match.span() for match in re.finditer(r"\S+", text)]


def tokens(text: str) -> int:
    return len(spans(text))


def cut(text: str, budget: int, overlap: int = 0) -> list[Passage]:
    return chunk(text, spans, lambda _: budget, overlap)


def texts(text: str, budget: int, overlap: int = 0) -> list[str]:
    return [text[passage.start : passage.end] for passage in cut(text, budget, overlap)]


def headings(text: str, budget: int) -> list[str]:
    return [passage.heading for passage in cut(text, budget)]


words = st.text(alphabet="abcdéß_9日本語。！.!?\"'([`~#|-*>\t \u0301\u200b\x00", max_size=60)
lines = st.one_of(
    words,
    st.builds(
        "{} {}".format, st.sampled_from(["#", "##", "### ", "######", " #", "####### "]), words
    ),
    st.builds(
        "{}{}".format, st.sampled_from(["- ", "  * ", "1. ", "10) ", "    ", "| ", "> "]), words
    ),
    st.sampled_from(
        ["", "", " ", "```", "~~~", "````", "```python", "  ```", "x" * 90, "one. " * 20]
    ),
)
documents = st.one_of(
    st.text(max_size=300),
    st.builds(
        lambda parts, end: end.join(parts),
        st.lists(lines, max_size=40),
        st.sampled_from(["\n", "\r\n", "\r", "\n\n"]),
    ),
)
giants = st.builds(
    "{}{}".format, st.sampled_from(["", "# ", "- "]), st.integers(1, 5000).map(lambda n: "ab" * n)
)
budgets = st.integers(min_value=1, max_value=80)
overlaps = st.integers(min_value=0, max_value=30)


@given(documents, budgets, overlaps)
def test_every_visible_character_is_in_a_passage(text: str, budget: int, overlap: int) -> None:
    covered = {
        index
        for passage in cut(text, budget, overlap)
        for index in range(passage.start, passage.end)
    }
    visible = {index for index, char in enumerate(text) if not char.isspace()}
    assert visible <= covered


@given(documents, budgets, overlaps)
def test_every_passage_lies_inside_the_text_without_white_space_around_it(
    text: str, budget: int, overlap: int
) -> None:
    for passage in cut(text, budget, overlap):
        assert 0 <= passage.start < passage.end <= len(text)
        content = text[passage.start : passage.end]
        assert content == content.strip()


@given(documents, budgets, overlaps)
def test_every_passage_keeps_the_budget_of_its_heading(
    text: str, budget: int, overlap: int
) -> None:
    def left_beside(heading: str) -> int:
        return max(1, budget - tokens(heading))

    for passage in chunk(text, spans, left_beside, overlap):
        assert tokens(text[passage.start : passage.end]) <= left_beside(passage.heading)


@given(documents, st.integers(min_value=1, max_value=20), overlaps)
def test_only_a_single_character_can_exceed_the_budget(
    text: str, budget: int, overlap: int
) -> None:
    for passage in chunk(text, spans_by_character, lambda _: budget, overlap):
        content = text[passage.start : passage.end]
        assert len(spans_by_character(content)) <= budget or len(content) == 1


@given(
    st.lists(st.one_of(lines, giants), max_size=6).map("\n".join),
    st.sampled_from([spans_by_word, spans]),
    st.integers(min_value=1, max_value=3000),
    st.integers(min_value=0, max_value=2000),
)
def test_no_passage_is_longer_than_the_limit_whatever_counts_as_a_token(
    text: str, spans_of: TokenSpans, budget: int, overlap: int
) -> None:
    passages = chunk(text, spans_of, lambda _: budget, overlap)
    assert all(passage.end - passage.start <= MAX_PASSAGE_LENGTH for passage in passages)
    covered = {index for p in passages for index in range(p.start, p.end)}
    assert {index for index, char in enumerate(text) if not char.isspace()} <= covered
    assert all(p.end < following.end for p, following in pairwise(passages))


@given(documents, budgets, overlaps)
def test_passages_come_in_the_order_of_the_text(text: str, budget: int, overlap: int) -> None:
    for passage, following in pairwise(cut(text, budget, overlap)):
        assert passage.start <= following.start
        assert passage.end < following.end


@given(documents, budgets, overlaps)
def test_consecutive_passages_share_at_most_the_overlap(
    text: str, budget: int, overlap: int
) -> None:
    for passage, following in pairwise(cut(text, budget, overlap)):
        assert tokens(text[following.start : passage.end]) <= min(overlap, budget // 2)


@given(documents, budgets, overlaps)
def test_the_same_text_is_always_cut_the_same_way(text: str, budget: int, overlap: int) -> None:
    assert cut(text, budget, overlap) == cut(text, budget, overlap)


@given(documents, overlaps)
def test_a_text_that_fits_is_one_passage(text: str, overlap: int) -> None:
    assume(len(text) <= MAX_PASSAGE_LENGTH)
    assert texts(text, max(1, tokens(text)), overlap) == ([text.strip()] if text.strip() else [])


@given(documents, budgets)
def test_headings_are_never_longer_than_the_limit(text: str, budget: int) -> None:
    assert all(len(heading) <= MAX_HEADING_LENGTH for heading in headings(text, budget))


@given(documents, budgets, overlaps)
def test_the_text_is_tokenised_once(text: str, budget: int, overlap: int) -> None:
    calls: list[str] = []

    def counted(part: str) -> list[tuple[int, int]]:
        calls.append(part)
        return spans(part)

    chunk(text, counted, lambda _: budget, overlap)
    assert calls == ([text] if text.strip() else [])


@given(documents, budgets, overlaps)
def test_windows_line_ends_are_cut_at_the_same_places(text: str, budget: int, overlap: int) -> None:
    unix = re.sub(r"[\r\n]+", "\n", text)
    windows = unix.replace("\n", "\r\n")
    assert [part.replace("\r\n", "\n") for part in texts(windows, budget, overlap)] == texts(
        unix, budget, overlap
    )


def test_the_rules_have_a_name() -> None:
    assert VERSION == "markdown-1"


@pytest.mark.parametrize("text", ["", " ", "\n\n\t\r\n", "\u3000\u2028"])
def test_white_space_has_no_passages(text: str) -> None:
    assert cut(text, 10) == []


def test_a_short_turn_is_one_passage_without_a_heading() -> None:
    assert cut("  I moved to Oslo in May.\n", 254) == [Passage(start=2, end=25, heading="")]


def test_the_heading_of_a_whole_text_is_the_one_all_of_it_stands_under() -> None:
    assert headings("# Setup\n\n## Database\n\nUse WAL.", 254) == ["Setup > Database"]
    assert headings("# Setup\n\nFirst.\n\n## Database\n\nUse WAL.", 254) == ["Setup"]
    assert headings("# Setup\n\nFirst.\n\n# Use\n\nSecond.", 254) == [""]


def test_headings_name_the_path_to_each_section() -> None:
    text = "intro one\n\n# Setup\n\nalpha beta\n\n## Database\n\ngamma delta\n\n# Use\n\nlast words"
    assert headings(text, 8) == ["", "Setup", "Setup > Database", "Use"]


def test_a_deeper_heading_ends_with_its_parent() -> None:
    text = "# A\n\n### C\n\nccc ccc ccc\n\n## B\n\nbbb bbb bbb\n\n# D\n\nddd ddd ddd"
    assert headings(text, 9) == ["A > C", "A > B", "D"]


def test_small_sections_are_merged_with_their_siblings_under_the_heading_they_share() -> None:
    text = "# A\n\n## B\n\none\n\n## C\n\ntwo\n\n## D\n\n" + "ddd " * 6
    assert texts(text, 12) == [
        "# A\n\n## B\n\none\n\n## C\n\ntwo",
        "## D\n\n" + ("ddd " * 6).strip(),
    ]
    assert headings(text, 12) == ["A", "A > D"]


def test_a_section_is_not_merged_with_what_follows_its_parent() -> None:
    text = "# A\n\n## B\n\none\n\n# C\n\ntwo\n\n" + "ccc " * 9
    assert headings(text, 14) == ["A > B", "C"]


def test_closing_marks_and_signs_in_headings() -> None:
    assert headings("## C# ##\n\ntext", 254) == ["C#"]
    assert headings("#hashtag and text", 254) == [""]
    assert headings("    # indented code", 254) == [""]
    assert headings("#\n\n## Under nothing\n\ntext", 254) == ["Under nothing"]


def test_a_heading_stays_with_what_follows_it() -> None:
    text = "aaa bbb ccc\n\n## Next\n\nddd eee fff ggg hhh"
    assert texts(text, 8) == ["aaa bbb ccc", "## Next\n\nddd eee fff ggg hhh"]


def test_a_heading_stays_with_the_start_of_a_block_that_barely_fails_to_fit() -> None:
    text = "## Next\n\n" + " ".join(["word"] * 9)
    assert texts(text, 10)[0] == "## Next\n\n" + " ".join(["word"] * 7)


def test_a_heading_without_a_text_is_kept() -> None:
    assert texts("aaa bbb ccc\n\n# End", 3) == ["aaa bbb ccc", "# End"]


def test_a_very_long_heading_path_is_cut() -> None:
    text = f"# {'long ' * 100}\n\n## {'x' * 1000}\n\nbody"
    assert headings(text, 10_000) == [("long " * 40).strip()]


def test_a_code_fence_is_kept_whole_where_it_fits() -> None:
    fence = "```python\n# not a heading\n\nx = 1\n\n\ny = 2\n```"
    text = f"{'before ' * 10}\n\n{fence}\n\n{'after ' * 10}"
    assert fence in texts(text, 22)
    assert headings(text, 22) == ["", "", ""]


def test_a_fence_ends_only_at_its_own_mark() -> None:
    text = "# A\n\n````\n```\n# code\n```\n~~~\n````\n\n# B\n\n" + "text " * 20
    assert headings(text, 25) == ["A", "B"]


def test_a_fence_that_is_never_closed_runs_to_the_end() -> None:
    text = "# A\n\n~~~\n# code\n\nmore\n" + "line of code\n" * 20
    passages = cut(text, 20)
    assert {passage.heading for passage in passages} == {"A"}
    assert passages[-1].end == len(text.rstrip())


def test_inline_code_with_three_backticks_opens_no_fence() -> None:
    assert headings("```one``` line\n\n# A\n\n" + "text " * 10, 12) == ["", "A"]


def test_a_list_is_kept_whole_where_it_fits() -> None:
    items = "- one\n- two\n\n  more of two\n\n- three\n* four"
    text = f"{'before ' * 8}\n{items}\n\n{'after ' * 8}"
    assert items in texts(text, 16)


def test_a_list_that_is_too_big_is_split_between_items() -> None:
    text = "\n".join(f"- item number {number}" for number in range(10, 30))
    for part in texts(text, 12):
        assert re.fullmatch(r"(- item number \d\d\n?)+", part)


def test_a_table_is_kept_whole_where_it_fits() -> None:
    table = "| a | b |\n|---|---|\n| 1 | 2 |"
    text = f"{'before ' * 10}\n{table}\n{'after ' * 10}"
    assert table in texts(text, 24)


def test_a_long_paragraph_is_split_between_sentences() -> None:
    text = "The cat sat. The dog ran! Did it rain? It did. The end came."
    assert texts(text, 9) == ["The cat sat. The dog ran!", "Did it rain? It did.", "The end came."]


def test_consecutive_passages_of_a_paragraph_share_whole_sentences() -> None:
    text = "One is red. Two is new. Six is old. Ten is big."
    assert texts(text, 8, 4) == [
        "One is red. Two is new.",
        "Two is new. Six is old.",
        "Six is old. Ten is big.",
    ]


def test_consecutive_passages_share_words_where_sentences_are_too_long() -> None:
    text = "aaa bbb ccc ddd eee fff ggg hhh"
    assert texts(text, 4, 2) == ["aaa bbb ccc ddd", "ccc ddd eee fff", "eee fff ggg hhh"]


def test_passages_of_different_blocks_share_nothing() -> None:
    assert texts("aaa bbb ccc\n\nddd eee fff", 4, 2) == ["aaa bbb ccc", "ddd eee fff"]


def test_the_last_line_of_a_long_note_is_in_a_passage() -> None:
    text = "# Log\n\n" + "Something happened today.\n\n" * 500 + "The key is under the mat."
    assert texts(text, 254)[-1].endswith("The key is under the mat.")


def test_a_giant_word_is_split_between_tokens() -> None:
    text = "x" * 10_000
    passages = cut(text, 254, 40)
    assert [passage.start for passage in passages[:2]] == [0, 4 * (254 - 40)]
    assert passages[-1].end == len(text)


def test_a_giant_word_is_split_beside_punctuation_where_there_is_some() -> None:
    assert texts("abcdefgh/ijklmnop/qrstuvwx", 4) == ["abcdefgh/", "ijklmnop/", "qrstuvwx"]


def test_chinese_text_is_split_between_sentences() -> None:
    text = "我喜欢咖啡。你喜欢茶吗？他说「不喜欢。」我们走吧！"
    parts = chunk(text, spans_by_character, lambda _: 30)
    assert [text[part.start : part.end] for part in parts] == [
        "我喜欢咖啡。",
        "你喜欢茶吗？",
        "他说「不喜欢。」",
        "我们走吧！",
    ]


def test_chinese_text_without_punctuation_is_split_between_characters() -> None:
    text = "記憶" * 1000
    parts = chunk(text, lambda part: [(i, i + 1) for i in range(len(part))], lambda _: 254)
    assert [part.end for part in parts] == [*range(254, 2000, 254), 2000]


@pytest.mark.parametrize(
    "unit",
    ["a", ".", "日", " ", "\n", "` ", "# h\n\nx\n\n", "- i\n", "a. b", "`", "```\n", "|\n", "\0"],
)
def test_a_long_text_of_one_kind_takes_no_quadratic_time(unit: str) -> None:
    text = "word " + unit * 100_000 + "end"
    assert cut(text, 254, 40)[-1].end == len(text)


def test_a_text_of_a_mebibyte_is_cut() -> None:
    section = (
        "# Part\n\nSome words. More words!\n\n- item\n- item\n\n```\ncode\n```\n\n| a | b |\n\n"
    )
    text = section * ((1 << 20) // len(section))
    assert cut(text, 254, 40)[-1].end == len(text.rstrip())
