"""Hypothesis strategies for memories and filters; small pools make the two meet often."""

from datetime import UTC, datetime

from hypothesis import strategies as st

from recollect.domain.filters import (
    FIELD_TYPES,
    TAGS,
    And,
    Comparison,
    Field,
    Filter,
    In,
    IsNull,
    MetadataKey,
    Not,
    Operator,
    Or,
    RecordField,
    Value,
    ValueType,
    type_of,
)
from recollect.domain.memory import Detail, Episode, Fact, JsonValue, Memory, Note
from recollect.domain.scopes import ScopeSet

WORDS = ("", "tea", "Tea", "tea ", "it's", 'a "b" \\c', "чай", "お茶", "\uffff", "🍵", "1", "true")
KEYS = ("topic", "user-id", "a.b", "город", "", "$", "it's", "[0]", "a b")
NUMBERS = (0, 1, -1, -0.0, 1.0, 1.5, -2.5, 2**53 + 1, float(2**53), 2**63 - 1, -(2**63), 1e300)
MOMENTS = tuple(
    datetime(*parts, tzinfo=UTC)
    for parts in [(1, 1, 1), (1969, 12, 31, 23, 59, 59, 999_999), (2026, 1, 1), (9999, 12, 31)]
)

characters = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
texts = st.sampled_from(WORDS) | st.text(characters, max_size=8)
key_characters = st.characters(
    min_codepoint=ord(" "), exclude_characters='"\\', exclude_categories=["Cs"]
)
keys = st.sampled_from(KEYS) | st.text(key_characters, max_size=8)
numbers: st.SearchStrategy[int | float] = (
    st.sampled_from(NUMBERS)
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
)
moments = st.sampled_from(MOMENTS) | st.datetimes(timezones=st.just(UTC))
json_values: st.SearchStrategy[JsonValue] = st.one_of(
    st.none(), st.booleans(), st.booleans(), numbers, texts, st.lists(texts | numbers, max_size=2),
    st.dictionaries(keys, numbers, max_size=2),
)  # fmt: skip

_details: st.SearchStrategy[Detail] = st.one_of(
    st.builds(Note, name=texts),
    st.builds(
        Episode,
        producer=texts,
        produced_for=st.none() | texts,
        role=st.none() | texts,
        session=texts,
        position=st.integers(0, 3),
    ),
    st.builds(
        Fact,
        category=texts,
        tag=texts,
        feature=texts,
        set_id=texts,
        valid_from=st.none() | moments,
        valid_to=st.none() | moments,
    ),
)


def memories() -> st.SearchStrategy[Memory]:
    """Memories of every kind, with odd characters everywhere."""
    return st.builds(
        Memory,
        id=st.uuids(version=4).map(str),
        scope=st.sampled_from(["", "work", "work/recollect"]),
        content=texts,
        detail=_details,
        occurred_at=moments,
        created_at=moments,
        updated_at=moments,
        revision=st.integers(1, 3),
        tags=st.lists(texts, max_size=3).map(tuple),
        metadata=st.dictionaries(keys, json_values, max_size=4),
        source=st.none() | texts,
        external_id=st.none() | texts,
        importance=st.none() | st.sampled_from([0.0, 0.5, 1.0]) | st.floats(0, 1),
        expires_at=st.none() | moments,
    )


def filters(about: Memory | None = None) -> st.SearchStrategy[Filter]:
    """Filters that `parse` could have given; of a memory, on what it has."""
    return st.recursive(conditions(about), _compounds, max_leaves=6)


def conditions(about: Memory | None = None) -> st.SearchStrategy[Filter]:
    """Filters of a single condition."""
    return st.one_of(_on_metadata(about), _on_tags(about), _on_record())


def _compounds(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    parts = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.builds(And, parts) | st.builds(Or, parts) | st.builds(Not, inner)


_VALUES: dict[ValueType, st.SearchStrategy[Value]] = {
    ValueType.TEXT: texts,
    ValueType.NUMBER: numbers,
    ValueType.BOOLEAN: st.booleans(),
    ValueType.DATE: moments,
}


@st.composite
def _on_metadata(draw: st.DrawFn, about: Memory | None) -> Filter:
    metadata = about.metadata if about else {}
    key = draw(st.sampled_from(sorted(metadata)) if metadata and draw(st.integers(0, 3)) else keys)
    own = metadata.get(key)
    kind = draw(st.sampled_from([ValueType.TEXT, ValueType.NUMBER, ValueType.BOOLEAN]))
    if draw(st.booleans()):
        kind = type_of(own) or kind
    values = _VALUES[kind] | st.just(own) if type_of(own) is kind else _VALUES[kind]
    return draw(_condition(MetadataKey(key), list(Operator), values))


@st.composite
def _on_tags(draw: st.DrawFn, about: Memory | None) -> Filter:
    values = texts | st.sampled_from(about.tags) if about and about.tags else texts
    return draw(_condition(TAGS, [Operator.EQ, Operator.NE], values))


@st.composite
def _on_record(draw: st.DrawFn) -> Filter:
    name = draw(st.sampled_from(sorted(FIELD_TYPES.keys() - {"tags"})))
    return draw(_condition(RecordField(name), list(Operator), _VALUES[FIELD_TYPES[name]]))


def _condition(
    field: Field, operators: list[Operator], values: st.SearchStrategy[Value]
) -> st.SearchStrategy[Filter]:
    return st.one_of(
        st.builds(Comparison, st.just(field), st.sampled_from(operators), values),
        st.builds(In, st.just(field), st.lists(values, min_size=1, max_size=3).map(tuple)),
        st.just(IsNull(field)),
    )


def scope_sets() -> st.SearchStrategy[ScopeSet]:
    """Sets of scopes around those that memories have."""
    scopes = st.sampled_from(["", "work", "work/recollect", "work/recollect/x", "wor", "a"])
    listed = st.frozensets(scopes, max_size=3)
    return st.builds(ScopeSet, listed, listed | st.just(frozenset[str]()))
