"""Commands about the whole store: take in messages, count, export, rebuild, check, copy."""

from contextlib import nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from recollect.cli import options as o
from recollect.cli.exits import FAILED
from recollect.cli.progress import await_embedding, progress
from recollect.cli.reading import lines_of, messages_of, portions
from recollect.cli.session import session_of
from recollect.errors import AlreadyExists

if TYPE_CHECKING:
    from recollect.operations import Ingested

Source = Annotated[Path, typer.Argument(metavar="FILE", help="- reads standard input.")]


def ingest(
    context: typer.Context,
    *,
    file: Source,
    scope: o.Scope = "",
    session: Annotated[str, typer.Option(help="Which conversation in the scope.")] = "",
    as_json: o.AsJson = False,
) -> None:
    """Store the messages of a conversation.

    The file holds JSON Lines or a JSON array: objects with content and producer, and if known id,
    produced_for, role, occurred_at, tags, metadata, source. Messages with an id are stored once.
    """
    run = session_of(context, as_json=as_json)
    with lines_of(file) as lines:
        messages = messages_of(lines.read())
    with run.open() as client, progress("Storing messages", len(messages)) as advance:
        stored: list[Ingested] = []
        for portion in portions(messages):
            stored.append(client.ingest(portion, scope=scope, session=session))
            advance(len(portion))
    run.give(_joined(stored))


def _joined(parts: "list[Ingested]") -> "Ingested":
    """The answers to all portions as one."""
    degraded = dict.fromkeys(arm for part in parts for arm in part.degraded)
    ids = [memory_id for part in parts for memory_id in part.ids]
    known = sum(part.known for part in parts)
    return parts[0].model_copy(update={"ids": ids, "known": known, "degraded": list(degraded)})


def stats(
    context: typer.Context,
    *,
    recall: Annotated[
        bool, typer.Option("--recall", help="Tell how the results of recalls fared instead.")
    ] = False,
    as_json: o.AsJson = False,
) -> None:
    """Tell how much there is, and how well it can be searched."""
    session = session_of(context, as_json=as_json)
    with session.open() as client:
        figures = client.recall_stats() if recall else client.stats()
    session.give(figures)


def export(
    context: typer.Context,
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write here, not to standard output.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the file if there is one.")
    ] = False,
    as_json: o.AsJson = False,
) -> None:
    """Write every record as JSON Lines."""
    session = session_of(context, as_json=as_json)
    with session.open() as client:
        total = client.stats().memories
        opened = _created(output, replacing=force) if output else nullcontext(_stdout())
        with opened as target, progress("Exporting", total) as advance:
            for line in client.export():
                target.write(line)
                advance(1)
            target.flush()


def _created(file: Path, *, replacing: bool) -> IO[str]:
    try:
        return file.open("w" if replacing else "x", encoding="utf-8")
    except FileExistsError:
        raise AlreadyExists(f"{file} exists already; choose another file, or --force") from None


def _stdout() -> IO[str]:
    return typer.get_text_stream("stdout", encoding="utf-8")


def sync(
    context: typer.Context,
    *,
    pull: Annotated[bool, typer.Option(help="Fetch and merge before pushing.")] = True,
    as_json: o.AsJson = False,
) -> None:
    """Exchange notes with the git remotes; what both sides changed is merged and kept."""
    session = session_of(context, as_json=as_json)
    with session.open() as client:
        synced = client.sync(pull_first=pull)
    session.give(synced)


def reindex(context: typer.Context, *, as_json: o.AsJson = False) -> None:
    """Rebuild every index from the records, and wait until all is embedded anew.

    Where an index of the vectors is being made then, it says how far that is, as stats does.
    """
    session = session_of(context, as_json=as_json)
    with session.open() as client:
        rebuilt = client.reindex()
        await_embedding(client, rebuilt.waiting)
    session.give(rebuilt)


def check(
    context: typer.Context,
    *,
    repair: Annotated[bool, typer.Option(help="Mend what is wrong.")] = True,
    as_json: o.AsJson = False,
) -> None:
    """Compare the text index and the vectors with the records.

    Ends with exit code 1 if something is wrong and was not mended.
    """
    session = session_of(context, as_json=as_json)
    with session.open() as client:
        checked = client.check(repair=repair)
    session.give(checked)
    if not all(fault.repaired for fault in checked.faults):
        raise typer.Exit(FAILED)


def backup(
    context: typer.Context,
    *,
    target: Annotated[Path, typer.Argument(help="A new file.")],
    as_json: o.AsJson = False,
) -> None:
    """Copy the store to a new file, while it is in use."""
    session = session_of(context, as_json=as_json)
    with session.open() as client:
        copied = client.backup(target)
    session.give(copied)
