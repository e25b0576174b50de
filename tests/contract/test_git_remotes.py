"""Fetching and pushing over a network that may be slow, closed, suspicious or hostile."""

import socket
from collections.abc import Generator
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from pydantic import SecretStr
from pygit2 import Repository, init_repository
from tests.git_remotes import GitRemote
from tests.local_servers import served

from recollect.adapters.git.repository import GitNoteRepository, Place, open_repository
from recollect.errors import ConfigError, RemoteMoved, Unavailable

pytestmark = pytest.mark.anyio

TOKEN = "ghp_0123456789abcdef"  # noqa: S105
A = "global/a.md"


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    init_repository(str(tmp_path / "remote.git"), bare=True)
    return tmp_path / "remote.git"


@pytest.fixture
def remote(bare: Path) -> GitRemote:
    return GitRemote(bare)


@pytest.fixture
def address(remote: GitRemote) -> Generator[str]:
    with served(remote.app()) as host:
        yield f"{host}/notes.git"
        remote.open.set()


async def cloned(
    folder: Path, address: str | None, token: str | None = None, deadline_seconds: float = 20.0
) -> GitNoteRepository:
    async def credential(remote_url: str) -> SecretStr | None:
        assert remote_url == (address or "")
        return SecretStr(token) if token else None

    return await open_repository(
        Place(path=folder, remote_url=address),
        credential=credential,
        deadline_seconds=deadline_seconds,
    )


async def filled(bare: Path, folder: Path) -> str:
    """Have the remote hold a note, over the file system."""
    repository = await cloned(folder, str(bare))
    async with repository.held():
        head = await repository.write({A: b"a"}, "chore: save")
    await repository.push()
    return head


async def test_a_folder_without_a_repository_is_told_as_such(tmp_path: Path) -> None:
    address = str(tmp_path / "absent.git")
    repository = await cloned(tmp_path / "notes", address)

    for exchange in (repository.fetch, repository.push):
        with pytest.raises(Unavailable, match=f"no git repository at {address}"):
            await exchange()


async def test_a_private_remote_is_shown_the_token(
    remote: GitRemote, bare: Path, address: str, tmp_path: Path
) -> None:
    head = await filled(bare, tmp_path / "first")
    remote.token = TOKEN
    repository = await cloned(tmp_path / "second", address, TOKEN)

    fetched = await repository.fetch()

    assert fetched == head
    assert list(await repository.notes(fetched)) == [A]
    assert set(remote.shown) == {f"x-access-token:{TOKEN}"}
    assert TOKEN not in (tmp_path / "second/.git/config").read_text()


async def test_a_public_remote_is_shown_nothing(
    remote: GitRemote, bare: Path, address: str, tmp_path: Path
) -> None:
    head = await filled(bare, tmp_path / "first")
    repository = await cloned(tmp_path / "second", address, TOKEN)

    assert await repository.fetch() == head
    assert remote.shown == []


async def test_an_empty_remote_is_told_over_the_network_too(address: str, tmp_path: Path) -> None:
    repository = await cloned(tmp_path / "one", address)

    assert await repository.fetch() is None


@pytest.mark.parametrize("token", [None, "ghp_wrong0000000000"])
async def test_a_refused_credential_is_told_without_it(
    remote: GitRemote, address: str, tmp_path: Path, token: str | None
) -> None:
    remote.token = TOKEN
    repository = await cloned(tmp_path / "one", address, token)

    for exchange in (repository.fetch, repository.push):
        with pytest.raises(Unavailable) as raised:
            await exchange()

        assert "recollect auth login" in str(raised.value)
        assert "ghp_" not in str(raised.value)
    assert len(remote.shown) == (2 if token else 0)


async def test_the_token_does_not_follow_to_another_host(
    remote: GitRemote, bare: Path, address: str, tmp_path: Path
) -> None:
    thief = GitRemote(bare, token=TOKEN)
    with served(thief.app()) as other:
        remote.redirect = other
        repository = await cloned(tmp_path / "one", address, TOKEN)

        with pytest.raises(Unavailable):
            await repository.fetch()

    assert thief.reached.is_set()
    assert thief.shown == []


