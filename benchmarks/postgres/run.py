"""The whole of it: which sizes, what is promised, and the report."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.ingest import IngestFigures, ingest_figures
from benchmarks.limits import Limit
from benchmarks.postgres.filled import MOST_EMBEDDED
from benchmarks.postgres.server import REPORTED, PostgresServer, postgres
from benchmarks.postgres.store import CLIENTS, REPLICATED, PostgresFigures, postgres_figures
from benchmarks.report import limit_section, table

SIZES: Final = (10_000, 100_000, 1_000_000)
JUDGED: Final = 100
LEAST_RECALL: Final = 0.98
MOST_GROWTH: Final = 2.5
_FRESH: Final = 70
"""Added to the seed of what is ingested, so that it differs from what the store holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresRun:
    """Everything that was measured.

    Attributes:
        ingest: Into a copy of the largest store that was embedded, if there is one.
    """

    server: Mapping[str, str]
    ingest: IngestFigures
    ingested_into: int
    stores: Sequence[PostgresFigures]


def postgres_run(
    folder: Path, sizes: Sequence[int], seed: int, asked: int, ingested: int
) -> PostgresRun:
    """Measure the server at the given address, or one that keeps its data in this folder."""
    with postgres(folder) as server:
        stores = [postgres_figures(server, size, seed, asked, JUDGED) for size in sizes]
        embedded = [store.filled for store in stores if store.filled.is_embedded]
        template = max(embedded, key=lambda filled: filled.size, default=None)
        return PostgresRun(
            server=server.settings(),
            ingest=_ingest(server, template and template.name, seed + _FRESH, ingested),
            ingested_into=template.size if template else 0,
            stores=stores,
        )


def _ingest(server: PostgresServer, template: str | None, seed: int, count: int) -> IngestFigures:
    name = "recollect_bench_ingest"
    server.drop(name)
    server.create(name, template)
    try:
        return ingest_figures(seed, count, **server.variables(name))
    finally:
        server.drop(name)


def limits_of(run: PostgresRun) -> Generator[Limit]:
    """Every promise that these figures speak of."""
    for store in run.stores:
        at = f" at {store.filled.size:,}"
        for what, share in (
            ("recall@10 of the vector index", store.arms.recall),
            ("the same where a filter keeps 1 %", store.arms.recall_filtered),
        ):
            yield Limit(
                what=what + at,
                unit="",
                measured=share,
                promised=LEAST_RECALL,
                binds=True,
                at_least=True,
            )
        yield Limit(
            what=f"degraded answers{at}", unit="", measured=store.degraded, promised=0, binds=True
        )
    least, most = run.stores[0], run.stores[-1]
    if most.filled.size > MOST_EMBEDDED:
        yield Limit(
            what=f"search by meaning, {most.filled.size:,} by {least.filled.size:,}",
            unit="times",
            measured=most.arms.dense.p50 / least.arms.dense.p50,
            promised=MOST_GROWTH,
            binds=True,
        )


def sections_of(run: PostgresRun, limits: Sequence[Limit]) -> list[str]:
    """The report, part by part."""
    return [
        limit_section(limits),
        _server_section(run.server),
        _ingest_section(run),
        _store_section(run.stores),
        _sizing_section(run),
    ]


def _server_section(server: Mapping[str, str]) -> str:
    settings = ", ".join(f"`{name}` {server[name]}" for name in REPORTED)
    return (
        f"## Server\n\nPostgreSQL {server['server_version']} on the same machine, {settings}. "
        f"Stores of more than {MOST_EMBEDDED:,} have generated vectors in clusters around real "
        "ones, and were written in bulk.\n"
    )


def _ingest_section(run: PostgresRun) -> str:
    least, *_, most = ratios = run.ingest.ratios
    return (
        f"## Ingest into a store of {run.ingested_into:,}\n\n"
        f"{median(run.ingest.product):.0f} messages per second over HTTP, in requests of 200, "
        f"beside {median(run.ingest.embedder):.0f} texts per second of the embedder alone, in "
        f"turns: {median(ratios):.0%} in the median round, {least:.0%} to {most:.0%} in all.\n"
    )


def _store_section(stores: Sequence[PostgresFigures]) -> str:
    rows: list[tuple[str, Callable[[PostgresFigures], object]]] = [
        ("first answer in full after the start, s", lambda s: f"{s.full_seconds:.2f}"),
    ]
    for clients in CLIENTS:
        plural = "s" if clients > 1 else ""
        rows += [
            (f"recall, {clients} client{plural}", lambda s, n=clients: s.recall[n].spread),
            ("recalls per second", lambda s, n=clients: f"{s.recall[n].per_second:.1f}"),
        ]
    rows += [
        (f"recall, {REPLICATED} clients of two servers", lambda s: s.replicated.spread),
        ("recalls per second", lambda s: f"{s.replicated.per_second:.1f}"),
        ("recall, filter keeps a hundredth", lambda s: s.recall_filtered.spread),
        ("part: embed the question", lambda s: s.arms.embed),
        ("part: search by meaning", lambda s: s.arms.dense),
        ("the same, filter keeps a hundredth", lambda s: s.arms.dense_filtered),
        ("part: search by words", lambda s: s.arms.text),
        ("recall@10 of the vector index", lambda s: f"{s.arms.recall:.4f}"),
        ("the same, filter keeps a hundredth", lambda s: f"{s.arms.recall_filtered:.4f}"),
    ]
    return "## Stores\n\n" + table("memories", stores, lambda s: f"{s.filled.size:,}", rows)


def _sizing_section(run: PostgresRun) -> str:
    rows: list[tuple[str, Callable[[PostgresFigures], object]]] = [
        ("disk, MB", lambda s: f"{s.disk_mb:.0f}"),
        ("of it the graph of the vectors, MB", lambda s: f"{s.graph_mb:.0f}"),
        ("memory of PostgreSQL, MB", lambda s: _or_dash(s.postgres_mb, "{:.0f}")),
        ("`shared_buffers`", lambda _: run.server["shared_buffers"]),
        ("memory of a server of ours, MB", lambda s: f"{s.server_mb:.0f}"),
        ("ingested at, memories per second", lambda s: _rate(s, embedded=True)),
        ("written in bulk at", lambda s: _rate(s, embedded=False)),
        ("the graph is made in, s", lambda s: _or_dash(s.filled.graph_seconds, "{:.0f}")),
    ]
    return "## Size\n\n" + table("memories", run.stores, lambda s: f"{s.filled.size:,}", rows)


def _rate(store: PostgresFigures, *, embedded: bool) -> str:
    if store.filled.is_embedded is not embedded or store.filled.seconds is None:
        return "–"
    return f"{store.filled.size / store.filled.seconds:.0f}"


def _or_dash(figure: float | None, form: str) -> str:
    return "–" if figure is None else form.format(figure)
