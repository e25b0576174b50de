"""Stores filled through the product's own ingest, kept for later runs."""

import hashlib
import inspect
import json
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

from benchmarks import corpus
from benchmarks.corpus import NOTE_SHARE, Conversation, Note, conversations, notes
from benchmarks.serving import Client, running
from recollect.adapters.minilm.embedder import MODEL
from recollect.adapters.minilm.tokens import TOKENIZER_KEY
from recollect.adapters.sqlite.database import migrations
from recollect.domain import chunking

MESSAGES_PER_REQUEST: Final = 200
WRITERS: Final = 4
"""How many requests are under way at once."""

_MARK: Final = "filled.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """How long filling took."""

    episodes: int
    notes: int
    episodes_seconds: float
    notes_seconds: float


def filled_store(cache: Path, size: int, seed: int) -> tuple[Path, Filled]:
    """The folder of a store of `size` memories, and how long filling it took, now or before.

    A store is kept for as long as the texts, the schema and the model stay the same; one that was
    left half filled starts anew.
    """
    folder = cache / f"{size}-{seed}-{fingerprint(''.join(migrations()))}"
    mark = folder / _MARK
    if mark.exists():
        return folder, Filled(**json.loads(mark.read_text("utf-8")))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with running(folder, "anything") as server:
        filled = fill(server.url, size, seed)
    mark.write_text(json.dumps(asdict(filled)), encoding="utf-8")
    return folder, filled


def fill(url: str, size: int, seed: int) -> Filled:
    """Store this many memories through the server, and tell how long it took."""
    note_count = int(size * NOTE_SHARE)
    talk = list(conversations(seed, size - note_count, MESSAGES_PER_REQUEST))
    kept = list(notes(seed, note_count))
    return Filled(
        episodes=size - note_count,
        notes=note_count,
        episodes_seconds=send(url, (messages_request(c) for c in talk)),
        notes_seconds=send(url, (note_request(n) for n in kept)),
    )


def fingerprint(schema: str = "") -> str:
    """Eight digits that change with whatever a filled store depends on."""
    parts = (inspect.getsource(corpus), schema, MODEL, TOKENIZER_KEY, str(chunking.VERSION))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:8]


Request = tuple[str, dict[str, object]]
"""A path and the body to send there."""


def messages_request(conversation: Conversation) -> Request:
    """The request that stores a conversation."""
    messages = [
        {
            "content": message.content,
            "producer": message.producer,
            "occurred_at": message.occurred_at.isoformat(),
        }
        for message in conversation.messages
    ]
    return "/v1/messages", {
        "scope": conversation.scope,
        "session": conversation.session,
        "messages": messages,
    }


def note_request(note: Note) -> Request:
    """The request that stores a note."""
    return "/v1/memories", asdict(note)


def send(url: str, requests: Iterable[Request], writers: int = WRITERS) -> float:
    """Send the requests over a few connections at once; returns the seconds it took."""
    clients = [Client(url) for _ in range(writers)]
    waiting = iter(list(requests))
    started = perf_counter()

    def work(client: Client) -> None:
        for path, body in waiting:  # one iterator for all, each request is taken once
            client.post(path, body)

    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(work, clients))
    return perf_counter() - started
