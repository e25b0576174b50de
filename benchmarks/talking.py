"""One of many clients that talk to MemMachine's face at once: `python -m benchmarks.talking`.

It reads `{"url": ..., "number": ..., "seconds": ...}` from standard input. Until the time is over
it adds, searches, lists and deletes messages, by turns in a project that all share and in one of
its own, and prints as JSON what became of it: see `Told`.
"""

import json
import sys
from collections import defaultdict
from dataclasses import dataclass, field, fields
from random import Random
from time import monotonic, perf_counter
from typing import Any, Final

from benchmarks.corpus import Writer
from benchmarks.serving import Client

ORG: Final = "talking"
SHARED: Final = "shared"
PAGE: Final = 100
MEMORIES: Final = "/api/v2/memories"


def own_project(number: int) -> str:
    """The project that this client alone uses."""
    return f"own-{number}"


@dataclass(slots=True)
class Told:
    """What a client did.

    Attributes:
        taken: Milliseconds of every request, by what was asked.
        failures: What was answered instead of a success.
        kept: The acknowledged messages that it did not delete, by project, in order.
        deleted: Those that it did, by project.
        foreign: How many messages of others it saw in its own project.
    """

    taken: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failures: list[str] = field(default_factory=list[str])
    kept: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    deleted: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    foreign: int = 0


class Talker:
    """A client in the middle of it."""

    def __init__(self, url: str, number: int) -> None:
        self.told = Told()
        self._client = Client(url)
        self._name = f"client {number}"
        self._own = own_project(number)
        self._random = Random(number)  # noqa: S311
        self._writer = Writer(number)

    def turn(self) -> None:
        """Ask one thing, of one of the two projects."""
        project = self._random.choice([SHARED, self._own])
        kept = self.told.kept[project]
        match self._random.random():
            case chance if chance < 0.4 or not kept:  # noqa: PLR2004
                self._add(project)
            case chance if chance < 0.8:  # noqa: PLR2004
                query = self._writer.text(5, 10)
                self._look("search", project, {"query": query, "types": ["episodic"]})
            case chance if chance < 0.9:  # noqa: PLR2004
                self._look("list", project, {"type": "episodic", "page_size": PAGE})
            case _:
                uid = kept[self._random.randrange(len(kept))]
                if self._ask("episodic/delete", project, {"episodic_id": uid}) is not None:
                    self.told.deleted[project].append(uid)
                    kept.remove(uid)

    def _add(self, project: str) -> None:
        messages = [
            {"content": self._writer.text(10, 40), "producer": self._name}
            for _ in range(self._random.randrange(1, 4))
        ]
        answer = self._ask("", project, {"messages": messages})
        if answer is not None:
            self.told.kept[project] += [result["uid"] for result in answer["results"]]

    def _look(self, what: str, project: str, body: dict[str, Any]) -> None:
        answer = self._ask(what, project, body)
        if answer is None or project == SHARED:
            return
        found = answer["content"]["episodic_memory"]
        if what == "search":
            found = found["short_term_memory"]["episodes"] + found["long_term_memory"]["episodes"]
        self.told.foreign += sum(episode["producer_id"] != self._name for episode in found)

    def _ask(self, what: str, project: str, body: dict[str, Any]) -> dict[str, Any] | None:
        path = f"{MEMORIES}/{what}".rstrip("/")
        started = perf_counter()
        try:
            answer = self._client.post(path, {"org_id": ORG, "project_id": project, **body})
        except (RuntimeError, OSError) as error:
            self.told.failures.append(str(error))
            return None
        self.told.taken[what or "add"].append((perf_counter() - started) * 1000)
        return answer


def main() -> None:
    """Be one client."""
    share = json.load(sys.stdin)
    talker = Talker(share["url"], share["number"])
    end = monotonic() + share["seconds"]
    while monotonic() < end:
        talker.turn()
    told = talker.told
    json.dump({field.name: getattr(told, field.name) for field in fields(told)}, sys.stdout)


if __name__ == "__main__":
    main()
