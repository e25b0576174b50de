"""The rules that every store applies in its write transaction."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import episode, fact, note

from recollect.domain.changes import UNPLACED
from recollect.domain.memory import Episode, Memory
from recollect.domain.placing import expect, placed
from recollect.domain.selection import Position
from recollect.errors import AlreadyExists, NotFound, RevisionConflict


def test_an_unplaced_episode_is_put_at_the_next_position_of_its_session() -> None:
    asked: list[tuple[str, str]] = []

    def next_position(scope: str, session: str) -> int:
        asked.append((scope, session))
        return 7

    memory = placed(episode(scope="a", session="s", position=UNPLACED), next_position)

    assert isinstance(memory.detail, Episode)
    assert memory.detail.position == 7
    assert asked == [("a", "s")]


@pytest.mark.parametrize("memory", [episode(position=0), episode(position=3), note(), fact()])
def test_what_has_its_place_keeps_it(memory: Memory) -> None:
    assert placed(memory, lambda _scope, _session: pytest.fail("nobody asks")) is memory


@given(st.integers(0, 3), st.integers(0, 3))
def test_a_change_must_expect_what_is_there(expected: int, found: int) -> None:
    if expected == found:
        expect("x", expected, found)
        return
    error = AlreadyExists if expected == 0 else NotFound if found == 0 else RevisionConflict

    with pytest.raises(error) as refused:
        expect("x", expected, found)

    assert type(refused.value) is error


def test_a_position_orders_by_scope_name_time_place_and_id() -> None:
    memories = [note(name="b", scope="a"), note(name="a", scope="b"), episode(scope="a")]

    ordered = sorted(memories, key=Position.of)

    assert ordered == [memories[2], memories[0], memories[1]]
    assert Position.of(episode(position=4)).place == 4
    assert Position.of(fact()).name == ""
