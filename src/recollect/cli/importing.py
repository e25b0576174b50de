"""Commands that bring in what an export wrote, or what another tool keeps."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from recollect.cli import options as o
from recollect.cli.exits import FAILED
from recollect.cli.progress import progress
from recollect.cli.reading import STDIN, lines_of
from recollect.cli.session import Session, session_of
from recollect.domain.scopes import check_scope

if TYPE_CHECKING:
    from recollect.domain.foreign.notes import Found

LINES = "lines"


class Sources(TyperGroup):
    """The commands by source; an argument that names none of them is a file of our own lines."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the source in front, so that options may stand before it as well."""
        rest = list(args)
        given = next((arg for arg in rest if arg == STDIN or not arg.startswith("-")), None)
        if given is not None:
            if given in self.commands:
                rest.remove(given)
            rest.insert(0, given if given in self.commands else LINES)
        return super().parse_args(ctx, rest)


app = typer.Typer(
    cls=Sources,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Store what an export wrote, or what another tool keeps; doing it twice changes nothing.\n"
    "\n`recollect import FILE` stands for `recollect import lines FILE`. Ends with exit code 1 if "
    "something was skipped; the rest is stored.",
)

DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would be done, and store nothing.")
]
Scope = Annotated[str, typer.Option(help="Where the notes go; '' is the root.")]
Below = Annotated[str, typer.Option(help="The scope below which its scopes go; '' is the root.")]


@app.command(LINES)
def lines(
    context: typer.Context,
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="- reads standard input.")],
    dry_run: DryRun = False,
    as_json: o.AsJson = False,
) -> None:
    """Store what an export wrote."""
    session = session_of(context, as_json=as_json)
    total = None if str(file) == STDIN else file.stat().st_size
    with (
        lines_of(file) as coming,
        session.open() as client,
        progress("Importing bytes", total) as advance,
    ):
        imported = client.import_(_counted(coming, advance), dry_run=dry_run)
    session.give(imported)
    if imported.skipped:
        raise typer.Exit(FAILED)


@app.command()
def serena(
    context: typer.Context,
    *,
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH",
            exists=True,
            file_okay=False,
            help="Projects, ~/.serena, or folders named memories.",
        ),
    ],
    scope: Annotated[
        str | None,
        typer.Option(
            help="Where all notes go. When left out: those of a project to the scope of its name, "
            "global ones to the root."
        ),
    ] = None,
    dry_run: DryRun = False,
    as_json: o.AsJson = False,
) -> None:
    """Store Serena's memories, global or of projects.

    Takes several paths: projects, ~/.serena, or folders named memories.
    """
    from recollect.cli.folders import shown, source_files
    from recollect.domain.foreign.markdown import SERENA_SUFFIXES, serena_note
    from recollect.domain.foreign.notes import SourceFile

    check_scope(scope or "")
    found: list[Found] = []
    for memories in map(_serena_memories, paths):
        holder = memories.resolve().parent
        project = shown(holder.parent if holder.name == ".serena" else holder).rpartition("/")[2]
        for file in source_files(memories, SERENA_SUFFIXES):
            is_file = isinstance(file, SourceFile)
            found.append(serena_note(file, project=project, scope=scope) if is_file else file)
    _bring(session_of(context, as_json=as_json), "serena", found, dry_run=dry_run)


def _serena_memories(path: Path) -> Path:
    """The folder `memories` that the path stands for."""
    name = path.resolve().name
    candidates = {
        path / ".serena" / "memories": True,
        path / "memories": name == ".serena",
        path: name == "memories",
    }
    for candidate, may_be in candidates.items():
        if may_be and candidate.is_dir():
            return candidate
    raise typer.BadParameter(f"{path}: there are no memories of Serena")


@app.command("mcp-memory")
def mcp_memory(
    context: typer.Context,
    *,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="Its memory.jsonl.")
    ],
    scope: Scope = "",
    dry_run: DryRun = False,
    as_json: o.AsJson = False,
) -> None:
    """Store the graph of the reference MCP memory server.

    An entity becomes a note with a line per observation and its type as a tag, a relation a link.
    """
    from recollect.cli.folders import source_file
    from recollect.domain.foreign.mcp_memory import graph

    found = graph(source_file(file), scope=check_scope(scope))
    _bring(session_of(context, as_json=as_json), "mcp-memory", found, dry_run=dry_run)


