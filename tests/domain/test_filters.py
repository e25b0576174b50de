from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import filters, memories

from recollect.domain.filter_text import text_of
from recollect.domain.filters import (
    MAX_CONDITIONS,
    MAX_DEPTH,
    MAX_LENGTH,
    And,
    Comparison,
    Filter,
    In,
    IsNull,
    MetadataKey,
    Not,
    Operator,
    Or,
    RecordField,
    ValueType,
    all_of,
    evaluate,
    matches,
    parse,
)
from recollect.domain.memory import Episode, Fact, Memory, Note
from recollect.errors import InvalidFilter

THEN = datetime(2026, 1, 1, tzinfo=UTC)
TOPIC = MetadataKey("topic")
TEA = Comparison(TOPIC, Operator.EQ, "tea")


def note(**changes: object) -> Memory:
    values = {
        "id": "1", "scope": "work", "content": "Tea at four.", "detail": Note(name="tea"),
        "occurred_at": THEN, "created_at": THEN, "updated_at": THEN,
    }  # fmt: skip
    return Memory(**(values | changes))  # type: ignore[arg-type]


def holds(text: str, **changes: object) -> bool | None:
    condition = parse(text)
    assert condition is not None
    return evaluate(condition, note(**changes))


# Reading


@pytest.mark.parametrize("text", ["", "  \n\t "])
def test_a_blank_text_is_no_filter(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("m.topic = 'tea'", TEA),
        ("metadata.topic='tea'", TEA),
        ('m."topic" = tea', TEA),
        (" ( m.topic = tea ) ", TEA),
        ("m.a.b = 'O''Brien'", Comparison(MetadataKey("a.b"), Operator.EQ, "O'Brien")),
        ('m."user-id" = \'\'', Comparison(MetadataKey("user-id"), Operator.EQ, "")),
        ("m.город = 'Тверь'", Comparison(MetadataKey("город"), Operator.EQ, "Тверь")),
        ("m.in = and.or", Comparison(MetadataKey("in"), Operator.EQ, "and.or")),
        ("m.v = 1.2.3", Comparison(MetadataKey("v"), Operator.EQ, "1.2.3")),
        ("m.day = date", Comparison(MetadataKey("day"), Operator.EQ, "date")),
        ("m.n=-5", Comparison(MetadataKey("n"), Operator.EQ, -5)),
        ("m.n >= -1.50", Comparison(MetadataKey("n"), Operator.GE, -1.5)),
        ("m.n <> 9223372036854775807", Comparison(MetadataKey("n"), Operator.NE, 2**63 - 1)),
        ("m.x != TRUE", Comparison(MetadataKey("x"), Operator.NE, value=True)),
        ("m.x = false", Comparison(MetadataKey("x"), Operator.EQ, value=False)),
        ("m.topic in ('tea', coffee)", In(TOPIC, ("tea", "coffee"))),
        ("m.n NOT IN (1, -2.5)", Not(In(MetadataKey("n"), (1, -2.5)))),
        ("role IS NULL", IsNull(RecordField("role"))),
        ("m.topic is not null", Not(IsNull(TOPIC))),
        ("NOT m.topic = tea AND m.topic = tea", And((Not(TEA), TEA))),
        ("NOT (m.topic = tea AND m.topic = tea)", Not(And((TEA, TEA)))),
        (
            "m.topic = tea OR m.topic = tea AND m.topic = tea OR m.topic = tea",
            Or((TEA, And((TEA, TEA)), TEA)),
        ),
        ("Valid_To < DATE('2026-01-01')", Comparison(RecordField("valid_to"), Operator.LT, THEN)),
        (
            "created_at < date('2026-01-01T03:00:00+03:00')",
            Comparison(RecordField("created_at"), Operator.LT, THEN),
        ),
        ("tags = 'm.x'", Comparison(RecordField("tags"), Operator.EQ, "m.x")),
    ],
)  # fmt: skip
def test_a_filter_reads_as_its_grammar_says(text: str, expected: Filter) -> None:
    assert parse(text) == expected


