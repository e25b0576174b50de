"""Finding the server that holds a data folder, by the notes that servers leave there."""

from contextlib import suppress
from pathlib import Path

import httpx2
from anyio import to_thread

from recollect.app.running import notes_in, url_in

ANSWER_SECONDS = 2


async def server_of(data_dir: Path, store: str) -> str | None:
    """The address of a server that holds the folder and answers, the newest first.

    One over another kind of store has other memories, and is not meant. A note of an address where
    nobody listens any more is taken away.
    """
    for note in await to_thread.run_sync(notes_in, data_dir):
        url = url_in(note, store)
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
