"""Proxies that are set for the world, and that no HTTP library here can use."""

from __future__ import annotations

from importlib.util import find_spec
from urllib.request import getproxies

_SOCKS = ("socks5", "socks5h")


def is_one_unusable() -> bool:
    """httpx raises where it meets such a one, also where another proxy would be asked."""
    proxies = getproxies()
    schemes = {proxies.get(name, "").partition("://")[0].lower() for name in ("http", "https", "all")}
    socks = {scheme for scheme in schemes if scheme.startswith("socks")}
    return bool(socks.difference(_SOCKS)) or (bool(socks) and find_spec("socksio") is None)
