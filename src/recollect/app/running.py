"""The notes in the data folder that tell which servers hold it."""

import json
import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2
from anyio import to_thread

ANSWER_SECONDS = 2


@contextmanager
def announced(data_dir: Path, url: str) -> Generator[None]:
    """Leave a note for as long as the block runs; a killed server leaves it behind."""
    note = note_of(data_dir, os.getpid())
    data_dir.mkdir(parents=True, exist_ok=True)
    fresh = note.with_suffix(".new")
    fresh.write_text(json.dumps({"url": url}), encoding="utf-8")
    fresh.replace(note)
    try:
        yield
    finally:
        if _url(note) == url:
            note.unlink(missing_ok=True)


def note_of(data_dir: Path, pid: int) -> Path:
    """Where the server of this process leaves its note: several may hold one folder."""
    return data_dir / f"server-{pid}.json"


async def server_of(data_dir: Path) -> str | None:
    """The address of a server that holds the folder and answers, the newest first.

    A note of an address where nobody listens any more is taken away.
    """
    for note in await to_thread.run_sync(_notes, data_dir):
        url = _url(note)
        try:
            if url is not None and await _asked(url):
                return url
        except httpx2.ConnectError:
            note.unlink(missing_ok=True)
    return None


async def answers(url: str) -> bool:
    """Whether a server is there."""
    with suppress(httpx2.ConnectError):
        return await _asked(url)
    return False


async def _asked(url: str) -> bool:
    try:
        async with httpx2.AsyncClient(timeout=ANSWER_SECONDS) as client:
            return (await client.get(f"{url}/healthz")).is_success
    except httpx2.ConnectError:
        raise
    except (httpx2.HTTPError, httpx2.InvalidURL):
        return False


def _notes(data_dir: Path) -> list[Path]:
    """The notes, the newest first."""
    dated: list[tuple[int, Path]] = []
    for note in data_dir.glob("server-*.json"):
        with suppress(FileNotFoundError):
            dated.append((note.stat().st_mtime_ns, note))
    return [note for _, note in sorted(dated, reverse=True)]


def _url(note: Path) -> str | None:
    with suppress(OSError, ValueError, KeyError, TypeError):
        return str(json.loads(note.read_text(encoding="utf-8"))["url"])
    return None
