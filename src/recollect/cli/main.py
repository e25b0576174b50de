"""The command `recollect`: its global options, its commands, and how it ends."""

import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from recollect.cli import (
    auth,
    conversations,
    evaluate,
    exits,
    facts,
    health,
    importing,
    memories,
    server,
    store,
)
from recollect.cli.session import Session, session_of

COMMANDS: tuple[tuple[str, Callable[..., None]], ...] = (
    ("remember", memories.remember),
    ("recall", memories.recall),
    ("read", memories.read),
    ("edit", memories.edit),
    ("move", memories.move),
    ("forget", memories.forget),
    ("erase", memories.erase),
    ("list", memories.list_),
    ("history", memories.history),
    ("mark", memories.mark),
    ("learn", facts.learn),
    ("correct", facts.correct),
    ("ingest", store.ingest),
    ("context", conversations.context),
    ("stats", store.stats),
    ("export", store.export),
    ("sync", store.sync),
    ("reindex", store.reindex),
    ("check", store.check),
    ("backup", store.backup),
    ("migrate", health.migrate),
    ("copy", health.copy),
    ("warmup", health.warmup),
    ("doctor", health.doctor),
    ("serve", server.serve),
    ("work", server.work),
    ("mcp", server.mcp),
)


class Commands(TyperGroup):
    """Ends the process as `exits` says when a command raises one of our errors."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            result = super().invoke(ctx)
            # What is still buffered may find the reader gone: better here than at exit.
            sys.stdout.flush()
        except Exception as error:
            code = exits.report(error, as_json=session_of(ctx).as_json)
            if code is None:
                raise
            raise typer.Exit(code) from None
        return result


app = typer.Typer(
    cls=Commands,
    # Without rich, --help takes 0.1 s instead of 0.35.
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:  # noqa: FBT001  (Typer calls it)
    if wanted:
        from importlib.metadata import version

        typer.echo(f"recollect {version('recollect')}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    *,
    data_dir: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="The folder with everything [RECOLLECT_DATA_DIR]."),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            help="Talk to this server instead [RECOLLECT_URL]; its token is RECOLLECT_TOKEN."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Answer with JSON, as REST does; errors too.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    """A memory server for AI agents: notes, conversations and facts, recalled by meaning.

    Works on the data folder, or on a running server with --url. Exit codes: 0 done, 1 failed,
    2 usage, 3 not found, 4 conflict, 5 unavailable, 130 interrupted.
    """
    del version
    context.obj = Session(data_dir=data_dir, url=url, as_json=as_json)


for _name, _command in COMMANDS:
    app.command(_name)(_command)
app.add_typer(importing.app, name="import")
app.add_typer(auth.app, name="auth")
app.add_typer(evaluate.app, name="eval")


def main() -> None:
    """Run the command line."""
    app(prog_name="recollect")
