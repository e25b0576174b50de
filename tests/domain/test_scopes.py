"""Scopes and sets of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recollect.domain.access import Principal, Right
from recollect.domain.scopes import (
    EVERYWHERE,
    MAX_DEPTH,
    RESERVED,
    Look,
    ScopeSet,
    check_scope,
    contains,
)
from recollect.errors import Denied, InvalidRequest

scopes = st.lists(st.sampled_from(["a", "b", "ab"]), max_size=3).map("/".join)
listed = st.frozensets(scopes, max_size=3)
scope_sets = st.builds(ScopeSet, listed, listed)


@given(scope_sets, scope_sets, st.lists(scopes))
def test_narrowed_sets_cover_what_both_cover(
    one: ScopeSet, other: ScopeSet, asked: list[str]
) -> None:
    both = one.narrowed_to(other)

    for scope in asked:
        assert both.covers(scope) is (one.covers(scope) and other.covers(scope))
        assert other.narrowed_to(one).covers(scope) is both.covers(scope)


@given(scope_sets, scopes)
def test_everything_narrows_nothing(scope_set: ScopeSet, scope: str) -> None:
    assert scope_set.narrowed_to(EVERYWHERE).covers(scope) is scope_set.covers(scope)
    assert EVERYWHERE.covers(scope)
    assert not ScopeSet().covers(scope)


@given(scopes, scopes)
def test_looks_cover_what_their_names_say(at: str, scope: str) -> None:
    below = at == "" or (scope + "/").startswith(at + "/")

    assert ScopeSet.of(at, Look.EXACT).covers(scope) is (scope == at)
    assert ScopeSet.of(at, Look.SUBTREE).covers(scope) is below
    assert ScopeSet.of(at, Look.SUBTREE_AND_GLOBAL).covers(scope) is (below or scope == "")
    assert ScopeSet.of(at, Look.ALL).covers(scope)
    assert contains(at, scope) is below


@given(st.frozensets(scopes), scopes)
def test_a_list_covers_its_members_only(members: frozenset[str], scope: str) -> None:
    assert ScopeSet.listed(members).covers(scope) is (scope in members)


@pytest.mark.parametrize(
    "scope",
    ["", "a", "acme/api", "Ünï-cødé/東京/_x.y:z", "-", "a/all", "global/a", "/".join("abcdefghij")],
)
def test_a_scope_is_a_path_of_words(scope: str) -> None:
    assert check_scope(scope) == scope


@pytest.mark.parametrize(
    "scope",
    ["/", "/a", "a/", "a//b", ".a", "a/.b", "..", "a b", "a\n", "a\0", "a*", "%", "🍵",
     *sorted(RESERVED), "/".join("a" * (MAX_DEPTH + 1)), "x" * 1001, "é" * 501, "\ud800"],
)  # fmt: skip
def test_anything_else_is_no_scope(scope: str) -> None:
    with pytest.raises(InvalidRequest):
        check_scope(scope)


@given(scope_sets, st.frozensets(st.sampled_from(Right)), st.sampled_from(Right), st.lists(scopes))
def test_a_right_is_given_where_credential_and_scopes_allow_it(
    reach: ScopeSet, rights: frozenset[Right], right: Right, touched: list[str]
) -> None:
    principal = Principal(name="x", tenant="t", scopes=reach, rights=rights)
    allowed = right in rights and all(reach.covers(scope) for scope in touched)

    if allowed:
        principal.require(right, tuple(touched))
    else:
        with pytest.raises(Denied):
            principal.require(right, tuple(touched))
