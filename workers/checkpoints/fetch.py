"""The large files of a model, several at once; each goes on where it ended and is whole only with the hub's hash.

The library's own download starts a file anew after an interruption, which for gigabytes over a bad line never ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed

from workers.checkpoints import hashes
from workers.checkpoints.findings import Defect
from workers.checkpoints.hub import Hub, Listing
from workers.checkpoints.meter import Meter
from workers.checkpoints.shelf import Shelf, fetched
from workers.checkpoints.wanted import File

_AT_ONCE = 8


def fetch(hub: Hub, listing: Listing, shelf: Shelf, files: Iterable[File], meter: Meter) -> None:
    """What has begun is ended even when another file fails, so that the next run has less to do."""
    pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="pull")
    try:
        _join(pool, [pool.submit(_fetch_one, hub, listing, shelf, file, meter) for file in files])
    finally:
        # Not waited for: whoever typed Ctrl-C shall not wait for the next ten megabytes of eight files.
        pool.shutdown(wait=False, cancel_futures=True)


def _join(pool: ThreadPoolExecutor, futures: list[Future[None]]) -> None:
    first: BaseException | None = None
    for future in as_completed(futures):
        if future.cancelled() or (problem := future.exception()) is None:
            continue
        first = first or problem
        pool.shutdown(wait=False, cancel_futures=True)
    if first:
        raise first


def _fetch_one(hub: Hub, listing: Listing, shelf: Shelf, file: File, meter: Meter) -> None:
    part = shelf.part(file)
    part.parent.mkdir(parents=True, exist_ok=True)

    def read() -> None:
        with part.open("ab") as into:
            hub.read(listing, file, into, meter)

    hub.patiently(read, lambda: fetched(shelf, file))
    if (have := hashes.digest(part, file.hash)) != file.hash:
        part.unlink()
        raise Defect("pull-hash-differs", file=file.name, want=file.hash, have=have)
    shelf.keep(file)
