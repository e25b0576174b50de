"""Notes go to a private remote over HTTPS, with the token from wherever it is kept."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import pygit2
import pytest
import trustme
from tests.clusters import Cluster, kubeconfig
from tests.git_remotes import GitRemote
from tests.local_servers import served
from tests.transports.commands import Run, runner

TOKEN = "gho_0123456789abcdefWXYZ"  # noqa: S105
WRONG = "gho_wrong0123456789wrong"
HOST = "127.0.0.1"

pytestmark = pytest.mark.usefixtures("ring")


@dataclass(frozen=True)
class Private:
    """A remote that asks for the token, and the certificate of who signed its own."""

    remote: GitRemote
    url: str
    authority: Path

    @property
    def notes(self) -> Path:
        """The repository that `run` works on."""
        return self.authority.parent / "d/notes"

    def trust(self) -> None:
        """Have this process trust the authority, as one that starts with SSL_CERT_FILE does."""
        pygit2.settings.ssl_cert_file = str(self.authority)


@pytest.fixture(params=[HOST])
def private(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Generator[Private]:
    """A remote with a certificate for the host, by an authority that nobody knows."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    certificate = tmp_path / "certificate.pem"
    authority.issue_cert(request.param).private_key_and_cert_chain_pem.write_to_path(
        str(certificate)
    )
    pygit2.init_repository(str(tmp_path / "remote.git"), bare=True)
    remote = GitRemote(tmp_path / "remote.git", token=TOKEN)
    usual = pygit2.settings.ssl_cert_file
    with served(remote.app(), certificate) as host:
        monkeypatch.setenv("RECOLLECT_GIT__AUTH__HOST", host)
        monkeypatch.setenv("RECOLLECT_GIT__AUTH__TOKEN_FILE", str(tmp_path / "git-token"))
        monkeypatch.delenv("MEMORY_MCP_GITHUB_TOKEN", raising=False)
        monkeypatch.setenv("RECOLLECT_GIT__REMOTE_URL", f"{host}/notes.git")
        yield Private(remote, f"{host}/notes.git", tmp_path / "authority.pem")
    pygit2.settings.ssl_cert_file = usual or ""


@pytest.fixture
def elsewhere(tmp_path: Path) -> Run:
    """Runs a command on another data folder."""
    return runner(tmp_path / "elsewhere")


@pytest.fixture(params=["keyring"])
def sign_in(
    request: pytest.FixtureRequest, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Generator[Callable[[str], None]]:
    """Puts a token where the test asks for it."""
    store: str = request.param
    with served(Cluster().app()) as url:
        monkeypatch.setenv("RECOLLECT_GIT__AUTH__STORES", json.dumps([store]))
        kube = str(kubeconfig(tmp_path, url))
        monkeypatch.setenv("RECOLLECT_GIT__AUTH__KUBERNETES__KUBECONFIG", kube)
        yield lambda token: run("auth", "login", "--with-token", "--store", store, given=token)


@pytest.mark.parametrize("sign_in", ["file", "keyring", "k8s-secret"], indirect=True)
def test_the_token_is_shown_to_the_remote_wherever_it_is_kept(
    private: Private,
    sign_in: Callable[[str], None],
    run: Run,
    elsewhere: Run,
    logged: Callable[[], str],
) -> None:
    private.trust()
    sign_in(WRONG)
    run("remember", "Green.", "--name", "tea")
    refused = run("sync", code=5)
    assert "recollect auth login" in refused.stderr

    sign_in(TOKEN)
    synced = run("sync")
    assert "1 added" in elsewhere("sync").stdout

    assert set(private.remote.shown) == {f"x-access-token:{WRONG}", f"x-access-token:{TOKEN}"}
    told = refused.output + synced.output + logged()
    kept = (private.notes / ".git/config").read_text()
    assert private.url in kept
    assert not any(secret in told + kept for secret in (TOKEN, WRONG))


def test_a_remote_that_only_gits_configuration_names_gets_the_token_too(
    private: Private, sign_in: Callable[[str], None], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    private.trust()
    monkeypatch.delenv("RECOLLECT_GIT__REMOTE_URL")
    repository = pygit2.init_repository(str(private.notes), initial_head="main")
    repository.remotes.create("origin", private.url)
    sign_in(TOKEN)

    run("remember", "Green.", "--name", "tea")
    run("sync")

    bare = pygit2.Repository(str(private.remote.repository))
    assert bare.references["refs/heads/main"].target == repository.head.target


@pytest.mark.parametrize("private", [HOST, "git.example.org"], indirect=True)
def test_a_certificate_that_is_not_trusted_is_shown_no_token(
    private: Private, run: Run, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("RECOLLECT_GIT__AUTH__TOKEN", TOKEN)
    if HOST not in request.node.name:  # it is signed well, but for another host
        private.trust()

    refused = run("sync", code=5)

    assert "SSL_CERT_FILE" in refused.stderr
    assert private.remote.shown == []


def test_an_authority_of_ones_own_is_named_in_the_environment(
    private: Private, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "recollect", "--data-dir", str(tmp_path / "d"), "sync"]
    environment = {
        **os.environ,  # noqa: TID251
        "RECOLLECT_EMBEDDER__KIND": "hashing",
        "RECOLLECT_GIT__AUTH__TOKEN": TOKEN,
        "SSL_CERT_FILE": str(private.authority),
    }

    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "sync complete" in done.stdout
    assert set(private.remote.shown) == {f"x-access-token:{TOKEN}"}
