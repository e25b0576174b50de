"""Keyrings that keep secrets in the process, for tests."""

from typing import ClassVar

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError


class Open(KeyringBackend):
    """A keyring that is unlocked."""

    # Never chosen but by name.
    priority: ClassVar[float] = -1

    def __init__(self) -> None:
        super().__init__()
        self.secrets: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.secrets.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.secrets[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if (service, username) not in self.secrets:
            raise PasswordDeleteError
        del self.secrets[service, username]


class Locked(KeyringBackend):
    """A keyring that nobody unlocks; its errors say too much."""

    priority: ClassVar[float] = -1

    def get_password(self, service: str, username: str) -> str | None:
        del service, username
        raise KeyringLocked

    def set_password(self, service: str, username: str, password: str) -> None:
        del service, username
        raise KeyringLocked(password)

    def delete_password(self, service: str, username: str) -> None:
        del service, username
        raise KeyringLocked
