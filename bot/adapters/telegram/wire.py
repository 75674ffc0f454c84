"""HTTP to Telegram, by aiohttp: the library's own way takes several times the CPU for every call (bench/NOTES.md)."""

from __future__ import annotations

import ssl
from typing import Any

import certifi
from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    FormData,
    TCPConnector,
)
from telegram.error import NetworkError, TimedOut
from telegram.request import BaseRequest, RequestData

_CONNECT_SECONDS = 10.0
_WRITE_SECONDS = 20.0


class NeverLeft(NetworkError):
    """The call certainly never reached Telegram."""


class Wire(BaseRequest):
    """Errors are told by their kind alone: an address holds the token. Proxies are those of the environment."""

    def __init__(self, num_connections: int, read_seconds: float) -> None:
        self._num_connections, self._read_seconds = num_connections, read_seconds
        self._session: ClientSession | None = None

    @property
    def read_timeout(self) -> float:
        return self._read_seconds

    async def initialize(self) -> None:
        if self._session is None:
            connector = TCPConnector(limit=self._num_connections, ssl=_trust())
            self._session = ClientSession(connector=connector, trust_env=True, headers={"User-Agent": self.USER_AGENT})

    async def shutdown(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = BaseRequest.DEFAULT_NONE,
        connect_timeout: Any = BaseRequest.DEFAULT_NONE,
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """Connecting, and waiting for a connection to be free, have a time of their own, and so has everything else."""
        if self._session is None:
            raise NeverLeft("not connected")
        read, write = _given(read_timeout, self._read_seconds), _given(write_timeout, _WRITE_SECONDS)
        timeout = ClientTimeout(total=_CONNECT_SECONDS + read + write, connect=_CONNECT_SECONDS, sock_read=read)
        try:
            async with self._session.request(method, url, data=_body(request_data), timeout=timeout) as response:
                return response.status, await response.read()
        except (ClientConnectorError, ConnectionTimeoutError) as problem:
            raise NeverLeft(type(problem).__name__) from None
        except TimeoutError:
            raise TimedOut from None
        except ClientError as problem:
            raise NetworkError(type(problem).__name__) from None


def _given(seconds: Any, otherwise: float) -> float:
    return float(seconds) if isinstance(seconds, int | float) else otherwise


def _body(asked: RequestData | None) -> FormData:
    form = FormData(asked.json_parameters if asked else {})
    for name, (file, content, kind) in ((asked and asked.multipart_data) or {}).items():
        form.add_field(name, content, filename=file, content_type=kind)
    return form


def _trust() -> ssl.SSLContext:
    """Who vouches for Telegram: the system's own, and those that come along where a system has none."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context
