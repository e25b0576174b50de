"""The remote of a repository: fetched from and pushed to, each time over a new connection."""

import re
import time
import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from pydantic import SecretStr
from pygit2 import (
    AuthError,
    CertificateError,
    GitError,
    KeypairFromAgent,
    RemoteCallbacks,
    Repository,
    Username,
    UserPass,
    settings,
)
from pygit2.enums import CredentialType

from recollect.errors import ConfigError, RemoteMoved, Unavailable

if TYPE_CHECKING:
    from pygit2.remotes import Remote as GitRemote
    from pygit2.remotes import TransferProgress

T = TypeVar("T")

_ORIGIN = "origin"
_TOKEN_USER = "x-access-token"  # noqa: S105  (what hosts expect as the user's name beside a token)
_SSH_USER = "git"
_USER = re.compile(r"(?<=://)[^/@\s]*@")
_MOVED = re.compile(
    r"non-?fast-?forward|fetch first|not present locally|stale info|cannot lock ref|failed to lock"
    r"|incorrect old value|failed to update ref"
)
_LATE = re.compile(r"timed? ?out", re.IGNORECASE)
_NO_PROTOCOL = "unsupported URL protocol"  # libgit2's words for a path that is not there
_PORTS = {"https": 443, "http": 80}
_TOLD_CHARACTERS = 200


def set_remote(repository: Repository, url: str | None) -> None:
    """Make `origin` name this URL; None leaves it as it is.

    Raises:
        ConfigError: The URL holds a password.
    """
    if url is None:
        return
    if holds_secret(url):
        raise ConfigError(
            "the address of the git remote holds a password or a token; leave it out, and run "
            "`recollect auth login`"
        )
    if _ORIGIN not in repository.remotes.names():
        repository.remotes.create(_ORIGIN, url)
    elif repository.remotes[_ORIGIN].url != url:
        repository.remotes.set_url(_ORIGIN, url)


def remote_of(repository: Repository) -> str | None:
    """Where `origin` is, without any credential; None if there is none."""
    if _ORIGIN not in repository.remotes.names():
        return None
    return _USER.sub("", repository.remotes[_ORIGIN].url or "") or None


