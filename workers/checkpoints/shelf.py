"""Where a model's files lie while they come and when they are whole: the hub's cache, or a folder of one's own."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from huggingface_hub import constants, try_to_load_from_cache
from huggingface_hub.file_download import repo_folder_name

from workers.checkpoints import hashes
from workers.checkpoints.hub import Listing
from workers.checkpoints.local import expanded
from workers.checkpoints.wanted import File


class Cache:
    """`blobs/HASH` is the file; the library makes the snapshot's links to it. transformers and vLLM read the same cache."""

    folder: Path | None = None

    def __init__(self, model: str) -> None:
        home = Path(constants.HF_HUB_CACHE)
        name = repo_folder_name(repo_id=model, repo_type="model")
        self.disk = home / name
        self.lock = home / ".locks" / name / "pull.lock"

    def num_bytes(self) -> int:
        """Of all that has come, whole or not."""
        return sum(_size(file) or 0 for file in (self.disk / "blobs").glob("*"))

    def part(self, file: File) -> Path:
        return self.disk / "blobs" / f"{file.hash}.incomplete"

    def has(self, file: File, listing: Listing) -> bool:
        if file.is_large:
            return _size(self.disk / "blobs" / file.hash) == file.size
        return _size(self.disk / "snapshots" / listing.commit / file.name) is not None

    def keep(self, file: File) -> None:
        os.replace(self.part(file), self.disk / "blobs" / file.hash)


class Folder:
    """The library keeps its notes, and this the parts, in `.cache/huggingface`."""

    def __init__(self, model: str, folder: Path) -> None:
        self.folder = self.disk = expanded(folder).absolute()
        self._model = model
        self._notes = self.disk / ".cache" / "huggingface"
        self.lock = self._notes / "pull.lock"

    def part(self, file: File) -> Path:
        return self._notes / "download" / f"{file.hash}.incomplete"

    def has(self, file: File, listing: Listing) -> bool:
        """A file without a note is read: it may be a pointer, or another program's whole download."""
        if isinstance(try_to_load_from_cache(self._model, file.name, revision=listing.commit), str):
            return True
        there = self.disk / file.name
        if _size(there) != file.size or not there.is_file():
            return False
        return hashes.known(self.disk, file.name) == file.hash or hashes.digest(there, file.hash) == file.hash

    def keep(self, file: File) -> None:
        os.replace(self.part(file), self.disk / file.name)


Shelf = Cache | Folder


def fetched(shelf: Shelf, file: File) -> int:
    """Bytes of the part that are there; more than the whole is nothing."""
    part = shelf.part(file)
    size = _size(part) or 0
    if size > file.size:
        part.unlink()
        return 0
    return size


def room(shelf: Shelf) -> Path:
    """The nearest folder above that exists: there the disk is asked."""
    return next(path for path in (shelf.disk, *shelf.disk.parents) if path.is_dir())


def _size(file: Path) -> int | None:
    with suppress(OSError):
        return file.stat().st_size
    return None
