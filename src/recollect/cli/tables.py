"""Results as people read them."""

import re
import sys
from collections.abc import Mapping
from functools import singledispatch

from rich.console import Console
from rich.table import Table
from rich.text import Text

from recollect.app.diagnosis import Diagnosis, Warm
from recollect.app.sign_in import SignedIn, SignedOut, SignInStatus
from recollect.cli.brought import Brought
from recollect.operations import (
    BackedUp,
    Changed,
    Checked,
    Erased,
    Figures,
    Forgotten,
    Hit,
    Imported,
    ImportedRecalls,
    Ingested,
    Marked,
    MemoryView,
    Page,
    Recalled,
    RecallFigures,
    Reindexed,
    Remembered,
    Result,
    Revisions,
)
from recollect.operations.feedback import Verdicts

LINE_CHARACTERS = 200
PASSAGE_LINES = 6
PASSAGE_CHARACTERS = 240
PIPED_WIDTH = 200
"""Columns of a table that goes into a file or a pipe, where nobody knows how wide it may be."""

IDS_AT_MOST = 10

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@singledispatch
def show(result: Result) -> None:
    """Print the result of an operation."""
    _print(result.model_dump_json(indent=2))


@show.register
def _(result: Recalled) -> None:
    table = _table("#", "score", "from", "passage", "why")
    for rank, hit in enumerate(result.results, start=1):
        memory = hit.memory
        table.add_row(
            str(rank), f"{hit.score:.2f}", _plain(_origin(memory)), _passage(hit), _plain(_why(hit))
        )
        for neighbour in hit.neighbours:
            table.add_row(
                "", "", _plain(_origin(neighbour)), _plain(_first_line(neighbour.content)), "near"
            )
        if hit.features is not None:
            table.add_row("", "", "", _plain(_features(hit.features)), "features")
    _print(table if result.results else "nothing found")
    _print(f"{_many(len(result.results), 'result')} in {result.took_ms:.0f} ms")


@show.register
def _(result: Page) -> None:
    table = _table("from", "id", "tags", "content")
    for memory in result.memories:
        table.add_row(
            _clipped(_origin(memory)),
            memory.id,
            _clipped(", ".join(memory.tags)),
            _clipped(_first_line(memory.content)),
        )
    _print(table if result.memories else "nothing found")
    more = f"; the next page: --cursor {result.next_cursor}" if result.next_cursor else ""
    _print(f"{len(result.memories)} of {result.count}{more}")


@show.register
def _(result: MemoryView) -> None:
    if not sys.stdout.isatty():
        # Into a file or a pipe goes the text as it is stored.
        sys.stdout.write(result.content + ("" if result.content.endswith("\n") else "\n"))
        return
    facts = {
        "id": result.id,
        "scope": result.scope,
        "from": _origin(result),
        "occurred": f"{result.occurred_at:%Y-%m-%d %H:%M} UTC",
        "revision": str(result.revision),
        "tags": ", ".join(result.tags),
        "source": result.source,
    }
    for name, value in facts.items():
        if value:
            _print(Text.assemble((f"{name}: ", "cyan"), _plain(value)))
    _print(Text("\n") + _plain(result.content))


@show.register
def _(result: Revisions) -> None:
    table = _table("revision", "recorded", "by", "what", "content")
    for revision in result.revisions:
        content = _first_line(revision.memory.content) if revision.memory else ""
        table.add_row(
            str(revision.revision),
            f"{revision.recorded_at:%Y-%m-%d %H:%M}",
            _plain(revision.actor),
            revision.verb,
            _plain(content),
        )
    _print(table)


@show.register
def _(result: Remembered) -> None:
    done = "replaced" if result.replaced else "stored"
    _print(_plain(f"{done} {_at(result.scope, result.name)}, revision {result.revision}"))
    for similar in result.similar:
        _print(_plain(f"much like {_at(similar.scope, similar.name)} ({similar.score:.2f})"))
    _tell_degraded(result.degraded)


@show.register
def _(result: Changed) -> None:
    place = _at(result.scope, result.name or result.id)
    _print(_plain(f"changed {place}, now at revision {result.revision}"))
    _tell_degraded(result.degraded)


@show.register
def _(result: Ingested) -> None:
    already = f"; already there: {result.known}" if result.known else ""
    _print(f"stored {_many(len(result.ids) - result.known, 'message')}{already}")
    _tell_degraded(result.degraded)


