"""Errors as `application/problem+json` (RFC 9457), in one place."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from recollect.errors import (
    Conflict,
    DeadlineExceeded,
    Denied,
    IdempotencyMismatch,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    RecollectError,
    StorageFull,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from recollect.operations.request import wording

log = structlog.get_logger()

STATUS: Mapping[type[RecollectError], int] = {
    InvalidRequest: 422,
    MethodNotAllowed: 405,
    TooLarge: 413,
    NotFound: 404,
    Conflict: 409,
    IdempotencyMismatch: 422,
    Denied: 403,
    Unauthenticated: 401,
    Unavailable: 503,
    DeadlineExceeded: 504,
    StorageFull: 507,
    RecollectError: 500,
}
"""The status of each class of error; of its subclasses too, unless they have their own."""

MEDIA_TYPE = "application/problem+json"
MAX_PROBLEMS = 20
"""How many problems of one request are told."""

_HTTP_CODES = {404: NotFound.code, 405: MethodNotAllowed.code, 413: TooLarge.code}
_FREE_FORM = "metadata"
_FIELD_NAME = re.compile(r"[a-z_]{1,30}")


def status_of(error: RecollectError) -> int:
    """The HTTP status that tells of this error."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def problem(error: RecollectError) -> JSONResponse:
    """The response that tells of this error; its attributes are members beside the code."""
    return _document(
        status_of(error), error.code, str(error), headers=headers_of(error), **vars(error)
    )


def headers_of(error: RecollectError) -> dict[str, str]:
    """The headers that tell what to do about this error."""
    match error:
        case Unauthenticated():
            return {"WWW-Authenticate": "Bearer"}
        case Unavailable():
            return {"Retry-After": "1"}
        case _:
            return {}


def crash() -> JSONResponse:
    """The response that tells of a defect of ours, and nothing of its cause."""
    return problem(RecollectError("an unexpected error; the log has the request id"))


def install(app: FastAPI) -> None:
    """Answer every error of the app with a problem document."""
    app.add_exception_handler(RecollectError, _on_ours)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(ValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_crash)


async def _on_ours(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RecollectError):
        raise error
    if status_of(error) == STATUS[RecollectError]:
        log.error("request.failed", code=error.code)
    return problem(error)


async def _on_invalid(_: Request, error: Exception) -> JSONResponse:
    """What is wrong with which field; the input itself is never repeated."""
    if not isinstance(error, RequestValidationError | ValidationError):
        raise error
    found: list[Mapping[str, Any]] = list(error.errors())
    # FastAPI says first whether a field is of the body, the query or the path.
    skipped = 1 if isinstance(error, RequestValidationError) else 0
    problems = [told(p, p["loc"][skipped:]) for p in found[:MAX_PROBLEMS]]
    detail = "; ".join(f"{p['field']}: {p['problem']}".removeprefix(": ") for p in problems)
    return _document(422, InvalidRequest.code, detail, problems=problems)


def told(problem: Mapping[str, Any], place: Sequence[int | str]) -> dict[str, str]:
    """The field and its problem; a name of the caller's is shown if it looks like a field's."""
    if problem["type"] == "json_invalid":
        return {"field": "", "problem": "the body is not JSON"}
    names = [str(part) for part in place]
    if _FREE_FORM in names:
        names = names[: names.index(_FREE_FORM) + 1]
    if problem["type"] == "extra_forbidden" and not _FIELD_NAME.fullmatch(names[-1]):
        names[-1] = "?"
    return {"field": ".".join(names), "problem": wording(problem)}


async def _on_http(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    code = _HTTP_CODES.get(error.status_code, InvalidRequest.code)
    return _document(error.status_code, code, str(error.detail), headers=dict(error.headers or {}))


async def _on_crash(_: Request, __: Exception) -> JSONResponse:
    """Starlette raises the error again behind this answer; the guard logs it."""
    return crash()


def _document(
    status: int, code: str, detail: str, *, headers: dict[str, str] | None = None, **more: Any
) -> JSONResponse:
    body = {
        "type": f"urn:recollect:error:{code}",
        "title": code.replace("_", " "),
        "status": status,
        "code": code,
        "detail": detail,
    }
    return JSONResponse(body | more, status_code=status, headers=headers, media_type=MEDIA_TYPE)
