"""Errors in this face's shapes: `{"detail": ...}`, which holds a text or an object."""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from recollect.api.problems import MAX_PROBLEMS, STATUS, headers_of, status_of, told
from recollect.errors import InvalidRequest, NotFound, RecollectError

log = structlog.get_logger()

DETAILED_NOT_FOUND = frozenset(
    {
        "/projects/delete",
        "/memory/episodic/config",
        "/memory/episodic/short_term/config",
        "/memory/episodic/long_term/config",
        "/config/resources/{kind}/{name}/retry",
    }
)
"""Where clients know a 404 with an object; elsewhere it has a text."""

PLAIN_INVALID = frozenset({"/projects"})
"""Where a model that there is not is told in a text."""


class Trouble(BaseModel):
    """What went wrong."""

    code: int
    """The HTTP status again."""
    message: str
    internal_error: str
    exception: str
    """The kind of error."""
    trace: str = ""
    """Always empty: nobody outside needs our stack."""


class Refusal(BaseModel):
    """The body of an error."""

    detail: Trouble | str


ERRORS: dict[int | str, dict[str, Any]] = {
    code: {"description": text, "model": Refusal}
    for code, text in {
        400: "The body cannot be read.",
        403: "Not allowed.",
        404: "There is no such thing in reach.",
        409: "It contradicts what is stored.",
        413: "Too large.",
        422: "The request is wrong.",
        503: "Out of reach; retry later.",
        507: "The disk is full.",
    }.items()
}
"""What every route may answer instead, for the OpenAPI document."""


def install(app: FastAPI) -> None:
    """Answer every error of the app in this face's shapes."""
    app.add_exception_handler(RecollectError, _on_ours)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(ValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_crash)


def detailed(
    status: int, message: str, kind: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """The response with an object."""
    trouble = Trouble(code=status, message=message, internal_error=message, exception=kind)
    return JSONResponse(Refusal(detail=trouble).model_dump(), status, headers)


def plain(status: int, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The response with a text."""
    return JSONResponse(Refusal(detail=message).model_dump(), status, headers)


async def _on_ours(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RecollectError):
        raise error
    status = status_of(error)
    if status == STATUS[RecollectError]:
        log.error("request.failed", code=error.code)
    path = getattr(request.scope.get("route"), "path", "")
    if isinstance(error, NotFound) and path not in DETAILED_NOT_FOUND:
        return plain(status, str(error))
    if isinstance(error, InvalidRequest) and path in PLAIN_INVALID:
        return plain(status, str(error))
    return detailed(status, str(error), type(error).__name__, headers_of(error))


async def _on_invalid(_: Request, error: Exception) -> JSONResponse:
    """What is wrong with which field; the input itself is never repeated."""
    if not isinstance(error, RequestValidationError | ValidationError):
        raise error
    found: Sequence[Mapping[str, Any]] = error.errors()
    # FastAPI says first that the field is of the body.
    skipped = 1 if isinstance(error, RequestValidationError) else 0
    problems = [told(p, p["loc"][skipped:]) for p in found[:MAX_PROBLEMS]]
    lines = [f"{p['field']}: {p['problem']}".removeprefix(": ") for p in problems]
    separator = "\n- " if len(lines) > 1 else " "
    message = "Invalid request payload:" + "".join(separator + line for line in lines)
    return detailed(422, message, RequestValidationError.__name__)


async def _on_http(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    return plain(error.status_code, str(error.detail), error.headers)


async def _on_crash(_: Request, __: Exception) -> JSONResponse:
    """Starlette raises the error again behind this answer; the guard logs it."""
    message = "an unexpected error; the log has the request id"
    return detailed(STATUS[RecollectError], message, RecollectError.__name__)
