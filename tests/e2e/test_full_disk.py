"""A full disk is told as such, takes nothing that was acknowledged, and passes."""

import os
import shutil
import subprocess
from collections.abc import Generator
from pathlib import Path
from random import Random

import httpx2
import pytest
from tests.e2e.servers import Server, serving

DISK = "size=24m"
BALLAST_BYTES = 8_000_000
ENOUGH_WRITES = 1000


@pytest.fixture
def small_disk(tmp_path: Path) -> Generator[Path]:
    """A file system of its own; only root may mount one, and not in every container.

    Without one the test is skipped, but where CI is set it fails.
    """
    mount, umount = shutil.which("mount"), shutil.which("umount")
    disk = tmp_path / "disk"
    disk.mkdir()
    command = [mount or "mount", "-t", "tmpfs", "-o", DISK, "tmpfs", str(disk)]
    if not (mount and umount) or subprocess.run(command, check=False).returncode:
        refuse = pytest.fail if os.environ.get("CI") else pytest.skip  # noqa: TID251
        refuse("no file system can be mounted here")
    yield disk
    subprocess.run([umount, str(disk)], check=True)


def test_a_full_disk_is_told_and_loses_nothing(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(BALLAST_BYTES))
    words = _Words()
    with serving(small_disk) as server:
        server.until_all_is_embedded()
        known = _fill(server, words)
        _assert_all_is_there(server, known)

        ballast.unlink()

        known.append(server.remember(words.some(2000)))
        _assert_all_is_there(server, known)
        assert server.faults() == []
    with serving(small_disk) as server:
        _assert_all_is_there(server, known)
        assert server.faults() == []


class _Words:
    """Words that nobody said before, so that text takes room in every index."""

    def __init__(self) -> None:
        self._random = Random(1)

    def some(self, count: int) -> str:
        return " ".join(f"{self._random.getrandbits(32):x}" for _ in range(count))


def _fill(server: Server, words: _Words) -> list[str]:
    """Stores notes until the disk is full, even for a small one; the ids of those stored."""
    known: list[str] = []
    for size in (2000, 20):
        response = _remember(server, words.some(size))
        while response.is_success and len(known) < ENOUGH_WRITES:
            known.append(response.json()["id"])
            response = _remember(server, words.some(size))
        assert response.status_code == 507
        assert response.json()["code"] == "storage_full"
    return known


def _remember(server: Server, content: str) -> httpx2.Response:
    return server.http.post("/v1/memories", json={"content": content})


def _assert_all_is_there(server: Server, ids: list[str]) -> None:
    for memory in ids:
        assert server.http.get(f"/v1/memories/{memory}").status_code == 200
