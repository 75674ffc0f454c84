"""What of a model is on this machine: a folder, or its snapshot in the hub's cache, whole or not. Asks nobody."""

from __future__ import annotations

import os
import re
from pathlib import Path

from workers.checkpoints import catalog, quantised

_ID = re.compile(r"[A-Za-z0-9_][\w.-]*/[\w.-]*\w(:\w+)?", re.ASCII)


def id_of(name: str) -> str:
    """The hub's id where the name is one of the catalogue's, else what was given."""
    model = catalog.find(name)
    return model.id if model else name


def is_id(name: str) -> bool:
    """Whether it can be the name of a model on a hub; short names can."""
    id = id_of(name)
    return bool(_ID.fullmatch(id)) and "--" not in id and ".." not in id


def is_fetched(name: str) -> bool:
    """Whether the model comes from a hub: there is no folder of that name, and it can be one of a hub's."""
    return is_id(name) and not _is_there(expanded(name))


def expanded(path: str | Path) -> Path:
    """With somebody's home for a `~` in front; as it is where nobody has that name, for which `Path.expanduser` raises."""
    return Path(os.path.expanduser(path))


def local(name: str, revision: str | None = None, to: Path | None = None) -> Path | None:
    """The folder, or the file, of a path, a hub id or a short name; None where nothing is here.

    `owner/model:Q8_0` is the GGUF file of that kind.
    """
    path = expanded(name)
    if _is_there(path):
        return path
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError, IncompleteSnapshotError, LocalEntryNotFoundError
    except ImportError:
        return None
    id, kind = quantised.split(id_of(name))
    try:
        folder = Path(snapshot_download(id, revision=revision, local_dir=to, local_files_only=True))
    except IncompleteSnapshotError as problem:
        # Complete, for the library, is everything that was published; a model needs less. The check judges.
        folder = Path(problem.snapshot_path)
    except (LocalEntryNotFoundError, HFValidationError):
        return None
    return quantised.find(folder, kind) if kind else folder


def name_of(folder: Path) -> str:
    """What the model in it is called: the hub's id of a snapshot in the cache, else the folder's own name."""
    path = folder.absolute()
    if path.parent.name == "snapshots":
        return path.parents[1].name.removeprefix("models--").replace("--", "/", 1)
    return path.name


def _is_there(path: Path) -> bool:
    """Also where it is not allowed to look: the check says so, and what to do."""
    try:
        return path.exists()
    except OSError:
        return True
