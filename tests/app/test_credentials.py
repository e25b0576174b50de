from collections.abc import Generator
from pathlib import Path
from string import ascii_lowercase

import keyring
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError
from tests.clusters import Cluster, kubeconfig
from tests.keyrings import Locked, Open
from tests.local_servers import served

from recollect import settings
from recollect.app.credentials import find_token, is_for, token_for, token_of
from recollect.app.wiring import open_secret_store
from recollect.errors import ConfigError, SecretStoreUnavailable
from recollect.settings import GitAuthSettings, KubernetesSecretSettings, SecretStoreName, Settings

REMOTE = "https://github.com/acme/memory.git"
EVERYWHERE: tuple[SecretStoreName, ...] = ("file", "keyring", "k8s-secret")
VARIABLE = "RECOLLECT_GIT__AUTH__TOKEN"
PREDECESSORS_VARIABLE = "MEMORY_MCP_GITHUB_TOKEN"


@pytest.fixture(autouse=True)
def ring(monkeypatch: pytest.MonkeyPatch) -> Generator[Open]:
    """A keyring of the test's own, and no token in the environment."""
    monkeypatch.delenv(PREDECESSORS_VARIABLE, raising=False)
    usual, ring = keyring.get_keyring(), Open()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(usual)


@pytest.fixture
def auth(tmp_path: Path) -> Generator[GitAuthSettings]:
    """A machine with every store."""
    with served(Cluster().app()) as url:
        yield GitAuthSettings(
            token_file=tmp_path / "git-token",
            stores=EVERYWHERE,
            kubernetes=KubernetesSecretSettings(kubeconfig=kubeconfig(tmp_path, url)),
        )


@pytest.mark.anyio
async def test_the_environment_goes_before_the_file_the_keyring_and_the_cluster(
    auth: GitAuthSettings,
) -> None:
    assert await find_token(auth) is None
    for name in reversed(EVERYWHERE):
        await open_secret_store(auth, name).set(f"from-{name}")
        found = await find_token(auth)
        assert found
        assert (found.source, found.token.get_secret_value()) == (name, f"from-{name}")
    found = await find_token(auth.model_copy(update={"token": SecretStr("ours")}))
    assert found
    assert (found.source, found.token.get_secret_value()) == ("environment", "ours")


@pytest.mark.anyio
async def test_a_new_token_counts_at_once(auth: GitAuthSettings) -> None:
    store = open_secret_store(auth, "file")
    for token in ("first", "second"):
        await store.set(token)
        found = await find_token(auth)
        assert found
        assert found.token.get_secret_value() == token
    await store.delete()
    assert await find_token(auth) is None


@pytest.mark.anyio
async def test_a_store_that_cannot_be_read_is_told_not_passed_over(auth: GitAuthSettings) -> None:
    await open_secret_store(auth, "k8s-secret").set("from-cluster")
    keyring.set_keyring(Locked())
    with pytest.raises(SecretStoreUnavailable):
        await find_token(auth)


@pytest.mark.anyio
async def test_a_token_is_given_for_its_own_host_only(tmp_path: Path) -> None:
    chosen = settings.load(
        data_dir=tmp_path, git={"auth": {"host": "git.example.org:8443", "token": "ours"}}
    )
    found = await token_for(chosen, "https://git.example.org:8443/a/b.git")
    assert found
    assert found.token.get_secret_value() == "ours"
    assert "ours" not in repr(found) + repr(chosen)
    assert await token_for(chosen, REMOTE) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/acme/memory.git",
        "https://GitHub.com/acme/memory.git",
        "https://github.com:443/acme/memory",
        "https://ada@github.com/acme/memory",
    ],
)
def test_a_url_of_the_host_gets_the_token(url: str) -> None:
    assert is_for(GitAuthSettings(), url)


@pytest.mark.parametrize(
    "url",
    [
        "http://github.com/acme/memory.git",
        "https://github.com.example.org/acme/memory.git",
        "https://example.org/github.com",
        "https://github.com@example.org/a",
        "https://github.com:444/acme/memory.git",
        "https://example.org\\@github.com/a",
        "https://github.com\n.example.org/a",
        "https://github.com:x/a",
        "ssh://git@github.com/acme/memory.git",
        "git@github.com:acme/memory.git",
        "file:///srv/memory.git",
        "/srv/memory.git",
        "https://[/a",
        "",
    ],
)
def test_any_other_url_gets_none(url: str) -> None:
    assert not is_for(GitAuthSettings(), url)


@given(host=st.text(ascii_lowercase + ".", min_size=1), path=st.text())
def test_no_other_host_is_ever_taken_for_ours(host: str, path: str) -> None:
    assert is_for(GitAuthSettings(), f"https://{host}/") == (host == "github.com")
    assert not is_for(GitAuthSettings(), f"https://example.org/{path}")


@pytest.mark.parametrize("host", ["http://127.0.0.1:8000", "http://localhost", "http://[::1]:3000"])
def test_a_host_on_loopback_needs_no_tls(host: str) -> None:
    assert is_for(GitAuthSettings(host=host), f"{host}/a.git")


@pytest.mark.parametrize(
    "host",
    [
        "",
        "http://github.com",
        "https://github.com/acme",
        "ada@github.com",
        "ssh://github.com",
        "a b",
    ],
)
def test_a_host_that_no_token_may_be_sent_to_is_refused(host: str) -> None:
    with pytest.raises(ValidationError):
        GitAuthSettings(host=host)


@pytest.mark.parametrize("text", ["", " \n", "\t"])
def test_white_space_is_no_token(text: str) -> None:
    assert token_of(text, "x") is None


@pytest.mark.parametrize("text", ["two words", "line\r\nother: line", "nul\0", "tökén"])
def test_what_cannot_be_a_token_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ConfigError) as raised:
        token_of(text, "x")
    assert text not in str(raised.value)


def loaded(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return settings.load()


@pytest.mark.anyio
async def test_the_variable_of_memory_mcp_counts_when_ours_is_unset_or_empty(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variables, token in (
        ({PREDECESSORS_VARIABLE: " theirs\n"}, "theirs"),
        ({PREDECESSORS_VARIABLE: "theirs", VARIABLE: ""}, "theirs"),
        ({PREDECESSORS_VARIABLE: "theirs", VARIABLE: "ours"}, "ours"),
    ):
        found = await token_for(loaded(monkeypatch, **variables), REMOTE)
        assert found
        assert (found.token.get_secret_value(), found.source) == (token, "environment")


@pytest.mark.anyio
async def test_empty_variables_are_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = loaded(monkeypatch, **{PREDECESSORS_VARIABLE: "", VARIABLE: " "})
    nowhere = chosen.git.auth.model_copy(update={"stores": ()})
    assert await find_token(nowhere) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RECOLLECT_GIT__AUTH__STORES", "file"),
        ("RECOLLECT_GIT__AUTH__STORES", '["stdout"]'),
        ("RECOLLECT_GIT__AUTH__KUBERNETES__SECRET", "../other"),
        ("RECOLLECT_GIT__AUTH__KUBERNETES__NAMESPACE", "a/b"),
        ("RECOLLECT_GIT__AUTH__TOKENS", "x"),
    ],
)
def test_a_wrong_setting_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(ConfigError):
        loaded(monkeypatch, **{name: value})
