"""`--deep`: the whole content of the large files against the hash that came with the download."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from workers.checkpoints.files import unreadable
from workers.checkpoints.findings import Finding

_SHA256 = re.compile(r"[0-9a-f]{64}")
_GIT = re.compile(r"[0-9a-f]{40}")
_STEP = 1 << 22


def look(folder: Path, names: Iterable[str]) -> Iterator[Finding]:
    for name in names:
        want = known(folder, name)
        if want is None:
            yield Finding(name, "hash-unknown", level="note")
            continue
        try:
            have = digest(folder / name, want)
        except OSError as problem:
            yield unreadable(problem).in_file(name)
            continue
        if have == want:
            yield Finding(name, "hash-same", level="ok")
        else:
            yield Finding(name, "hash-differs", {"want": want, "have": have})


def known(folder: Path, name: str) -> str | None:
    """The hash that huggingface_hub noted beside the file, or that the hub's cache named it by; None without either."""
    note = folder / ".cache" / "huggingface" / "download" / f"{name}.metadata"
    try:
        if note.is_file():
            with note.open("rb") as opened:
                lines = opened.read(4096).decode("utf-8", "replace").splitlines()
            return _hash_in(lines[1]) if len(lines) > 1 else None
        if (folder / name).is_symlink():
            return _hash_in((folder / name).readlink().name)
    except OSError:
        return None
    return None


def _hash_in(text: str) -> str | None:
    text = text.strip().strip('"')
    return text if _SHA256.fullmatch(text) or _GIT.fullmatch(text) else None


def digest(file: Path, want: str) -> str:
    """By SHA-256 what git-lfs keeps; small files have git's own hash."""
    digest = hashlib.sha256()
    if _GIT.fullmatch(want):
        digest = hashlib.sha1(f"blob {file.stat().st_size}\0".encode(), usedforsecurity=False)
    with file.open("rb") as opened:
        while part := opened.read(_STEP):
            digest.update(part)
    return digest.hexdigest()
