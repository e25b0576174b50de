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
)
from recollect.domain.memory import Detail, Episode, Fact, JsonValue, Memory, Note

WORDS = ("", "tea", "Tea", "tea ", "it's", 'a "b" \\c', "чай", "お茶", "\uffff", "🍵", "1", "true")
KEYS = ("topic", "user-id", "a.b", "город", "", "$", "it's", "[0]", "a b")
NUMBERS = (0, 1, -1, -0.0, 1.0, 1.5, -2.5, 2**53 + 1, float(2**53), 2**63 - 1, -(2**63), 1e300)
MOMENTS = tuple(
    datetime(*parts, tzinfo=UTC)
    for parts in [(1, 1, 1), (1969, 12, 31, 23, 59, 59, 999_999), (2026, 1, 1), (9999, 12, 31)]
)

characters = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
texts = st.sampled_from(WORDS) | st.text(characters, max_size=8)
keys = st.sampled_from(KEYS) | st.text(
    characters.filter(lambda c: c >= " " and c not in '"\\'), max_size=8
)
numbers: st.SearchStrategy[int | float] = (
    st.sampled_from(NUMBERS)
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
)
moments = st.sampled_from(MOMENTS) | st.datetimes(timezones=st.just(UTC))
json_values: st.SearchStrategy[JsonValue] = st.one_of(
    st.none(), st.booleans(), numbers, texts, st.lists(texts | numbers, max_size=2),
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


def filters() -> st.SearchStrategy[Filter]:
    """Filters that `parse` could have given."""
    return st.recursive(_conditions(), _compounds, max_leaves=8)


def _compounds(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    parts = st.lists(inner, min_size=2, max_size=4).map(tuple)
    return st.builds(And, parts) | st.builds(Or, parts) | st.builds(Not, inner)


_VALUES: dict[ValueType, st.SearchStrategy[Value]] = {
    ValueType.TEXT: texts,
    ValueType.NUMBER: numbers,
    ValueType.BOOLEAN: st.booleans(),
    ValueType.DATE: moments,
}


@st.composite
def _conditions(draw: st.DrawFn) -> Filter:
    field: Field
    if draw(st.booleans()):
        field = MetadataKey(draw(keys))
        kind = draw(st.sampled_from([ValueType.TEXT, ValueType.NUMBER, ValueType.BOOLEAN]))
    else:
        field = RecordField(draw(st.sampled_from(sorted(FIELD_TYPES))))
        kind = FIELD_TYPES[field.name]
    values = _VALUES[kind]
    operators = [Operator.EQ, Operator.NE] if field == TAGS else list(Operator)
    return draw(
        st.builds(Comparison, st.just(field), st.sampled_from(operators), values)
        | st.builds(In, st.just(field), st.lists(values, min_size=1, max_size=3).map(tuple))
        | st.builds(IsNull, st.just(field))
    )
