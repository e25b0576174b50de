"""Where notes lie as files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.yaml_texts import names, scopes

from recollect.domain.note_paths import (
    PathSet,
    check_portable,
    folded,
    identities,
    is_note_path,
    path_of,
)
from recollect.errors import InvalidRequest

NEAR_PATHS = st.sampled_from(
    ["a.md", "A.md", "a.md/b.md", "A.MD/B.md", "b.md", "\u00e9.md", "e\u0301.md"]
)


def path_set(*paths: str) -> PathSet:
    made = PathSet()
    made.replace(paths)
    return made


@pytest.mark.parametrize(
    ("scope", "name", "path"),
    [
        ("", "tea", "global/tea.md"),
        ("", "db/pool", "global/db/pool.md"),
        ("acme", "tea", "projects/acme/tea.md"),
        ("acme/api", "db/pool", "projects/acme/api/db/pool.md"),
    ],
)
def test_a_note_lies_where_the_format_says(scope: str, name: str, path: str) -> None:
    assert path_of(scope, name) == path


@given(scopes, names)
def test_a_path_tells_all_that_may_lie_there(scope: str, name: str) -> None:
    path = path_of(scope, name)

    assert is_note_path(path)
    assert (scope, name) in identities(path)
    assert {path_of(*identity) for identity in identities(path)} == {path}


def test_the_longest_scope_comes_first() -> None:
    assert identities("projects/a/b/c/d/e.md") == (
        ("a/b/c/d", "e"), ("a/b/c", "d/e"), ("a/b", "c/d/e"),
    )  # fmt: skip
    assert identities("projects/a/b.md") == (("a", "b"),)
    assert identities("global/a/b/c.md") == (("", "a/b/c"),)


@pytest.mark.parametrize(
    "path",
    [
        "tea.md", "global/tea.txt", "global/tea.MD", "global/.tea.md", "global/.md", "global",
        "projects/.git/tea.md", "other/tea.md", "/global/tea.md", "global//tea.md",
        "global/../tea.md",
        "Global/tea.md", "", "global/a/.hidden/tea.md",
    ],
)  # fmt: skip
def test_other_files_are_no_notes(path: str) -> None:
    assert not is_note_path(path)
    assert identities(path) == ()


@pytest.mark.parametrize(
    "path", ["projects/tea.md", "global/a b.md", "global/a/b/c/d.md", "projects/a:b/tea.md"]
)
def test_a_note_may_lie_where_no_new_one_would(path: str) -> None:
    assert is_note_path(path)
    assert identities(path) == ()


@pytest.mark.parametrize(
    ("scope", "name"),
    [
        ("", "tea"), ("acme/api", "db/pool.timeout"), ("", "console"), ("", "com10"), ("", "foo."),
        ("", "東京"), ("", "a" * 237), ("a" * 240, "tea"), ("", "my-con"), ("", "x.con"),
    ],
)  # fmt: skip
def test_names_that_every_system_can_hold_pass(scope: str, name: str) -> None:
    check_portable(scope, name)


@pytest.mark.parametrize(
    ("scope", "name"),
    [
        ("", "con"), ("", "CON"), ("", "nul.txt"), ("", "db/Aux"), ("prn", "tea"),
        ("a/lpt1.x", "tea"),
        ("", "com¹"), ("", "COM9"), ("a.", "tea"), ("", "a./tea"), ("", "a" * 238), ("", "é" * 119),
        ("a" * 241, "tea"), ("a:b", "tea"), ("all", "tea"), ("global", "tea"), ("", "a b"),
        ("", ""),
        ("../a", "tea"), ("", "../tea"), ("", "/tea"), ("", ".tea"), ("a//b", "tea"), ("", "a\\b"),
    ],
)  # fmt: skip
def test_names_that_some_system_cannot_hold_are_refused(scope: str, name: str) -> None:
    with pytest.raises(InvalidRequest):
        check_portable(scope, name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (path_of("", "Tea"), path_of("", "tea")), (path_of("", "foo"), path_of("", "foo.md/x")),
        (path_of("", "foo.md/x"), path_of("", "FOO")),
        ("global/caf\u00e9.md", "global/cafe\u0301.md"), ("global/가.md", "global/\u1100\u1161.md"),
        (path_of("", "ΣΑΣ"), path_of("", "σας")), (path_of("", "straße"), path_of("", "STRASSE")),
    ],
)  # fmt: skip
def test_paths_that_cannot_lie_side_by_side_collide(one: str, other: str) -> None:
    assert path_set(one).blocks(other)
    assert path_set(other).blocks(one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (path_of("", "foo"), path_of("", "foo/x")), (path_of("", "a"), path_of("", "b")),
        (path_of("", "a"), path_of("a", "a")), (path_of("", "foo"), path_of("", "foo.mdx")),
    ],
)  # fmt: skip
def test_other_paths_do_not(one: str, other: str) -> None:
    assert not path_set(one).blocks(other)
    assert not path_set(one).blocks(one)


@given(st.lists(st.sets(NEAR_PATHS)), NEAR_PATHS)
def test_a_set_of_paths_blocks_what_its_last_paths_do(contents: list[set[str]], path: str) -> None:
    paths = PathSet()
    for content in contents:
        paths.replace(content)

    last = contents[-1] if contents else set[str]()
    assert paths.blocks(path) == any(path_set(one).blocks(path) for one in last)


@given(st.text())
def test_folding_twice_folds_no_further(path: str) -> None:
    assert folded(folded(path)) == folded(path)
