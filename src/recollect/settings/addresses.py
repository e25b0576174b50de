"""Addresses of hosts, as settings give them."""

import re
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

_AMBIGUOUS = re.compile(r"[\\\s\x00-\x1f]")


def is_loopback(host: str) -> bool:
    """Whether a host, a name or an address, can only be this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def origin_of(url: str) -> str:
    """The scheme, host and port of a URL, spelt in one way.

    Raises:
        ValueError: It is not https, nor http on loopback: a token must not be sent there.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    # Other readers of URLs may take a host from behind such a character.
    if (
        not host
        or _AMBIGUOUS.search(url)
        or not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))
    ):
        raise ValueError("must be an https address")
    usual = 443 if parts.scheme == "https" else 80
    port = "" if parts.port in (None, usual) else f":{parts.port}"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"


def _api_address(url: str) -> str:
    parts = urlsplit(url)
    if (
        parts.scheme not in {"http", "https"}
        or not parts.hostname
        or _AMBIGUOUS.search(url)
        or parts.username is not None
        or parts.query
        or parts.fragment
    ):
        raise ValueError("must be an http or https address without a user, a query or a fragment")
    return url.rstrip("/")


ApiAddress = Annotated[str, AfterValidator(_api_address)]
"""Where an API is, such as `http://127.0.0.1:11434/v1`."""
