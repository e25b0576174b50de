"""The filter language, as in `m.topic = 'tea' AND created_at >= date('2026-01-01')`.

    or        = and { "OR" and }
    and       = unary { "AND" unary }
    unary     = "NOT" unary | "(" or ")" | condition
    condition = field ( operator value | ["NOT"] "IN" "(" value { "," value } ")"
                      | "IS" ["NOT"] "NULL" )
    operator  = "=" | "!=" | "<>" | "<" | "<=" | ">" | ">="
    field     = name | "m." key | 'm."' any key '"'      ("metadata." is the same as "m.")
    value     = 'text' | word | number | "TRUE" | "FALSE" | "date('ISO 8601')"

Keywords and names are read without regard to case. Inside text, '' stands for one quote. A key is
flat: its dots mean nothing. A date without an offset is in UTC. The values of a list have one type.

A condition is unknown where the memory has no such value or one of another type; the unknown never
matches, nor does its NOT. `tags = 'x'` asks whether one of the tags is x, and is always known.
"""

import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple, TypeAlias, assert_never

from recollect.domain.memory import Memory
from recollect.errors import InvalidFilter

MAX_LENGTH = 10_000
MAX_DEPTH = 50
MAX_CONDITIONS = 500  # SQLite takes expressions up to 1000 deep, and a chain of n ORs is n deep


class ValueType(StrEnum):
    """The types of fields and of the values they are compared with; how one is written."""

    TEXT = "text in single quotes"
    NUMBER = "numbers such as 3 or -1.5"
    BOOLEAN = "TRUE or FALSE"
    DATE = "dates such as date('2026-01-31')"


FIELD_TYPES: Mapping[str, ValueType] = {
    name: value_type
    for value_type, names in {
        ValueType.TEXT: "id external_id scope kind name content source tags "
        "producer produced_for role session category tag feature set_id",
        ValueType.NUMBER: "revision importance position",
        ValueType.DATE: "occurred_at created_at updated_at expires_at valid_from valid_to",
    }.items()
    for name in names.split()
}
"""The record fields, each an attribute of `Memory` or its detail; `tags` has the type of a tag."""


