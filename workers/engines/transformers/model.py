"""Checkpoint folder -> model on its device: safetensors alone, never foreign code."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from logging import ERROR, getLogger
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812 - everybody's name for it
from torch import Tensor, nn

from workers.engines.base import EngineOptions
from workers.engines.errors import EngineLoadFailed
from workers.engines.layout import lay
from workers.engines.loading import prepare
from workers.engines.wide import Linear, find_linear
from workers.texts import language, say

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def load_model(folder: Path, options: EngineOptions) -> PreTrainedModel:
    """Load onto the device; raises within `errors_for_people`."""
    return _load(folder, *prepare(folder, options))


def choose_attention(device: str, dtype: torch.dtype) -> str:
    # transformers would fetch kernels from the hub by itself; only what is installed here is used.
    takes_flash = device == "cuda" and dtype.itemsize == 2
    if takes_flash and find_spec("flash_attn_interface"):
        return "flash_attention_3"
    if takes_flash and find_spec("flash_attn"):
        return "flash_attention_2"
    return "sdpa"


def _load(folder: Path, device: str, dtype: torch.dtype) -> PreTrainedModel:
    loader = _quiet_loader()
    from workers.engines.transformers import flash

    loaded, info = loader.from_pretrained(
        folder,
        dtype=dtype,
        attn_implementation=choose_attention(device, dtype),
        use_safetensors=True,
        trust_remote_code=False,
        local_files_only=True,
        output_loading_info=True,
        device_map={"": device} if device != "cpu" and find_spec("accelerate") else None,
    )
    if missing := info["missing_keys"]:
        raise EngineLoadFailed(say(language(), "load-parts-missing", folder=str(folder), count=len(missing)))
    model: PreTrainedModel = loaded.to(device).eval()
    if model.config._attn_implementation == "sdpa" and flash.suits(model):
        flash.use(model)
    if (linear := find_linear(device, dtype)) is not F.linear:
        _multiply_by(linear, model)
    if device == "cpu":
        _hasten(model)
    return model


def _hasten(model: PreTrainedModel) -> None:
    """A small model's time goes to what surrounds its products: nothing is noted for gradients, and weights lie well."""
    setattr(model, "forward", torch.inference_mode()(model.forward))  # noqa: B010 - mypy lets no method be replaced
    for module in model.modules():
        # An embedding that is the head as well goes along: what it looks up is little beside what the head multiplies.
        if type(module) is nn.Linear:
            module.weight.data = lay(module.weight.data)


def _multiply_by(linear: Linear, model: PreTrainedModel) -> None:
    """Have all its products made so."""
    for module in model.modules():
        if type(module) is nn.Linear:
            setattr(module, "forward", partial(_multiply, linear, module))  # noqa: B010 - mypy lets no method be replaced


def _multiply(linear: Linear, module: nn.Linear, x: Tensor) -> Tensor:
    """x [..., inputs] -> [..., outputs]."""
    product = linear(x.flatten(0, -2), module.weight, module.bias)
    return product.view(*x.shape[:-1], -1)


def _quiet_loader() -> Any:
    import transformers
    from transformers.utils import logging

    quiet: Any = logging
    quiet.set_verbosity_error()
    quiet.disable_progress_bar()
    # Has a level of its own, and its warnings quote prompts.
    getLogger("ContinuousBatchingLogger").setLevel(ERROR)
    return transformers.AutoModelForCausalLM
