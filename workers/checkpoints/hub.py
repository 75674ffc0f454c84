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

from huggingface_hub import HfApi, ModelInfo, ResolvedRevision, constants, hf_hub_url, snapshot_download
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]
from huggingface_hub.utils.tqdm import tqdm

from workers.checkpoints.findings import Defect
from workers.checkpoints.meter import Meter, Screen
from workers.checkpoints.trouble import FAILURES, defect_of, may_pass, seconds_asked
from workers.checkpoints.wanted import File

Result = TypeVar("Result")
_WAITS = (1, 2, 4, 8)
_LONGEST_WAIT = 300
_SECONDS = 10


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
        """Append what is missing."""
        url = hf_hub_url(self.model, file.name, revision=listing.commit, endpoint=self._endpoint)
        # Compressed, a range would be one of something else.
        headers = {**build_hf_headers(token=self._token), "Accept-Encoding": "identity"}
        bar: Any = meter.bar
        http_get(url, into, resume_size=into.tell(), headers=headers, expected_size=file.size, tqdm_class=bar)

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

    def patiently(self, call: Callable[[], Result], count: Callable[[], int] = lambda: 0) -> Result:
        """Again while it may pass; whatever moved `count` forward makes the patience new."""
        tries = 0
        while True:
            before = count()
            try:
                return call()
            except FAILURES as problem:
                tries = 0 if count() > before else tries
                if tries == len(_WAITS) or not may_pass(problem):
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
        super().__init__(*arguments, **{**options, "disable": True})
