"""What went wrong between here and a hub, as a finding with what to type."""

from __future__ import annotations

import errno
from collections.abc import Iterator

import httpx2
from huggingface_hub.errors import (
    FileMetadataError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    RevisionResolutionError,
)

from workers.checkpoints.findings import Defect
from workers.proxies import is_one_unusable

#: What the library raises; its own errors are OSErrors besides, and an answer that is no JSON is a ValueError.
FAILURES = (Defect, OSError, ValueError, httpx2.HTTPError, httpx2.InvalidURL, RevisionResolutionError)
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_BUSY = (408, 425, 429, 500, 502, 503, 504)


def refuse_proxies() -> None:
    """Raises `Defect` where none can be asked."""
    if is_one_unusable():
        raise Defect("proxy-socks")


def defect_of(problem: BaseException) -> Defect:
    """The outermost error that says something; the library wraps a cut wire into "not found on the disk"."""
    for error in _chain(problem):
        if isinstance(error, Defect):
            return error
        if isinstance(error, HfHubHTTPError):
            return _refused(error)
        if isinstance(error, httpx2.ProxyError):
            return Defect("pull-proxy")
        if isinstance(error, httpx2.RemoteProtocolError | httpx2.ReadError | httpx2.WriteError):
            return Defect("pull-cut")
        if isinstance(error, httpx2.TransportError | httpx2.InvalidURL):
            return Defect("pull-no-network", problem=type(error).__name__)
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            return Defect("pull-disk-filled")
        if isinstance(error, OSError) and error.errno:
            return Defect("pull-cannot-write", problem=error.strerror or type(error).__name__)
        if isinstance(error, FileMetadataError | ValueError):
            # Only a token is written into a header as it is.
            return Defect("pull-token" if isinstance(error, UnicodeEncodeError) else "pull-no-hub")
    return Defect("pull-other-size")


def may_pass(problem: BaseException, *, was_reached: bool) -> bool:
    """Worth another try: the hub is busy, or a connection broke. A hub that was never reached is told of at once."""
    for error in _chain(problem):
        if isinstance(error, Defect):
            return error.what == "pull-cut"
        if isinstance(error, HfHubHTTPError):
            return error.response.status_code in _BUSY
        if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError):
            return was_reached
        if isinstance(error, httpx2.TimeoutException | httpx2.NetworkError | httpx2.RemoteProtocolError):
            return True
    return False


def seconds_asked(problem: BaseException) -> int:
    """What a busy hub asks for, 0 where it asks for nothing."""
    for error in _chain(problem):
        if isinstance(error, HfHubHTTPError):
            asked = error.response.headers.get("Retry-After", "")
            return int(asked) if asked.isdecimal() else 0
    return 0


def _refused(error: HfHubHTTPError) -> Defect:
    status = error.response.status_code
    for kind, what in (
        (GatedRepoError, "pull-gated"),
        (RevisionNotFoundError, "pull-no-revision"),
        (RepositoryNotFoundError, "pull-no-model"),
    ):
        if isinstance(error, kind):
            return Defect(what)
    named = {401: "pull-token", 403: "pull-forbidden", 429: "pull-too-many"}
    if status in named:
        return Defect(named[status])
    return Defect("pull-hub-broken" if status in _BUSY or status >= 500 else "pull-no-hub", status=status)


def _chain(problem: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while problem is not None and id(problem) not in seen:
        seen.add(id(problem))
        yield problem
        problem = problem.__cause__ or problem.__context__
