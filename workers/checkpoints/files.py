"""Reading files that may hold anything: bounded, and every fault has a name."""

from __future__ import annotations

import json
import os
import re
from codecs import BOM_UTF8
from pathlib import Path
from typing import Any

from workers.checkpoints.findings import Defect

_START = 1024
_MOST_JSON = 64 << 20
_POINTER = b"version https://git-lfs.github.com/spec/"
_PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|!--|html|head|body|\?xml)", re.I)


def start_of(file: Path) -> bytes:
    """The first bytes of a regular file; raises `Defect` for what cannot be a model's file at all."""
    if file.is_symlink() and not file.exists():
        raise Defect("dangling", target=os.readlink(file))
    if not file.is_file():
        raise Defect("no-regular-file")
    with file.open("rb") as opened:
        start = opened.read(_START)
    if not start:
        raise Defect("empty-file")
    _refuse_substitutes(file, start)
    return start


def read_object(file: Path) -> dict[str, Any]:
    """A JSON object; raises `Defect`."""
    try:
        start_of(file)
        if (size := file.stat().st_size) > _MOST_JSON:
            raise Defect("too-large", size=show_bytes(size))
        content = file.read_bytes()
        if content.startswith(BOM_UTF8):
            raise Defect("byte-order-mark", path=quoted(file))
        found = json.loads(content.decode())
    except OSError as problem:
        raise unreadable(problem) from problem
    except (ValueError, RecursionError, MemoryError) as problem:
        raise Defect("not-json", problem=str(problem)) from problem
    if not isinstance(found, dict):
        raise Defect("not-an-object")
    return found


def unreadable(problem: OSError) -> Defect:
    return Defect("unreadable", problem=problem.strerror or type(problem).__name__)


def show_bytes(count: int) -> str:
    """1536 is "1.5 KiB"."""
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def quoted(path: Path) -> str:
    """As it can be typed in a shell."""
    import shlex

    return shlex.quote(str(path))


def _refuse_substitutes(file: Path, start: bytes) -> None:
    if start.startswith(_POINTER):
        raise _pointer(file, start)
    if _PAGE.match(start):
        raise Defect("web-page")


def _pointer(file: Path, start: bytes) -> Defect:
    """Three lines stand for the file; they say what it must be."""
    lines = dict(line.split(" ", 1) for line in start.decode("utf-8", "replace").splitlines() if " " in line)
    size, digest = lines.get("size", ""), lines.get("oid", "").removeprefix("sha256:")
    # A pointer with nonsense for a size is still a pointer.
    is_number = size.isascii() and size.isdigit() and len(size) < 20
    shown = show_bytes(int(size)) if is_number else "?"
    what = "pointer-in-git" if _in_git(file) else "pointer"
    return Defect(what, size=shown, sha256=digest or "?", folder=quoted(file.parent), file=file.name)


def _in_git(file: Path) -> bool:
    return any((folder / ".git").exists() for folder in file.absolute().parents)
