"""Servers in processes of their own, for tests that kill, starve or double them."""

import json
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import httpx2
from pydantic import SecretStr

from recollect.app.running import note_of
from recollect.settings import SqliteStoreSettings, StoreSettings

DEADLINE_SECONDS = 30
HASHING = {"kind": "hashing"}
_IN_THE_FOLDER = SqliteStoreSettings()
_SERVE = """
import json, sys, anyio
from recollect.app.serve import serve
from recollect.settings import load
anyio.run(serve, load(port=0, log_level="error", **json.loads(sys.argv[1])))
"""


@dataclass(frozen=True)
class Server:
    data_dir: Path
    process: subprocess.Popen[bytes]
    http: httpx2.Client

    def ask(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        response = self.http.post(path, json=body)
        assert response.is_success, response.text
        return response.json()

    def recall(self, query: str) -> dict[str, Any]:
        return self.ask("/v1/recall", {"query": query, "look": "all"})

    def remember(self, content: str) -> str:
        return self.ask("/v1/memories", {"content": content})["id"]

    def arms(self, query: str, memory: str) -> set[str] | None:
        """The arms that found the memory by themselves; None if it is not in the answer."""
        for hit in self.recall(query)["results"]:
            if hit["memory"]["id"] == memory:
                return {name for name, arm in hit["arms"].items() if arm["rank"] is not None}
        return None

    def faults(self) -> list[dict[str, Any]]:
        return self.ask("/v1/check", {"repair": False})["faults"]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def until_all_is_embedded(self) -> None:
        end = monotonic() + DEADLINE_SECONDS
        while True:
            stats = self.http.get("/v1/stats").json()
            if stats["problem"] is None and stats["waiting"] == 0:
                return
            assert monotonic() < end, stats


def where(data_dir: Path, store: StoreSettings) -> dict[str, Any]:
    """The settings that tell another process where memories are kept, secrets among them."""
    told = {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in store.model_dump().items()
    }
    return {"data_dir": str(data_dir), "store": told}


@contextmanager
def serving(
    data_dir: Path,
    embedder: Mapping[str, object] = HASHING,
    store: StoreSettings = _IN_THE_FOLDER,
    **more: object,
) -> Generator[Server]:
    """A server over this folder, ready to answer, killed at the end if it still runs."""
    options = json.dumps(where(data_dir, store) | {"embedder": embedder} | more)
    process = subprocess.Popen([sys.executable, "-c", _SERVE, options])
    note = note_of(data_dir, process.pid)
    try:
        end = monotonic() + DEADLINE_SECONDS
        while not note.exists():
            assert process.poll() is None, "the server ended"
            assert monotonic() < end, "the server did not start"
        with httpx2.Client(base_url=json.loads(note.read_text())["url"], timeout=30) as http:
            yield Server(data_dir, process, http)
    finally:
        process.kill()
        process.wait()
