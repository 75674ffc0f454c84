"""Files with keys and passwords. Those that are made once are never half there, however many processes start at a time."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def make_once(file: Path, content: str) -> None:
    """Write a file of mode 0600 unless there is one by now. Others find it whole, and a power cut does not take it back."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(prefix=f"{file.name}.", dir=file.parent)
    try:
        with os.fdopen(handle, "w") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        with suppress(FileExistsError):
            os.link(draft, file)  # unlike a rename, it never replaces what another process just made
    finally:
        os.unlink(draft)
    keep_names(file.parent)


def keep_names(folder: Path) -> None:
    """What was made, renamed or removed in the folder stays so through a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_private(file: Path, content: str) -> None:
    """Write a file of mode 0600, in the place of what it held."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as out:
        out.write(content)