@show.register
def _(result: Forgotten) -> None:
    few = 0 < len(result.ids) <= IDS_AT_MOST
    count = _many(result.forgotten, "memory")
    _print(_plain(f"forgot {count}" + (f": {', '.join(result.ids)}" if few else "")))


@show.register
def _(result: Erased) -> None:
    _print(f"erased {_many(result.revisions, 'revision')}")


@show.register
def _(result: Figures) -> None:
    table = _table("", "")
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(result.by_kind.items()))
    table.add_row("memories", f"{result.memories}" + (f" ({kinds})" if kinds else ""))
    table.add_row("revisions", str(result.revisions))
    table.add_row("links", str(result.links))
    table.add_row("size", f"{result.size_bytes / 1e6:.1f} MB")
    table.add_row("model", result.model)
    table.add_row("wait to be embedded", str(result.waiting))
    for model, count in sorted(result.by_model.items()):
        if model != result.model:
            table.add_row(_plain(f"still embedded by {model}"), str(count))
    for scope, count in sorted(result.by_scope.items()):
        table.add_row(_plain(f"scope {scope or '(root)'}"), str(count))
    _print(table)
    if result.problem:
        _print(_plain(f"no search by meaning: {result.problem}"))
    if result.advice:
        _print(_plain(result.advice))


@show.register
def _(result: Marked) -> None:
    match result.total_rows_affected:
        case 0:
            _print("nothing was marked: it was not recalled there, or has its verdict already")
        case 1:
            _print("1 result has its verdict")
        case count:
            _print(f"{count} results have their verdict")


@show.register
def _(result: RecallFigures) -> None:
    table = _table("", "results", "applied", "maybe", "not applied", "no verdict", "acceptance")
    for rank in result.ranks:
        _add_verdicts(table, f"rank {rank.rank}", rank)
    for arm in result.arms:
        _add_verdicts(table, f"found by {arm.arm}", arm)
    for bucket in result.buckets:
        _add_verdicts(table, f"distance {bucket.range}", bucket)
    _print(table if result.ranks else "no recalls were noted yet")
    _print(f"{result.recalls} recalls with results")


def _add_verdicts(table: Table, label: str, verdicts: Verdicts) -> None:
    judged = verdicts.total - verdicts.unknown
    table.add_row(
        _plain(label),
        str(verdicts.total),
        str(verdicts.applied),
        str(verdicts.maybe),
        str(verdicts.not_applied),
        str(verdicts.unknown),
        f"{verdicts.applied / judged:.0%}" if judged else "",
    )


@show.register
def _(result: ImportedRecalls) -> None:
    _print(
        f"imported {result.imported} results, unchanged {result.unchanged}; "
        f"{result.verdicts} new verdicts"
    )
    for reason, count in result.skipped.items():
        _print(_plain(f"skipped {count}: {reason}"))


@show.register
def _(result: Imported) -> None:
    done = "would import" if result.planned else "imported"
    _print(f"{done} {result.imported}, unchanged {result.unchanged}")
    for skipped in result.skipped:
        _print(_plain(f"skipped line {skipped.line}: {skipped.reason}"))


@show.register
def _(result: Brought) -> None:
    if result.dry_run:
        _print(_plan(result) if result.planned or result.skipped else "nothing found")
    else:
        for skipped in result.skipped:
            _print(_plain(f"skipped {skipped.origin}: {skipped.reason}"))
    done = "would import" if result.dry_run else "imported"
    counts = f"{result.imported}, unchanged {result.unchanged}, skipped {len(result.skipped)}"
    renamed = f"; {len(result.renamed)} under another name, scope or id" if result.renamed else ""
    _print(f"{done} {counts}{renamed}")


def _plan(result: Brought) -> Table:
    table = _table("", "from", "to")
    for arrival in result.planned:
        to = _at(arrival.scope or "", arrival.name) if arrival.name is not None else "a link"
        table.add_row(arrival.change, _plain(arrival.origin), _plain(to))
    for skipped in result.skipped:
        table.add_row("skipped", _plain(skipped.origin), _plain(skipped.reason))
    return table


@show.register
def _(result: Reindexed) -> None:
    _print(f"rebuilt the indexes of {_many(result.waiting, 'memory')}")