def test_true_and_one_are_different_values() -> None:
    condition = parse("m.x = TRUE")
    assert isinstance(condition, Comparison)
    assert condition.value is True


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("topic = 'tea'", 0),  # an unknown field
        ("m. = 'tea'", 0),
        ("'m.topic' = 'tea'", 0),
        ("m.topic", 7),
        ("m.topic =", 9),
        ("m.topic 'tea'", 8),
        ("m.topic = 'tea", 10),
        ("m.topic = \"tea\"", 10),
        ("m.topic = 'it's'", 14),
        ("m.user-id = 'a'", 6),
        ("m.topic = 'tea' m.topic = 'tea'", 16),
        ("m.topic = 'tea')", 15),
        ("(m.topic = 'tea'", 16),
        ("m.topic = tea AND", 17),
        ("m.topic ; drop", 8),
        ("m.topic = null", 10),
        ("m.topic = not", 10),
        ("m.topic = 'a\0b'", 10),
        ("m.topic = 'a\ud800'", 10),
        ('m."a""b" = 1', 5),
        ('m."a\\b" = 1', 2),
        ('m."a\tb" = 1', 2),
        ("m.n = 9223372036854775808", 6),
        ("m.n = -9223372036854775809", 6),
        ("m.n = " + "9" * 5000, 6),
        ("m.n = " + "9" * 400 + ".0", 6),
        ("m.n = nan", 6),
        ("m.n = -inf", 6),
        ("m.n = 1e5", 6),
        ("m.n = .5", 6),
        ("m.n = ٣", 6),
        ("m.n IN ()", 8),
        ("m.n IN (1, 'a')", 7),
        ("m.n IN (1, TRUE)", 7),
        ("m.n IN (1,)", 10),
        ("m.n NOT (1)", 8),
        ("m.n IS 1", 7),
        ("revision = 'one'", 11),
        ("revision = TRUE", 11),
        ("name = 1", 7),
        ("name IN ('a', 1)", 14),
        ("created_at > 5", 13),
        ("created_at > '2026-01-01'", 13),
        ("created_at > date('soon')", 18),
        ("created_at > date(2026)", 18),
        ("created_at > date('0001-01-01T00:00:00+01:00')", 18),
        ("created_at > date('2026-01-01'", 30),
        ("m.day > date('2026-01-01')", 8),
        ("tags > 'a'", 5),
        ("tags = 1", 7),
    ],
)  # fmt: skip
def test_what_is_no_filter_is_refused_where_it_goes_wrong(text: str, position: int) -> None:
    with pytest.raises(InvalidFilter) as refusal:
        parse(text)
    assert refusal.value.code == "invalid_filter"
    assert refusal.value.position == position


@pytest.mark.parametrize(
    "text",
    [
        "hunter2 = 1", "m.x = 'hunter2", "m.x = 'a' hunter2", "revision = 'hunter2'", "m.x hunter2",
        "created_at > date('hunter2')", "m.x in (1, 'hunter2')", "m.day > date('hunter2')",
    ],
)  # fmt: skip
def test_a_refusal_repeats_no_value(text: str) -> None:
    with pytest.raises(InvalidFilter) as refusal:
        parse(text)
    assert "hunter2" not in f"{refusal.value} {refusal.value.__cause__}"


def test_a_face_has_its_own_names_for_fields() -> None:
    fields = {"when": ValueType.DATE, "uid": ValueType.TEXT}
    assert parse("UID = 'x'", fields) == Comparison(RecordField("uid"), Operator.EQ, "x")
    assert parse("when IS NULL", fields) == IsNull(RecordField("when"))
    with pytest.raises(InvalidFilter):
        parse("when = 'x'", fields)
    with pytest.raises(InvalidFilter):
        parse("occurred_at IS NULL", fields)


@pytest.mark.parametrize(
    ("allowed", "refused"),
    [
        ("id = a" + " " * (MAX_LENGTH - 6), "id = a" + " " * (MAX_LENGTH - 5)),
        ("(" * MAX_DEPTH + "id=a" + ")" * MAX_DEPTH, "(" * 2000 + "id=a" + ")" * 2000),
        ("NOT " * MAX_DEPTH + "id=a", "NOT " * (MAX_DEPTH + 1) + "id=a"),
        (" OR ".join(["id=a"] * MAX_CONDITIONS), " OR ".join(["id=a"] * (MAX_CONDITIONS + 1))),
    ],
)
def test_size_and_depth_have_limits(allowed: str, refused: str) -> None:
    assert parse(allowed) is not None
    with pytest.raises(InvalidFilter):
        parse(refused)


ANYTHING = st.text() | st.lists(
    st.sampled_from([
        "m.a", "created_at", "tags", "revision", "(", ")", "AND", "OR", "NOT", "IN", "IS", "NULL",
        "=", "<>", ">=", "'x'", "tea", "-1.5", "7", "TRUE", "date(", "date('2026-01-01')", ",",
        'm."b"', '"', "'", "-", "\0",
    ])
).map(" ".join)  # fmt: skip


@given(ANYTHING)
def test_any_text_is_a_filter_or_refused(text: str) -> None:
    try:
        parse(text)
    except InvalidFilter as refusal:
        assert 0 <= refusal.position <= len(text)  # noqa: PT017


