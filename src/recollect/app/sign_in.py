"""Signing in to the host of the git remote, telling whether one is, and signing out."""

from collections.abc import Callable, Sequence
from typing import get_args

from pydantic import SecretStr

from recollect.app.credentials import Source, environment_token, find_token
from recollect.app.wiring import open_device_sign_in, open_secret_store
from recollect.errors import ConfigError, RecollectError, SecretStoreUnavailable
from recollect.operations import Result
from recollect.ports import DeviceCode
from recollect.settings import GitAuthSettings, SecretStoreName

SHOWN_CHARACTERS = 4
SHORTEST_SHOWN = 8
"""Of a shorter token nothing is shown."""


class SignedIn(Result):
    """A token that was put away."""

    host: str
    store: SecretStoreName
    place: str
    ending: str
    """The token's last characters."""
    in_use: bool
    """Whether this is the token that is found now. The environment, or a store before this one,
    may go first, or the settings leave this store out."""


class SignInStatus(Result):
    """Whether there is a token for the host."""

    host: str
    source: Source | None
    """Where it was found; null if there is none."""
    ending: str | None
    """Its last characters."""


class SignedOut(Result):
    """What became of the tokens that were kept."""

    deleted: list[str]
    """The places that held one."""
    failed: list[str]
    """Why a place may hold one still."""
    in_environment: bool
    """Whether the environment still gives one."""


async def obtain_token(auth: GitAuthSettings, tell: Callable[[DeviceCode], None]) -> SecretStr:
    """Let a person sign this machine in, and give the token.

    Args:
        auth: The host, and the OAuth app to sign in with.
        tell: Is called once, to tell the person what to do.

    Raises:
        ConfigError: There is no app to sign in with.
        SignInFailed: The host, or the person, refused.
        Unavailable: The host is out of reach.
    """
    if auth.client_id is None:
        raise ConfigError(
            "no OAuth app to sign in with: register one with your git host (on GitHub: Settings, "
            "Developer settings, OAuth Apps; enable the device flow) and set its client id as "
            "RECOLLECT_GIT__AUTH__CLIENT_ID, or give a personal access token: "
            "recollect auth login --with-token < file, or RECOLLECT_GIT__AUTH__TOKEN"
        )
    flow = open_device_sign_in(auth.host, auth.client_id)
    code = await flow.begin()
    tell(code)
    return SecretStr(await flow.wait(code))


async def check_store(auth: GitAuthSettings, name: SecretStoreName) -> None:
    """Raise an error that names the other stores if this one will not keep a token."""
    try:
        await open_secret_store(auth, name).check()
    except SecretStoreUnavailable as error:
        raise _with_others(error, name) from error


async def keep_token(auth: GitAuthSettings, name: SecretStoreName, token: SecretStr) -> SignedIn:
    """Put a token into a store, and into no other if that fails.

    Raises:
        SecretStoreUnavailable: It was not kept; the message names the other stores.
    """
    store = open_secret_store(auth, name)
    try:
        await store.set(token.get_secret_value())
    except SecretStoreUnavailable as error:
        raise _with_others(error, name) from error
    return SignedIn(
        host=auth.host,
        store=name,
        place=store.place,
        ending=_ending(token),
        in_use=await _is_found_in(auth, name),
    )


async def status(auth: GitAuthSettings) -> SignInStatus:
    """Tell which token is used. Raises as `find_token` does."""
    found = await find_token(auth)
    return SignInStatus(
        host=auth.host,
        source=found.source if found else None,
        ending=_ending(found.token) if found else None,
    )


async def sign_out(auth: GitAuthSettings, names: Sequence[SecretStoreName]) -> SignedOut:
    """Delete the token from these stores, from each whatever becomes of the others."""
    deleted: list[str] = []
    failed: list[str] = []
    for name in names:
        try:
            store = open_secret_store(auth, name)
            if await store.delete():
                deleted.append(store.place)
        except (ConfigError, SecretStoreUnavailable) as error:
            failed.append(str(error))
    return SignedOut(
        deleted=deleted, failed=failed, in_environment=environment_token(auth) is not None
    )


async def _is_found_in(auth: GitAuthSettings, name: SecretStoreName) -> bool:
    try:
        found = await find_token(auth)
    except RecollectError:
        # The token was kept; what is wrong elsewhere, `status` tells.
        return False
    return found is not None and found.source == name


def _ending(token: SecretStr) -> str:
    text = token.get_secret_value()
    return text[-SHOWN_CHARACTERS:] if len(text) >= SHORTEST_SHOWN else "****"


def _with_others(error: SecretStoreUnavailable, name: SecretStoreName) -> SecretStoreUnavailable:
    others = [
        f"--store {other}" for other in (*get_args(SecretStoreName), "stdout") if other != name
    ]
    return SecretStoreUnavailable(f"{error}; or choose another place: {', '.join(others)}")
