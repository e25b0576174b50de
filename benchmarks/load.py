"""Many requests from processes of their own: `python -m benchmarks.load` is one of them.

It reads `{"url": ..., "requests": [[path, body], ...]}` from a line of standard input, says that it
is ready, waits for another line, sends the requests one after another over one connection, and
prints when it began and ended, how many milliseconds each took, and how many answers were marked
as degraded.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic, perf_counter
from typing import Any

from benchmarks.filling import Request
from benchmarks.serving import Client
from benchmarks.timing import Spread


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """How long answers took, how many came in a second, and which share was degraded."""

    spread: Spread
    per_second: float
    degraded: float


def measured(url: str, requests: Sequence[Request], clients: int = 1, *others: str) -> Answers:
    """How long requests take when this many clients share them, each sending the next at once.

    Clients are shared out among the server and the others, if any.

    Raises:
        RuntimeError: A request failed.
    """
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.load"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(clients)
    ]
    urls = (url, *others)
    for number, process in enumerate(processes):
        share = {"url": urls[number % len(urls)], "requests": requests[number::clients]}
        _tell(process, json.dumps(share))
    for process in processes:
        assert process.stdout is not None  # noqa: S101
        process.stdout.readline()
    # All at once: some would else be through before others have started.
    for process in processes:
        _tell(process, "go")
    told: list[dict[str, Any]] = []
    for process in processes:
        assert process.stdout is not None  # noqa: S101
        output = process.stdout.read()
        if process.wait():
            raise RuntimeError("a client failed")
        told.append(json.loads(output))
    seconds = max(client["ended"] for client in told) - min(client["began"] for client in told)
    return Answers(
        spread=Spread.of([milliseconds for client in told for milliseconds in client["taken"]]),
        per_second=len(requests) / seconds,
        degraded=sum(client["degraded"] for client in told) / len(requests),
    )


def _tell(process: "subprocess.Popen[bytes]", line: str) -> None:
    assert process.stdin is not None  # noqa: S101
    process.stdin.write(f"{line}\n".encode())
    process.stdin.flush()


def main() -> None:
    """Be one client."""
    share = json.loads(sys.stdin.readline())
    client = Client(share["url"])
    print("ready", flush=True)  # noqa: T201
    sys.stdin.readline()
    taken: list[float] = []
    degraded = 0
    began = monotonic()
    for path, body in share["requests"]:
        started = perf_counter()
        answer = client.post(path, body)
        taken.append((perf_counter() - started) * 1000)
        degraded += bool(answer.get("degraded"))
    told = {"began": began, "ended": monotonic(), "taken": taken, "degraded": degraded}
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
