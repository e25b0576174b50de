"""What a filled database costs: latencies over HTTP, one server and two, memory, disk."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import anyio

from benchmarks.corpus import RARE_SCOPE, questions
from benchmarks.filling import Request
from benchmarks.load import Answers, measured
from benchmarks.postgres.arms import Arms, arm_figures
from benchmarks.postgres.filled import Filled, filled_database, settings_of
from benchmarks.postgres.server import PostgresServer
from benchmarks.serving import running

CLIENTS: Final = (1, 8, 32)
REPLICATED: Final = 8
"""The number of clients that one server and two are asked by."""

_FRESH: Final = 50
"""Added to the seed of questions, so that they differ from what the store holds."""

_LEAST_EACH: Final = 15
"""Requests of each client."""

_SIZES: Final = """
select pg_database_size(current_database()), (
    select coalesce(sum(pg_relation_size(indexrelid)), 0) from pg_index
    where indexrelid::regclass::text like '%passage_near%'
)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresFigures:
    """What was measured at one size.

    Attributes:
        recall: By the number of clients of one server.
        recall_filtered: One client, every scope, a filter that keeps a hundredth.
        replicated: `REPLICATED` clients of two servers.
        server_mb: Memory of a Recollect server after all these questions.
        postgres_mb: Memory of PostgreSQL, its buffers included; None if it cannot be told.
        graph_mb: Of `disk_mb`, the graph of the vectors.
    """

    filled: Filled
    full_seconds: float
    recall: dict[int, Answers]
    recall_filtered: Answers
    replicated: Answers
    arms: Arms
    server_mb: float
    postgres_mb: float | None
    disk_mb: float
    graph_mb: float

    @property
    def degraded(self) -> float:
        """The largest share of answers that lacked an arm."""
        every = (*self.recall.values(), self.recall_filtered, self.replicated)
        return max(answers.degraded for answers in every)


def postgres_figures(
    server: PostgresServer, size: int, seed: int, asked: int, judged: int
) -> PostgresFigures:
    """Measure a database of this size, filled now or kept."""
    filled = filled_database(server, size, seed)
    variables = server.variables(filled.name)
    questioned = questions(seed + _FRESH, asked)
    arms = anyio.run(
        partial(
            arm_figures, server, filled.name, settings_of(variables), questioned, min(judged, asked)
        )
    )
    with TemporaryDirectory() as folder, running(Path(folder), questioned[0], **variables) as first:
        recall = {n: _recall([first.url], questioned, n) for n in CLIENTS}
        rare = {"filter": f"scope = '{RARE_SCOPE}'"}
        filtered = _recall([first.url], questioned, 1, **rare)
        with (
            TemporaryDirectory() as other,
            running(Path(other), questioned[0], **variables) as second,
        ):
            replicated = _recall([first.url, second.url], questioned, REPLICATED)
        server_mb, postgres_mb = first.rss_mb(), server.memory_mb()
    with closing(server.connect(filled.name)) as connection:
        row = connection.execute(_SIZES).fetchone()
        assert row is not None  # noqa: S101
    return PostgresFigures(
        filled=filled,
        full_seconds=first.full_seconds,
        recall=recall,
        recall_filtered=filtered,
        replicated=replicated,
        arms=arms,
        server_mb=server_mb,
        postgres_mb=postgres_mb,
        disk_mb=float(row[0]) / 1e6,
        graph_mb=float(row[1]) / 1e6,
    )


def _recall(urls: Sequence[str], asked: Sequence[str], clients: int, **more: object) -> Answers:
    requests: list[Request] = [
        ("/v1/recall", {"query": question, "look": "all", **more}) for question in asked
    ]
    times = -(-clients * _LEAST_EACH // len(requests))
    return measured(urls[0], requests * max(1, times), clients, *urls[1:])
