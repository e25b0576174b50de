"""The filter language with this face's names: what a filter means for episodes and for facts.

A name of the one kind is null for the other. Metadata holds text here, so a number or TRUE also
matches the text that looks like it.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeAlias

from recollect.domain.filter_text import text_of
from recollect.domain.filters import (
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
    Value,
    ValueType,
    parse,
)

Names: TypeAlias = Mapping[str, RecordField | str]
"""What the face's names stand for: a field of ours, or the text that all memories have there."""


def _names(**names: str) -> dict[str, RecordField | str]:
    """Several names for one field of ours."""
    return {name: RecordField(field) for field, known in names.items() for name in known.split()}


EPISODES: Names = {
    **_names(
        id="uid id episode_uid",
        scope="session_key session",
        producer="producer_id",
        role="producer_role",
        produced_for="produced_for_id",
        content="content",
        occurred_at="created_at timestamp",
    ),
    "episode_type": "message",
    "content_type": "string",
}
FACTS: Names = _names(
    set_id="set_id set",
    category="category category_name semantic_category_id",
    tag="tag tag_id",
    feature="feature feature_name",
    content="value",
    occurred_at="created_at timestamp",
    updated_at="updated_at",
)
_DATES = frozenset({"created_at", "timestamp", "updated_at"})
TYPES: Mapping[str, ValueType] = {
    name: ValueType.DATE if name in _DATES else ValueType.TEXT for name in (*EPISODES, *FACTS)
}
"""Every name of the face with its type; any other is refused."""

_ID = RecordField("id")
_NEVER = IsNull(_ID)
_ALWAYS = Not(_NEVER)


def translated(text: str, names: Names) -> Filter | None:
    """The filter with our names, for memories of the kind that these names are of.

    Raises:
        InvalidFilter: The text is no filter, or has a name that no kind knows.
    """
    condition = parse(text, TYPES)
    return None if condition is None else _translated(condition, names, negated=False)


def printed(condition: Filter | None) -> str | None:
    """The filter as our operations read it."""
    return None if condition is None else text_of(condition)


def _translated(condition: Filter, names: Names, *, negated: bool) -> Filter:
    """Holds for what the condition, or its negation, is known to hold for.

    The negation goes inwards: a condition on several types of metadata has no single one.
    """
    match condition:
        case And(parts) | Or(parts):
            joined = And if isinstance(condition, And) is not negated else Or
            return joined(tuple(_translated(part, names, negated=negated) for part in parts))
        case Not(part):
            return _translated(part, names, negated=not negated)
        case Comparison() | In() | IsNull():
            told = _told(condition, names)
            if isinstance(told, bool | None):
                return _ALWAYS if told is not None and told is not negated else _NEVER
            told = tuple(Not(way) for way in told) if negated else told
            return told[0] if len(told) == 1 else Or(told)


def _told(condition: Comparison | In | IsNull, names: Names) -> tuple[Filter, ...] | bool | None:
    """The condition in our terms, for each type of value that it may meet; or its answer."""
    if isinstance(condition.field, MetadataKey):
        return condition, *_as_text(condition)
    meant = names.get(condition.field.name)
    if isinstance(meant, RecordField):
        return (replace(condition, field=meant),)
    if isinstance(condition, IsNull):
        return meant is None
    return None if meant is None else _compared(condition, meant)


def _compared(condition: Comparison | In, constant: str) -> bool:
    if isinstance(condition, In):
        return constant in (str(value).lower() for value in condition.values)
    holds: Callable[[str, str], bool] = getattr(operator, condition.operator.name.lower())
    return holds(constant, str(condition.value).lower())


def _as_text(condition: Comparison | In | IsNull) -> tuple[Filter, ...]:
    """The same question to metadata that holds the value as text."""
    match condition:
        case Comparison(field, Operator.EQ, value) if not isinstance(value, str):
            return (In(field, _texts(value)),)
        case Comparison(field, Operator.NE, value) if not isinstance(value, str):
            return (Not(In(field, _texts(value))),)
        case In(field, values) if not any(isinstance(value, str) for value in values):
            return (In(field, tuple(text for value in values for text in _texts(value))),)
        case _:
            return ()


def _texts(value: Value) -> tuple[str, ...]:
    return (str(value), str(value).lower()) if isinstance(value, bool) else (str(value),)