class Operator(StrEnum):
    """How a field is compared with a value. Text compares by code point, numbers by value."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="


@dataclass(frozen=True, slots=True)
class RecordField:
    """A field of the record; the name is one of FIELD_TYPES, or what `parse` was told to read."""

    name: str


@dataclass(frozen=True, slots=True)
class MetadataKey:
    r"""A key of the metadata, without `"`, `\` and control characters."""

    key: str


Value: TypeAlias = str | int | float | bool | datetime
Field: TypeAlias = RecordField | MetadataKey
TAGS = RecordField("tags")


@dataclass(frozen=True, slots=True)
class And:
    """All of the parts hold; there is at least one."""

    parts: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """One of the parts holds; there is at least one."""

    parts: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """The part is known not to hold."""

    part: "Filter"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The field compares so with the value, which is of the field's type."""

    field: Field
    operator: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class In:
    """The field is one of the values: at least one, all of the field's type."""

    field: Field
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class IsNull:
    """The field has no value."""

    field: Field


Filter: TypeAlias = And | Or | Not | Comparison | In | IsNull


def all_of(conditions: Iterable[Filter | None]) -> Filter | None:
    """The filter that holds where all of these do; None stands for one that always holds."""
    parts = tuple(condition for condition in conditions if condition is not None)
    return And(parts) if len(parts) > 1 else next(iter(parts), None)


def matches(condition: Filter, memory: Memory) -> bool:
    """Whether the memory is known to satisfy the filter."""
    return evaluate(condition, memory) is True


def evaluate(condition: Filter, memory: Memory) -> bool | None:
    """What the filter says of the memory; None where that is unknown."""
    match condition:
        case And(parts):
            answer = _joined(parts, memory, decisive=False)
        case Or(parts):
            answer = _joined(parts, memory, decisive=True)
        case Not(part):
            answer = None if (inner := evaluate(part, memory)) is None else not inner
        case Comparison():
            answer = _compare(condition, memory)
        case In(field, values):
            answer = evaluate(Or(tuple(Comparison(field, Operator.EQ, v) for v in values)), memory)
        case IsNull(field):
            answer = _found(field, memory) is None
        case _:
            assert_never(condition)
    return answer


_PYTHON_TYPES: Mapping[ValueType, type | tuple[type, ...]] = {
    ValueType.BOOLEAN: bool,  # before the numbers, because Python counts it among them
    ValueType.NUMBER: (int, float),
    ValueType.TEXT: str,
    ValueType.DATE: datetime,
}


def type_of(value: object) -> ValueType | None:
    """The type of a value of a filter or of a memory; None for what no filter compares with."""
    return next((name for name, types in _PYTHON_TYPES.items() if isinstance(value, types)), None)


def _joined(parts: tuple[Filter, ...], memory: Memory, *, decisive: bool) -> bool | None:
    """One decisive answer decides; otherwise, one unknown makes the whole unknown."""
    answers = {evaluate(part, memory) for part in parts}
    if decisive in answers:
        return decisive
    return None if None in answers else not decisive


def _compare(comparison: Comparison, memory: Memory) -> bool | None:
    if comparison.field == TAGS:
        return (comparison.value in memory.tags) is (comparison.operator is Operator.EQ)
    found = _found(comparison.field, memory)
    if type_of(found) is not type_of(comparison.value):
        return None
    holds: Callable[[object, object], bool] = getattr(operator, comparison.operator.name.lower())
    return holds(found, comparison.value)


def _found(field: Field, memory: Memory) -> object:
    """The memory's value of the field; None if it has none, as of tags if it has no tag."""
    if isinstance(field, MetadataKey):
        return memory.metadata.get(field.key)
    if field == TAGS:
        return memory.tags or None
    return getattr(memory if hasattr(memory, field.name) else memory.detail, field.name, None)


def parse(text: str, fields: Mapping[str, ValueType] = FIELD_TYPES) -> Filter | None:
    """Read a filter; None if the text is blank.

    Args:
        text: At most MAX_LENGTH code points with MAX_CONDITIONS conditions, nested MAX_DEPTH deep.
        fields: The names to read as record fields, in lower case, and their types: ours, or a
            face's own, which it then translates.

    Raises:
        InvalidFilter: The text is no filter, or compares a field with a value of another type. The
            message repeats nothing of the text.
    """
    if len(text) > MAX_LENGTH:
        raise InvalidFilter(f"it is longer than {MAX_LENGTH} characters", MAX_LENGTH)
    return _Parser(_tokens(text), fields).parse()


class _Token(NamedTuple):
    kind: str
    text: str
    position: int

    def error(self, problem: str) -> InvalidFilter:
        return InvalidFilter(problem, self.position)


# What the JSON functions of SQLite cannot do decides which characters are let in: they cut text at
# a NUL, and compare keys in their escaped form, with no escapes in paths.
_TOKEN = re.compile(r"""(?xis) \s* (?:
      (?P<text>   '(?: [^'\0\ud800-\udfff] | '' )*' )
    | (?P<key>    (?: m | metadata ) \. "[^"\\\0-\x1f\ud800-\udfff]*" )
    | (?P<word>   (?: - (?= [0-9] ) )? [\w.]+ )
    | (?P<symbol> <> | != | <= | >= | [=<>(),] )
    | (?P<end>    \Z ) | (?P<unknown> . )
)""")


def _tokens(text: str) -> Iterator[_Token]:
    for found in _TOKEN.finditer(text):
        kind = found.lastgroup or "unknown"
        token = _Token(kind, found[kind], found.start(kind))
        if kind == "unknown":
            raise token.error(
                """unknown or unclosed; text is 'it''s', odd keys are m."user-id" (no \\ or ")"""
            )
        yield token


_RESERVED = frozenset({"AND", "OR", "NOT", "IN", "IS", "NULL"})
_OPERATORS: Mapping[str, Operator] = {**{o.value: o for o in Operator}, "<>": Operator.NE}


class _Parser:
    """Recursive descent, a method for each rule of the grammar."""

    def __init__(self, tokens: Iterator[_Token], fields: Mapping[str, ValueType]) -> None:
        self._token = next(tokens)
        self._rest = tokens
        self._fields = fields
        self._conditions = 0

    def parse(self) -> Filter | None:
        condition = None if self._token.kind == "end" else self._or(0)
        if self._token.kind != "end":
            raise self._token.error("expected AND, OR or the end")
        return condition

    def _next(self) -> _Token:
        token = self._token
        self._token = next(self._rest, token)
        return token

    def _take(self, word: str) -> bool:
        taken = self._token.text.upper() == word
        if taken:
            self._next()
        return taken

    def _expect(self, word: str) -> None:
        if not self._take(word):
            raise self._token.error(f"expected {word}")

    def _or(self, depth: int) -> Filter:
        parts = [self._and(depth)]
        while self._take("OR"):
            parts.append(self._and(depth))
        return Or(tuple(parts)) if len(parts) > 1 else parts[0]

    def _and(self, depth: int) -> Filter:
        parts = [self._unary(depth)]
        while self._take("AND"):
            parts.append(self._unary(depth))
        return And(tuple(parts)) if len(parts) > 1 else parts[0]

    def _unary(self, depth: int) -> Filter:
        if depth > MAX_DEPTH:
            raise self._token.error(f"it is nested deeper than {MAX_DEPTH}")
        if self._take("NOT"):
            return Not(self._unary(depth + 1))
        if self._take("("):
            condition = self._or(depth + 1)
            self._expect(")")
            return condition
        return self._condition()

    def _condition(self) -> Filter:
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS:
            raise self._token.error(f"it has over {MAX_CONDITIONS} conditions; IN may replace many")
        field = self._field()
        if self._take("IS"):
            negated = self._take("NOT")
            self._expect("NULL")
            return Not(IsNull(field)) if negated else IsNull(field)
        if self._take("NOT"):
            self._expect("IN")
            return Not(In(field, self._list(field)))
        return In(field, self._list(field)) if self._take("IN") else self._comparison(field)

    def _field(self) -> Field:
        token = self._next()
        prefix, _, key = token.text.partition(".")
        if prefix.lower() in ("m", "metadata") and key:
            return MetadataKey(key.strip('"'))
        if token.text.lower() not in self._fields:
            raise token.error(f"expected m.<metadata key> or one of {', '.join(self._fields)}")
        return RecordField(token.text.lower())

    def _comparison(self, field: Field) -> Filter:
        token = self._next()
        if token.text not in _OPERATORS:
            raise token.error(f"expected {', '.join(_OPERATORS)}, [NOT] IN or IS [NOT] NULL")
        sign = _OPERATORS[token.text]
        if field == TAGS and sign not in (Operator.EQ, Operator.NE):
            raise token.error("tags have no order; use =, != or IN")
        return Comparison(field, sign, self._value_for(field))

    def _list(self, field: Field) -> tuple[Value, ...]:
        start = self._token
        self._expect("(")
        values = [self._value_for(field)]
        while self._take(","):
            values.append(self._value_for(field))
        self._expect(")")
        if len({type_of(value) for value in values}) > 1:
            raise start.error("all values of a list must have one type")
        return tuple(values)

    def _value_for(self, field: Field) -> Value:
        token, value = self._token, self._value()
        if isinstance(field, RecordField):
            if type_of(value) is not self._fields[field.name]:
                raise token.error(f"this field takes {self._fields[field.name]}")
        elif type_of(value) is ValueType.DATE:
            raise token.error("metadata holds no dates; compare with '2026-01-31' or a number")
        return value

    def _value(self) -> Value:
        token = self._next()
        word = token.text.upper()
        if token.kind == "text":
            return token.text[1:-1].replace("''", "'")
        if token.kind != "word" or word in _RESERVED:
            raise token.error("expected a value; text that is no plain word needs single quotes")
        if word in ("TRUE", "FALSE"):
            return word == "TRUE"
        if word == "DATE" and self._take("("):
            moment = _moment(self._next())
            self._expect(")")
            return moment
        return _number_or_word(token)


def _number_or_word(token: _Token) -> int | float | str:
    """An integer of 64 bits, a finite double, or a word that nobody takes for a number."""
    try:
        number = float(token.text)
    except ValueError:
        return token.text
    if re.fullmatch(r"-?[0-9]{1,19}", token.text) and -(2**63) <= int(token.text) < 2**63:
        return int(token.text)
    if re.fullmatch(r"-?[0-9]+\.[0-9]+", token.text) and math.isfinite(number):
        return number
    raise token.error("numbers are 12 or -1.5, in 64 bits; text like one needs single quotes")


def _moment(token: _Token) -> datetime:
    try:
        moment = datetime.fromisoformat(token.text[1:-1] if token.kind == "text" else "")
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):  # whose messages repeat the text
        raise token.error("date() takes ISO 8601 in single quotes: '2026-01-31T09:30Z'") from None
