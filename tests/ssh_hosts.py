"""A git host that speaks SSH, and an agent that holds a user's keys, for tests."""

import asyncio
import shlex
import socket
import struct
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import asyncssh
from asyncssh import SSHKey
from dulwich.errors import HangupException
from tests.git_protocol import SERVICES, Conversation

_LIST, _LISTED, _SIGN, _SIGNED, _FAILED = 11, 12, 13, 14, 5
_STOP_SECONDS = 10
SIGNATURES = ["ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256"]


def new_key(algorithm: str = "ssh-ed25519") -> SSHKey:
    return asyncssh.generate_private_key(algorithm)


@dataclass
class SshHost:
    """A host with one repository.

    Attributes:
        users_keys: Whom it lets in.
        rejection: Why it takes no branch; None takes it.
        port: Where it listens on loopback, while it is served.
        signed_in: How many clients ran a command.
    """

    repository: Path
    users_keys: list[SSHKey]
    key: SSHKey = field(default_factory=new_key)
    rejection: str | None = None
    port: int = 0
    signed_in: int = 0

    @property
    def url(self) -> str:
        return f"ssh://git@127.0.0.1:{self.port}/notes.git"

    @property
    def known_host(self) -> str:
        """Its line in a file of known hosts."""
        key = " ".join(self.key.export_public_key().decode().split()[:2])
        return f"[127.0.0.1]:{self.port} {key}\n"

    @contextmanager
    def served(self) -> Generator[None]:
        """Serve it in a thread."""
        started, ended = Event(), Event()
        thread = Thread(target=lambda: asyncio.run(self._serve(started, ended)))
        thread.start()
        assert started.wait(_STOP_SECONDS)
        try:
            yield
        finally:
            ended.set()
            thread.join()

    async def _serve(self, started: Event, ended: Event) -> None:
        listed = b"".join(key.export_public_key() for key in self.users_keys).decode()
        server = await asyncssh.listen(
            "127.0.0.1",
            self.port,
            server_host_keys=[self.key],
            authorized_client_keys=asyncssh.import_authorized_keys(listed),
            process_factory=self._run,
            # Each once: libssh2 1.11 writes beyond its memory when one is listed twice.
            signature_algs=SIGNATURES,
            encoding=None,
        )
        async with server:
            self.port = server.get_port()
            started.set()
            await asyncio.to_thread(ended.wait)

    async def _run(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        """Run the one command that a client asks for."""
        self.signed_in += 1
        service, *path = shlex.split(process.command or "")
        if service not in SERVICES or path != ["/notes.git"]:
            process.stderr.write(b"there is no such repository\n")
            process.exit(1)
            return
        loop = asyncio.get_running_loop()

        def receive(most: int) -> bytes:
            return asyncio.run_coroutine_threadsafe(process.stdin.read(most), loop).result()

        def send(content: bytes) -> None:
            loop.call_soon_threadsafe(process.stdout.write, content)

        conversation = Conversation(
            repository=self.repository, receive=receive, send=send, rejection=self.rejection
        )
        with suppress(HangupException):  # who only lists what there is says no farewell
            await asyncio.to_thread(conversation.serve, service)
        process.exit(0)


@contextmanager
def agent(path: Path, *keys: SSHKey) -> Generator[Path]:
    """The socket of an SSH agent that holds these keys."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        thread = Thread(target=_answer_all, args=(listening, keys))
        thread.start()
        try:
            yield path
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def _answer_all(listening: socket.socket, keys: tuple[SSHKey, ...]) -> None:
    with suppress(OSError):  # it is closed
        while True:
            client, _ = listening.accept()
            with client, client.makefile("rwb") as stream:
                while size := stream.read(4):
                    answer = _answer(stream.read(*struct.unpack(">L", size)), keys)
                    stream.write(_string(answer))
                    stream.flush()


def _answer(request: bytes, keys: tuple[SSHKey, ...]) -> bytes:
    """What the agent protocol says (draft-ietf-sshm-ssh-agent)."""
    by_blob = {key.public_data: key for key in keys}
    if request[0] == _LIST:
        listed = b"".join(_string(blob) + _string(b"a key") for blob in by_blob)
        return struct.pack(">BL", _LISTED, len(by_blob)) + listed
    if request[0] == _SIGN:
        blob, rest = _taken(request[1:])
        data, flags = _taken(rest)
        if blob in by_blob:
            key = by_blob[blob]
            rsa = {b"\0\0\0\2": b"rsa-sha2-256", b"\0\0\0\4": b"rsa-sha2-512"}
            return bytes([_SIGNED]) + _string(key.sign(data, rsa.get(flags, key.algorithm)))
    return bytes([_FAILED])


def _string(content: bytes) -> bytes:
    return struct.pack(">L", len(content)) + content


def _taken(content: bytes) -> tuple[bytes, bytes]:
    """The first string, and what follows."""
    (size,) = struct.unpack_from(">L", content)
    return content[4 : 4 + size], content[4 + size :]
