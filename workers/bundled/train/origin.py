"""Where weights come from, as their header says it."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path


def origin(revision: str, seed: int, steps: str) -> dict[str, str]:
    return {"format": "pt", "revision": revision, "source": source_digest(), "seed": str(seed), "steps": steps}


def source_digest() -> str:
    """Of the code and texts that made the weights, for where no git revision is known."""
    paths = sorted(path for path in Path(__file__).parent.iterdir() if path.suffix in (".py", ".toml"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def revision() -> str:
    """The git revision, or "unknown" outside a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip() if found.returncode == 0 else "unknown"
