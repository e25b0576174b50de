"""What every test may use."""

from collections.abc import Generator

import keyring
import pytest
from tests.keyrings import Open


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def ring() -> Generator[Open]:
    """A keyring of the test's own in place of this machine's."""
    usual, ring = keyring.get_keyring(), Open()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(usual)
