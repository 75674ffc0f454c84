"""What `python -m workers doctor` looks at: engine, model files, GPU, and whether the one fits into the other.

Nothing is downloaded and no model is loaded.
"""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from redis.exceptions import RedisError

from bot.core.checks import GIB, Check, free_memory
from bot.core.presence import Presence
from bot.core.settings import Settings
from bot.core.store import Store
from workers.engines.base import EngineOptions
from workers.engines.errors import EngineLoadFailed
from workers.models import choose, remark

_ROOM_FOR_DOWNLOAD = 5 * GIB
_SMI_SECONDS = 10
_OTHER_MODEL = "set COMPANION_MODEL to another model, or to `bundled`"


@dataclass(frozen=True, slots=True)
class _Device:
    """Where the model would run. `free` and `total` are bytes; None where nobody knows."""

    name: str
    free: int | None
    total: int | None = None


def checks(settings: Settings) -> Iterator[Check]:
    """All checks, each as soon as it is done."""
    options = choose(settings)
    yield Check("engine", True, options.engine)
    if options.engine == "echo":
        yield Check("model", True, remark(options))
        return
    if options.engine == "openai":
        from workers.engines.openai.doctor import check_servers

        yield from check_servers(options)
        return
    folder = yield from _model(options.model)
    device = yield from _gpu(options)
    if folder and device:
        yield _fits(settings, options, folder, device)


def _model(model: str) -> Generator[Check, None, Path | None]:
    """The checks of the model's files; gives their folder when they are there and whole."""
    try:
        folder = _folder(model)
        num_parameters = _num_parameters(folder) if folder else 0
    except EngineLoadFailed as problem:
        yield Check("model", False, str(problem), _OTHER_MODEL)
        return None
    if folder is None:
        yield Check("model", True, f"{model} is not on this machine yet; the first start downloads it from Hugging Face")
        yield _room()
    else:
        yield Check("model", True, f"{model}, {num_parameters / 1e6:,.1f} M parameters, safetensors")
    return folder


def _folder(model: str) -> Path | None:
    """Where the model's files are, looked through; None when it would have to be downloaded."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    from workers.engines.checkpoint import find

    folder = Path(model).expanduser()
    if not folder.exists():
        try:
            folder = Path(snapshot_download(model, local_files_only=True))
        except LocalEntryNotFoundError:
            return None
        except HFValidationError as problem:
            raise EngineLoadFailed(f"There is no folder {model}, and it cannot be a name on Hugging Face.") from problem
    return find(str(folder), lambda stage, detail: None)


def _num_parameters(folder: Path) -> int:
    """Counted in the heads of all files of the model, so that a missing or cut one is noticed."""
    from safetensors import SafetensorError, safe_open

    total = 0
    for file in _files(folder):
        try:
            with safe_open(file, "np") as weights:
                total += sum(math.prod(weights.get_slice(name).get_shape()) for name in weights.keys())  # noqa: SIM118
        except (SafetensorError, OSError) as problem:
            raise EngineLoadFailed(f"{file.name} in {folder} is damaged or missing. Download the model again.") from problem
    return total


def _files(folder: Path) -> list[Path]:
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return sorted(folder.glob("*.safetensors"))
    try:
        names = set(json.loads(index.read_text())["weight_map"].values())
    except (ValueError, KeyError) as problem:
        raise EngineLoadFailed(f"{index} is damaged. Download the model again.") from problem
    return [folder / name for name in sorted(names)]


def _room() -> Check:
    from huggingface_hub.constants import HF_HUB_CACHE

    cache = Path(HF_HUB_CACHE)
    place = next(path for path in (cache, *cache.resolve().parents) if path.exists())
    free = shutil.disk_usage(place).free
    fix = "free some space there, or set HF_HOME to another disk"
    return Check("room for the model", free >= _ROOM_FOR_DOWNLOAD, f"{free / GIB:.1f} GiB free for {cache}", fix)


def _gpu(options: EngineOptions) -> Generator[Check, None, _Device | None]:
    import torch

    from workers.engines.loading import choose_device

    card = _card()
    try:
        device = choose_device(options.device)
    except EngineLoadFailed as problem:
        yield Check("gpu", False, str(problem), "COMPANION_DEVICE=auto")
        return None
    if device == "cpu" and options.device == "auto" and card:
        fix = "install the torch for this GPU's driver: https://pytorch.org/get-started/locally"
        yield Check("gpu", False, f"{card} is there, but torch {torch.__version__} cannot use it", fix)
    elif device == "cpu":
        yield Check("gpu", True, "none: the CPU is used" if options.device == "auto" else "not used: the CPU is asked for")
    elif device == "mps":
        yield Check("gpu", True, "the one of this Mac")
    else:
        free, total = torch.cuda.mem_get_info()
        yield Check("gpu", True, f"{card or torch.cuda.get_device_name()}, {free / GIB:.1f} GiB free")
        return _Device(device, free, total)
    return _Device(device, free_memory())


def _card() -> str:
    """Name and driver of the first NVIDIA GPU, whatever torch makes of it; empty where there is none."""
    command = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SMI_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    name, _, driver = (done.stdout.splitlines() or [""])[0].partition(", ")
    return f"{name}, driver {driver}" if done.returncode == 0 and driver else ""


def _fits(settings: Settings, options: EngineOptions, folder: Path, device: _Device) -> Check:
    from workers.engines.loading import choose_dtype

    name, dtype = "memory for the model", choose_dtype(options.dtype, device.name, folder)
    need = _num_parameters(folder) * dtype.itemsize
    what = f"its weights take {need / GIB:.2f} GiB"
    if _runs_here(settings):
        return Check(name, True, f"{what}, and the worker on this machine has loaded them")
    if device.free is None:
        return Check(name, True, f"{what}; how much is free could not be asked here")
    fix = "end what else uses it" if device.total and device.total > need else _OTHER_MODEL
    return Check(name, need < device.free, f"{what} of {device.free / GIB:.1f} GiB free; conversations take the rest", fix)


def _runs_here(settings: Settings) -> bool:
    if settings.redis_url is None:
        return False
    try:
        workers = Presence(Store(settings.redis_url.get_secret_value())).workers()
    except (RedisError, ValueError):  # the other half of the doctor says so
        return False
    return any(worker.is_here and worker.stage == "ready" for worker in workers)
