"""Commands about the installation: prepare the model, find what is wrong."""

import typer

from recollect.cli import options as o
from recollect.cli.exits import FAILED
from recollect.cli.session import session_of


def warmup(context: typer.Context, *, as_json: o.AsJson = False) -> None:
    """Prepare the embedding model, and tell where it comes from.

    Downloads it if it is not on this machine and the settings allow it.
    """
    import anyio

    from recollect.app.diagnosis import warm_up

    session = session_of(context, as_json=as_json)
    session.give(anyio.run(warm_up, session.settings()))


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
