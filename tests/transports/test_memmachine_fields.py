"""The filter language of the face of MemMachine: its names, and what they mean for each kind."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import episode, fact

from recollect.api.memmachine.fields import EPISODES, FACTS, TYPES, printed, translated
from recollect.domain.filters import ValueType, matches, parse
from recollect.domain.memory import Episode, Fact, Memory
from recollect.errors import InvalidFilter

THEN = datetime(2026, 1, 2, tzinfo=UTC)
SAID = replace(
    episode("Tea."),
    scope="acme/chat",
    detail=Episode(producer="ann", produced_for="bot", role="user", session="", position=0),
    occurred_at=THEN,
    metadata={"topic": "tea", "n": "5", "done": "true", "real": 7},
)
KNOWN = replace(
    fact("Green."),
    scope="acme/chat",
    detail=Fact(category="profile", tag="Food", feature="tea", set_id="mem_project_set_x"),
    occurred_at=THEN,
    metadata={"n": "5"},
)


def holds(text: str, memory: Memory) -> bool:
    names = EPISODES if memory is SAID else FACTS
    translation = printed(translated(text, names))
    assert translation is not None
    condition = parse(translation)
    assert condition is not None
    return matches(condition, memory)


@pytest.mark.parametrize(
    "text",
    [
        "producer_id = 'ann'", "PRODUCER_ID = ann", "producer_role = 'user'",
        "produced_for_id IN ('x', 'bot')", "content = 'Tea.'", "session_key = 'acme/chat'",
        "session = 'acme/chat'", "created_at >= date('2026-01-02T00:00:00Z')",
        "timestamp < date('2026-01-03')", "m.topic = 'tea'", "metadata.topic != 'coffee'",
        "NOT m.topic = 'coffee'", "m.nothing IS NULL", "m.topic IS NOT NULL",
        f"uid = '{SAID.id}'", f"id IN ('{SAID.id}')", f"episode_uid = '{SAID.id}'",
    ],
)  # fmt: skip
def test_the_names_of_episodes_are_those_of_their_fields(text: str) -> None:
    assert holds(text, SAID)
    assert not holds(f"NOT ({text})", SAID)


@pytest.mark.parametrize(
    "text",
    [
        "category = 'profile'", "category_name = 'profile'", "semantic_category_id = 'profile'",
        "tag = 'Food'", "tag_id = 'Food'", "feature = 'tea'", "feature_name = 'tea'",
        "value = 'Green.'", "set_id = 'mem_project_set_x'", "set = 'mem_project_set_x'",
        "created_at = date('2026-01-02')", "updated_at IS NOT NULL", "m.n = 5",
    ],
)  # fmt: skip
def test_the_names_of_features_are_those_of_facts(text: str) -> None:
    assert holds(text, KNOWN)
    assert not holds(f"NOT ({text})", KNOWN)


@pytest.mark.parametrize(
    ("text", "memory"),
    [
        ("category = 'profile'", SAID), ("category != 'profile'", SAID), ("value = 'Tea.'", SAID),
        ("set_id IN ('')", SAID), ("producer_id = 'ann'", KNOWN), ("producer_id != 'x'", KNOWN),
        ("content = 'Green.'", KNOWN), ("session_key = 'acme/chat'", KNOWN),
        ("episode_type = 'message'", KNOWN), ("uid = 'x'", KNOWN), ("m.other != 'x'", KNOWN),
    ],
)  # fmt: skip
def test_what_a_kind_does_not_have_is_unknown_of_it(text: str, memory: Memory) -> None:
    assert not holds(text, memory)
    assert not holds(f"NOT {text}", memory)


def test_what_a_kind_does_not_have_is_null() -> None:
    assert holds("category IS NULL", SAID)
    assert not holds("category IS NOT NULL", SAID)
    assert holds("producer_id IS NULL AND content IS NULL", KNOWN)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("episode_type = 'message'", True), ("episode_type = MESSAGE", True),
        ("episode_type IN ('x', 'MESSAGE')", True), ("episode_type != 'message'", False),
        ("NOT episode_type = 'x'", True), ("episode_type IS NULL", False),
        ("content_type = 'string'", True), ("content_type = 'message'", False),
        ("content_type NOT IN ('string')", False), ("episode_type > 'a'", True),
    ],
)  # fmt: skip
def test_what_all_episodes_have_in_common_can_be_asked(text: str, *, answer: bool) -> None:
    assert holds(text, SAID) is answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("m.n = 5", True), ("m.n = 6", False), ("m.n != 5", False), ("m.n != 6", True),
        ("NOT m.n = 6", True), ("NOT m.n = 5", False), ("NOT (m.n != 6)", False),
        ("m.n IN (4, 5)", True), ("m.n NOT IN (4, 6)", True), ("m.n NOT IN (4, 5)", False),
        ("m.n = '5'", True), ("m.real = 7", True), ("m.real != 8", True), ("m.real > 6.5", True),
        ("m.real = '7'", False), ("m.done = TRUE", True), ("m.done != TRUE", False),
        ("m.done = FALSE", False), ("m.nothing = 5", False), ("m.nothing != 5", False),
        ("NOT m.nothing = 5", False),
    ],
)  # fmt: skip
def test_metadata_is_text_that_may_look_like_a_number(text: str, *, answer: bool) -> None:
    assert holds(text, SAID) is answer


@pytest.mark.parametrize(
    "text",
    [
        "nothing = 'x'", "occurred_at IS NULL", "producer = 'ann'", "scope = 'x'", "kind = 'note'",
        "m.t=\"tea\"", "a-b", "created_at = 'x'", "producer_id = 5", "m.n = -", "uid =",
    ],
)  # fmt: skip
def test_a_filter_that_means_nothing_is_refused(text: str) -> None:
    for names in (EPISODES, FACTS):
        with pytest.raises(InvalidFilter):
            translated(text, names)


LITERALS = {ValueType.TEXT: "'it''s'", ValueType.DATE: "date('2026-01-02')"}
CONDITIONS = st.one_of(
    st.sampled_from(sorted(TYPES)).map(lambda name: f"{name} = {LITERALS[TYPES[name]]}"),
    st.sampled_from(["m.n = 5", "m.n IN (1, 2)", "m.topic = 'tea'", "m.done != TRUE"]),
    st.sampled_from(sorted(TYPES)).map(lambda name: f"{name} IS NULL"),
)
FILTERS = st.recursive(
    CONDITIONS,
    lambda inner: st.one_of(
        inner.map(lambda text: f"NOT ({text})"),
        st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(
            lambda parts: f"({' '.join(parts)})"
        ),
    ),
    max_leaves=8,
)


@given(FILTERS)
def test_a_memory_matches_a_filter_or_its_negation_but_never_both(text: str) -> None:
    for memory in (SAID, KNOWN):
        assert not (holds(text, memory) and holds(f"NOT ({text})", memory))


@given(FILTERS, FILTERS)
def test_a_filter_keeps_its_meaning_inside_others(one: str, other: str) -> None:
    for memory in (SAID, KNOWN):
        either = holds(one, memory) or holds(other, memory)
        both = holds(one, memory) and holds(other, memory)
        assert holds(f"({one}) OR ({other})", memory) is either
        assert holds(f"NOT (NOT ({one}) OR NOT ({other}))", memory) is both
