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


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--thorough", action="store_true", help="make random and killed runs as long as they need"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--thorough"):
        config.option.timeout = 0


@pytest.fixture
def thorough(pytestconfig: pytest.Config) -> bool:
    """Whether this run looks for what short ones may miss; it takes many minutes."""
    return pytestconfig.getoption("--thorough")
