"""Git's own protocol, from the other side: what hosts answer, whatever carries it, for tests."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dulwich.errors import HookError
from dulwich.protocol import ReceivableProtocol
from dulwich.repo import Repo
from dulwich.server import DEFAULT_HANDLERS, DictBackend

SERVICES = ("git-upload-pack", "git-receive-pack")


@dataclass(frozen=True)
class _Rejection:
    """A hook that takes no branch."""

    reason: str

    def execute(self, *_: object) -> tuple[bytes, bytes]:
        raise HookError(self.reason)


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """One client's connection to a repository.

    Attributes:
        rejection: Why the host takes no branch; None takes it.
    """

    repository: Path
    receive: Callable[[int], bytes]
    send: Callable[[bytes], object]
    rejection: str | None = None

    def serve(self, service: str, *, of_http: bool = False, lists: bool = False) -> None:
        """Answer until the client ends.

        Args:
            service: One of `SERVICES`.
            of_http: Whether this is one of several requests.
            lists: Only tell what there is.
        """
        repository = Repo(str(self.repository))
        try:
            if self.rejection:
                repository.hooks["update"] = _Rejection(self.rejection)
            protocol = ReceivableProtocol(self.receive, self.send)
            DEFAULT_HANDLERS[service.encode()](
                DictBackend({"notes": repository}),
                ["notes"],
                protocol,
                stateless_rpc=of_http,
                advertise_refs=lists,
            ).handle()
        finally:
            repository.close()
