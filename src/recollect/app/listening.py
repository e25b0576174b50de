"""Taking the addresses to listen at, and saying what is wrong when they cannot be had."""

import errno
import os
import socket
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

from recollect.errors import ConfigError

_ABSENT = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def listening(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen at the host's addresses; whoever asked closes them.

    Where a machine lacks one of several, such as ::1 beside 127.0.0.1, the others do.

    Raises:
        ConfigError: There is no such host, it is not this machine, or the port is taken.
    """
    with ExitStack() as opened:
        sockets: list[socket.socket] = []
        absent: OSError | None = None
        for family, protocol, address in _addresses(host, port):
            try:
                sockets.append(opened.enter_context(_bound(family, protocol, address)))
            except OSError as error:
                if error.errno not in _ABSENT:
                    raise _refused(host, port, error) from error
                absent = error
        if absent and not sockets:
            raise _refused(host, port, absent) from absent
        opened.pop_all()
        return sockets


def _bound(family: int, protocol: int, address: Any) -> socket.socket:
    # Not `socket.create_server`: asyncio sends small packets at once only if told of TCP.
    bound = socket.socket(family, socket.SOCK_STREAM, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(address)
        bound.listen()
    except OSError:
        bound.close()
        raise
    return bound


def _addresses(host: str, port: int) -> Iterable[tuple[int, int, Any]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError):
        raise ConfigError(
            f"cannot listen at {host!r}: no such host name is known; give an address of this "
            "machine with --host, such as 127.0.0.1"
        ) from None
    return dict.fromkeys((family, protocol, address) for family, _, protocol, _, address in found)


def _refused(host: str, port: int, error: OSError) -> ConfigError:
    match error.errno:
        case errno.EADDRINUSE:
            why = "something else listens there; choose another port with --port"
        case errno.EACCES:
            why = "that needs more rights; choose a port from 1024 on with --port"
        case code if code in _ABSENT:
            why = "this machine does not have that address; choose another with --host"
        case code:
            why = f"{os.strerror(code or 0)}; choose another address with --host or --port"
    return ConfigError(f"cannot listen at {host}:{port}: {why}")
