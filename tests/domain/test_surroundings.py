from hypothesis import given
from hypothesis import strategies as st

from recollect.domain.surroundings import unified

TALK = list("abcdefghij")


def test_what_stands_around_the_best_goes_before_the_second_best() -> None:
    assert unified(["e", "a"], [TALK], before=1, after=2, limit=4) == dict.fromkeys("defg", "e")
    assert unified(["e", "a"], [TALK], before=1, after=2, limit=5) == {
        **dict.fromkeys("defg", "e"),
        "a": "a",
    }


def test_of_what_has_no_room_the_nearest_is_given_and_what_follows_is_nearer() -> None:
    def given(limit: int) -> set[str]:
        return set(unified(["e"], [TALK], before=3, after=3, limit=limit))

    assert [given(n) - given(n - 1) for n in range(1, 8)] == [
        {"e"}, {"f"}, {"g"}, {"d"}, {"h"}, {"c"}, {"b"},
    ]  # fmt: skip


def test_nothing_is_taken_from_another_session() -> None:
    assert unified(["c"], [["a", "b"], ["c"], ["d"]], before=2, after=2, limit=9) == {"c": "c"}


@given(
    found=st.lists(st.sampled_from(TALK), unique=True),
    before=st.integers(0, 4),
    after=st.integers(0, 4),
    limit=st.integers(1, 12),
)
def test_as_much_is_given_as_there_is_room_for_and_the_best_always(
    found: list[str], before: int, after: int, limit: int
) -> None:
    given = unified(found, [TALK], before, after, limit)
    near = {
        TALK[place]
        for nucleus in found
        for place in range(len(TALK))
        if -before <= place - TALK.index(nucleus) <= after
    }
    assert len(given) == min(limit, len(near))
    assert set(given) <= near
    assert set(found[:1]) <= set(given)
    assert set(given.values()) <= set(found)
