"""Filters in PostgreSQL mean exactly what the domain says."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contract.test_sqlite_filters import ASKED, DEEPEST, STORED, with_filters
from tests.examples import TENANT, note
from tests.postgres import lent_database
from tests.strategies import memories

from recollect.adapters.postgres.filters import compile_filter
from recollect.adapters.postgres.rows import INSERT, to_row
from recollect.domain.filters import (
    Comparison,
    Filter,
    In,
    IsNull,
    MetadataKey,
    Not,
    Operator,
    RecordField,
    all_of,
    evaluate,
    parse,
)
from recollect.domain.memory import Memory

EXAMPLE = note()


@pytest.fixture(scope="module")
def connection() -> Iterator[psycopg.Connection]:
    with lent_database() as database, psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute("set timezone = 'UTC'; set recollect.tenant = 'default'")
        yield connection


def store(connection: psycopg.Connection, memory: Memory) -> None:
    connection.execute("delete from memory")
    row = (1, None, *to_row(memory))
    connection.execute(INSERT.statement, INSERT.parameters(TENANT, [row]))


def answers(connection: psycopg.Connection, asked: Sequence[Filter]) -> list[bool | None]:
    """What the filters say of the one memory that is stored."""
    compiled = [compile_filter(condition) for condition in asked]
    expressions = ", ".join(f"({sql})" for sql, _ in compiled)
    values = [value for _, values in compiled for value in values]
    query = f"select {expressions} from memory m"  # noqa: S608
    return list(connection.execute(query.encode(), values).fetchall()[0])


@settings(max_examples=120, deadline=None)
@given(asked=memories().flatmap(with_filters))
def test_postgres_and_the_domain_answer_alike(
    connection: psycopg.Connection, asked: tuple[Memory, list[Filter]]
) -> None:
    memory, questions = asked
    store(connection, memory)

    assert answers(connection, questions) == [evaluate(q, memory) for q in questions]


@given(memory=memories())
@settings(max_examples=1, deadline=None)
def test_every_type_stored_answers_every_type_asked(
    connection: psycopg.Connection, memory: Memory
) -> None:
    memory = replace(memory, metadata=STORED)
    store(connection, memory)
    for field in [MetadataKey(key) for key in [*STORED, "missing"]]:
        compared = [Comparison(field, o, v) for o, v in itertools.product(Operator, ASKED)]
        conditions = [*compared, *(In(field, (v,)) for v in ASKED), IsNull(field)]
        for questions in (conditions, [Not(condition) for condition in conditions]):
            assert answers(connection, questions) == [evaluate(q, memory) for q in questions]


CLOSE = [
    0, -0.0, 0.1, 0.30000000000000004, 5e-324, 1.5, 2**53, 2**53 + 1, float(2**53),
    float(2**53 + 2), 2**62, float(2**62), 2**63 - 1, float(2**63), -(2**63), -float(2**63),
    1e22, 10**22, 1e300, 10**300, 1.7976931348623157e308,
]  # fmt: skip


@given(stored=st.sampled_from(CLOSE), asked=st.lists(st.sampled_from(CLOSE), min_size=1))
@settings(max_examples=100, deadline=None)
def test_integers_and_doubles_compare_by_value_however_large(
    connection: psycopg.Connection, stored: float, asked: list[float]
) -> None:
    memory = replace(EXAMPLE, metadata={"n": stored})
    store(connection, memory)
    field = MetadataKey("n")
    compared = [Comparison(field, o, v) for o in Operator for v in asked]
    questions = [*compared, In(field, tuple(asked))]
    assert answers(connection, questions) == [evaluate(q, memory) for q in questions]


@given(asked=st.sampled_from(CLOSE), name=st.sampled_from(["revision", "importance"]))
@settings(max_examples=60, deadline=None)
def test_numbers_of_the_record_compare_by_value_too(
    connection: psycopg.Connection, asked: float, name: str
) -> None:
    memory = replace(EXAMPLE, revision=2**53 + 1, importance=0.1)
    store(connection, memory)
    compared = [Comparison(RecordField(name), operator, asked) for operator in Operator]
    questions = [*compared, In(RecordField(name), (asked, 0.1, 2**53 + 1))]
    assert answers(connection, questions) == [evaluate(q, memory) for q in questions]


def test_nothing_that_a_user_wrote_is_part_of_the_statement() -> None:
    odd, plain = parse("m.\"'; drop--%s\" = 'it; drop--%s'"), parse("m.topic = 'tea'")
    assert odd is not None
    assert plain is not None
    assert compile_filter(odd)[0] == compile_filter(plain)[0]


@pytest.mark.parametrize("text", DEEPEST.values(), ids=DEEPEST.keys())
def test_every_filter_that_parses_is_within_the_limits_of_postgres(
    connection: psycopg.Connection, text: str
) -> None:
    condition = all_of([parse(text), parse("kind = note")])
    assert condition is not None
    store(connection, EXAMPLE)

    assert answers(connection, [condition]) == [evaluate(condition, EXAMPLE)]
