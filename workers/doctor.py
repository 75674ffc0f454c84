"""What `python -m workers doctor` looks at: engine, model files, GPU, and whether the one fits into the other.

Nothing is downloaded and no model is loaded.
"""

from __future__ import annotations

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
from workers.checkpoints import catalog, config, gguf_tokenizer, quantised
from workers.checkpoints.families import Shape
from workers.checkpoints.files import show_bytes
from workers.checkpoints.findings import Finding
from workers.checkpoints.local import is_fetched, local
from workers.checkpoints.weights import num_bytes, num_parameters
from workers.engines import llamacpp, vllm
from workers.engines.auto import engine_for
from workers.engines.base import EngineOptions
from workers.engines.checkpoint import errors
from workers.engines.errors import EngineLoadFailed
from workers.models import choose, remark
from workers.texts import advise, language, say

_ROOM_FOR_DOWNLOAD = 5 * GIB
_SMI_SECONDS = 10
# What a start that fetches the model mends by itself.
_COMES = {"missing-shard", "no-index", "no-weights", "no-config", "no-tokenizer", "no-tokenizer-config", "dangling"}


@dataclass(frozen=True, slots=True)
class _Device:
    """Where the model would run. `free` and `total` are bytes; None where nobody knows."""

    name: str
    free: int | None
    total: int | None = None


def checks(settings: Settings) -> Iterator[Check]:
    """All checks, each as soon as it is done."""
    options = choose(settings)
    if options.engine != "auto":
        yield Check(say(language(), "check-engine"), True, options.engine)
    if options.engine == "echo":
        yield Check(say(language(), "check-model"), True, remark(options))
        return
    if options.engine == "openai":
        from workers.engines.openai.doctor import check_servers

        yield from check_servers(options)
        return
    if options.engine == "vllm" and not vllm.is_installed():
        yield _check("check-vllm", False, "vllm-missing")
    folder = yield from _model(options.model)
    if options.engine == "llamacpp" or (folder and quantised.find(folder)):
        yield from _llamacpp(settings, options, folder)
        return
    device = yield from _gpu(options)
    if folder and device:
        yield from _engine(options, folder, device)
        yield _fits(settings, options, folder, device)


def _model(model: str) -> Generator[Check, None, Path | None]:
    """The checks of the model's files; gives their folder when they are there and whole."""
    folder = local(model)
    problems = errors(folder) if folder else []
    if is_fetched(model) and (folder is None or (problems and all(problem.what in _COMES for problem in problems))):
        yield _check("check-model", True, "doctor-goes-on" if folder else "doctor-to-fetch", model=model)
        yield _room(model)
        return None
    if folder is None:
        problems = [Finding(model, "no-path", {"path": model})]
    for problem in problems:
        check = problem.as_check(language())
        yield Check(say(language(), "check-model"), False, f"{check.name}: {check.detail}", check.fix)
    if folder is None or problems:
        return None
    if file := quantised.find(folder):
        head = quantised.read_model(file)
        values = {"file": file.name, "parameters": f"{head.num_parameters / 1e6:,.1f}", "kind": head.kind}
        yield _check("check-model", True, "doctor-gguf", **values)
        return folder
    millions = f"{num_parameters(folder) / 1e6:,.1f}"
    yield _check("check-model", True, "doctor-model", model=model, parameters=millions)
    return folder


def _engine(options: EngineOptions, folder: Path, device: _Device) -> Iterator[Check]:
    """Which one runs the model, where that is ours to choose, and whether it can do what is asked of it."""
    from workers.engines.kernels import has_fp8

    engine = engine_for(folder, device.name) if options.engine == "auto" else options.engine
    if options.weights == "fp8" and engine != "paged":
        yield _check("check-engine", False, "load-only-whole", engine=engine)
    elif options.weights == "fp8" and not has_fp8(device.name):
        yield _check("check-engine", False, "paged-no-eight-bits")
    elif options.engine == "auto":
        yield _check("check-engine", True, "doctor-engine", engine=engine)


