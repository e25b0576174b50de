"""Every store of a secret: what all do, and what each refuses."""

import os
import stat
import traceback
from base64 import b64encode
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import get_args

import keyring
import pytest
from keyring.backends import fail, null
from tests import local_servers
from tests.clusters import Cluster, kubeconfig
from tests.keyrings import Locked, Open
from tests.local_servers import Front

from recollect.app.wiring import open_secret_store
from recollect.errors import SecretStoreUnavailable
from recollect.ports import SecretStore
from recollect.settings import GitAuthSettings, KubernetesSecretSettings, SecretStoreName

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("ring")]

SECRET = "ghp_0123456789abcdefWXYZ"  # noqa: S105
NAME = "recollect-git-token"
STORES = ("file", "keyring", "k8s-secret")


@pytest.fixture(scope="module")
def front() -> Generator[Front]:
    with local_servers.front() as listening:
        yield listening


@pytest.fixture
def cluster(front: Front) -> Cluster:
    cluster = Cluster()
    front.app = cluster.app()
    return cluster


@pytest.fixture
def auth(front: Front, cluster: Cluster, tmp_path: Path) -> GitAuthSettings:
    del cluster
    return GitAuthSettings(
        token_file=tmp_path / "config" / "git-token",
        kubernetes=KubernetesSecretSettings(kubeconfig=kubeconfig(tmp_path, front.url)),
    )


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, auth: GitAuthSettings) -> SecretStore:
    return open_secret_store(auth, request.param)


@pytest.fixture
def file(auth: GitAuthSettings) -> SecretStore:
    return open_secret_store(auth, "file")


@pytest.fixture
def in_cluster(auth: GitAuthSettings) -> SecretStore:
    return open_secret_store(auth, "k8s-secret")


def test_every_store_is_held_to_the_contract() -> None:
    assert set(get_args(SecretStoreName)) == set(STORES)


async def test_a_store_is_empty_at_first(store: SecretStore) -> None:
    await store.check()
    assert await store.get() is None
    assert await store.delete() is False


async def test_a_secret_is_kept_replaced_and_deleted(store: SecretStore) -> None:
    for secret in ("first", SECRET):
        await store.set(secret)
        assert await store.get() == secret
    assert SECRET not in store.place
    assert SECRET not in repr(store)
    assert await store.delete() is True
    assert await store.get() is None
    assert await store.delete() is False


async def test_what_somebody_else_keeps_there_is_found(
    file: SecretStore, in_cluster: SecretStore, cluster: Cluster, ring: Open
) -> None:
    path = Path(file.place)
    path.parent.mkdir()
    path.touch(mode=0o600)
    path.write_text(f"\n {SECRET}\n\n")
    assert await file.get() == SECRET
    cluster.keep(secret_with({"token": SECRET}))
    assert await in_cluster.get() == SECRET
    ring.set_password("recollect", "git-token", SECRET)
    assert await open_secret_store(GitAuthSettings(), "keyring").get() == SECRET


def secret_with(data: Mapping[str, str]) -> dict[str, object]:
    encoded = {key: b64encode(value.encode()).decode() for key, value in data.items()}
    return {"metadata": {"name": NAME, "labels": {"team": "a"}}, "type": "Opaque", "data": encoded}


async def refused(store: SecretStore, method: str) -> str:
    """Check that the store refuses and that no part of the error holds the secret; give it."""
    with pytest.raises(SecretStoreUnavailable) as raised:
        await (store.set(SECRET) if method == "set" else getattr(store, method)())
    shown = "".join(traceback.format_exception(raised.value)) + repr(raised.value)
    assert SECRET not in shown
    assert b64encode(SECRET.encode()).decode() not in shown
    return str(raised.value)


async def test_the_file_and_its_folder_are_for_their_owner_only(file: SecretStore) -> None:
    path = Path(file.place)
    usual = os.umask(0)
    try:
        await file.set(SECRET)
    finally:
        os.umask(usual)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.read_text() == SECRET + "\n"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o777])
async def test_a_file_that_is_open_to_others_is_refused_until_it_is_written_anew(
    file: SecretStore, mode: int
) -> None:
    await file.set(SECRET)
    Path(file.place).chmod(mode)
    assert "chmod 600" in await refused(file, "get")
    await file.set(SECRET)
    assert await file.get() == SECRET


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
async def test_a_file_of_somebody_else_such_as_a_mounted_one_is_read_whatever_its_mode(
    file: SecretStore,
) -> None:
    await file.set(SECRET)
    Path(file.place).chmod(0o644)
    os.chown(file.place, 4711, -1)
    assert await file.get() == SECRET


async def test_a_file_that_cannot_be_used_is_refused_and_nothing_is_left_behind(
    file: SecretStore,
) -> None:
    path = Path(file.place)
    path.mkdir(parents=True)
    for method in ("get", "set", "delete"):
        await refused(file, method)
    assert list(path.parent.iterdir()) == [path]
    path.rmdir()
    path.touch(mode=0o600)
    path.write_bytes(b"\xff\xfe")
    await refused(file, "get")


async def test_a_file_whose_folder_is_a_file_is_refused_before_it_is_needed(
    file: SecretStore,
) -> None:
    Path(file.place).parent.touch()
    await refused(file, "check")
    await refused(file, "set")


