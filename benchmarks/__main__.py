"""The command: `python -m benchmarks --help`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import report
from benchmarks.conversations import conversation_figures
from benchmarks.corpus import cache_folder
from benchmarks.ingest import ingest_figures
from benchmarks.limits import Limit, conversation_limits, limits_of, mirror_limits
from benchmarks.mirror import mirror_figures
from benchmarks.postgres import run as postgres
from benchmarks.store import empty_rss_mb, store_figures
from benchmarks.vectors import VectorFigures, vector_figures

INGEST_SAMPLE = 4000
QUICK_SIZE = 2000
SIZES = [10_000, 100_000]
QUESTIONS = 300
QUICK_QUESTIONS = 30
KEPT = Path("/var/tmp/recollect-benchmarks-postgres")  # noqa: S108
"""Readable by the role without rights under which PostgreSQL runs if an administrator starts it."""
NOTES = [1000, 10_000]
TALK_SECONDS = 60.0
QUICK_SECONDS = 5.0


def main() -> int:
    """Measure, print the report, and return 1 if a promise that binds was broken."""
    options = _parser().parse_args()
    if options.vectors_only:
        _publish([report.vector_section(_vectors(options))], options.report)
        return 0
    if options.notes:
        mirrors = [mirror_figures(count, options.seed) for count in options.notes]
        limits = list(mirror_limits(mirrors))
        _publish([report.limit_section(limits), report.mirror_section(mirrors)], options.report)
        return 0
    if options.conversations:
        talk = conversation_figures(options.seed, options.conversations)
        limits = list(conversation_limits(talk))
        _publish([report.limit_section(limits), report.conversation_section(talk)], options.report)
        return _status(limits)
    return _postgres(options) if options.postgres else _everything(options)


def _everything(options: argparse.Namespace) -> int:
    """Whatever is promised of stores in files."""
    sizes = [QUICK_SIZE] if options.quick else options.sizes or SIZES
    ingest = ingest_figures(options.seed, QUICK_SIZE if options.quick else INGEST_SAMPLE)
    stores = [store_figures(options.cache, size, options.seed, QUESTIONS) for size in sizes]
    mirrors = [mirror_figures(count, options.seed) for count in NOTES[: 1 if options.quick else 2]]
    talk = conversation_figures(options.seed, QUICK_SECONDS if options.quick else TALK_SECONDS)
    limits = [
        *limits_of(ingest, stores, empty_rss_mb(options.seed)),
        *mirror_limits(mirrors),
        *conversation_limits(talk),
    ]
    sections = [
        report.limit_section(limits),
        report.ingest_section(ingest),
        report.store_section(stores),
        report.mirror_section(mirrors),
        report.conversation_section(talk),
    ]
    _publish(sections, options.report)
    return _status(limits)


def _postgres(options: argparse.Namespace) -> int:
    """Whatever is promised of stores in PostgreSQL."""
    run = postgres.postgres_run(
        options.postgres_folder,
        options.sizes or ([QUICK_SIZE] if options.quick else postgres.SIZES),
        options.seed,
        QUICK_QUESTIONS if options.quick else QUESTIONS,
        QUICK_SIZE if options.quick else INGEST_SAMPLE,
    )
    limits = list(postgres.limits_of(run))
    sections = postgres.sections_of(run, limits)
    _publish(sections, options.report, "Benchmarks over PostgreSQL", "make bench-postgres")
    return _status(limits)


def _status(limits: Sequence[Limit]) -> int:
    return int(any(limit.binds and not limit.holds for limit in limits))


def _vectors(options: argparse.Namespace) -> list[VectorFigures]:
    sizes = [s for s in (10_000, 100_000) if s < options.vectors_only]
    return [vector_figures(size, options.seed) for size in [*sizes, options.vectors_only]]


def _publish(
    sections: Sequence[str],
    file: Path | None,
    title: str = "Benchmarks",
    command: str = "make bench",
) -> None:
    page = "\n".join([report.head(title, command), *sections])
    sys.stdout.write(page)
    if file:
        file.write_text(page, encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    add = parser.add_argument
    add("--sizes", type=_sizes, help="memories, such as 10000,100000")
    add("--quick", action="store_true", help=f"one store of {QUICK_SIZE:,}")
    add("--vectors-only", type=int, metavar="N", help="the vector index alone, up to N vectors")
    add("--notes", type=_sizes, help="notes in git alone, with so many in one folder")
    add("--conversations", type=float, metavar="S", help="MemMachine's face alone, for S seconds")
    add("--postgres", action="store_true", help="stores in PostgreSQL alone")
    add("--postgres-folder", type=Path, default=KEPT, help="where its data are kept")
    add("--seed", type=int, default=1)
    add("--cache", type=Path, default=cache_folder(), help="where filled stores are kept")
    add("--report", type=Path, help="a file for the report, besides standard output")
    return parser


def _sizes(text: str) -> list[int]:
    return [int(size) for size in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