@given(filters())
def test_a_printed_filter_reads_back_as_itself(condition: Filter) -> None:
    assert parse(text_of(condition)) == condition


# Meaning


@pytest.mark.parametrize(
    ("text", "metadata", "answer"),
    [
        ("m.n = 1", {"n": 1.0}, True),
        ("m.n > -1", {"n": -0.5}, True),
        ("m.n = 9007199254740993", {"n": float(2**53)}, False),
        ("m.n = 1", {"n": "1"}, None),
        ("m.n = '1'", {"n": 1}, None),
        ("m.n = 1", {"n": True}, None),
        ("m.n = TRUE", {"n": True}, True),
        ("m.n = TRUE", {"n": 1}, None),
        ("m.n != 1", {}, None),
        ("m.n != 1", {"n": None}, None),
        ("m.n != 1", {"n": [1]}, None),
        ("NOT m.n = 1", {}, None),
        ("m.n NOT IN (1, 2)", {}, None),
        ("m.n NOT IN (1, 2)", {"n": 3}, True),
        ("m.n IN (1.0, 2)", {"n": 1}, True),
        ("m.n IN ('a')", {"n": 1}, None),
        ("m.n IS NULL", {}, True),
        ("m.n IS NULL", {"n": None}, True),
        ("m.n IS NULL", {"n": []}, False),
        ("m.n IS NOT NULL", {"n": {}}, True),
        ("m.s < 'b'", {"s": "B"}, True),
        ("m.s > '\uffff'", {"s": "🍵"}, True),
        ("m.a.b = 'x'", {"a": {"b": "x"}}, None),
        ("m.a.b = 'x'", {"a.b": "x"}, True),
        ("m.n = 1 AND m.x = 1", {"n": 2}, False),
        ("m.n = 1 AND m.x = 1", {"n": 1}, None),
        ("m.n = 1 OR m.x = 1", {"n": 1}, True),
        ("m.n = 1 OR m.x = 1", {"n": 2}, None),
        ("NOT (m.n = 1 AND m.x = 1)", {"n": 2}, True),
    ],
)  # fmt: skip
def test_a_metadata_condition_is_unknown_without_a_value_of_its_type(
    text: str, metadata: dict[str, object], *, answer: bool | None
) -> None:
    assert holds(text, metadata=metadata) is answer


@pytest.mark.parametrize(
    ("text", "tags", "answer"),
    [
        ("tags = 'a'", ("a", "b"), True),
        ("tags = 'a'", ("b",), False),
        ("tags = 'a'", (), False),
        ("tags != 'a'", ("a", "b"), False),
        ("tags != 'a'", (), True),
        ("tags IN ('a', 'c')", ("b", "c"), True),
        ("tags NOT IN ('a', 'c')", ("b",), True),
        ("tags IS NULL", (), True),
        ("tags IS NOT NULL", ("a",), True),
    ],
)
def test_a_condition_on_tags_is_always_known(
    text: str, tags: tuple[str, ...], *, answer: bool
) -> None:
    assert holds(text, tags=tags) is answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("kind = note AND name = 'tea' AND scope = work", True),
        ("created_at >= date('2026-01-01')", True),
        ("created_at < date('2026-01-01T00:00:00.000001')", True),
        ("revision = 1.0", True),
        ("importance > 0", None),
        ("expires_at IS NULL", True),
        ("position = 0", None),
        ("role != 'user'", None),
        ("valid_to IS NULL", True),
    ],
)  # fmt: skip
def test_a_record_field_that_the_kind_lacks_is_null(text: str, *, answer: bool | None) -> None:
    assert holds(text) is answer


def test_fields_of_episodes_and_facts_are_found() -> None:
    episode = Episode(producer="ann", role="user", session="s", position=3)
    assert holds("producer = ann AND role = user AND session = s AND position > 2", detail=episode)
    fact = Fact(category="profile", tag="Hard Skills", feature="f", valid_from=THEN)
    assert holds(
        "category = profile AND tag = 'Hard Skills' AND valid_from IS NOT NULL", detail=fact
    )


def test_only_what_is_known_to_hold_matches() -> None:
    assert matches(TEA, note(metadata={"topic": "tea"}))
    assert not matches(TEA, note(metadata={"topic": "coffee"}))
    assert not matches(TEA, note())
    assert not matches(Not(TEA), note())


@given(filters(), filters(), memories())
def test_all_of_matches_what_each_matches(one: Filter, other: Filter, memory: Memory) -> None:
    both = all_of([None, one, other])
    assert both is not None
    assert matches(both, memory) is (matches(one, memory) and matches(other, memory))
    assert all_of([one, None]) is one
    assert all_of([None]) is None