def holds_secret(url: str) -> bool:
    """Whether a user and password stand in it; of HTTP, also a user alone, who may be a token."""
    scheme, separator, rest = url.partition("://")
    user, at, _ = rest.partition("/")[0].rpartition("@")
    return bool(separator and at) and (":" in user or scheme.lower() in {"http", "https"})


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One connection's worth of work: everything it needs, and its deadline.

    Attributes:
        root: The repository's folder; it is opened anew, so that others can go on with theirs.
        remote: Where the token is for.
        token: What to show when the remote asks who it is.
        until: When to give up, by the monotonic clock.
    """

    root: Path
    branch: str
    remote: str
    token: SecretStr | None
    until: float

    def run(self, work: "Callable[[Exchange], T]") -> T:
        """Do one of the following, and close the connection also when it fails.

        pygit2 closes it with its last reference, which an error's traceback would hold.
        """
        try:
            return work(self)
        except Exception as error:
            failure: BaseException | None = error
            while failure is not None:
                traceback.clear_frames(failure.__traceback__)
                failure = failure.__cause__
            raise

    def fetch(self) -> str | None:
        """Fetch the branch; gives its newest commit, None when it is not there."""
        remote, callbacks = self._connected()
        here = f"refs/heads/{self.branch}"
        there = f"refs/remotes/{_ORIGIN}/{self.branch}"
        with self._failures(callbacks):
            if not any(head.name == here for head in remote.list_heads(callbacks, proxy=True)):
                return None
            remote.fetch([f"+{here}:{there}"], callbacks=callbacks, proxy=True)
            found = Repository(str(self.root)).references[there].target
        return str(found)

    def push(self) -> None:
        """Push the branch."""
        remote, callbacks = self._connected()
        here = f"refs/heads/{self.branch}"
        with self._failures(callbacks):
            remote.push([f"{here}:{here}"], callbacks=callbacks, proxy=True)
        if callbacks.rejection is not None:
            raise _refused(callbacks.rejection)

    def _connected(self) -> "tuple[GitRemote, _Callbacks]":
        repository = Repository(str(self.root))
        if remote_of(repository) is None:
            raise Unavailable("the repository of notes has no remote; set its address")
        remote = repository.remotes[_ORIGIN]
        left = max(1, int((self.until - time.monotonic()) * 1000))
        # Of the whole process: libgit2 knows no others.
        settings.server_connect_timeout = left
        settings.server_timeout = left
        return remote, _Callbacks(self.remote, self.token, self.until)

    @contextmanager
    def _failures(self, callbacks: "_Callbacks") -> Generator[None]:
        try:
            yield
        except AuthError as error:
            raise _refused_credential(callbacks.url) from error
        except CertificateError as error:
            raise _not_trusted(callbacks.url) from error
        except (GitError, OSError, KeyError, ValueError) as error:
            raise self._failed(str(error), callbacks) from error

    def _failed(self, message: str, callbacks: "_Callbacks") -> Exception:
        if _MOVED.search(message):
            return _moved()
        if time.monotonic() > self.until or _LATE.search(message):
            return too_late()
        if callbacks.was_asked and "401" in message:
            return _refused_credential(callbacks.url)
        if _NO_PROTOCOL in message and "://" not in callbacks.url:
            return Unavailable(
                f"there is no git repository at {callbacks.url}; correct the address of the "
                "remote, or make one there with `git init --bare`"
            )
        return Unavailable(
            f"the git remote cannot be reached or refuses: {self._told(message)}; check its "
            "address, the network and `recollect auth status`"
        )

    def _told(self, message: str) -> str:
        if self.token is not None:
            message = message.replace(self.token.get_secret_value(), "...")
        return _shown(_USER.sub("", message))


class _Callbacks(RemoteCallbacks):
    """Answers the remote's questions, and gives up at the deadline."""

    def __init__(self, url: str, token: SecretStr | None, until: float) -> None:
        super().__init__()
        self.url = url
        self._origin = _origin(url)
        self._token = token
        self._until = until
        self.was_asked = False
        self.rejection: str | None = None

    def credentials(
        self, url: str, username_from_url: str | None, allowed_types: CredentialType
    ) -> Username | UserPass | KeypairFromAgent:
        user = username_from_url or _SSH_USER
        if allowed_types & CredentialType.USERNAME:
            return Username(user)
        if self.was_asked:
            raise _refused_credential(self.url)
        self.was_asked = True
        if not _is_http(self.url):
            if allowed_types & CredentialType.SSH_KEY:
                return KeypairFromAgent(user)
            raise _refused_credential(self.url)
        if _origin(url) != self._origin:
            raise Unavailable("the git remote sends to another host, which gets no credential")
        if self._token is None:
            raise Unavailable(
                "the git remote asks who you are, and there is no token for it; run "
                "`recollect auth login`"
            )
        return UserPass(_TOKEN_USER, self._token.get_secret_value())

    def certificate_check(self, certificate: None, valid: bool, host: bytes) -> bool:  # noqa: FBT001
        del certificate, host
        # pygit2's own answer takes every host key of SSH, known or not.
        return valid

    def push_update_reference(self, refname: str, message: str | None) -> None:
        del refname
        self.rejection = message

    def transfer_progress(self, stats: "TransferProgress") -> None:
        del stats
        self._check_deadline()

    def push_transfer_progress(
        self, objects_pushed: int, total_objects: int, bytes_pushed: int
    ) -> None:
        del objects_pushed, total_objects, bytes_pushed
        self._check_deadline()

    def sideband_progress(self, string: str) -> None:
        del string
        self._check_deadline()

    def _check_deadline(self) -> None:
        if time.monotonic() > self._until:
            raise too_late()


def too_late() -> Unavailable:
    """What to raise at the deadline."""
    return Unavailable("the git remote did not answer in time; retry, or raise the deadline")


def _refused(rejection: str) -> RemoteMoved | Unavailable:
    if _MOVED.search(rejection):
        return _moved()
    return Unavailable(
        f"the git remote refuses the branch: {_shown(rejection)}; check its rules and your rights"
    )


def _shown(told: str) -> str:
    """What a remote says, on one line and not longer than it needs to be."""
    return "".join(c if c.isprintable() else " " for c in told).strip()[:_TOLD_CHARACTERS]


def _moved() -> RemoteMoved:
    return RemoteMoved("somebody pushed to the git remote meanwhile; fetch, merge and push again")


def _refused_credential(url: str) -> Unavailable:
    if _is_http(url):
        return Unavailable(
            "the git remote refuses the token; run `recollect auth login` with another one, or "
            "check what this one may do"
        )
    return Unavailable(
        "the git remote takes none of the keys of the SSH agent; `ssh-add -l` lists them and "
        "`ssh-add` adds one. This process finds the agent by SSH_AUTH_SOCK in its environment"
    )


def _not_trusted(url: str) -> Unavailable:
    if _is_http(url):
        return Unavailable(
            "the certificate of the git remote is not trusted; if an authority of your own signed "
            "it, name the file of that one's certificate in SSL_CERT_FILE"
        )
    return Unavailable(
        "the host key of the git remote is not the one in ~/.ssh/known_hosts, or there is none; "
        "connect with `ssh` once, as the user who runs this, and compare the key's fingerprint"
    )


def _is_http(url: str) -> bool:
    return urlsplit(url).scheme in _PORTS


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
