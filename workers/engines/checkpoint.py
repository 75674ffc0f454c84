"""The folder of a model, looked through before anything heavy is imported: most mistakes are found here, at once."""

from __future__ import annotations

from pathlib import Path

from workers.checkpoints.check import check
from workers.checkpoints.files import quoted
from workers.checkpoints.findings import Defect, Finding
from workers.checkpoints.local import is_fetched, local
from workers.checkpoints.meter import Screen
from workers.checkpoints.pull import pull
from workers.checkpoints.quantised import find as find_gguf
from workers.engines.base import Progress
from workers.engines.errors import EngineLoadFailed
from workers.texts import language, say

#: With time, or with what the owner mends meanwhile, the same start may succeed.
_PASSING = {
    "pull-no-network", "pull-proxy", "pull-cut", "pull-too-many", "pull-hub-broken", "pull-disk-full", "pull-disk-filled",
}  # fmt: skip


def find(model: str, progress: Progress) -> Path:
    """The folder or GGUF file of `model`, a path or a name on the hub (fetched if need be); raises `EngineLoadFailed`."""
    if not model:
        raise _failed(Finding("COMPANION_MODEL", "load-no-model"))
    folder = local(model)
    if folder is not None and not (problems := errors(folder)):
        return folder
    if is_fetched(model):
        folder = _fetch(model, progress)
        problems = errors(folder)
    elif folder is None:
        raise _failed(Finding(model, "no-path", {"path": model}))
    if problems:
        raise EngineLoadFailed(_told(folder, problems))
    return folder


def find_folder(model: str, progress: Progress) -> Path:
    """The same for an engine that reads safetensors alone."""
    if find_gguf(place := find(model, progress)):
        raise EngineLoadFailed(_told(place, [Finding(place.name, "gguf")]))
    return place


def errors(folder: Path) -> list[Finding]:
    """What makes a model unfit to be loaded."""
    return [finding for finding in check(folder) if finding.level == "error"]


def _fetch(model: str, progress: Progress) -> Path:
    screen = Screen(language(), lambda line: progress("loading", line))
    try:
        return pull(model, screen)
    except Defect as defect:
        raise _failed(defect.in_file(model)) from defect


def _failed(finding: Finding) -> EngineLoadFailed:
    return EngineLoadFailed(finding.sentence(language()), heals=finding.what in _PASSING)


def _told(folder: Path, problems: list[Finding]) -> str:
    """The first of them with what to type, and where to see the others."""
    others = len(problems) - 1
    more = say(language(), "load-more", count=others, folder=quoted(folder)) if others else ""
    return f"{folder}: {problems[0].sentence(language())} {more}".rstrip()