@show.register
def _(result: Checked) -> None:
    for fault in result.faults:
        mended = "mended" if fault.repaired else "not mended"
        _print(_plain(f"{fault.projection} of {fault.memory_id} {fault.problem} ({mended})"))
    if not result.faults:
        _print("all is well")


@show.register
def _(result: BackedUp) -> None:
    _print(f"copied {_many(result.size_bytes, 'byte')}")


@show.register
def _(result: Warm) -> None:
    cache = f", kept prepared in {result.cache}" if result.cache else ""
    _print(_plain(f"{result.model} is ready: {result.source}{cache}"))
    if result.embedded:
        _print(f"embedded {_many(result.embedded, 'memory')} that waited for it")


@show.register
def _(result: Diagnosis) -> None:
    for finding in result.findings:
        mark = ("ok   ", "green") if finding.ok else ("wrong", "bold red")
        _print(Text.assemble(mark, " ", (finding.name, "cyan"), " ", _plain(finding.detail)))


@show.register
def _(result: SignedIn) -> None:
    _print(_plain(f"the token for {result.host}, {_ending(result)}, is kept in {result.place}"))
    if not result.in_use:
        _print("this token is not the one in use: see recollect auth status")


@show.register
def _(result: SignInStatus) -> None:
    if result.source is None:
        _print(f"no token for {result.host} is set")
    else:
        _print(f"the token for {result.host}, {_ending(result)}, comes from {result.source}")


@show.register
def _(result: SignedOut) -> None:
    for place in result.deleted:
        _print(_plain(f"deleted the token from {place}"))
    for problem in result.failed:
        _print(_plain(f"not deleted: {problem}"))
    if not result.deleted and not result.failed:
        _print("no store holds a token")
    if result.in_environment:
        _print(
            "the environment still gives one: unset RECOLLECT_GIT__AUTH__TOKEN "
            "or MEMORY_MCP_GITHUB_TOKEN"
        )


def _ending(result: SignedIn | SignInStatus) -> str:
    return f"ending in {result.ending}"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="cyan")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column == "id")
    return table


def _print(what: Table | Text | str) -> None:
    width = None if sys.stdout.isatty() else PIPED_WIDTH
    console = Console(highlight=False, markup=False, width=width)
    console.print(what, soft_wrap=not isinstance(what, Table))


def _plain(text: str) -> Text:
    """The text without what would steer a terminal; no character of it is markup."""
    return Text(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", text))


def _clipped(text: str) -> Text:
    """The text in one line, and if that is too long its beginning."""
    line = _plain(text)
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def _origin(memory: MemoryView) -> str:
    """A note's place and name, or who said it and when."""
    if memory.name is not None:
        return _at(memory.scope, memory.name)
    who = memory.producer or f"{memory.category}/{memory.tag}/{memory.feature}"
    return f"{who}, {memory.occurred_at:%d %b %Y}"


def _at(scope: str, name: str) -> str:
    return f"{name} in {scope}" if scope else name


def _passage(hit: Hit) -> Text:
    """The beginning of what matched; all of it is in the answer for programs."""
    heading = f"{hit.matched.heading}: " if hit.matched.heading else ""
    text = heading + hit.matched.text
    lines = text.split("\n")[:PASSAGE_LINES]
    clipped = "\n".join(lines)[:PASSAGE_CHARACTERS]
    return _plain(text if len(clipped) == len(text) else clipped.rstrip() + "…")


def _features(features: Mapping[str, float]) -> str:
    """What the score is made of, the largest first; what is 0 says nothing."""
    said = sorted(((value, name) for name, value in features.items() if value), reverse=True)
    return ", ".join(f"{name} {value:.2f}" for value, name in said) or "none"


def _many(count: int, what: str) -> str:
    """So many of them, with the right ending."""
    if count == 1:
        return f"1 {what}"
    return f"{count} {what.removesuffix('y')}ies" if what.endswith("y") else f"{count} {what}s"


def _why(hit: Hit) -> str:
    return "\n".join(
        f"{name} #{arm.rank}" if arm.rank is not None else f"{name} {arm.score:.2f}"
        for name, arm in hit.arms.items()
    )


def _first_line(content: str) -> str:
    line = content.strip().partition("\n")[0]
    return line if len(line) <= LINE_CHARACTERS else line[:LINE_CHARACTERS] + "…"


def _tell_degraded(degraded: list[str]) -> None:
    if degraded:
        _print("found by words only until there is an embedding model: run `recollect warmup`")
