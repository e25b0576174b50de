"""`recollect mcp` while its server dies, and while signals come."""

import json
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from anyio import create_task_group, create_tcp_listener
from anyio.abc import SocketAttribute, SocketStream
from tests.e2e.servers import serving
from tests.transports.mcp_clients import MODES, call, protocol_error
from tests.transports.test_cli_process import DEADLINE_SECONDS, environment
from tests.transports.test_mcp_everywhere import stdio

from recollect.app.bridge import Reaching
from recollect.settings import Settings

pytestmark = pytest.mark.anyio

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "0"},
    },
}


@pytest.mark.parametrize("mode", MODES)
async def test_calls_fail_while_the_server_is_gone_and_work_with_the_next_one(
    tmp_path: Path, mode: str
) -> None:
    with serving(tmp_path) as server:
        async with stdio(mode, DATA_DIR=str(tmp_path)) as client:
            await call(client, "remember", name="tea", content="Tea at four.")
            server.kill()
            for _ in range(2):
                code, message = await protocol_error(client, "read", name="tea")
                assert code == -32603
                assert "recollect serve" in message
            with serving(tmp_path):
                assert (await call(client, "read", name="tea"))["content"] == "Tea at four."


async def test_what_may_have_been_done_is_told_apart(tmp_path: Path) -> None:
    transport = Reaching(Settings(data_dir=tmp_path))
    async with httpx2.AsyncClient(transport=transport) as http, breaking_off() as url:
        answer = await http.post(url, json={"id": 7})
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (503, -32603)
        assert "may have been done" in error["message"]
    async with httpx2.AsyncClient(transport=Reaching(Settings(data_dir=tmp_path))) as http:
        error = (await http.post("http://127.0.0.1:1/mcp", json={"id": 7})).json()["error"]
        assert "has done nothing" in error["message"]


@asynccontextmanager
async def breaking_off() -> AsyncGenerator[str]:
    """The address of a server that hears requests and hangs up."""

    async def hang_up(stream: SocketStream) -> None:
        async with stream:
            await stream.receive()

    async with await create_tcp_listener(local_host="127.0.0.1") as listener:
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610  (not Django's)
        async with create_task_group() as tasks:
            tasks.start_soon(listener.serve, hang_up)
            yield f"http://127.0.0.1:{port}"
            tasks.cancel_scope.cancel()


@pytest.mark.parametrize("bridged", [True, False])
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)], ids=["int", "term"]
)
def test_a_signal_ends_it_quietly(
    tmp_path: Path, number: signal.Signals, code: int, *, bridged: bool
) -> None:
    with ExitStack() as stack:
        if bridged:
            stack.enter_context(serving(tmp_path))
        process = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", "recollect", "--data-dir", str(tmp_path), "mcp"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment(),
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
            )
        )
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write(json.dumps(INITIALIZE).encode() + b"\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["id"] == 1
        process.send_signal(number)
        assert process.wait(DEADLINE_SECONDS) == code
        assert process.stderr.read() == b""


def test_it_reads_a_file_to_its_end(tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.write_text(json.dumps(INITIALIZE))
    with given.open("rb") as asked:
        done = subprocess.run(
            [sys.executable, "-m", "recollect", "--data-dir", str(tmp_path), "mcp"],
            stdin=asked,
            capture_output=True,
            check=True,
            timeout=DEADLINE_SECONDS,
            env=environment(),
        )
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == [1]
