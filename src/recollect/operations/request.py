"""The base of requests and results, and the checked types that their fields are made of."""

import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationError
from pydantic_core import PydanticCustomError

from recollect.descriptions import describe
from recollect.domain.memory import MAX_CONTENT_BYTES, Kind
from recollect.domain.names import check_name
from recollect.domain.scopes import check_scope
from recollect.domain.sets import MAX_SET_ID_CHARACTERS
from recollect.errors import InvalidRequest

T = TypeVar("T")

MAX_METADATA_BYTES = 65_536
MAX_METADATA_DEPTH = 100
MAX_QUERY_CHARACTERS = 100_000
MAX_TAGS = 1000
MAX_QUERY_TAGS = 100
MAX_SCOPES = 100
_INT64 = 2**63


class Request(BaseModel):
    """What a caller asks for: validated when built, never changed after."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra=describe, allow_inf_nan=False
    )

    def touches(self) -> tuple[str, ...]:
        """The scopes that the request would write to."""
        return ()


def explained(error: ValidationError) -> str:
    """What is wrong with which field; the input itself is never repeated."""
    return "; ".join(
        f"{'.'.join(str(part) for part in problem['loc'])}: {wording(problem)}".removeprefix(": ")
        for problem in error.errors(include_input=False, include_url=False)
    )


def wording(problem: Mapping[str, Any]) -> str:
    """What a validator found, in terms of the field instead of Python's types."""
    message, bounds = problem["msg"], problem.get("ctx", {})
    match problem["type"]:
        case "value_error":
            return message.removeprefix("Value error, ")
        case "too_long":
            return f"at most {bounds['max_length']}"
        case "string_too_long":
            return f"at most {bounds['max_length']} characters"
        case "too_short" | "string_too_short" if bounds["min_length"] == 1:
            return "must not be empty"
        case _:
            return message


class Result(BaseModel):
    """What an operation answers."""

    model_config = ConfigDict(frozen=True, json_schema_extra=describe, defer_build=True)


def checked(check: Callable[[T], T]) -> AfterValidator:
    """A validator from a domain check; its message is shown, the input never."""

    def validate(value: T) -> T:
        try:
            return check(value)
        except InvalidRequest as error:
            raise PydanticCustomError(
                "invalid_request", "{problem}", {"problem": str(error)}
            ) from None

    return AfterValidator(validate)


def _check_text(text: str) -> str:
    if "\0" in text:
        raise InvalidRequest("text must not hold the character U+0000")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidRequest("text must be valid Unicode, without half a surrogate pair") from None
    return text


def _check_size(text: str) -> str:
    if len(text) > MAX_CONTENT_BYTES or len(text.encode()) > MAX_CONTENT_BYTES:
        raise InvalidRequest(f"content has at most {MAX_CONTENT_BYTES} bytes; split it")
    return text


def _check_not_blank(text: str) -> str:
    if not text.strip():
        raise InvalidRequest("content must hold more than white space")
    return text


def _check_metadata(metadata: dict[str, JsonValue]) -> dict[str, JsonValue]:
    _check_value(metadata, MAX_METADATA_DEPTH)
    size = len(json.dumps(metadata, ensure_ascii=False, allow_nan=False).encode())
    if size > MAX_METADATA_BYTES:
        raise InvalidRequest(f"metadata has at most {MAX_METADATA_BYTES} bytes of JSON")
    return metadata


def _check_value(value: JsonValue, depth: int) -> None:
    if depth < 0:
        raise InvalidRequest(f"metadata is nested at most {MAX_METADATA_DEPTH} levels deep")
    match value:
        case str():
            _check_text(value)
        case int() | float():
            _check_number(value)
        case list():
            for item in value:
                _check_value(item, depth - 1)
        case dict():
            for key, item in value.items():
                _check_text(key)
                _check_value(item, depth - 1)
        case _:
            return


def _check_number(number: float) -> None:
    if isinstance(number, int):
        if not -_INT64 <= number < _INT64:
            raise InvalidRequest("whole numbers in metadata must fit in 64 bits")
    elif not math.isfinite(number):
        raise InvalidRequest("numbers in metadata must be finite")


def _to_utc(time: datetime) -> datetime:
    try:
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except OverflowError:
        raise InvalidRequest("the time must lie in the years 1 to 9999 in UTC") from None


def unique(values: tuple[T, ...]) -> tuple[T, ...]:
    """The values in their order, each once."""
    return tuple(dict.fromkeys(values))


Text = Annotated[str, checked(_check_text)]
Label = Annotated[str, Field(max_length=500), checked(_check_text)]
Said = Annotated[str, checked(_check_text), checked(_check_size)]
"""What somebody said, kept as it was said: even nothing."""
Content = Annotated[Said, Field(min_length=1), checked(_check_not_blank)]
Scope = Annotated[str, checked(check_scope)]
Scopes = Annotated[
    tuple[Scope, ...], Field(max_length=MAX_SCOPES, fail_fast=True), AfterValidator(unique)
]
Name = Annotated[str, checked(check_name)]
Tag = Annotated[str, Field(min_length=1, max_length=500), checked(_check_text)]
# Told one by one, four million wrong tags would take gigabytes: the first one is enough.
Tags = Annotated[
    tuple[Tag, ...], Field(max_length=MAX_TAGS, fail_fast=True), AfterValidator(unique)
]
# Each tag of a query is a condition, and SQLite takes expressions up to 1000 levels deep.
QueryTags = Annotated[
    tuple[Tag, ...], Field(max_length=MAX_QUERY_TAGS, fail_fast=True), AfterValidator(unique)
]
Kinds = Annotated[tuple[Kind, ...], Field(fail_fast=True), AfterValidator(unique)]
Metadata = Annotated[dict[str, JsonValue], checked(_check_metadata)]
UtcTime = Annotated[datetime, checked(_to_utc)]
SetId = Annotated[Text, Field(max_length=MAX_SET_ID_CHARACTERS)]
Importance = Annotated[float, Field(ge=0, le=1)]
MemoryId = Annotated[str, Field(min_length=1, max_length=200), checked(_check_text)]
Revision = Annotated[int, Field(ge=1, lt=_INT64)]
