"""The note in the data folder that tells which server holds it."""

import json
import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

FILE_NAME = "server.json"


@contextmanager
def announced(data_dir: Path, url: str) -> Generator[None]:
    """Leave the note for as long as the block runs; a killed server leaves it behind."""
    note = data_dir / FILE_NAME
    data_dir.mkdir(parents=True, exist_ok=True)
    fresh = note.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps({"url": url, "pid": os.getpid()}), encoding="utf-8")
    fresh.replace(note)
    try:
        yield
    finally:
        if noted_url(data_dir) == url:
            note.unlink(missing_ok=True)


def noted_url(data_dir: Path) -> str | None:
    """The address in the note; None without one. Whether it still answers is not known."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        return str(json.loads((data_dir / FILE_NAME).read_text(encoding="utf-8"))["url"])
    return None
