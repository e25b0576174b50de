"""Filters as SQL conditions over `memory m`, true of exactly the rows that `matches` is true of."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeAlias, assert_never

from recollect.adapters.sqlite.times import to_micros
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

SqlValue: TypeAlias = str | int | float | bytes | None
Sql: TypeAlias = tuple[str, list[SqlValue]]

_COLUMNS = {name: f"m.{name}" for name in FIELD_TYPES}
_JSON_TYPES: Mapping[ValueType | None, str] = {
    ValueType.TEXT: "'text'",
    ValueType.NUMBER: "'integer', 'real'",
    ValueType.BOOLEAN: "'true', 'false'",
}


def compile_filter(condition: Filter) -> Sql:
    r"""The SQL expression of a filter, and the values of its question marks in order.

    The expression is 1, 0 or NULL as `evaluate` gives True, False or None. It expects `tags` and
    `metadata` as JSON in which only `"`, `\` and control characters are escaped. Nothing that a
    user wrote is part of the expression. It may stand bare next to AND, elsewhere in parentheses.
    """
    match condition:
        case And(parts):
            sql = _joined(" and ", parts)
        case Or(parts):
            inner, values = _joined(" or ", parts)
            sql = f"({inner})", values
        case Not(part):
            inner, values = compile_filter(part)
            sql = (f"not ({inner})" if isinstance(part, And) else f"not {inner}"), values
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
    # SQLite's parser has a stack of 100, hence no needless parentheses, and the deepest part first:
    # what stands behind an operator takes three places a level, not one.
    compiled = [compile_filter(part) for part in sorted(parts, key=_depth, reverse=True)]
    return word.join(sql for sql, _ in compiled), [v for _, values in compiled for v in values]


def _depth(condition: Filter) -> int:
    match condition:
        case And(parts) | Or(parts):
            return 1 + max(map(_depth, parts))
        case Not(part):
            return 1 + _depth(part)
        case _:
            return 0


def _comparison(field: Field, operator: Operator, value: Value) -> Sql:
    if field == TAGS:
        sql, values = _membership(field, [value])
        return (sql if operator is Operator.EQ else f"not {sql}"), values
    operand, path = _operand(field, value)
    return f"{operand} {operator.value} ?", [*path, _bound(value)]


def _membership(field: Field, members: Sequence[Value]) -> Sql:
    marks = ", ".join("?" * len(members))
    values = [_bound(member) for member in members]
    if field == TAGS:
        return f"exists (select 1 from json_each(m.tags) where value in ({marks}))", values  # noqa: S608
    operand, path = _operand(field, members[0])
    return f"{operand} in ({marks})", [*path, *values]


def _absence(field: Field) -> Sql:
    match field:
        case MetadataKey(key):
            return "json_extract(m.metadata, ?) is null", [_path(key)]
        case RecordField("tags"):
            return "json_array_length(m.tags) = 0", []
        case RecordField(name):
            return f"{_COLUMNS[name]} is null", []
        case _:
            assert_never(field)


def _operand(field: Field, value: Value) -> Sql:
    """What to compare with the value; NULL if it is of another type."""
    match field:
        case MetadataKey(key):
            types = _JSON_TYPES[type_of(value)]
            guard = f"case when json_type(m.metadata, ?) in ({types})"
            return f"{guard} then json_extract(m.metadata, ?) end", [_path(key)] * 2
        case RecordField(name):
            return _COLUMNS[name], []
        case _:
            assert_never(field)


def _path(key: str) -> str:
    return f'$."{key}"'


def _bound(value: Value) -> SqlValue:
    return to_micros(value) if isinstance(value, datetime) else value
