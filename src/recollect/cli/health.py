"""Commands about the installation: the model, the stores, what is wrong."""

from typing import Annotated

import typer

from recollect.cli import options as o
from recollect.cli.exits import FAILED
from recollect.cli.progress import await_embedding, progress
from recollect.cli.session import Session, session_of


def warmup(context: typer.Context, *, as_json: o.AsJson = False) -> None:
    """Prepare the embedding model, and embed what waits for it in the data folder.

    Downloads the model if it is not on this machine and the settings allow it.
    """
    import anyio

    from recollect.app.diagnosis import warm_up

    session = session_of(context, as_json=as_json)
    settings = session.settings()
    warm = anyio.run(warm_up, settings)
    if settings.url is None and settings.data_dir.is_dir():
        warm = warm.model_copy(update={"embedded": _embed_what_waits(session)})
    session.give(warm)


def _embed_what_waits(session: Session) -> int:
    """Embed what the data folder holds without vectors; gives how much that was."""
    with session.open() as client:
        waiting = client.stats().waiting
    if not waiting:
        return 0
    with session.open(catching_up=True) as client:
        return waiting - await_embedding(client, waiting)


def doctor(context: typer.Context, *, as_json: o.AsJson = False) -> None:
    """Examine the installation, and say what to do about what is wrong.

    Ends with exit code 1 if something is.
    """
    import anyio

    from recollect.app.diagnosis import diagnose

    session = session_of(context, as_json=as_json)
    diagnosis = anyio.run(diagnose, session.settings())
    session.give(diagnosis)
    if not diagnosis.ok:
        raise typer.Exit(FAILED)


def migrate(
    context: typer.Context,
    *,
    status: Annotated[bool, typer.Option("--status", help="Only say how far it is.")] = False,
    as_json: o.AsJson = False,
) -> None:
    """Bring the schema of a database up to date, as its owner; servers do so by themselves."""
    import anyio

    from recollect.app import migration

    session = session_of(context, as_json=as_json)
    work = migration.schema_status if status else migration.migrate
    session.give(anyio.run(work, session.settings()))


def copy(
    context: typer.Context,
    *,
    source: Annotated[
        str | None, typer.Option("--from", metavar="STORE", help="sqlite:FOLDER or postgres:URL.")
    ] = None,
    target: Annotated[
        str,
        typer.Option(
            "--to", metavar="STORE", help="Likewise; empty, or an unfinished copy of the same."
        ),
    ],
    tenant: Annotated[str | None, typer.Option(help="Only this one's memories.")] = None,
    abandon: Annotated[
        bool, typer.Option("--abandon", help="Take out what an unfinished copy brought.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --abandon: do not ask.")] = False,
    as_json: o.AsJson = False,
) -> None:
    """Copy a whole store into another, with all history, and compare the two.

    The kind alone, sqlite or postgres, names the store that the settings do: so no password stands
    among the arguments. Run again, it carries on where it was; a finished copy is only compared.
    With --abandon, which needs no --from, an unfinished one is taken out of the store again.
    Ends with exit code 1 if the two differ.
    """
    import anyio

    from recollect.app import copying

    session = session_of(context, as_json=as_json)
    if abandon:
        if not yes:
            typer.confirm("Delete what was copied into that store?", abort=True, err=True)
        session.give(anyio.run(copying.abandon, session.settings(), target, tenant))
        return
    if source is None:
        raise typer.BadParameter("which store to copy? --from sqlite:FOLDER or postgres:URL")
    wanted = copying.Copying(source=source, target=target, tenant=tenant)
    copied = anyio.run(copying.copy, session.settings(), wanted, progress)
    session.give(copied)
    if not copied.same:
        raise typer.Exit(FAILED)
