"""Secrets, and how to come by the one that a git host gives."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol


class SecretStore(Protocol):
    """Keeps one secret, apart from the memories. No error repeats the secret."""

    @property
    def place(self) -> str:
        """Where that is, for people to read."""
        ...

    async def get(self) -> str | None:
        """Return the secret as it is kept now; None if there is none, or no such store here.

        Raises:
            SecretStoreUnavailable: It cannot be read.
        """
        ...

    async def check(self) -> None:
        """Do what can be done to tell, without keeping anything, whether `set` will work.

        Raises:
            SecretStoreUnavailable: It will not; the message says what to do.
        """
        ...

    async def set(self, secret: str) -> None:
        """Keep the secret in place of an earlier one.

        Raises:
            SecretStoreUnavailable: It was not kept.
        """
        ...

    async def delete(self) -> bool:
        """Delete the secret; says whether there was one.

        Raises:
            SecretStoreUnavailable: It cannot be deleted.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCode:
    """What lets a person sign this machine in: they enter `user_code` at `verification_uri`.

    Attributes:
        lifetime: How long they have.
        interval: How often a host wants to be asked whether they did.
    """

    user_code: str
    verification_uri: str
    device_code: str = field(repr=False)
    lifetime: timedelta
    interval: timedelta


class DeviceSignIn(Protocol):
    """Signs a machine in by letting a person confirm it elsewhere (RFC 8628)."""

    async def begin(self) -> DeviceCode:
        """Ask the host for a code.

        Raises:
            SignInFailed: The host refuses; the message says why.
            Unavailable: The host is out of reach.
        """
        ...

    async def wait(self, code: DeviceCode) -> str:
        """Return the token once the code was entered.

        Raises:
            SignInFailed: It was denied, or not entered in time.
            Unavailable: The host stays out of reach.
        """
        ...
