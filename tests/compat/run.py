"""Runs MemMachine's own client tests, unchanged, against a server of ours: `make test-compat`.

The tests come in the source packages of the clients, which are downloaded with pinned hashes and
never copied here. A run in which tests are missing, skipped or deselected is a failure.
"""

import argparse
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import venv
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from xml.etree import ElementTree as ET

from tests.postgres import new_database

from recollect.app.running import note_of

ROOT = Path(__file__).parents[2]
TESTS = "client_tests/test_integration_complete.py"
START_SECONDS = 60
STORES = ("sqlite", "postgres")


@dataclass(frozen=True, kw_only=True)
class Suite:
    """The tests of one client.

    Attributes:
        requirements: What it runs with, with hashes.
        failed: The tests that must fail, and do with MemMachine's own server.
        stores: Where memories are kept, unless the command line says.
    """

    client: str
    requirements: str
    passed: int
    skipped: int
    failed: frozenset[str] = frozenset()
    stores: tuple[str, ...] = ("sqlite",)


SUITES = (
    Suite(client="0.4.0", requirements="compat.txt", passed=77, skipped=2, stores=STORES),
    # Up to 0.3.9, creating a project again was refused; since 0.4.0 it must succeed if nothing
    # differs. No server can do both, and the newest client decides.
    Suite(
        client="0.3.9",
        requirements="compat-before.txt",
        passed=76,
        skipped=2,
        failed=frozenset({"test_create_duplicate_project"}),
    ),
)


def main() -> None:
    """Run every suite; exits with 1 unless each ends as it must."""
    parser = argparse.ArgumentParser(description="Run the tests of MemMachine's own clients.")
    parser.add_argument("--store", choices=STORES, help="run every client over this store alone")
    asked = parser.parse_args().store
    wrong = False
    for suite in SUITES:
        with tempfile.TemporaryDirectory() as folder:
            client = install(suite, Path(folder))
            for store in [asked] if asked else suite.stores:
                report = run(client, store)
                wrong |= not as_expected(suite, store, report)
    sys.exit(wrong)


@dataclass(frozen=True)
class Client:
    """A client in a clean environment of its own.

    Attributes:
        folder: Where it all is.
        python: The environment's.
        source: The unpacked source package, tests included.
    """

    folder: Path
    python: Path
    source: Path


def run(client: Client, store: str) -> Path:
    """Run a client's tests against a server of its own over this store; gives pytest's report."""
    report = client.folder / f"{store}.xml"
    with serving(client.folder / store, store) as url:
        options = ["-m", "integration", "-q", "-rfs", "-p", "no:cacheprovider"]
        subprocess.run(
            [client.python, "-m", "pytest", TESTS, *options, f"--junitxml={report}"],
            cwd=client.source,
            env={**os.environ, "MEMORY_BACKEND_URL": url},
            check=False,
        )
    return report


def install(suite: Suite, folder: Path) -> Client:
    """Make a clean environment in this folder, with the client and its tests."""
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    pip(python, "install", "--require-hashes", "--no-deps", "--requirement", pins(suite))
    return Client(folder, python, download(suite, python, folder / "source"))


def download(suite: Suite, python: Path, folder: Path) -> Path:
    """The unpacked source package of the client, tests included."""
    lines = pins(suite).read_text().split("\n")
    start = next(n for n, line in enumerate(lines) if line.startswith("memmachine-client=="))
    end = next(n for n in range(start, len(lines)) if not lines[n].endswith("\\"))
    folder.mkdir()
    pinned = folder / "client.txt"
    pinned.write_text("\n".join(lines[start : end + 1]))
    source = ("--no-deps", "--no-binary=:all:", "--no-build-isolation")
    pip(python, "download", "--require-hashes", *source, "--requirement", pinned, "--dest", folder)
    name = f"memmachine_client-{suite.client}"
    with tarfile.open(folder / f"{name}.tar.gz") as package:
        package.extractall(folder, filter="data")
    return folder / name


def pins(suite: Suite) -> Path:
    """The file with what the suite needs."""
    return ROOT / "requirements" / suite.requirements


def pip(python: Path, *arguments: str | Path) -> None:
    """Run pip, which must succeed."""
    quietly = ("--disable-pip-version-check", "--quiet")
    subprocess.run([python, "-m", "pip", *quietly, *arguments], check=True)


@contextmanager
def serving(data_dir: Path, store: str) -> Generator[str]:
    """The address of a server over this store with nothing in it, until the end."""
    settings = {
        "RECOLLECT_DATA_DIR": str(data_dir),
        "RECOLLECT_PORT": "0",
        "RECOLLECT_MEMMACHINE__CONFIG_API": "true",
        "RECOLLECT_LOG_LEVEL": "warning",
        "RECOLLECT_STORE__KIND": store,
    }
    if store == "postgres":
        settings["RECOLLECT_STORE__URL"] = new_database(migrated=False).url
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("RECOLLECT_")}
    server = subprocess.Popen(
        [sys.executable, "-m", "recollect", "serve"], env={**inherited, **settings}
    )
    try:
        yield announced(data_dir, server)
    finally:
        server.terminate()
        server.wait()


def announced(data_dir: Path, server: subprocess.Popen[bytes]) -> str:
    """Where the server listens, as it notes in its folder once it does."""
    note = note_of(data_dir, server.pid)
    end = monotonic() + START_SECONDS
    while not note.exists():
        if monotonic() > end or server.poll() is not None:
            raise SystemExit("the server did not start")
        sleep(0.05)
    return json.loads(note.read_text())["url"]


def as_expected(suite: Suite, store: str, report: Path) -> bool:
    """Whether exactly the tests passed that must; says what differs."""
    found: dict[str, set[str]] = {"passed": set(), "skipped": set(), "failed": set()}
    for case in ET.parse(report).iter("testcase"):  # noqa: S314  (pytest's own)
        kinds = {child.tag for child in case}
        ended = "failed" if kinds & {"failure", "error"} else "passed"
        found["skipped" if "skipped" in kinds else ended].add(case.attrib["name"])
    counts = {name: len(tests) for name, tests in found.items()}
    good = found["failed"] == suite.failed and (counts["passed"], counts["skipped"]) == (
        suite.passed,
        suite.skipped,
    )
    told = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    verdict = "as it must be" if good else "WRONG"
    print(f"client {suite.client} over {store}: {told}: {verdict}", flush=True)
    for name in sorted(found["failed"] ^ suite.failed):
        print(f"  {name}: {'failed' if name in found['failed'] else 'passed, but must fail'}")
    return good


if __name__ == "__main__":
    main()
