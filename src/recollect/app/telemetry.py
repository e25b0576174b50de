"""Logs of a serving process: our events with their fields, and no text of memories ever."""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Literal

import structlog

Level = Literal["debug", "info", "warning", "error"]

_LEVELS: Mapping[Level, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def configure_logging(level: Level, *, json: bool) -> None:
    """Log to standard error, for people or as one JSON object a line.

    Events of ours hold what they were given. Of libraries' records, and of exceptions, only the
    place and the kind are logged: their messages may repeat what somebody stored or asked.

    Args:
        level: The least severe events of ours that are logged; libraries' from warnings on.
        json: Write JSON.
    """
    renderer = structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_exception_text,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(
        level=max(_LEVELS[level], logging.WARNING), handlers=[_LibraryHandler()], force=True
    )


class _LibraryHandler(logging.Handler):
    """Makes an event of a library's record: where it was logged, not what it says."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[0] if record.exc_info else None
        structlog.get_logger().log(
            record.levelno,
            "library.logged",
            logger=record.name,
            place=f"{record.module}:{record.lineno}",
            **{"error": error.__name__} if error else {},
        )


def _without_exception_text(
    _: Any, __: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Keep an exception's class and the places it went through; drop its message."""
    given = event.pop("exc_info", None)
    error = sys.exception() if given is True else given
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        event["places"] = _places(error)
    return event


def _places(error: BaseException) -> list[str]:
    places: list[str] = []
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        places.append(f"{code.co_filename}:{traceback.tb_lineno} {code.co_name}")
        traceback = traceback.tb_next
    return places
