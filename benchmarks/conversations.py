"""MemMachine's face: one client in a large project, then many clients in several."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep
from typing import Final

from benchmarks.corpus import Writer, questions
from benchmarks.filling import Request
from benchmarks.load import Answers, measured
from benchmarks.serving import Client, Server, running
from benchmarks.talking import MEMORIES, ORG, SHARED, Told, own_project
from benchmarks.timing import Spread

EPISODES: Final = 10_000
PORTION: Final = 500
ASKED: Final = 300
CLIENTS: Final = 8
EVERYTHING: Final = 10**6
LARGE: Final = {"org_id": ORG, "project_id": "large"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """What many clients did at once.

    Attributes:
        spreads: By what was asked.
        failures: What was answered instead of a success.
        lost: Acknowledged messages that are not there, or not once, or not in order.
        undead: Deleted messages that are still there.
        foreign: Messages seen in a project that they do not belong to.
    """

    seconds: float
    requests: int
    spreads: dict[str, Spread]
    failures: Sequence[str]
    lost: int
    undead: int
    foreign: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationFigures:
    """What was measured.

    Attributes:
        add: One client adding one message at a time to a project of `EPISODES`.
        search: One client searching there.
    """

    add: Answers
    search: Answers
    together: Together


def conversation_figures(seed: int, seconds: float) -> ConversationFigures:
    """Measure; the clients that talk at once do so for this long."""
    writer = Writer(seed)
    with TemporaryDirectory() as folder, running(Path(folder), "anything") as server:
        _fill(server, writer)
        warm, asked = _searches(seed + 1, 20), _searches(seed, ASKED)
        measured(server.url, [*warm, *_additions(writer, 20)])
        return ConversationFigures(
            search=measured(server.url, asked),
            add=measured(server.url, _additions(writer, ASKED)),
            together=_together(server, seconds),
        )


def _fill(server: Server, writer: Writer) -> None:
    client = Client(server.url)
    for _ in range(EPISODES // PORTION):
        messages = [{"content": writer.text(10, 40), "producer": "Ann"} for _ in range(PORTION)]
        client.post(MEMORIES, {**LARGE, "messages": messages})
    while client.get("/v1/stats")["waiting"]:
        sleep(0.2)


def _additions(writer: Writer, count: int) -> list[Request]:
    return [
        (MEMORIES, {**LARGE, "messages": [{"content": writer.text(10, 40)}]}) for _ in range(count)
    ]


def _searches(seed: int, count: int) -> list[Request]:
    return [(f"{MEMORIES}/search", {**LARGE, "query": text}) for text in questions(seed, count)]


def _together(server: Server, seconds: float) -> Together:
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.talking"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(CLIENTS)
    ]
    for number, process in enumerate(processes):
        assert process.stdin is not None  # noqa: S101
        share = {"url": server.url, "number": number, "seconds": seconds}
        process.stdin.write(json.dumps(share).encode())
        process.stdin.close()
    told: list[Told] = []
    for process in processes:
        assert process.stdout is not None  # noqa: S101
        output = process.stdout.read()
        if process.wait():
            raise RuntimeError("a client failed")
        told.append(Told(**json.loads(output)))
    return _judged(Client(server.url), seconds, told)


def _judged(client: Client, seconds: float, told: Sequence[Told]) -> Together:
    lost = undead = 0
    for project in (SHARED, *map(own_project, range(CLIENTS))):
        body = {"org_id": ORG, "project_id": project, "type": "episodic", "page_size": EVERYTHING}
        listed = client.post(f"{MEMORIES}/list", body)["content"]["episodic_memory"]
        places = {episode["uid"]: place for place, episode in enumerate(listed)}
        times = Counter(episode["uid"] for episode in listed)
        for one in told:
            kept = one.kept.get(project, [])
            lost += sum(times[uid] != 1 for uid in kept)
            order = [places[uid] for uid in kept if uid in places]
            lost += order != sorted(order)
            undead += sum(uid in times for uid in one.deleted.get(project, []))
    taken = {what: [ms for one in told for ms in one.taken.get(what, ())] for what in told[0].taken}
    return Together(
        seconds=seconds,
        requests=sum(map(len, taken.values())),
        spreads={what: Spread.of(milliseconds) for what, milliseconds in taken.items()},
        failures=[failure for one in told for failure in one.failures],
        lost=lost,
        undead=undead,
        foreign=sum(one.foreign for one in told),
    )
