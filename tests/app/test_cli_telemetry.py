import json
import subprocess
import sys
from typing import Any

import pytest

SECRET = "the text of a memory"  # noqa: S105
LOG = f"""
import logging, sys, structlog
from recollect.app.telemetry import configure_logging
configure_logging(sys.argv[1], json=sys.argv[2] == "json")
log = structlog.get_logger()
log.info("server.listening", url="http://127.0.0.1:8080")
log.debug("detail.seen")
logging.getLogger("mcp.server").debug("received {SECRET}")
logging.getLogger("mcp.server").info("received {SECRET}")
logging.getLogger("mcp.server").warning("cannot validate %s", {SECRET!r})
try:
    raise ValueError({SECRET!r})
except ValueError as error:
    log.error("work.failed", exc_info=True)
    log.error("work.failed", exc_info=error)
    logging.getLogger("uvicorn.error").exception("failed")
"""


def logged(level: str, form: str = "json") -> str:
    ran = subprocess.run(
        [sys.executable, "-c", LOG, level, form], capture_output=True, text=True, check=True
    )
    assert ran.stdout == ""
    return ran.stderr


def events(level: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in logged(level).splitlines()]


def test_logs_are_json_with_fixed_names_and_fields() -> None:
    first, *_ = events("info")
    assert (first["event"], first["level"]) == ("server.listening", "info")
    assert first["url"] == "http://127.0.0.1:8080"
    assert first["timestamp"].endswith("Z")


def test_of_libraries_only_kind_and_place_are_logged() -> None:
    warned, failed = (e for e in events("info") if e["event"] == "library.logged")
    assert (warned["logger"], warned["level"]) == ("mcp.server", "warning")
    assert (failed["logger"], failed["error"]) == ("uvicorn.error", "ValueError")


def test_an_exception_is_logged_by_its_class_and_its_places() -> None:
    for failed in (e for e in events("info") if e["event"] == "work.failed"):
        assert failed["error"] == "ValueError"
        assert failed["places"][0].endswith("<module>")


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
@pytest.mark.parametrize("form", ["json", "text"])
def test_no_text_that_others_wrote_is_logged(level: str, form: str) -> None:
    assert SECRET not in logged(level, form)


def test_the_level_decides_what_is_logged() -> None:
    assert [e["event"] for e in events("debug")][:2] == ["server.listening", "detail.seen"]
    assert {e["event"] for e in events("error")} == {"work.failed", "library.logged"}
