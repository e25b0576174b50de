import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.strategies import conditions, filters, memories

from recollect.adapters import sqlite
from recollect.adapters.sqlite.filters import compile_filter
from recollect.adapters.sqlite.rows import to_row
from recollect.adapters.sqlite.times import from_micros, to_micros
from recollect.domain.filters import (
    MAX_DEPTH,
    Comparison,
    Filter,
    In,
    IsNull,
    MetadataKey,
    Not,
    Operator,
    Value,
    all_of,
    evaluate,
    matches,
    parse,
)
from recollect.domain.flat import FIELDS
from recollect.domain.memory import JsonValue, Memory

_SCHEMA = Path(next(iter(sqlite.__path__))) / "schema.sql"
_INSERT = "insert into memory ({}) values ({})".format(  # noqa: S608
    ", ".join(FIELDS), ", ".join("?" * len(FIELDS))
)


@pytest.fixture(scope="module")
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.executescript(_SCHEMA.read_text(encoding="utf-8"))
        yield connection


def store(connection: sqlite3.Connection, memory: Memory) -> None:
    connection.execute("delete from memory")
    connection.execute(_INSERT, to_row(memory))


def answer(connection: sqlite3.Connection, condition: Filter) -> bool | None:
    sql, values = compile_filter(condition)
    [[found]] = connection.execute("select " + sql + " from memory m", values)  # noqa: S608
    return None if found is None else bool(found)


def selects(connection: sqlite3.Connection, condition: Filter) -> bool:
    sql, values = compile_filter(condition)
    return bool(connection.execute("select 1 from memory m where " + sql, values).fetchall())  # noqa: S608


def with_filters(memory: Memory) -> st.SearchStrategy[tuple[Memory, list[Filter]]]:
    asked = st.lists(conditions(memory) | filters(memory), min_size=5, max_size=8)
    return st.tuples(st.just(memory), asked)


@settings(max_examples=200, deadline=None)
@given(asked=memories().flatmap(with_filters))
def test_sqlite_and_the_domain_answer_alike(
    connection: sqlite3.Connection, asked: tuple[Memory, list[Filter]]
) -> None:
    memory, questions = asked
    store(connection, memory)
    for condition in questions:
        assert answer(connection, condition) is evaluate(condition, memory)
        assert selects(connection, condition) is matches(condition, memory)


STORED: dict[str, JsonValue] = {
    "null": None, "true": True, "false": False, "one": 1, "float": 1.0, "more": 1.5, "text": "1",
    "word": "true", "empty": "", "list": [1], "nothing": [], "object": {"one": 1},
}  # fmt: skip
ASKED: list[Value] = [True, False, 1, 0, 1.0, 1.5, -1, "1", "true", "", "[1]"]


@given(memory=memories())
@settings(max_examples=1, deadline=None)
def test_every_type_stored_answers_every_type_asked(
    connection: sqlite3.Connection, memory: Memory
) -> None:
    memory = replace(memory, metadata=STORED)
    store(connection, memory)
    for field in [MetadataKey(key) for key in [*STORED, "missing"]]:
        compared = [Comparison(field, o, v) for o, v in itertools.product(Operator, ASKED)]
        for condition in [*compared, *(In(field, (v,)) for v in ASKED), IsNull(field)]:
            assert answer(connection, condition) is evaluate(condition, memory)
            assert answer(connection, Not(condition)) is evaluate(Not(condition), memory)


def test_nothing_that_a_user_wrote_is_part_of_the_statement() -> None:
    odd, plain = parse("m.\"'; drop--\" = 'it; drop--'"), parse("m.topic = 'tea'")
    assert odd is not None
    assert plain is not None
    assert compile_filter(odd)[0] == compile_filter(plain)[0]


def bushy(levels: int) -> str:
    if levels == 0:
        return "m.a='x'"
    inner = bushy(levels - 1)
    return f"({inner} AND NOT {inner})"


DEEPEST = {
    "parentheses to the right": "(m.a=1 AND (m.a=1 OR " * (MAX_DEPTH // 2)
    + "m.a=1"
    + "))" * (MAX_DEPTH // 2),
    "parentheses to the left": "(" * MAX_DEPTH + "m.a=1" + " AND m.a=1 OR id=a)" * MAX_DEPTH,
    "negations": "NOT " * MAX_DEPTH + "m.a='x'",
    "negated parentheses": "NOT (m.a=1 OR " * (MAX_DEPTH // 2) + "m.a=1" + ")" * (MAX_DEPTH // 2),
    "bushy": "(m.a=1 OR NOT" * (MAX_DEPTH // 4) + bushy(8) + ")" * (MAX_DEPTH // 4),
    "long": " OR ".join(["m.a='x'"] * 500),
    "long and deep": "(" * MAX_DEPTH + "m.a=1" + " OR m.a=1 AND id=a" * 200 + ")" * MAX_DEPTH,
    "a long list": f"m.a IN ({','.join('1' * 4990)})",
}


@pytest.mark.parametrize("text", DEEPEST.values(), ids=DEEPEST.keys())
@given(memory=memories())
@settings(max_examples=1, deadline=None)
def test_every_filter_that_parses_is_within_the_limits_of_sqlite(
    connection: sqlite3.Connection, memory: Memory, text: str
) -> None:
    condition = all_of([parse(text), parse("kind = note")])
    assert condition is not None
    store(connection, memory)
    sql, values = compile_filter(condition)
    statement = f"""
        select * from (
            select m.id from memory m join log l on l.record_id = m.id
            where (m.scope = ? or (m.scope >= ? and m.scope < ?)) and ({sql})
        )
    """  # noqa: S608
    connection.execute(statement, ["", "", "", *values])
    assert answer(connection, condition) is evaluate(condition, memory)


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_times_survive_storage_and_keep_their_order(one: datetime, other: datetime) -> None:
    assert from_micros(to_micros(one)) == one
    assert (to_micros(one) < to_micros(other)) is (one < other)
    assert to_micros(one) - to_micros(other) == (one - other) // timedelta(microseconds=1)


def test_a_time_in_another_zone_is_stored_in_utc() -> None:
    assert to_micros(datetime.fromisoformat("1970-01-01T01:00:00+01:00")) == 0
    assert from_micros(-1) == datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
