"""A real server in a process of its own, and the plainest client there is."""

import json
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from time import perf_counter, sleep
from typing import Any, Final
from urllib.parse import urlsplit

import psutil

from recollect.app.running import note_of

DEADLINE_SECONDS: Final = 120.0
_POLL_SECONDS: Final = 0.005


class Client:
    """One connection, kept alive."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = HTTPConnection(parts.hostname or "", parts.port, timeout=120)

    def post(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        """Send JSON and read the JSON answer; raises RuntimeError unless it is a success."""
        return self._answer("POST", path, json.dumps(body).encode())

    def get(self, path: str) -> dict[str, Any]:
        """Read a JSON answer; raises RuntimeError unless it is a success."""
        return self._answer("GET", path, None)

    def _answer(self, method: str, path: str, content: bytes | None) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        self._connection.request(method, path, content, headers)
        response = self._connection.getresponse()
        body = response.read()
        answer: dict[str, Any] = json.loads(body) if body else {}
        if response.status >= 300:  # noqa: PLR2004
            raise RuntimeError(f"{path} answered {response.status}: {answer}")
        return answer


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs, and how long its start took, from spawning the process."""

    url: str
    process: psutil.Process
    started: float
    """When the process was spawned, by `perf_counter`."""
    text_seconds: float
    """Until the first question was answered, from text at least."""
    full_seconds: float
    """Until an answer came from all arms."""

    def rss_mb(self) -> float:
        """Memory of the process that is in RAM, MB."""
        return self.process.memory_info().rss / 1e6

    def cpu_seconds(self) -> float:
        """What the process has used so far, of all cores together."""
        times = self.process.cpu_times()
        return times.user + times.system


@contextmanager
def running(data_dir: Path, question: str, **settings: str) -> Generator[Server]:
    """Start a server over this folder and stop it at the end.

    The question is asked again and again until it is answered in full. Settings are given as
    environment variables.
    """
    started = perf_counter()
    command = ["env", *(f"{name}={value}" for name, value in settings.items())]
    command += [sys.executable, "-m", "recollect", "--data-dir", str(data_dir), "serve", "--port=0"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)  # noqa: S603
    try:
        url = _announced(note_of(data_dir, process.pid), process, started)
        client = Client(url)
        recall = {"query": question, "look": "all"}
        answer = client.post("/v1/recall", recall)
        text_seconds = perf_counter() - started
        while answer["degraded"]:
            _pause(started)
            answer = client.post("/v1/recall", recall)
        full_seconds = perf_counter() - started
        yield Server(url, psutil.Process(process.pid), started, text_seconds, full_seconds)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _announced(note: Path, process: subprocess.Popen[bytes], started: float) -> str:
    while not note.exists():
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        _pause(started)
    return str(json.loads(note.read_text("utf-8"))["url"])


def _pause(started: float) -> None:
    if perf_counter() - started > DEADLINE_SECONDS:
        raise TimeoutError("the server does not answer in full")
    sleep(_POLL_SECONDS)
