"""How errors end the process: the exit code of each, and the line that tells of it.

0 done, 1 failed, 2 usage, 3 not found, 4 conflict, 5 unavailable, 130 interrupted.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import typer

from recollect.errors import (
    ConfigError,
    Conflict,
    FileProblem,
    InvalidRequest,
    NotFound,
    RecollectError,
    Unavailable,
)

FAILED = 1

EXIT_CODES: Mapping[type[RecollectError], int] = {
    RecollectError: FAILED,
    InvalidRequest: 2,
    ConfigError: 2,
    NotFound: 3,
    Conflict: 4,
    Unavailable: 5,
}
"""The exit code of each class of error; of its subclasses too."""


def exit_code(error: type[RecollectError]) -> int:
    """The exit code that tells of this class of error."""
    return next(EXIT_CODES[kind] for kind in error.__mro__ if kind in EXIT_CODES)


def report(error: BaseException, *, as_json: bool) -> int | None:
    """Tell of an error on standard error and give the exit code; None if it is a defect."""
    ending = _ending(error)
    if ending is None:
        return None
    if as_json:
        told = {
            "type": f"urn:recollect:error:{ending.code}",
            "title": ending.code.replace("_", " "),
            "code": ending.code,
            "detail": ending.detail,
        }
        line = json.dumps(told | ending.attributes, ensure_ascii=False, default=str)
    else:
        line = f"error: {' '.join(ending.detail.split())} [{ending.code}]"
    typer.echo(line, err=True)
    return ending.exit_code


@dataclass(frozen=True, slots=True)
class _Ending:
    code: str
    detail: str
    exit_code: int
    attributes: dict[str, Any] = field(default_factory=dict[str, Any])


def _ending(error: BaseException) -> _Ending | None:
    match error:
        case RecollectError():
            return _Ending(error.code, str(error), exit_code(type(error)), vars(error))
        case BaseExceptionGroup():
            # A task group wraps even a single error.
            return _ending(error.exceptions[0])
        case OSError() if not isinstance(error, BrokenPipeError):
            place = error.filename or "input or output"
            return _ending(FileProblem(f"{place}: {error.strerror or error}"))
        case UnicodeDecodeError():
            return _ending(InvalidRequest("the input must be UTF-8"))
        case _:
            return None
