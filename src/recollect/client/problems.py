"""Our errors again, from what a server or a validator tells of them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from recollect.errors import InvalidRequest, RecollectError, Unavailable
from recollect.operations.request import explained

ATTRIBUTES = ("reference", "expected", "found", "position", "details")
"""What errors carry besides code and message; in problem documents under the same names."""

_AWAY = (502, 503, 504)
"""What a proxy answers when there is no server behind it."""


def invalid_request(error: ValidationError) -> InvalidRequest:
    """The same for a request that was never sent because a field is wrong."""
    return InvalidRequest(explained(error))


def error_of(status: int, body: bytes) -> RecollectError:
    """The error that an answer tells of, by its `code`; by its status if it has no known one."""
    document = _document(body)
    code = document.get("code")
    kind = _CLASSES.get(code) if isinstance(code, str) else None
    if kind is not None:
        return _made(kind, str(document.get("detail", "")), document)
    if code is not None:
        unknown = InvalidRequest if status < 500 else RecollectError  # noqa: PLR2004
        return unknown(str(document.get("detail", code)))
    if status in _AWAY:
        return Unavailable(f"the server is out of reach: its proxy answered {status}")
    return RecollectError(f"the answer was {status} without a reason: is this a Recollect server?")


def _document(body: bytes) -> Mapping[str, Any]:
    try:
        document: object = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}  # pyright: ignore[reportUnknownVariableType]


def _made(kind: type[RecollectError], message: str, document: Mapping[str, Any]) -> RecollectError:
    """An error with this message; the constructors make their own from attributes."""
    error = kind.__new__(kind)
    Exception.__init__(error, message)
    for name in ATTRIBUTES:
        if name in document:
            setattr(error, name, document[name])
    return error


def _classes(kind: type[RecollectError]) -> Iterator[type[RecollectError]]:
    yield kind
    for subclass in kind.__subclasses__():
        yield from _classes(subclass)


_CLASSES: Mapping[str, type[RecollectError]] = {
    kind.code: kind for kind in _classes(RecollectError)
}