def _llamacpp(settings: Settings, options: EngineOptions, place: Path | None) -> Iterator[Check]:
    """What is to be seen of a GGUF file, and of what runs it, without torch."""
    if options.engine in ("auto", "llamacpp") and not llamacpp.is_installed():
        yield _check("check-llamacpp", False, "llamacpp-missing")
    if place is None:
        return
    file = quantised.find(place)
    if file is None:
        yield _check("check-model", False, "llamacpp-no-gguf", place=str(place))
        return
    if options.engine not in ("auto", "llamacpp"):
        yield _check("check-engine", False, "gguf")
    elif options.weights == "fp8":
        yield _check("check-engine", False, "load-only-whole", engine="llamacpp")
    elif options.engine == "auto":
        yield _check("check-engine", True, "doctor-engine", engine="llamacpp")
    yield _check("check-tokenizer", True, "doctor-tokenizer-beside" if gguf_tokenizer.beside(file) else "doctor-tokenizer-own")
    yield _memory(settings, sum((file.parent / name).stat().st_size for name in quantised.parts(file.name)), free_memory())


def _room(model: str) -> Check:
    from huggingface_hub.constants import HF_HUB_CACHE

    from workers.checkpoints.shelf import Cache

    known = catalog.find(model)
    have = Cache(quantised.split(model)[0]).num_bytes()
    need = max(0, (known.weight_bytes if known else _ROOM_FOR_DOWNLOAD) - have)
    cache = Path(HF_HUB_CACHE)
    place = next(path for path in (cache, *cache.resolve().parents) if path.exists())
    free = shutil.disk_usage(place).free
    values = {"free": show_bytes(free), "need": show_bytes(need), "folder": str(cache)}
    return _check("check-room", free >= need, "doctor-room", **values)


def _gpu(options: EngineOptions) -> Generator[Check, None, _Device | None]:
    try:
        import torch
    except ModuleNotFoundError:
        yield _check("check-gpu", False, "load-no-package", package="torch")
        return None

    from workers.engines.loading import choose_device

    card = _card()
    try:
        device = choose_device(options.device)
    except EngineLoadFailed as problem:
        yield Check(say(language(), "check-gpu"), False, str(problem), "COMPANION_DEVICE=auto")
        return None
    if device == "cpu" and options.device == "auto" and card:
        yield _check("check-gpu", False, "doctor-gpu-useless", card=card, version=str(torch.__version__))
    elif device == "cpu":
        yield _check("check-gpu", True, "doctor-gpu-none" if options.device == "auto" else "doctor-gpu-unwanted")
    elif device == "mps":
        yield _check("check-gpu", True, "doctor-gpu-mac")
    else:
        free, total = torch.cuda.mem_get_info()
        yield _check("check-gpu", True, "doctor-gpu", name=card or torch.cuda.get_device_name(), free=show_bytes(free))
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
    return say(language(), "doctor-card", name=name, driver=driver) if done.returncode == 0 and driver else ""


def _fits(settings: Settings, options: EngineOptions, folder: Path, device: _Device) -> Check:
    from workers.engines.loading import choose_dtype

    dtype = choose_dtype(options.dtype, device.name, folder)
    need = num_bytes(folder, dtype.itemsize, narrows=options.weights == "fp8")
    people = _people(folder, options.context, (device.free or 0) - need)
    return _memory(settings, need, device.free, device.total, people=people, context=options.context)


def _memory(
    settings: Settings, need: int, room: int | None, total: int | None = None, *, people: int | None = None, context: int = 0
) -> Check:
    name, weights = "check-memory", show_bytes(need)
    if _runs_here(settings):
        return _check(name, True, "doctor-loaded", weights=weights)
    if room is None:
        return _check(name, True, "doctor-memory-unknown", weights=weights)
    free = show_bytes(room)
    if need < room:
        fits = "doctor-fits" if people is None else "doctor-fits-people"
        return _check(name, True, fits, weights=weights, free=free, people=people or 0, context=context)
    too_large = "doctor-too-full" if total and total > need else "doctor-too-large"
    return _check(name, False, too_large, weights=weights, free=free)


def _people(folder: Path, context: int, room: int) -> int | None:
    """How many conversations of that length fit into the room; None for a family that we do not know."""
    shape = Shape.of_config(config.read(folder))
    return room // (context * shape.kv_per_token()) if shape and context else None


def _check(what: str, is_well: bool, key: str, **values: str | int) -> Check:
    return Check(say(language(), what), is_well, say(language(), key, **values), advise(language(), key, **values))


def _runs_here(settings: Settings) -> bool:
    if settings.redis_url is None:
        return False
    try:
        workers = Presence(Store(settings.redis_url.get_secret_value())).workers()
    except (RedisError, ValueError):  # the other half of the doctor says so
        return False
    return any(worker.is_here and worker.stage == "ready" for worker in workers)
