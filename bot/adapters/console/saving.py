"""Documents at the terminal: files in a folder, for their owner's eyes alone."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from bot.commands import Document


def save(document: Document, folder: Path) -> Path:
    """Write it whole with mode 0600, in place of an older one; gives where it is."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(prefix=f"{document.name}.", dir=folder)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(document.content)
        return Path(draft).replace(folder / document.name)
    except OSError:
        os.unlink(draft)  # on a full disk half of it stands there
        raise
