"""Many requests from processes of their own: `python -m benchmarks.load` is one of them.

It reads `{"url": ..., "requests": [[path, body], ...]}` from standard input, sends the requests
one after another over one connection, and prints how many milliseconds each took.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from time import perf_counter

from benchmarks.filling import Request
from benchmarks.serving import Client
from benchmarks.timing import Spread


def measured(url: str, requests: Sequence[Request], clients: int = 1) -> Spread:
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
    taken: list[float] = []
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
        taken += json.loads(output)
    return Spread.of(taken)


def main() -> None:
    """Be one client."""
    share = json.load(sys.stdin)
    client = Client(share["url"])
    taken: list[float] = []
    for path, body in share["requests"]:
        started = perf_counter()
        client.post(path, body)
        taken.append((perf_counter() - started) * 1000)
    json.dump(taken, sys.stdout)


if __name__ == "__main__":
    main()
