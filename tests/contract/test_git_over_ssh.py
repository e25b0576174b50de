"""Fetching and pushing over SSH, with the keys of the user's agent."""

import socket
from collections.abc import Generator
from pathlib import Path

import pygit2
import pytest
from pygit2 import Repository, init_repository
from tests.ssh_hosts import SshHost, agent, new_key

from recollect.adapters.git.repository import GitNoteRepository, Place, open_repository
from recollect.errors import Unavailable

pytestmark = pytest.mark.anyio

A = "global/a.md"
KINDS = ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"]


@pytest.fixture
def home(tmp_path: Path) -> Generator[Path]:
    """The folder where libgit2 looks for known hosts, without any."""
    usual = pygit2.settings.homedir
    (tmp_path / "home/.ssh").mkdir(parents=True)
    pygit2.settings.homedir = str(tmp_path / "home")
    yield tmp_path / "home"
    pygit2.settings.homedir = usual or ""


@pytest.fixture(params=KINDS[:1])
def host(
    request: pytest.FixtureRequest, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Generator[SshHost]:
    """A host that is known, and lets a key of the agent in."""
    init_repository(str(tmp_path / "remote.git"), bare=True)
    key = new_key(request.param)
    host = SshHost(tmp_path / "remote.git", [key], key=new_key(request.param))
    with host.served(), agent(tmp_path / "agent", new_key(), key) as at:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(at))
        (home / ".ssh/known_hosts").write_text(host.known_host)
        yield host


async def cloned(folder: Path, url: str, deadline_seconds: float = 20) -> GitNoteRepository:
    place = Place(path=folder, remote_url=url)
    return await open_repository(place, deadline_seconds=deadline_seconds)


@pytest.mark.parametrize("host", KINDS, indirect=True)
async def test_notes_go_out_and_come_in(host: SshHost, tmp_path: Path) -> None:
    one = await cloned(tmp_path / "one", host.url)
    assert await one.fetch() is None
    async with one.held():
        head = await one.write({A: b"a"}, "chore: save")
    await one.push()

    other = await cloned(tmp_path / "other", host.url)
    fetched = await other.fetch()

    assert fetched == head
    assert list(await other.notes(fetched)) == [A]
    assert str(Repository(str(host.repository)).references["refs/heads/main"].target) == head


async def test_a_host_that_is_not_known_is_told_nothing(
    host: SshHost, home: Path, tmp_path: Path
) -> None:
    one = await cloned(tmp_path / "one", host.url)
    another_key = SshHost(host.repository, [], port=host.port).known_host

    for known in (None, "", another_key):
        (home / ".ssh/known_hosts").unlink(missing_ok=True)
        if known is not None:
            (home / ".ssh/known_hosts").write_text(known)
        for exchange in (one.fetch, one.push):
            with pytest.raises(Unavailable, match=r"host key .* ~/\.ssh/known_hosts"):
                await exchange()

    assert host.signed_in == 0


@pytest.mark.parametrize("keys", [None, 0, 2], ids=["no agent", "no key", "other keys"])
async def test_who_has_no_key_for_the_host_is_told_about_the_agent(
    host: SshHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: int | None
) -> None:
    one = await cloned(tmp_path / "one", host.url)
    others = [new_key() for _ in range(keys or 0)]
    with agent(tmp_path / "others", *others) as at:
        if keys is None:
            monkeypatch.delenv("SSH_AUTH_SOCK")
        else:
            monkeypatch.setenv("SSH_AUTH_SOCK", str(at))

        for exchange in (one.fetch, one.push):
            with pytest.raises(Unavailable, match=r"ssh-add.*SSH_AUTH_SOCK"):
                await exchange()


async def test_what_the_host_says_is_told_on_one_line(host: SshHost, tmp_path: Path) -> None:
    one = await cloned(tmp_path / "one", host.url.replace("notes.git", "absent.git"))

    with pytest.raises(Unavailable, match="there is no such repository; check its address"):
        await one.fetch()

    host.rejection = "protected branch hook declined"
    one = await cloned(tmp_path / "two", host.url)
    with pytest.raises(Unavailable, match="protected branch hook declined"):
        await one.push()


async def test_a_host_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ssh://git@127.0.0.1:{silent.getsockname()[1]}/notes.git"
        one = await cloned(tmp_path / "one", url, deadline_seconds=0.2)

        with pytest.raises(Unavailable, match="did not answer in time"):
            await one.fetch()
