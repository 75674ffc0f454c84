"""Weights on disk, safetensors only: checkpoints to resume from, and the release that ships."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer
    from transformers import Qwen2ForCausalLM

_NAME = "checkpoint.safetensors"


def save(model: Qwen2ForCausalLM, optimizers: list[Optimizer], step: int, folder: Path) -> None:
    """Model, optimizers and step into one file; an older one stays whole until the new one is."""
    from safetensors.torch import save_file

    tensors = {f"model/{name}": p.detach() for name, p in model.named_parameters()}
    for number, optimizer in enumerate(optimizers):
        tensors |= {f"{number}/{key}": value for key, value in _flat(optimizer).items()}
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / f"{_NAME}.new", {"step": str(step)})
    (folder / f"{_NAME}.new").replace(folder / _NAME)


def is_in(folder: Path) -> bool:
    return (folder / _NAME).exists()


def load(model: Qwen2ForCausalLM, optimizers: list[Optimizer], folder: Path) -> int:
    """The inverse of `save`, in place; the step it was saved at."""
    import torch
    from safetensors import safe_open

    with safe_open(folder / _NAME, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        step = int(file.metadata()["step"])
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(tensors[f"model/{name}"])
    for number, optimizer in enumerate(optimizers):
        _refill(optimizer, {key[2:]: value for key, value in tensors.items() if key.startswith(f"{number}/")})
    return step


def approach(model: Qwen2ForCausalLM, folder: Path, share: float) -> None:
    """Move the weights, in place, by `share` (0 to 1) of the way to those that were released into `folder`."""
    import torch
    from safetensors.torch import load_file

    released = load_file(folder / "model.safetensors", device=str(model.device))
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.lerp_(released[name].to(p.dtype), share)


def _flat(optimizer: Optimizer) -> dict[str, Tensor]:
    state = optimizer.state_dict()["state"]
    return {f"{index}/{name}": value for index, values in state.items() for name, value in values.items()}


def _refill(optimizer: Optimizer, flat: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in flat.items():
        index, name = key.split("/")
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def release(model: Qwen2ForCausalLM, folder: Path, origin: dict[str, str]) -> None:
    """What ships: config, weights in bf16 with their `origin` in the header, and how to sample from them."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: p.detach().to("cpu", torch.bfloat16).contiguous() for name, p in model.named_parameters()}
    save_file(weights, folder / "model.safetensors", origin)
    model.config.dtype = torch.bfloat16
    model.config.architectures = ["Qwen2ForCausalLM"]
    model.config.to_json_file(folder / "config.json", use_diff=True)
    ends = {"bos_token_id": model.config.bos_token_id, "eos_token_id": model.config.eos_token_id}
    sampling = {"do_sample": True, "temperature": 0.6, "top_p": 0.95}
    text = json.dumps({**ends, "pad_token_id": model.config.pad_token_id, **sampling}, indent=2)
    (folder / "generation_config.json").write_text(text + "\n", "utf-8")
