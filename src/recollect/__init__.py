"""Recollect: a memory server for AI agents.

`recollect.open(path)` uses a data folder inside this process; `recollect.Client(url)` and
`recollect.AsyncClient(url)` talk to a server. Everything is imported when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recollect import errors as errors
    from recollect.app.local import open_async_client as open_async
    from recollect.app.local import open_client as open  # noqa: A004
    from recollect.client.asynchronous import AsyncClient as AsyncClient
    from recollect.client.blocking import Client as Client

    __version__: str

__all__ = ["AsyncClient", "Client", "__version__", "errors", "open", "open_async"]

_HOMES = {
    "AsyncClient": ("recollect.client.asynchronous", "AsyncClient"),
    "Client": ("recollect.client.blocking", "Client"),
    "open": ("recollect.app.local", "open_client"),
    "open_async": ("recollect.app.local", "open_async_client"),
}


def __getattr__(name: str) -> Any:
    match name:
        case "__version__":
            from importlib.metadata import version

            return version("recollect")
        case "errors":
            return import_module("recollect.errors")
        case _ if name in _HOMES:
            module, original = _HOMES[name]
            return getattr(import_module(module), original)
        case _:
            raise AttributeError(f"module 'recollect' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