@app.command("claude-memory")
def claude_memory(
    context: typer.Context,
    *,
    path: Annotated[
        Path,
        typer.Argument(metavar="PATH", exists=True, help="A folder of notes, or one file."),
    ],
    scope: Scope = "",
    dry_run: DryRun = False,
    as_json: o.AsJson = False,
) -> None:
    """Store Claude's notes: a folder, or a CLAUDE.md.

    The path below the folder becomes the name. Files that end with .md, .txt or .xml are notes.
    """
    from recollect.cli.folders import source_file, source_files
    from recollect.domain.foreign.markdown import CLAUDE_SUFFIXES, claude_note
    from recollect.domain.foreign.notes import SourceFile

    check_scope(scope)
    files = source_files(path, CLAUDE_SUFFIXES) if path.is_dir() else [source_file(path)]
    found = [claude_note(f, scope=scope) if isinstance(f, SourceFile) else f for f in files]
    _bring(session_of(context, as_json=as_json), "claude-memory", found, dry_run=dry_run)


@app.command("memory-mcp")
def memory_mcp(
    context: typer.Context,
    *,
    path: Annotated[
        Path,
        typer.Argument(metavar="PATH", exists=True, file_okay=False, help="Its repository."),
    ],
    scope: Below = "",
    dry_run: DryRun = False,
    as_json: o.AsJson = False,
) -> None:
    """Store the notes of memory-mcp's repository.

    Its work tree is read, not its history. Ids, dates, tags and scopes stay. What it noted of
    recalls comes with `recollect import recall-log`, afterwards.
    """
    from recollect.cli.folders import source_files
    from recollect.domain.foreign.memory_mcp import repository_note
    from recollect.domain.foreign.notes import SourceFile
    from recollect.domain.note_paths import SUFFIX

    check_scope(scope)
    folders = [folder for name in ("global", "projects") if (folder := path / name).is_dir()]
    if not folders:
        raise typer.BadParameter(f"{path}: there is neither a folder global nor projects")
    files = [file for folder in folders for file in source_files(folder, (SUFFIX,))]
    found = [repository_note(f, below=scope) if isinstance(f, SourceFile) else f for f in files]
    _bring(session_of(context, as_json=as_json), "memory-mcp", found, dry_run=dry_run)


@app.command("git")
def git(
    context: typer.Context,
    *,
    url: Annotated[str, typer.Argument(metavar="URL", help="https://, ssh://, file:// or a path.")],
    branch: Annotated[str, typer.Option(help="Its branch.")] = "main",
    scope: Below = "",
    dry_run: DryRun = False,
    as_json: o.AsJson = False,
) -> None:
    """Store the notes of a git remote, once; `recollect sync` keeps exchanging them.

    Ids, dates, tags and scopes stay. Sign in with `recollect auth login` if it asks for a token.
    """
    import anyio

    from recollect.app.remote_notes import notes_of
    from recollect.domain.foreign.memory_mcp import repository_note
    from recollect.domain.foreign.notes import SourceFile

    check_scope(scope)
    session = session_of(context, as_json=as_json)
    now = datetime.now(UTC)
    fetched = anyio.run(notes_of, session.settings(), url, branch)
    files = [
        SourceFile(path=path.partition("/")[2], origin=path, content=content, modified_at=now)
        for path, content in fetched.items()
    ]
    found = [repository_note(file, below=scope) for file in files]
    _bring(session, "memory-mcp", found, dry_run=dry_run)


@app.command("recall-log")
def recall_log(
    context: typer.Context,
    *,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Its .memory-mcp-index/recall_log.sqlite.")
    ],
    scope: Below = "",
    as_json: o.AsJson = False,
) -> None:
    """Take over what memory-mcp noted of recalls, with the verdicts on them.

    The file is only read. Import the notes first, with the same --scope: a result is about the note
    of its name and scope.
    """
    check_scope(scope)
    session = session_of(context, as_json=as_json)
    with session.open() as client:
        imported = client.import_recall_log(file, scope=scope)
    session.give(imported)
    if imported.skipped:
        raise typer.Exit(FAILED)


def _bring(session: Session, tool: str, found: "Iterable[Found]", *, dry_run: bool) -> None:
    """Send what was found in a tool's store, and tell what became of it."""
    from recollect.cli.brought import Brought, lines_for
    from recollect.domain.foreign.filing import file_all

    filing = file_all(tool, found, datetime.now(UTC))
    coming = lines_for(filing)
    total = sum(len(line.encode()) for line in coming)
    with session.open() as client, progress("Importing bytes", total) as advance:
        imported = client.import_(_counted(coming, advance), dry_run=dry_run)
    brought = Brought.of(filing, imported, dry_run=dry_run)
    session.give(brought)
    if brought.skipped:
        raise typer.Exit(FAILED)


def _counted(coming: Iterable[str], advance: Callable[[int], None]) -> Iterator[str]:
    for line in coming:
        advance(len(line.encode()))
        yield line
