"""What one run of the command line was told: where the store is, and how to answer."""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from recollect.client.blocking import Client
    from recollect.operations import Result
    from recollect.settings import Settings


@dataclass(slots=True)
class Session:
    """The options that go for every command; None where the environment decides.

    Attributes:
        as_json: Answer with the operations' JSON instead of tables.
    """

    data_dir: str | None = None
    url: str | None = None
    as_json: bool = False

    def settings(self, **more: Any) -> "Settings":
        """The settings of this run. Raises ConfigError."""
        from recollect import settings

        return settings.load(data_dir=self.data_dir, url=self.url, **more)

    def open(self, *, catching_up: bool = False) -> "Client":
        """A client of the server that was named, else of the data folder.

        `catching_up` embeds what waits in the folder; a server does so by itself.
        """
        from recollect.app.local import open_local
        from recollect.client.blocking import Client

        chosen = self.settings()
        if chosen.url is None:
            return Client(opening=open_local(chosen, catching_up=catching_up))
        token = chosen.token.get_secret_value() if chosen.token else None
        return Client(chosen.url, token=token)

    def give(self, result: "Result") -> None:
        """Print the result, for a program or for people."""
        if self.as_json:
            sys.stdout.write(result.model_dump_json() + "\n")
            return
        from recollect.cli.reports import show

        show(result)


def session_of(context: typer.Context, *, as_json: bool = False) -> Session:
    """The session of this run; `--json` counts before the command and after it."""
    session = context.ensure_object(Session)
    session.as_json |= as_json
    return session
