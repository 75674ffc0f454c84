"""URLs of servers: where the API begins, how a URL may be told, and whether it leads off this machine."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit, urlunsplit


def shown(url: str) -> str:
    """A URL as it may be told: without user name, password and query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))


def is_here(url: str) -> bool:
    """Whether what is sent there stays on this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def base_of(url: str) -> str:
    """Where the API begins: `/v1` where the URL names no path."""
    place = shown(url)
    return place if urlsplit(place).path else f"{place}/v1"
