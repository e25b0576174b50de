from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import filters, memories

from recollect.domain.filters import And, Comparison, Filter, In, Not, Operator, RecordField
from recollect.domain.memory import Kind, Memory
from recollect.domain.scopes import EVERYWHERE
from recollect.domain.selection import Selection

KIND = RecordField("kind")
FACTS = In(KIND, ("fact",))
EVERY = frozenset(Kind)


def kinds_of(condition: Filter | None) -> frozenset[str]:
    return Selection(scopes=EVERYWHERE, filter=condition).kinds


def test_a_plain_condition_tells_the_kinds() -> None:
    tea = Comparison(RecordField("tag"), Operator.EQ, "tea")
    assert kinds_of(None) == EVERY
    assert kinds_of(FACTS) == {"fact"}
    assert kinds_of(And((tea, And((FACTS, tea))))) == {"fact"}
    assert kinds_of(And((FACTS, In(KIND, ("note", "episode"))))) == frozenset()
    assert kinds_of(Not(FACTS)) == EVERY


@given(condition=filters(), memory=memories(), kinds=st.sets(st.sampled_from(Kind), min_size=1))
def test_what_is_selected_is_of_these_kinds(
    condition: Filter, memory: Memory, kinds: set[Kind]
) -> None:
    both = And((In(KIND, tuple(kind.value for kind in kinds)), condition))
    selection = Selection(scopes=EVERYWHERE, filter=both)
    assert not selection.holds(memory) or memory.kind in selection.kinds <= kinds
