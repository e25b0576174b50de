"""Names of notes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recollect.domain.names import check_name, made_name
from recollect.errors import InvalidRequest

characters = st.characters(exclude_categories=["Cs"])


@pytest.mark.parametrize(
    "name", ["a", "db/choice", "a/b/c", "Ünï.cødé-_", "東京", "-", "all", "x" * 240]
)
def test_a_name_is_up_to_three_words(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "/", "a/", "/a", "a//b", "a/b/c/d", ".a", "a/.b", "..", "a b", "a:b", "a\n", "🍵", "a\0",
     "x" * 241, "é" * 121],
)  # fmt: skip
def test_anything_else_is_no_name(name: str) -> None:
    with pytest.raises(InvalidRequest):
        check_name(name)


@given(st.text(characters), st.integers(2, 99_999))
def test_a_made_name_is_a_name_with_room_for_a_number(text: str, number: int) -> None:
    name = made_name(text)

    assert check_name(name) == name == made_name(text)
    assert check_name(f"{name}-{number}")
    assert len(name) <= 60


@given(st.text(st.characters(categories=["Lo", "Lu", "Nd"]), min_size=1))
def test_whatever_the_script_a_made_name_is_a_name(text: str) -> None:
    name = made_name(text * 70)

    assert check_name(f"{name}-99999")


def test_a_made_name_is_made_of_the_first_words() -> None:
    assert made_name("Use *Postgres*, always!\nBecause of a, b, c, d, e") == (
        "use-postgres-always-because-of-a-b-c"
    )
    assert made_name("…🍵…") == "note"
    assert made_name("x" * 500 + " y") == "x" * len(made_name("x" * 500))
