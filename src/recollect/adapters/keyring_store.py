"""A secret in the keyring of the person who is logged in."""

from collections.abc import Callable
from typing import Final, TypeVar

import keyring
from anyio import fail_after, to_thread
from keyring.errors import KeyringError, NoKeyringError

from recollect.errors import SecretStoreUnavailable

T = TypeVar("T")

SERVICE: Final = "recollect"
ACCOUNT: Final = "git-token"

DEADLINE_SECONDS: Final = 60
"""Time enough for a person to unlock the keyring, should it ask."""


class KeyringStore:
    """Keeps a secret in the system's keyring, as whatever backend `keyring` finds."""

    @property
    def place(self) -> str:
        return f"the system's keyring ({SERVICE}, {ACCOUNT})"

    async def get(self) -> str | None:
        return await _run(_read)

    async def check(self) -> None:
        await _run(lambda: keyring.get_password(SERVICE, ACCOUNT))

    async def set(self, secret: str) -> None:
        await _run(lambda: _write(secret))

    async def delete(self) -> bool:
        return await _run(_delete)


async def _run(work: Callable[[], T]) -> T:
    try:
        with fail_after(DEADLINE_SECONDS):
            return await to_thread.run_sync(work, abandon_on_cancel=True)
    except TimeoutError:
        raise SecretStoreUnavailable(
            f"the keyring did not answer within {DEADLINE_SECONDS} s; is it locked?"
        ) from None
    except NoKeyringError:
        raise SecretStoreUnavailable("this machine has no keyring") from None
    except (KeyringError, OSError) as error:
        # Its message is the backend's: who knows what it repeats.
        raise SecretStoreUnavailable(
            f"the keyring cannot be used ({type(error).__name__}); is it locked?"
        ) from None


def _read() -> str | None:
    try:
        return keyring.get_password(SERVICE, ACCOUNT) or None
    except NoKeyringError:
        return None


def _write(secret: str) -> None:
    keyring.set_password(SERVICE, ACCOUNT, secret)
    # The null backend takes everything and keeps nothing.
    if keyring.get_password(SERVICE, ACCOUNT) != secret:
        raise SecretStoreUnavailable("the keyring did not keep the secret; is it switched off?")


def _delete() -> bool:
    if _read() is None:
        return False
    keyring.delete_password(SERVICE, ACCOUNT)
    return True
