"""Many requests from processes of their own: `python -m benchmarks.load` is one of them.

It reads `{"url": ..., "requests": [[path, body], ...]}` from standard input, sends the requests
one after another over one connection, and prints when it began and ended, how many milliseconds
each took, and how many answers were marked as degraded.
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


def measured(url: str, requests: Sequence[Request], clients: int = 1) -> Answers:
    """How long requests take when this many clients share them, each sending the next at once.

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
    told: list[dict[str, Any]] = []
    for number, process in enumerate(processes):
        assert process.stdin is not None  # noqa: S101
        share = {"url": url, "requests": requests[number::clients]}
        process.stdin.write(json.dumps(share).encode())
        process.stdin.close()
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


def main() -> None:
    """Be one client."""
    share = json.load(sys.stdin)
    client = Client(share["url"])
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
