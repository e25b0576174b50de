"""How errors end the process: the exit code of each, and the line that tells of it.

0 done, 1 failed, 2 usage, 3 not found, 4 conflict, 5 unavailable, 130 interrupted.
"""

import json
from collections.abc import Mapping

import typer

from recollect.errors import (
    ConfigError,
    Conflict,
    InvalidRequest,
    NotFound,
    RecollectError,
    Unavailable,
)

FAILED = 1
INTERRUPTED = 130

EXIT_CODES: Mapping[type[RecollectError], int] = {
    RecollectError: FAILED,
    InvalidRequest: 2,
    ConfigError: 2,
    NotFound: 3,
    Conflict: 4,
    Unavailable: 5,
}
"""The exit code of each class of error; of its subclasses too."""


class FileProblem(RecollectError):
    """A file on this machine cannot be read or written; the message names it."""

    code = "file_problem"


def exit_code(error: type[RecollectError]) -> int:
    """The exit code that tells of this class of error."""
    return next(EXIT_CODES[kind] for kind in error.__mro__ if kind in EXIT_CODES)


def report(error: BaseException, *, as_json: bool) -> int | None:
    """Tell of an error on standard error and give the exit code; None if it is none of ours."""
    ours = _ours(error)
    if ours is None:
        return None
    if as_json:
        told = {
            "type": f"urn:recollect:error:{ours.code}",
            "title": ours.code.replace("_", " "),
            "code": ours.code,
            "detail": str(ours),
        }
        line = json.dumps(told | vars(ours), ensure_ascii=False, default=str)
    else:
        line = f"error: {' '.join(str(ours).split())} [{ours.code}]"
    typer.echo(line, err=True)
    return exit_code(type(ours))


def _ours(error: BaseException) -> RecollectError | None:
    match error:
        case RecollectError():
            return error
        case BaseExceptionGroup():
            # A task group wraps even a single error.
            return _ours(error.exceptions[0])
        case OSError() if not isinstance(error, BrokenPipeError):
            return FileProblem(f"{error.filename or 'input or output'}: {error.strerror or error}")
        case UnicodeDecodeError():
            return InvalidRequest("the input must be UTF-8")
        case _:
            return None
