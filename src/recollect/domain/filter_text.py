"""Filters as text: the inverse of `filters.parse`."""

from datetime import datetime
from decimal import Decimal
from typing import assert_never

from recollect.domain.filters import (
    And,
    Comparison,
    Field,
    Filter,
    In,
    IsNull,
    Not,
    Or,
    RecordField,
    Value,
)


def text_of(condition: Filter) -> str:
    """The text that `parse` reads as this filter."""
    match condition:
        case And(parts):
            text = f"({' AND '.join(map(text_of, parts))})"
        case Or(parts):
            text = f"({' OR '.join(map(text_of, parts))})"
        case Not(part):
            text = f"NOT {text_of(part)}"
        case Comparison(field, operator, value):
            text = f"{_field(field)} {operator} {_value(value)}"
        case In(field, values):
            text = f"{_field(field)} IN ({', '.join(map(_value, values))})"
        case IsNull(field):
            text = f"{_field(field)} IS NULL"
        case _:
            assert_never(condition)
    return text


def _field(field: Field) -> str:
    return field.name if isinstance(field, RecordField) else f'm."{field.key}"'


def _value(value: Value) -> str:
    match value:
        case str():
            return "'" + value.replace("'", "''") + "'"
        case datetime():
            return f"date('{value.isoformat()}')"
        case float():
            # The language has no exponents, and a number without a point is a whole one.
            digits = format(Decimal(repr(value)), "f")
            return digits if "." in digits else digits + ".0"
        case _:
            return str(value)
