"""Memories as people read them."""

import sys
from collections.abc import Mapping

import typer
from rich.text import Text

from recollect.cli.printing import at, clipped, columns, many, plain, say, show
from recollect.domain.memory import Kind
from recollect.operations import (
    Changed,
    Erased,
    Forgotten,
    Hit,
    Ingested,
    Learned,
    MemoryView,
    Page,
    Prompt,
    Recalled,
    Remembered,
    Revisions,
    WholeMemory,
)

LINE_CHARACTERS = 200
PASSAGE_LINES = 6
PASSAGE_CHARACTERS = 240
IDS_AT_MOST = 10

__all__ = ["show"]


@show.register
def _(result: Recalled) -> None:
    table = columns("#", "score", "from", "passage", "why")
    for rank, hit in enumerate(result.results, start=1):
        memory = hit.memory
        table.add_row(
            str(rank), f"{hit.score:.2f}", plain(_origin(memory)), _passage(hit), plain(_why(hit))
        )
        for neighbour in hit.neighbours:
            table.add_row(
                "", "", plain(_origin(neighbour)), plain(_first_line(neighbour.content)), "near"
            )
        if hit.features is not None:
            table.add_row("", "", "", plain(_features(hit.features)), "features")
    say(table if result.results else "nothing found")
    say(f"{many(len(result.results), 'result')} in {result.took_ms:.0f} ms")


@show.register
def _(result: Page) -> None:
    table = columns("from", "id", "tags", "content")
    for memory in result.memories:
        table.add_row(
            clipped(_origin(memory)),
            memory.id,
            clipped(", ".join(memory.tags)),
            clipped(_first_line(memory.content)),
        )
    say(table if result.memories else "nothing found")
    more = f"; the next page: --cursor {result.next_cursor}" if result.next_cursor else ""
    say(f"{len(result.memories)} of {result.count}{more}")


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
        "true": _validity(result),
        "cites": ", ".join(result.citations) if isinstance(result, WholeMemory) else "",
    }
    for name, value in facts.items():
        if value:
            say(Text.assemble((f"{name}: ", "cyan"), plain(value)))
    say(Text("\n") + plain(result.content))


@show.register
def _(result: Revisions) -> None:
    table = columns("revision", "recorded", "by", "what", "true", "content")
    for revision in result.revisions:
        memory = revision.memory
        table.add_row(
            str(revision.revision),
            f"{revision.recorded_at:%Y-%m-%d %H:%M}",
            plain(revision.actor),
            revision.verb,
            _validity(memory) if memory else "",
            plain(_first_line(memory.content) if memory else ""),
        )
    say(table)


@show.register
def _(result: Remembered) -> None:
    done = "replaced" if result.replaced else "stored"
    say(plain(f"{done} {at(result.scope, result.name)}, revision {result.revision}"))
    for similar in result.similar:
        say(plain(f"much like {at(similar.scope, similar.name)} ({similar.score:.2f})"))
    _tell_degraded(result.degraded)


@show.register
def _(result: Changed) -> None:
    place = at(result.scope, result.name or result.id)
    say(plain(f"changed {place}, now at revision {result.revision}"))
    _tell_degraded(result.degraded)


@show.register
def _(result: Learned) -> None:
    say(plain(f"learned {at(result.scope, result.id)}"))
    _tell_degraded(result.degraded)


@show.register
def _(result: Ingested) -> None:
    already = f"; already there: {result.known}" if result.known else ""
    say(f"stored {many(len(result.ids) - result.known, 'message')}{already}")
    _tell_degraded(result.degraded)


@show.register
def _(result: Prompt) -> None:
    # The text alone goes to standard output: it may go into a prompt from there.
    say(plain(result.text))
    if result.degraded:
        typer.echo(f"without all of: {', '.join(result.degraded)}", err=True)


@show.register
def _(result: Forgotten) -> None:
    few = 0 < len(result.ids) <= IDS_AT_MOST
    count = many(result.forgotten, "memory")
    say(plain(f"forgot {count}" + (f": {', '.join(result.ids)}" if few else "")))


@show.register
def _(result: Erased) -> None:
    say(f"erased {many(result.revisions, 'revision')}")


def _origin(memory: MemoryView) -> str:
    """A note's place and name, or who said it and when."""
    if memory.name is not None:
        return at(memory.scope, memory.name)
    who = memory.producer or f"{memory.category}/{memory.tag}/{memory.feature}"
    return f"{who}, {memory.occurred_at:%d %b %Y}"


def _validity(memory: MemoryView) -> str:
    """When a fact is true, as far as that revision says; '' of what is no fact."""
    if memory.kind is not Kind.FACT:
        return ""
    since = f"from {memory.valid_from:%Y-%m-%d}" if memory.valid_from else ""
    until = f"until {memory.valid_to:%Y-%m-%d}" if memory.valid_to else ""
    return " ".join(filter(None, (since, until))) or "always"


def _passage(hit: Hit) -> Text:
    """The beginning of what matched; all of it is in the answer for programs."""
    heading = f"{hit.matched.heading}: " if hit.matched.heading else ""
    text = heading + hit.matched.text
    lines = text.split("\n")[:PASSAGE_LINES]
    clipped = "\n".join(lines)[:PASSAGE_CHARACTERS]
    return plain(text if len(clipped) == len(text) else clipped.rstrip() + "…")


def _features(features: Mapping[str, float]) -> str:
    """What the score is made of, the largest first; what is 0 says nothing."""
    said = sorted(((value, name) for name, value in features.items() if value), reverse=True)
    return ", ".join(f"{name} {value:.2f}" for value, name in said) or "none"


def _why(hit: Hit) -> str:
    return "\n".join(
        f"{name} #{arm.rank}" if arm.rank is not None else f"{name} {arm.score:.2f}"
        for name, arm in hit.arms.items()
    )


def _first_line(content: str) -> str:
    line = content.strip().partition("\n")[0]
    return line if len(line) <= LINE_CHARACTERS else line[:LINE_CHARACTERS] + "…"


def _tell_degraded(degraded: list[str]) -> None:
    if "dense" in degraded:
        say("found by words only until there is an embedding model: run `recollect warmup`")
    if "mirror" in degraded:
        say("not in git yet: it follows by itself, or `recollect sync` says what is in the way")
