"""What sets are called, where they lie, and which of them metadata belongs to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recollect.domain.sets import (
    MAX_SET_ID_CHARACTERS,
    OF_ORGANISATION,
    OF_PROJECT,
    OF_USER,
    PRODUCER,
    Project,
    SetKey,
    SetType,
    audience_of,
    located,
    set_type,
    sets_of,
)
from recollect.errors import InvalidRequest

HERE = Project("o1", "p1")
names = st.text(st.sampled_from("ap_:-1"), min_size=1, max_size=12) | st.sampled_from(
    ["a", "a_project_b", "b_project_c", "a_0_46b9dd2b0ba8__", "project_set", "日本"]
)
projects = st.builds(Project, names, names)
tags = st.lists(st.sampled_from(["a", "b", "a_b", "producer_id", "user_id", "x"]), max_size=3)
values = st.text(st.sampled_from("ab_%5F "), max_size=6) | st.sampled_from(["x_a_y", "a_b"])
set_types = st.builds(set_type, tags, is_org_level=st.booleans())


@pytest.mark.parametrize(
    ("of_type", "metadata", "key"),
    [
        (OF_PROJECT, {}, SetKey("o1/p1", "mem_project_set_org_o1_project_p1_0_46b9dd2b0ba8__")),
        (OF_ORGANISATION, {}, SetKey("o1", "mem_set_type_org_o1_0_46b9dd2b0ba8__")),
        (
            OF_USER,
            {"producer_id": "alice"},
            SetKey("o1", "mem_user_set_org_o1_1_7e8d0b20c039__producer_id_alice"),
        ),
        (
            set_type(["user_id", "session_id"], is_org_level=False),
            {"user_id": "u", "session_id": 7, "more": "x"},
            SetKey(
                "o1/p1",
                "mem_other_set_org_o1_project_p1_2_0865ae95fe0a__session_id_7_user_id_u",
            ),
        ),
    ],
)
def test_ids_are_those_that_memmachine_gives(
    of_type: SetType, metadata: dict[str, str | int], key: SetKey
) -> None:
    assert of_type.key(HERE, metadata) == key


def test_keys_without_a_value_are_left_out_of_the_id() -> None:
    by_team = set_type(["team", "user_id"], is_org_level=False)

    assert by_team.key(HERE, {"team": None}) == OF_PROJECT.key(HERE, {})
    assert by_team.key(HERE, {"team": False}).set_id.endswith("__team_False")


def test_tags_are_trimmed_sorted_and_kept_once() -> None:
    assert set_type([" b", "a", "b ", ""], is_org_level=True).tags == ("a", "b")


@given(
    st.lists(st.tuples(projects, set_types, st.lists(values, min_size=6, max_size=6)), min_size=2)
)
def test_no_two_sets_share_a_key(made: list[tuple[Project, SetType, list[str]]]) -> None:
    known: dict[SetKey, object] = {}
    for project, of_type, given_values in made:
        metadata = dict(
            zip(["a", "b", "a_b", "producer_id", "user_id", "x"], given_values, strict=True)
        )
        meant = (
            project.org,
            None if of_type.is_org_level else project.name,
            {tag: metadata[tag] for tag in of_type.tags},
        )
        assert known.setdefault(of_type.key(project, metadata), meant) == meant


@pytest.mark.parametrize("is_org_level", [True, False])
def test_values_that_look_like_pairs_make_another_set(*, is_org_level: bool) -> None:
    by_both = set_type(["k1", "k2"], is_org_level=is_org_level)

    one = by_both.key(HERE, {"k1": "x_k2_y", "k2": "z"})
    other = by_both.key(HERE, {"k1": "x", "k2": "y_k2_z"})
    encoded = by_both.key(HERE, {"k1": "x%5Fk2%5Fy", "k2": "z"})

    assert len({one, other, encoded}) == 3


@given(projects, set_types, st.dictionaries(st.sampled_from(["a", "user_id"]), values))
def test_a_caller_finds_its_own_sets_by_their_ids(
    project: Project, of_type: SetType, metadata: dict[str, str]
) -> None:
    key = of_type.key(project, metadata)

    assert located(project, key.set_id) == key


@given(projects, projects, set_types)
def test_a_foreign_id_leads_to_nothing_of_others(
    caller: Project, other: Project, of_type: SetType
) -> None:
    meant = located(caller, of_type.key(other, {}).set_id)

    assert meant.scope in (caller.org, caller.scope)


def test_an_invented_id_is_the_callers_own() -> None:
    assert located(HERE, "mem_project_set_p9") == SetKey("o1/p1", "mem_project_set_p9")
    foreign = OF_ORGANISATION.key(Project("o2", "p"), {}).set_id
    assert located(HERE, foreign) == SetKey("o1/p1", foreign)


@pytest.mark.parametrize(
    "set_id", ["", "x", "mem_", "project_set_x", "xmem_user_set", "mem_user_set" + 4000 * "x"]
)
def test_other_ids_are_refused(set_id: str) -> None:
    with pytest.raises(InvalidRequest):
        located(HERE, set_id)


def test_values_too_long_for_an_id_are_refused_without_repeating_them() -> None:
    with pytest.raises(InvalidRequest) as refused:
        OF_USER.key(HERE, {"producer_id": "secret" * MAX_SET_ID_CHARACTERS})

    assert "secret" not in str(refused.value)


def test_the_organisation_and_the_project_always_have_their_sets() -> None:
    assert set(sets_of(HERE, [], {})) == {OF_ORGANISATION.key(HERE, {}), OF_PROJECT.key(HERE, {})}


def test_a_known_producer_adds_the_users_set() -> None:
    metadata = {"producer_id": "alice"}

    assert OF_USER.key(HERE, metadata) in sets_of(HERE, [], metadata)
    assert len(sets_of(HERE, [], {"producer_id": None})) == 2


def test_a_type_applies_when_all_of_its_tags_have_values() -> None:
    by_team = set_type(["team", "role"], is_org_level=False)

    assert by_team.key(HERE, {"team": "t", "role": "r"}) in sets_of(
        HERE, [by_team], {"team": "t", "role": "r", "more": "x"}
    )
    assert len(sets_of(HERE, [by_team], {"team": "t"})) == 2


def test_a_type_of_ones_own_names_the_set_that_a_built_in_type_has_too() -> None:
    own = SetType(id="7", tags=(), is_org_level=False, name="Ours")

    found = sets_of(HERE, [own], {})

    assert len(found) == 2
    assert found[OF_PROJECT.key(HERE, {})] is own


def test_a_type_holds_its_sets_and_no_others() -> None:
    by_team = set_type(["team"], is_org_level=False)
    key = by_team.key(HERE, {"team": "a"})

    assert by_team.holds("o1", key)
    assert by_team.holds("o1", by_team.key(Project("o1", "p2"), {"team": "b"}))
    assert not by_team.holds("o2", key)
    assert not by_team.holds("o1", set_type(["team"], is_org_level=True).key(HERE, {"team": "a"}))
    assert not by_team.holds("o1", SetKey(HERE.scope, "mem_other_set_x"))
    assert not by_team.holds("o1", OF_PROJECT.key(HERE, {}))


def test_ids_tell_the_sets_of_projects() -> None:
    assert audience_of("mem_project_set_invented") == "project"
    assert audience_of(OF_ORGANISATION.key(HERE, {}).set_id) == "organisation"
    assert audience_of(OF_USER.key(HERE, {PRODUCER: "ann"}).set_id) == "user"
    assert audience_of("mem_other_set_invented") == "other"
