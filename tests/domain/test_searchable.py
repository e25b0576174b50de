"""The text that indexes see."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import episode, fact, note
from tests.strategies import memories

from recollect.domain.memory import Memory
from recollect.domain.searchable import (
    day,
    passage_source,
    phrases,
    prefix,
    searchable_text,
    spaced,
)


def test_what_stands_before_a_text_names_its_context() -> None:
    said = episode(producer="Ann", occurred_at=datetime(2023, 5, 8, 23, 59, tzinfo=UTC))

    assert prefix(note(name="db/choice")) == "db/choice: "
    assert prefix(said) == "Ann (8 May 2023): "
    assert prefix(fact()) == "profile, taste, drink: "
    assert day(datetime(2026, 12, 31, tzinfo=UTC)) == "31 December 2026"


def test_a_memory_is_found_by_its_context_content_and_tags() -> None:
    text = searchable_text(note("Tea at four.", name="drink", tags=("hot", "green tea")))

    assert text == "drink: Tea at four.\nhot green tea"


@given(memories(), st.text())
def test_vectors_depend_on_the_prefix_and_the_content_alone(memory: Memory, other: str) -> None:
    changed = replace(memory, tags=(), metadata={}, scope="x", source=other, revision=99)

    assert passage_source(changed) == passage_source(memory)
    assert passage_source(memory) == (prefix(memory), memory.content)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", []),
        ("tea", ["tea"]),
        ("tea tea four", ["tea", "four"]),
        ("京", ["京"]),
        ("东京", ["东 京"]),
        ("东京大学", ["东 京", "京 大", "大 学"]),
        ("さくら tea 京", ["さ く", "く ら", "tea", "京"]),
        ("用PostgreSQL数据", ["用", "PostgreSQL", "数 据"]),
        ("서울에", ["서 울", "울 에"]),
        ("ﾃｽ", ["ﾃ ｽ"]),
        ("e\u0301te\u0301", ["e\u0301te\u0301"]),
        ('"tea" -* ?', ["tea"]),
    ],
)
def test_words_and_neighbouring_characters_are_looked_for(words: str, expected: list[str]) -> None:
    assert phrases(words) == expected


@given(st.text())
def test_phrases_are_distinct_and_hold_nothing_but_word_characters(words: str) -> None:
    found = phrases(words)

    assert len(found) == len(set(found))
    for phrase in found:
        assert '"' not in phrase
        assert phrase == phrase.strip() != ""


@given(st.text())
def test_spacing_changes_nothing_but_blanks(text: str) -> None:
    assert spaced(text).replace(" ", "") == text.replace(" ", "")


@given(
    st.text("东京大学さくら서울ab ", max_size=20),
    st.text("东京大学さくら서울", min_size=1, max_size=6),
)
def test_every_part_of_a_run_of_characters_is_found_in_its_text(around: str, word: str) -> None:
    text = f" {' '.join(spaced(around + word + around).split())} "

    for phrase in phrases(word):
        assert f" {phrase} " in text


@given(st.text(st.characters(max_codepoint=127)))
def test_plain_english_is_not_touched(text: str) -> None:
    assert spaced(text) == text
