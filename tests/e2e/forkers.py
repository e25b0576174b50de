"""Writers in forks of a process whose imports are done, killed when they told enough."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any


@contextmanager
def forker(module: str) -> Generator[subprocess.Popen[str]]:
    """A process that forks a writer for each thing it is told, such as `tests.e2e.writer`."""
    command = [sys.executable, "-m", module]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        yield process
        process.kill()


def told_until_killed(
    forker: subprocess.Popen[str],
    told: dict[str, Any],
    count: int,
    seconds: float = 0,
) -> list[str]:
    """What the writers told until they were killed: after so many lines and that much longer."""
    assert forker.stdin
    assert forker.stdout
    print(json.dumps(told), file=forker.stdin, flush=True)
    process = int(forker.stdout.readline())
    lines = [forker.stdout.readline() for _ in range(count)]
    time.sleep(seconds)  # else they die where they tell something, and never in between
    os.kill(process, signal.SIGKILL)
    lines += iter(forker.stdout.readline, "gone\n")
    return [line.strip() for line in lines]