async def test_a_link_to_the_file_is_followed_and_replaced_by_a_file(
    file: SecretStore, tmp_path: Path
) -> None:
    target = tmp_path / "mounted"
    target.touch(mode=0o600)
    target.write_text("mounted")
    Path(file.place).parent.mkdir()
    Path(file.place).symlink_to(target)
    assert await file.get() == "mounted"
    await file.set(SECRET)
    assert await file.get() == SECRET
    assert target.read_text() == "mounted"


async def test_without_a_keyring_there_is_nothing_to_find_and_nowhere_to_keep(
    auth: GitAuthSettings,
) -> None:
    keyring.set_keyring(fail.Keyring())
    store = open_secret_store(auth, "keyring")
    assert await store.get() is None
    assert await store.delete() is False
    for method in ("check", "set"):
        assert "no keyring" in await refused(store, method)


async def test_a_locked_keyring_is_told(auth: GitAuthSettings) -> None:
    keyring.set_keyring(Locked())
    store = open_secret_store(auth, "keyring")
    for method in ("check", "get", "set", "delete"):
        assert "locked" in await refused(store, method)


async def test_a_keyring_that_keeps_nothing_is_told(auth: GitAuthSettings) -> None:
    keyring.set_keyring(null.Keyring())
    await refused(open_secret_store(auth, "keyring"), "set")


async def test_a_new_kubernetes_secret_is_opaque_and_says_whose_it_is(
    in_cluster: SecretStore, cluster: Cluster
) -> None:
    await in_cluster.set(SECRET)
    assert cluster.asked == ["POST"]
    kept = cluster.secrets[NAME]
    assert kept["type"] == "Opaque"
    assert kept["data"] == {"token": b64encode(SECRET.encode()).decode()}
    assert kept["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "recollect",
        "app.kubernetes.io/component": "auth",
    }


async def test_a_kubernetes_secret_that_is_there_keeps_its_other_keys_and_labels(
    in_cluster: SecretStore, cluster: Cluster
) -> None:
    cluster.keep(secret_with({"token": "old", "user": "ada"}))
    await in_cluster.set(SECRET)
    assert cluster.asked == ["POST", "GET", "PUT"]
    assert await in_cluster.get() == SECRET
    assert cluster.secrets[NAME]["metadata"]["labels"]["team"] == "a"
    assert await in_cluster.delete() is True
    assert cluster.secrets[NAME]["data"] == {"user": b64encode(b"ada").decode()}
    assert await in_cluster.get() is None
    assert await in_cluster.delete() is False


async def test_a_kubernetes_secret_that_changes_meanwhile_is_not_overwritten(
    in_cluster: SecretStore, cluster: Cluster
) -> None:
    cluster.keep(secret_with({"token": "old"}))
    cluster.meanwhile = lambda: void(cluster.keep(secret_with({"token": "theirs"})))
    assert "same time" in await refused(in_cluster, "set")
    assert cluster.secrets[NAME]["data"] == {"token": b64encode(b"theirs").decode()}
    cluster.keep(secret_with({"token": "old"}))
    cluster.refused = {"GET": 404}
    assert "same time" in await refused(in_cluster, "set")


def void(_: object) -> None:
    """For what gives something that nobody wants."""


@pytest.mark.parametrize("status", [401, 403, 500])
async def test_what_the_cluster_refuses_is_told(
    in_cluster: SecretStore, cluster: Cluster, status: int
) -> None:
    cluster.refused = dict.fromkeys(("POST", "GET"), status)
    for method in ("get", "set", "delete"):
        told = await refused(in_cluster, method)
        assert ("Role" in told) == (status == 403)
        assert f"recollect/{NAME}" in told
    assert len(cluster.asked) == 3


async def test_a_namespace_that_is_not_there_is_told(auth: GitAuthSettings) -> None:
    elsewhere = auth.kubernetes.model_copy(update={"namespace": "elsewhere"})
    store = open_secret_store(auth.model_copy(update={"kubernetes": elsewhere}), "k8s-secret")
    assert await store.get() is None
    assert "namespace" in await refused(store, "set")


async def test_a_kubernetes_secret_without_a_text_is_told(
    in_cluster: SecretStore, cluster: Cluster
) -> None:
    for data in ("%%%", b64encode(b"\xff").decode()):
        cluster.keep({"metadata": {"name": NAME}, "data": {"token": data}})
        await refused(in_cluster, "get")


@pytest.mark.parametrize("text", [None, "", "[", "]", "7", "{}"])
async def test_a_kubeconfig_that_leads_nowhere_is_told(
    auth: GitAuthSettings, tmp_path: Path, text: str | None
) -> None:
    path = tmp_path / "other"
    if text is not None:
        path.write_text(text)
    chosen = auth.kubernetes.model_copy(update={"kubeconfig": path})
    store = open_secret_store(auth.model_copy(update={"kubernetes": chosen}), "k8s-secret")
    for method in ("check", "get", "set", "delete"):
        assert "KUBECONFIG" in await refused(store, method)


async def test_a_cluster_that_is_gone_is_told(auth: GitAuthSettings, tmp_path: Path) -> None:
    with local_servers.served(Cluster().app()) as gone:
        file = kubeconfig(tmp_path, gone)
    chosen = auth.kubernetes.model_copy(update={"kubeconfig": file})
    store = open_secret_store(auth.model_copy(update={"kubernetes": chosen}), "k8s-secret")
    for method in ("get", "set", "delete"):
        assert "out of reach" in await refused(store, method)
