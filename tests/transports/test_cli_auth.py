import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backends import fail
from tests.clusters import Cluster, kubeconfig
from tests.git_hosts import DEVICE_CODE, GRANTED, PENDING, TOKEN, GitHost
from tests.keyrings import Locked, Open
from tests.local_servers import served
from typer.testing import CliRunner, Result

from recollect.cli.main import app

pytestmark = pytest.mark.usefixtures("ring")

Run = Callable[..., Result]
PRESET = "ghp_from-the-environment-1234"
FILE = "git-token"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs `recollect auth` and checks how it ended, and that no token is shown."""
    usual = {
        "RECOLLECT_DATA_DIR": str(tmp_path / "data"),
        "RECOLLECT_GIT__AUTH__TOKEN_FILE": str(tmp_path / FILE),
        "MEMORY_MCP_GITHUB_TOKEN": None,
    }

    def invoke(
        *arguments: str,
        code: int = 0,
        given: str | bytes | None = None,
        shows: str = "",
        **more: str,
    ) -> Result:
        result = CliRunner(env=usual | more).invoke(app, ("auth", *arguments), input=given)
        assert result.exit_code == code, (result.output, result.exception)
        assert result.stdout == shows or not shows
        error = "".join(traceback.format_exception(result.exception)) if result.exception else ""
        for secret in {TOKEN, PRESET, DEVICE_CODE} - {shows.strip()}:
            assert secret not in result.output + error
        return result

    return invoke


def answer(result: Result) -> Any:
    return json.loads(result.stdout)


def test_signing_in_shows_a_code_and_keeps_the_token_in_the_keyring(run: Run, ring: Open) -> None:
    host = GitHost([PENDING, GRANTED])
    assert isinstance(host.code, dict)
    host.code |= {"interval": 1}
    with served(host.app()) as url:
        signing = {"RECOLLECT_GIT__AUTH__HOST": url, "RECOLLECT_GIT__AUTH__CLIENT_ID": "our-app"}
        done = run("login", **signing)
        assert ring.secrets == {("recollect", "git-token"): TOKEN}
        assert "ABCD-1234" in done.stderr
        assert "https://github.com/login/device" in done.stderr
        assert "ABCD-1234" not in done.stdout
        told = answer(run("status", "--json", **signing))
    assert told == {"host": url, "source": "keyring", "ending": TOKEN[-4:]}


def test_a_refused_sign_in_keeps_nothing(run: Run, ring: Open) -> None:
    host = GitHost([{"error": "access_denied"}])
    assert isinstance(host.code, dict)
    host.code |= {"interval": 1}
    with served(host.app()) as url:
        signing = {"RECOLLECT_GIT__AUTH__HOST": url, "RECOLLECT_GIT__AUTH__CLIENT_ID": "our-app"}
        done = run("login", "--json", code=1, **signing)
    assert json.loads(done.stderr.splitlines()[-1])["code"] == "sign_in_failed"
    assert ring.secrets == {}


def test_without_a_client_id_it_says_how_to_get_one_and_what_else_there_is(run: Run) -> None:
    told = run("login", code=2).stderr
    for way in ("OAuth", "RECOLLECT_GIT__AUTH__CLIENT_ID", "--with-token"):
        assert way in told
    assert told.endswith("[config]\n")


@pytest.mark.parametrize("store", ["keyring", "file"])
def test_a_given_token_is_kept_found_and_deleted(run: Run, tmp_path: Path, store: str) -> None:
    kept = answer(run("login", "--with-token", "--store", store, "--json", given=f" {TOKEN}\n"))
    assert (kept["store"], kept["ending"], kept["in_use"]) == (store, TOKEN[-4:], True)
    assert (tmp_path / FILE).exists() == (store == "file")
    assert f"comes from {store}" in run("status").stdout
    gone = answer(run("logout", "--json"))
    assert gone == {"deleted": [kept["place"]], "failed": [], "in_environment": False}
    assert run("status").stdout == "no token for https://github.com is set\n"
    assert run("logout").stdout == "no store holds a token\n"


def test_the_cluster_is_written_to_when_asked_and_read_when_set(run: Run, tmp_path: Path) -> None:
    cluster = Cluster()
    with served(cluster.app()) as url:
        inside = {
            "RECOLLECT_GIT__AUTH__KUBERNETES__KUBECONFIG": str(kubeconfig(tmp_path, url)),
        }
        login = ("login", "--with-token", "--store", "k8s-secret", "--json")
        assert not answer(run(*login, given=TOKEN, **inside))["in_use"]
        assert answer(run("status", "--json", **inside))["source"] is None
        assert answer(run("logout", "--json", **inside))["deleted"] == []
        inside["RECOLLECT_GIT__AUTH__STORES"] = '["k8s-secret"]'
        assert answer(run(*login, given=TOKEN, **inside))["in_use"]
        assert answer(run("status", "--json", **inside))["source"] == "k8s-secret"
        cluster.refused = {"GET": 403}
        assert "Role" in run("status", code=5, **inside).stderr
        cluster.refused = {}
        assert len(answer(run("logout", "--json", **inside))["deleted"]) == 1
    assert cluster.secrets == {}


def test_stdout_gets_the_token_alone_and_nothing_is_kept(
    run: Run, ring: Open, tmp_path: Path
) -> None:
    shows = f"{TOKEN}\n"
    run("login", "--with-token", "--store", "stdout", given=TOKEN, shows=shows)
    run("login", "--with-token", "--store", "stdout", "--json", given=TOKEN, shows=shows)
    assert ring.secrets == {}
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize("given", ["", " \n", f"{TOKEN} {TOKEN}", f"{TOKEN}\0", b"\xff"])
def test_what_is_no_token_is_not_kept(run: Run, ring: Open, given: str | bytes) -> None:
    run("login", "--with-token", given=given, code=2)
    assert ring.secrets == {}


@pytest.mark.parametrize("backend", [fail.Keyring, Locked])
def test_a_keyring_that_does_not_work_is_told_with_the_other_stores_and_none_is_taken(
    run: Run, tmp_path: Path, backend: Callable[[], Any]
) -> None:
    keyring.set_keyring(backend())
    told = run("login", "--with-token", given=TOKEN, code=5).stderr
    for other in ("--store file", "--store k8s-secret", "--store stdout"):
        assert other in told
    assert "--store keyring" not in told
    assert not (tmp_path / FILE).exists()


def test_a_store_is_tried_before_a_person_is_sent_to_the_host(run: Run) -> None:
    keyring.set_keyring(fail.Keyring())
    host = GitHost()
    with served(host.app()) as url:
        signing = {"RECOLLECT_GIT__AUTH__HOST": url, "RECOLLECT_GIT__AUTH__CLIENT_ID": "our-app"}
        run("login", code=5, **signing)
    assert host.asked == []


def test_the_environment_goes_first_and_outlives_a_logout(run: Run) -> None:
    preset = {"RECOLLECT_GIT__AUTH__TOKEN": PRESET}
    kept = run("login", "--with-token", given=TOKEN, **preset).stdout
    assert "not the one in use" in kept
    told = answer(run("status", "--json", **preset))
    assert told == {"host": "https://github.com", "source": "environment", "ending": "1234"}
    gone = run("logout", **preset).stdout
    assert "deleted the token" in gone
    assert "unset RECOLLECT_GIT__AUTH__TOKEN" in gone
    assert answer(run("status", "--json", MEMORY_MCP_GITHUB_TOKEN=PRESET))["ending"] == "1234"


@pytest.mark.parametrize(("token", "shown"), [("1234567", "****"), ("12345678", "5678")])
def test_of_a_short_token_nothing_is_shown(run: Run, token: str, shown: str) -> None:
    assert answer(run("login", "--with-token", "--json", given=token))["ending"] == shown
    assert answer(run("status", "--json"))["ending"] == shown


def test_one_store_that_fails_does_not_keep_a_logout_from_the_others(
    run: Run, tmp_path: Path
) -> None:
    run("login", "--with-token", "--store", "file", given=TOKEN)
    keyring.set_keyring(Locked())
    gone = run("logout", code=1).stdout
    assert f"deleted the token from {tmp_path / FILE}" in gone
    assert "not deleted: the keyring" in gone


def test_logout_can_be_told_from_where(run: Run, ring: Open, tmp_path: Path) -> None:
    for store in ("file", "keyring"):
        run("login", "--with-token", "--store", store, given=TOKEN)
    run("logout", "--store", "file")
    assert not (tmp_path / FILE).exists()
    assert ring.secrets


def test_an_interrupt_ends_the_wait_and_shows_no_trace(tmp_path: Path) -> None:
    host = GitHost([PENDING])
    with served(host.app()) as url:
        environment = {
            **os.environ,  # noqa: TID251
            "RECOLLECT_GIT__AUTH__HOST": url,
            "RECOLLECT_GIT__AUTH__CLIENT_ID": "our-app",
            "RECOLLECT_GIT__AUTH__TOKEN_FILE": str(tmp_path / FILE),
        }
        with subprocess.Popen(
            [sys.executable, "-m", "recollect", "auth", "login", "--store", "file"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
        ) as process:
            assert process.stderr
            assert "ABCD-1234" in process.stderr.readline()
            process.send_signal(signal.SIGINT)
            shown, told = process.communicate(timeout=30)
    assert (process.returncode, shown) == (130, "")
    assert "Traceback" not in told
    assert not (tmp_path / FILE).exists()


def test_a_token_that_is_typed_is_not_shown(tmp_path: Path) -> None:
    terminal, slave = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "recollect", "auth", "login", "--with-token", "--store", "file"],
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "RECOLLECT_GIT__AUTH__TOKEN_FILE": str(tmp_path / FILE)},  # noqa: TID251
        start_new_session=True,
        # Passwords are asked for at the terminal that controls the process.
        preexec_fn=lambda: void(fcntl.ioctl(0, termios.TIOCSCTTY, 0)),  # noqa: PLW1509
    ) as process:
        # Echoing is off once something is shown there.
        seen = os.read(terminal, 1)
        os.write(terminal, f"{TOKEN}\n".encode())
        shown, told = process.communicate(timeout=30)
        os.set_blocking(terminal, False)
        seen += os.read(terminal, 1000)
    os.close(slave)
    os.close(terminal)
    assert process.returncode == 0, told
    assert TOKEN.encode() not in seen + shown + told
    assert (tmp_path / FILE).read_text() == f"{TOKEN}\n"


def void(_: object) -> None:
    """For what gives something that nobody wants."""


def test_without_the_extra_the_cluster_is_out_of_reach_and_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['kubernetes'] = None; sys.argv[1:] = sys.argv[1].split(); "
        "from recollect.cli.main import main; main()"
    )
    login = "auth login --with-token --store k8s-secret"
    ran = subprocess.run(
        [sys.executable, "-c", code, login],
        input=TOKEN,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert "recollect[kubernetes]" in ran.stderr
    assert TOKEN not in ran.stderr