async def test_a_push_over_the_network_makes_the_branch(
    remote: GitRemote, bare: Path, address: str, tmp_path: Path
) -> None:
    remote.token = TOKEN
    repository = await cloned(tmp_path / "one", address, TOKEN)
    head = await repository.head()

    await repository.push()

    assert str(Repository(str(bare)).references["refs/heads/main"].target) == head


@pytest.mark.parametrize("rejection", ["non-fast-forward", "fetch first", "cannot lock ref"])
async def test_a_branch_that_moved_meanwhile_is_told(
    remote: GitRemote, address: str, tmp_path: Path, rejection: str
) -> None:
    remote.rejection = rejection
    repository = await cloned(tmp_path / "one", address)

    with pytest.raises(RemoteMoved):
        await repository.push()


async def test_a_branch_that_is_declined_is_told_with_the_reason(
    remote: GitRemote, address: str, tmp_path: Path
) -> None:
    remote.rejection = "protected branch hook declined"
    repository = await cloned(tmp_path / "one", address)

    with pytest.raises(Unavailable, match="protected branch hook declined"):
        await repository.push()


async def test_a_remote_that_does_not_answer_is_given_up(
    remote: GitRemote, address: str, tmp_path: Path
) -> None:
    remote.open.clear()
    repository = await cloned(tmp_path / "one", address, deadline_seconds=0.2)

    for exchange in (repository.fetch, repository.push):
        with pytest.raises(Unavailable), anyio.fail_after(10):
            await exchange()


async def test_nobody_waits_for_a_slow_remote(
    remote: GitRemote, bare: Path, address: str, tmp_path: Path
) -> None:
    head = await filled(bare, tmp_path / "first")
    remote.open.clear()
    repository = await cloned(tmp_path / "one", address)
    fetched: list[str | None] = []

    async def fetch() -> None:
        fetched.append(await repository.fetch())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(fetch)
        assert await anyio.to_thread.run_sync(remote.reached.wait, 10)
        async with repository.held():
            ours = await repository.write({A: b"ours"}, "chore: save")
        assert await repository.edited(None) == {}
        assert fetched == []
        remote.open.set()

    assert fetched == [head]
    assert await repository.head() == ours


async def test_a_closed_port_is_out_of_reach(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/notes.git"
        repository = await cloned(tmp_path / "one", address)

        with pytest.raises(Unavailable):
            await repository.fetch()


async def test_a_folder_that_is_no_repository_is_no_remote(tmp_path: Path) -> None:
    repository = await cloned(tmp_path / "one", str(tmp_path / "nothing.git"))

    with pytest.raises(Unavailable):
        await repository.fetch()
    with pytest.raises(Unavailable):
        await repository.push()


async def test_without_a_remote_there_is_nothing_to_exchange(tmp_path: Path) -> None:
    repository = await cloned(tmp_path / "one", None)

    assert repository.remote is None
    with pytest.raises(Unavailable):
        await repository.fetch()


@pytest.mark.parametrize(
    "address",
    [
        f"https://user:{TOKEN}@example.org/notes.git",
        f"https://{TOKEN}@example.org/notes.git",
        f"ssh://git:{TOKEN}@example.org/notes.git",
    ],
)
async def test_an_address_with_a_password_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(ConfigError) as raised:
        await cloned(tmp_path / "one", address)

    assert TOKEN not in str(raised.value)
    assert TOKEN not in (tmp_path / "one/.git/config").read_text()


@pytest.mark.parametrize(
    "address", ["git@example.org:notes.git", "ssh://git@example.org:22/notes.git", "/srv/notes.git"]
)
async def test_an_address_names_a_user_where_that_is_no_secret(
    tmp_path: Path, address: str
) -> None:
    repository = await cloned(tmp_path / "one", address)

    assert repository.remote == address.replace("//git@", "//")


async def test_a_remote_that_git_knows_is_kept_and_another_one_replaces_it(tmp_path: Path) -> None:
    root = tmp_path / "one"
    await cloned(root, None)
    Repository(str(root)).remotes.create("origin", f"https://me:{TOKEN}@example.org/a.git")

    assert (await cloned(root, None)).remote == "https://example.org/a.git"
    assert (await cloned(root, "https://example.org/b.git")).remote == "https://example.org/b.git"
    assert TOKEN not in (root / ".git/config").read_text()
