"""The figures as a page of Markdown."""

import os
import platform
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TypeVar

from benchmarks.conversations import ConversationFigures
from benchmarks.ingest import IngestFigures
from benchmarks.limits import Limit
from benchmarks.mirror import MirrorFigures
from benchmarks.store import CLIENTS, StoreFigures
from benchmarks.vectors import VectorFigures

F = TypeVar("F")

_HEAD = """# {title}

Made by `{command}` on {machine}, {date}.

Durations are p50 / p95 / p99 in milliseconds unless a row says otherwise. Clients are processes
of their own on the same machine, over HTTP with a connection that is kept alive. Memories are
generated: nine in ten are messages of 10 to 40 words, the others notes, a few of them long. Of
the questions, four in ten name a person and one in ten a month.
"""


def head(title: str, command: str) -> str:
    """The page's beginning, with the machine and the date."""
    date = f"{datetime.now(UTC):%-d %B %Y}"
    return _HEAD.format(title=title, command=command, machine=_machine(), date=date)


def ingest_section(ingest: IngestFigures) -> str:
    """How fast memories come in."""
    least, *_, most = ratios = ingest.ratios
    return (
        "## Ingest\n\n"
        f"{median(ingest.product):.0f} messages per second over HTTP, in requests of 200, beside "
        f"{median(ingest.embedder):.0f} texts per second of the embedder alone, in turns: "
        f"{median(ratios):.0%} in the median round, {least:.0%} to {most:.0%} in all.\n"
    )


def store_section(stores: Sequence[StoreFigures]) -> str:
    """What stores of different sizes cost."""
    rows: list[tuple[str, Callable[[StoreFigures], object]]] = [
        ("first answer after the start, s", lambda s: f"{s.text_seconds:.2f}"),
        ("first answer in full, s", lambda s: f"{s.full_seconds:.2f}"),
        ("recall, one client", lambda s: s.recall),
        (f"recall, {CLIENTS} clients", lambda s: s.recall_together),
        ("recall in a scope of a hundredth", lambda s: s.recall_in_scope),
        ("recall, filter keeps a hundredth", lambda s: s.recall_filtered),
        ("remember, one client", lambda s: s.remember),
        ("the same, mirrored in git", lambda s: s.remember_mirrored),
        ("part: embed the question", lambda s: s.parts.embed),
        ("part: scan the vectors", lambda s: s.parts.scan),
        ("part: search the text", lambda s: s.parts.text),
        ("for comparison: search every word", lambda s: s.parts.every_word),
        ("sum of the parts' p50", lambda s: f"{s.parts.sum_of_medians:.1f}"),
        ("recall, one client, times that sum", lambda s: f"{s.times_parts:.2f}"),
        ("memory, MB", lambda s: f"{s.rss_mb:.0f}"),
        ("disk, MB", lambda s: f"{s.disk_mb:.0f}"),
        ("filled at, memories per second", lambda s: f"{_fill_rate(s):.0f}"),
    ]
    return "## Stores\n\n" + table("memories", stores, lambda s: f"{s.size:,}", rows)


def mirror_section(mirrors: Sequence[MirrorFigures]) -> str:
    """What mirroring notes to git costs."""
    rows: list[tuple[str, Callable[[MirrorFigures], object]]] = [
        ("restored from their files, s", lambda m: f"{m.restored_seconds:.1f}"),
        ("first answer after the start, s", lambda m: f"{m.mirrored.text_seconds:.2f}"),
        ("the same without a mirror, s", lambda m: f"{m.plain.text_seconds:.2f}"),
        ("first answer in full, s", lambda m: f"{m.mirrored.full_seconds:.2f}"),
        ("the same without a mirror, s", lambda m: f"{m.plain.full_seconds:.2f}"),
        ("remember, one client", lambda m: m.mirrored.alone.spread),
        ("the same without a mirror", lambda m: m.plain.alone.spread),
        ("part: one commit, by the adapter alone", lambda m: m.commit),
        (f"remember, {CLIENTS} clients", lambda m: m.mirrored.together.spread),
        (f"notes per second, {CLIENTS} clients", lambda m: f"{m.mirrored.together.per_second:.0f}"),
        ("the same without a mirror", lambda m: f"{m.plain.together.per_second:.0f}"),
        ("degraded answers", lambda m: f"{m.mirrored.together.degraded:.1%}"),
        ("idle, share of a core", lambda m: f"{m.mirrored.idle_percent:.1f}%"),
        ("the same without a mirror", lambda m: f"{m.plain.idle_percent:.1f}%"),
    ]
    return "## Notes in git\n\n" + table(
        "notes in one folder", mirrors, lambda m: f"{m.notes:,}", rows
    )


def conversation_section(figures: ConversationFigures) -> str:
    """What MemMachine's face does."""
    together = figures.together
    lines = [
        "## MemMachine's face",
        "",
        "| a project of 10,000 messages, one client | |",
        "|---|--:|",
        f"| add a message | {figures.add.spread} |",
        f"| search | {figures.search.spread} |",
        "",
        f"| {CLIENTS} clients in nine projects, {together.seconds:g} s | |",
        "|---|--:|",
        *(f"| {what} | {spread} |" for what, spread in sorted(together.spreads.items())),
        f"| requests per second | {together.requests / together.seconds:.0f} |",
    ]
    return "\n".join(lines) + "\n"


def vector_section(vectors: Sequence[VectorFigures]) -> str:
    """What the vector index costs by itself."""
    rows: list[tuple[str, Callable[[VectorFigures], object]]] = [
        ("load from the file, s", lambda v: f"{v.load_seconds:.2f}"),
        ("memory, MB", lambda v: f"{v.matrix_mb:.0f}"),
        ("scan and take the best", lambda v: v.scan),
        ("floor: read the codes once, ms", lambda v: f"{v.floor_ms:.1f}"),
        ("recall@10, int8", lambda v: f"{v.recall_codes:.4f}"),
        ("recall@10, rescored", lambda v: f"{v.recall_rescored:.4f}"),
    ]
    return "## Vector index alone\n\n" + table("vectors", vectors, lambda v: f"{v.size:,}", rows)


def limit_section(limits: Iterable[Limit]) -> str:
    """Every promise, kept or not."""
    lines = ["## Promises", "", "| | measured | promised | |", "|---|--:|--:|---|"]
    for limit in limits:
        bound = "at least" if limit.at_least else "at most"
        kept = "kept" if limit.holds else "**broken**"
        lines.append(
            f"| {limit.what} | {limit.measured:.2f} {limit.unit} "
            f"| {bound} {limit.promised:g} {limit.unit} | {kept} |"
        )
    return "\n".join(lines) + "\n"


def table(
    corner: str,
    figures: Sequence[F],
    heading: Callable[[F], str],
    rows: Sequence[tuple[str, Callable[[F], object]]],
) -> str:
    """Rows of figures, a column for each store or run."""
    lines = [
        " | ".join(["", corner, *map(heading, figures), ""]).strip(),
        "|" + "---|" + "--:|" * len(figures),
    ]
    for name, value in rows:
        cells = [name, *(str(value(f)) for f in figures)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _fill_rate(store: StoreFigures) -> float:
    return store.size / (store.filled.episodes_seconds + store.filled.notes_seconds)


def _machine() -> str:
    return (
        f"{_processor()} ({os.cpu_count()} cores), {platform.system()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text("utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
