"""Names and scopes of ours for those of other tools."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recollect.domain.foreign.names import mapped_name, mapped_scope
from recollect.domain.names import check_name
from recollect.domain.scopes import check_scope

anything = st.text(st.characters()) | st.lists(
    st.sampled_from(["a", "B c", ".git", "", "é", "e\u0301", "東京", "@", "..", "x" * 300, "🍵"])
).map("/".join)
parts = st.text("ab-_.é東1", min_size=1, max_size=6).filter(lambda part: part[0] != ".")


@given(anything)
def test_whatever_a_tool_calls_a_note_it_gets_a_name(text: str) -> None:
    assert check_name(mapped_name(text))
    assert mapped_name(mapped_name(text)) == mapped_name(text)


@given(anything.filter(bool))
def test_whatever_a_tool_calls_a_project_it_gets_a_scope(text: str) -> None:
    assert check_scope(mapped_scope(text))
    assert mapped_scope(mapped_scope(text)) == mapped_scope(text)


@given(st.lists(parts, min_size=1, max_size=3).map("/".join))
def test_what_is_a_name_already_stays_as_it_is(name: str) -> None:
    assert mapped_name(name) == name
    assert mapped_scope(name) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ada Lovelace", "Ada-Lovelace"),
        ("notes @work (old)!", "notes-work-old-"),
        ("a/b/c/d/e", "a/b/c-d-e"),
        (".hidden/..", "-hidden/-"),
        ("/a//b", "-/a/-b"),
        ("", "-"),
        ("🍵", "-"),
        ("cafe\u0301 au lait", "café-au-lait"),
        ("db:choice", "db-choice"),
    ],
)
def test_what_may_not_stand_in_a_name_becomes_a_hyphen(text: str, name: str) -> None:
    assert mapped_name(text) == name


@given(st.text("ab é", min_size=250), st.text("ab é", min_size=250))
def test_long_texts_that_begin_alike_get_names_of_their_own(one: str, other: str) -> None:
    names = {mapped_name(one), mapped_name(other), mapped_name(one + "x")}
    assert len(names) == len({one, other, one + "x"})


def test_reserved_scopes_get_another_name() -> None:
    assert (mapped_scope("all"), mapped_scope("global")) == ("all-scope", "global-scope")
    assert mapped_scope("") == ""
    assert mapped_scope("My Project/api") == "My-Project/api"
