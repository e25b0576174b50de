"""The notes in the data folder that tell which servers hold it."""

import json
import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def announced(data_dir: Path, url: str, store: str) -> Generator[None]:
    """Leave a note for as long as the block runs; a killed server leaves it behind.

    Args:
        data_dir: The data folder.
        url: Where the server listens.
        store: The kind of the store that it serves.
    """
    note = note_of(data_dir, os.getpid())
    data_dir.mkdir(parents=True, exist_ok=True)
    fresh = note.with_suffix(".new")
    fresh.write_text(json.dumps({"url": url, "store": store}), encoding="utf-8")
    fresh.replace(note)
    try:
        yield
    finally:
        if url_in(note, store) == url:
            note.unlink(missing_ok=True)


def note_of(data_dir: Path, pid: int) -> Path:
    """Where the server of this process leaves its note: several may hold one folder."""
    return data_dir / f"server-{pid}.json"


def notes_in(data_dir: Path) -> list[Path]:
    """The notes, the newest first."""
    dated: list[tuple[int, Path]] = []
    for note in data_dir.glob("server-*.json"):
        with suppress(FileNotFoundError):
            dated.append((note.stat().st_mtime_ns, note))
    return [note for _, note in sorted(dated, reverse=True)]


def url_in(note: Path, store: str) -> str | None:
    """The address that a note tells; None if it is of another kind of store, or no note."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        noted = json.loads(note.read_text(encoding="utf-8"))
        return str(noted["url"]) if noted["store"] == store else None
    return None
