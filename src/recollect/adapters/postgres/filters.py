"""Filters as SQL conditions over `memory m`, true of exactly the rows that `matches` is true of."""

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, TypeAlias, assert_never

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

Sql: TypeAlias = tuple[str, list[Any]]

_COLUMNS = {name: f"m.{name}" for name in FIELD_TYPES}


def compile_filter(condition: Filter) -> Sql:
    """The SQL expression of a filter, and the values of its placeholders in order.

    The expression is true, false or null as `evaluate` gives True, False or None. Nothing that a
    user wrote is part of it. It stands in parentheses where it is joined to others.
    """
    match condition:
        case And(parts):
            sql = _joined(" and ", parts)
        case Or(parts):
            sql = _joined(" or ", parts)
        case Not(part):
            inner, values = compile_filter(part)
            sql = f"not ({inner})", values
        case Comparison(field, operator, value):
            sql = _comparison(field, operator, value)
        case In(field, values):
            sql = _membership(field, values)
        case IsNull(field):
            sql = _absence(field)
        case _:
            assert_never(condition)
    return sql


def _joined(word: str, parts: Sequence[Filter]) -> Sql:
    compiled = [compile_filter(part) for part in parts]
    return word.join(f"({sql})" for sql, _ in compiled), [v for _, vs in compiled for v in vs]


def _comparison(field: Field, operator: Operator, value: Value) -> Sql:
    if field == TAGS:
        sql, values = _membership(field, [value])
        return (sql if operator is Operator.EQ else f"not {sql}"), values
    if type_of(value) is ValueType.NUMBER:
        return _compared_number(field, operator, value)
    operand, key = _operand(field, value)
    return f"{operand} {operator.value} %s", [*key, value]


def _membership(field: Field, members: Sequence[Value]) -> Sql:
    if field == TAGS:
        return "m.tags && %s::text[]", [list(members)]
    if type_of(members[0]) is ValueType.NUMBER:
        return _member_number(field, members)
    operand, key = _operand(field, members[0])
    return f"{operand} = any(%s)", [*key, list(members)]


def _absence(field: Field) -> Sql:
    match field:
        case MetadataKey(key):
            return "coalesce(json_typeof(m.metadata -> %s), 'null') = 'null'", [key]
        case RecordField("tags"):
            return "cardinality(m.tags) = 0", []
        case RecordField(name):
            return f"{_COLUMNS[name]} is null", []
        case _:
            assert_never(field)


def _operand(field: Field, value: Value) -> Sql:
    """What to compare a text, a boolean or a date with; null if it is of another type."""
    match field:
        case RecordField(name):
            return _COLUMNS[name], []
        case MetadataKey(key) if type_of(value) is ValueType.BOOLEAN:
            found = "(m.metadata ->> %s)::boolean"
            return f"case json_typeof(m.metadata -> %s) when 'boolean' then {found} end", [key] * 2
        case MetadataKey(key):
            found = "m.metadata ->> %s"
            typed = f"case json_typeof(m.metadata -> %s) when 'string' then {found} end"
            return f'({typed}) collate "C"', [key] * 2
        case _:
            assert_never(field)


# A number is an integer, of any size, or a double, and Python compares the two by value. Postgres
# would round one of them, so each is compared with what is exact for it.
_INTEGER = "'^-?[0-9]+$'"


def _compared_number(field: Field, operator: Operator, value: Any) -> Sql:
    sign, exact = operator.value, Decimal(value)
    bound, double = _as_double(operator, value)
    if isinstance(field, RecordField):
        if field.name == "importance":
            return f"m.importance {bound} %s", [double]
        return f"{_COLUMNS[field.name]}::numeric {sign} %s", [exact]
    found = "m.metadata ->> %s"
    return _number(field, f"({found})::numeric {sign} %s", f"({found})::float8 {bound} %s", [
        field.key, exact, field.key, double,
    ])  # fmt: skip


def _member_number(field: Field, members: Sequence[Any]) -> Sql:
    exact = [Decimal(member) for member in members]
    doubles = [float(member) for member in members if _is_double(member)]
    if isinstance(field, RecordField):
        if field.name == "importance":
            return "m.importance = any(%s::float8[])", [doubles]
        return f"{_COLUMNS[field.name]}::numeric = any(%s::numeric[])", [exact]
    found = "m.metadata ->> %s"
    return _number(
        field,
        f"({found})::numeric = any(%s::numeric[])",
        f"({found})::float8 = any(%s::float8[])",
        [field.key, exact, field.key, doubles],
    )


def _number(field: MetadataKey, of_integer: str, of_double: str, values: list[Any]) -> Sql:
    return (
        "case when json_typeof(m.metadata -> %s) = 'number' then "
        f"case when m.metadata ->> %s ~ {_INTEGER} then {of_integer} else {of_double} end end"
    ), [field.key, field.key, *values]


def _is_double(value: float) -> bool:
    return float(value) == value


def _as_double(operator: Operator, value: float) -> tuple[str, float]:
    """The operator and double that ask of doubles what these ask.

    An integer that is no double lies between two: to be less than it is to be at most the lower.
    """
    nearest = float(value)
    if nearest == value:
        return operator.value, nearest
    lower = nearest if nearest < value else math.nextafter(nearest, -math.inf)
    upper = nearest if nearest > value else math.nextafter(nearest, math.inf)
    match operator:
        case Operator.LT | Operator.LE:
            return "<=", lower
        case Operator.GT | Operator.GE:
            return ">=", upper
        case Operator.EQ:
            return "=", math.nan  # Postgres says that nan equals itself, but JSON holds none
        case Operator.NE:
            return "!=", math.nan
        case _:
            assert_never(operator)
