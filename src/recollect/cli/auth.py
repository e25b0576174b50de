"""Commands that sign in to the host of a git remote."""

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from recollect.cli import options as o
from recollect.cli.exits import FAILED
from recollect.cli.reading import text_of_stdin
from recollect.cli.session import session_of

if TYPE_CHECKING:
    from pydantic import SecretStr

    from recollect.ports import DeviceCode

app = typer.Typer(
    rich_markup_mode=None, no_args_is_help=True, help="Sign in to the host of a git remote."
)


@app.command()
def login(
    context: typer.Context,
    *,
    store: Annotated[
        Literal["keyring", "file", "stdout", "k8s-secret"],
        typer.Option(help="Where to keep the token; stdout prints it and keeps nothing."),
    ] = "keyring",
    with_token: Annotated[
        bool, typer.Option("--with-token", help="Read a token from standard input.")
    ] = False,
    as_json: o.AsJson = False,
) -> None:
    """Get a token from the git host and keep it.

    Shows a code to enter in a browser, on this machine or another.
    """
    import anyio

    from recollect.app import sign_in

    session = session_of(context, as_json=as_json)
    auth = session.settings().git.auth
    if store != "stdout":
        anyio.run(sign_in.check_store, auth, store)
    token = _given_token() if with_token else anyio.run(sign_in.obtain_token, auth, _tell)
    if store == "stdout":
        sys.stdout.write(token.get_secret_value() + "\n")
    else:
        session.give(anyio.run(sign_in.keep_token, auth, store, token))


@app.command()
def status(context: typer.Context, *, as_json: o.AsJson = False) -> None:
    """Tell where the token for git comes from, and its last characters."""
    import anyio

    from recollect.app import sign_in

    session = session_of(context, as_json=as_json)
    session.give(anyio.run(sign_in.status, session.settings().git.auth))


@app.command()
def logout(
    context: typer.Context,
    *,
    store: Annotated[
        Literal["keyring", "file", "k8s-secret"] | None,
        typer.Option(help="Only from here; else from wherever a token is looked for."),
    ] = None,
    as_json: o.AsJson = False,
) -> None:
    """Delete the token for git from this machine; the host may know it still.

    Ends with exit code 1 if a store could not be asked.
    """
    import anyio

    from recollect.app import sign_in

    session = session_of(context, as_json=as_json)
    auth = session.settings().git.auth
    done = anyio.run(sign_in.sign_out, auth, (store,) if store else auth.stores)
    session.give(done)
    if done.failed:
        raise typer.Exit(FAILED)


def _given_token() -> "SecretStr":
    from recollect.app.credentials import token_of
    from recollect.errors import InvalidRequest

    hidden = sys.stdin.isatty()
    text = typer.prompt("Token", hide_input=True, err=True) if hidden else text_of_stdin()
    token = token_of(text, "standard input")
    if token is None:
        raise InvalidRequest("there is no token on standard input")
    return token


def _tell(code: "DeviceCode") -> None:
    minutes = code.lifetime.total_seconds() / 60
    typer.echo(
        f"Open {code.verification_uri} and enter the code {code.user_code} "
        f"within {minutes:.0f} minutes. Ctrl-C gives up.",
        err=True,
    )
