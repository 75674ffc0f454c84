"""What a hub has of a model, with sizes and hashes. Everything that speaks HTTP is huggingface_hub's."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from time import sleep
from typing import Any, BinaryIO, TypeVar
from urllib.parse import urlsplit

from huggingface_hub import HfApi, ModelInfo, ResolvedRevision, constants, get_session, hf_hub_url, snapshot_download
from huggingface_hub.utils import build_hf_headers, hf_raise_for_status  # type: ignore[attr-defined]
from huggingface_hub.utils.tqdm import tqdm

from workers.checkpoints.findings import Defect
from workers.checkpoints.meter import Meter, Screen
from workers.checkpoints.trouble import FAILURES, defect_of, may_pass, refuse_proxies, seconds_asked
from workers.checkpoints.wanted import File

Result = TypeVar("Result")
_WAITS = (1, 2, 4, 8, 16, 30)
_LONGEST_WAIT = 300
_SECONDS = 10
_PARTIAL = 206


@dataclass(frozen=True, slots=True)
class Listing:
    revision: ResolvedRevision
    files: list[File]

    @property
    def commit(self) -> str:
        return self.revision.resolved


class Hub:
    """One model at one endpoint."""

    def __init__(self, model: str, mirror: str, screen: Screen) -> None:
        # Its warnings about each new try are in English and hold whole addresses; what matters is said here.
        logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
        self.model, self._screen = model, screen
        self._endpoint = (mirror or constants.ENDPOINT).rstrip("/")
        parts = urlsplit(self._endpoint)
        # Without the password that may stand in an address.
        self.shown = parts._replace(netloc=parts.netloc.rsplit("@", 1)[-1]).geturl()
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Defect("pull-bad-address", hub=self.shown)
        refuse_proxies()
        # A token belongs to the hub that the environment names, never to an address that was only typed.
        self._token = False if mirror else None
        self._api = HfApi(endpoint=self._endpoint, token=self._token)

    def listing(self, revision: str | None) -> Listing:
        # The call with a time limit comes first; the one that notes the revision for offline use has none.
        info = self._info(revision)
        resolved = self.patiently(lambda: self._api.resolve_revision(self.model, revision=revision))
        if resolved.resolved != info.sha:
            info = self._info(resolved.resolved)
        return Listing(resolved, [File.of(sibling) for sibling in info.siblings or []])

    def read(self, listing: Listing, file: File, into: BinaryIO, meter: Meter) -> None:
        """Append what is missing, piece by piece as it comes: what has come before a cut counts.

        The library's own download keeps up to ten megabytes back, and loses them with the connection.
        """
        url = hf_hub_url(self.model, file.name, revision=listing.commit, endpoint=self._endpoint)
        have = into.tell()
        if have == file.size:
            return
        # Compressed, a range would be one of something else.
        headers = {**build_hf_headers(token=self._token), "Accept-Encoding": "identity", "Range": f"bytes={have}-"}
        with get_session().stream("GET", url, headers=headers, timeout=_SECONDS) as response:
            hf_raise_for_status(response)
            if response.status_code != _PARTIAL:
                into.truncate(0)
                meter.add(-have)
                have = 0
            for piece in response.iter_raw():
                have += len(piece)
                if have > file.size:
                    raise Defect("pull-other-size")
                into.write(piece)
                meter.add(len(piece))
        if have < file.size:
            raise Defect("pull-cut")

    def place(self, listing: Listing, files: list[File], folder: Path | None) -> Path:
        """Let the library fetch what is missing, and put `files` into its cache's snapshot or into `folder`."""
        names = [escape(file.name) for file in files]
        found = self.patiently(
            lambda: snapshot_download(
                self.model, revision=listing.revision, local_dir=folder, endpoint=self._endpoint, token=self._token,
                allow_patterns=names, tqdm_class=_Silent,
            )
        )  # fmt: skip
        return Path(found)

    def patiently(self, call: Callable[[], Result], count: Callable[[], int] | None = None) -> Result:
        """Again while it may pass. What moved `count` forward makes the patience new, and shows that the hub is there."""
        tries, before = 0, count() if count else 0
        while True:
            try:
                return call()
            except FAILURES as problem:
                if count and (now := count()) > before:
                    tries, before = 0, now
                if tries == len(_WAITS) or not may_pass(problem, was_reached=count is not None):
                    raise
                self._wait(problem, _WAITS[tries])
                tries += 1

    def explain(self, problem: BaseException) -> Defect:
        defect = defect_of(problem)
        defect.values = {"hub": self.shown, "model": self.model, **defect.values}
        return defect

    def _wait(self, problem: BaseException, seconds: int) -> None:
        seconds = min(max(seconds_asked(problem), seconds), _LONGEST_WAIT)
        self._screen.say("pull-again", hub=self.shown, seconds=seconds)
        sleep(seconds)

    def _info(self, revision: str | None) -> ModelInfo:
        return self.patiently(
            lambda: self._api.model_info(self.model, revision=revision, files_metadata=True, timeout=_SECONDS)
        )


class _Silent(tqdm):
    """No bars of the library: the large files have their own."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **{**options, "disable": True})  # type: ignore[no-untyped-call]
