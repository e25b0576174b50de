"""The token for git: where it is looked for, and for whom it is.

It is looked up anew at every use, so that a new one counts at once.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import SecretStr

from recollect.app.wiring import open_secret_store
from recollect.errors import ConfigError
from recollect.settings import GitAuthSettings, SecretStoreName, Settings, origin_of

Source = Literal["environment"] | SecretStoreName

_TOKEN: Final = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A token for git and where it was found."""

    token: SecretStr
    source: Source


async def token_for(settings: Settings, remote_url: str) -> Credential | None:
    """The token to send to a remote; None if there is none, or it is for another host.

    Raises:
        ConfigError: What was found is no token.
        SecretStoreUnavailable: A store cannot be read; none behind it is looked into.
    """
    auth = settings.git.auth
    return await find_token(auth) if is_for(auth, remote_url) else None


def is_for(auth: GitAuthSettings, remote_url: str) -> bool:
    """Whether the token may be sent to this URL: never without TLS, never to another host."""
    try:
        return origin_of(remote_url) == auth.host
    except ValueError:
        return False


async def find_token(auth: GitAuthSettings) -> Credential | None:
    """The first token there is: in the environment, then in the stores in their order.

    Raises:
        ConfigError: What was found is no token.
        SecretStoreUnavailable: A store cannot be read; none behind it is looked into.
    """
    if token := environment_token(auth):
        return Credential(token=token, source="environment")
    for name in auth.stores:
        kept = await open_secret_store(auth, name).get()
        if kept is not None and (token := token_of(kept, name)):
            return Credential(token=token, source=name)
    return None


def environment_token(auth: GitAuthSettings) -> SecretStr | None:
    """The token of the environment, if it holds one. Raises ConfigError as `token_of` does."""
    if auth.token is None:
        return None
    return token_of(auth.token.get_secret_value(), "environment")


def token_of(text: str, source: str) -> SecretStr | None:
    """The token that a text holds, without white space around it; None if there is nothing.

    Raises:
        ConfigError: No token looks like that.
    """
    token = text.strip()
    if not token:
        return None
    if not _TOKEN.fullmatch(token):
        raise ConfigError(
            f"the token from {source} holds white space, control characters or letters "
            "beyond ASCII, as no token does"
        )
    return SecretStr(token)
