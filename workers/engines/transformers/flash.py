"""Flash attention for continuous batching out of torch's own parts: nothing to install, nothing to fetch from a hub.

Prompts and mixed steps run torch's FlashAttention 2; steps in which every request writes one token run `paged`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import transformers.modeling_flash_attention_utils as flash_utils
from torch import Tensor
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from workers.engines import kernels
from workers.engines.kernels import fits_flash, has_flash
from workers.engines.kernels.varlen import varlen

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# transformers reads it: "flash" is attention without dense masks, and with a 2 it may have block tables.
NAME = "torch_flash_2"

_import_others: Callable[..., tuple[Any, ...]] = flash_utils._lazy_imports


def suits(model: PreTrainedModel) -> bool:
    """Whether torch's kernel can do all that this model asks of its attention, on the device where it is."""
    config = model.config.get_text_config()
    return (
        has_flash(model.device, model.dtype, head_width(config))
        and model._supports_flash_attn
        and is_plain(config)
        and not getattr(model, "_compatible_flash_implementations", None)
    )


def is_plain(config: Any) -> bool:
    """No soft cap and no latent heads, and heads of a width that the kernel has."""
    special = any(getattr(config, name, None) for name in ("attn_logit_softcapping", "kv_lora_rank"))
    return not special and fits_flash(head_width(config))


def head_width(config: Any) -> int:
    return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)


def use(model: PreTrainedModel) -> None:
    """Switch `model` over. It can then no longer run outside continuous batching, `generate` included."""
    registries: tuple[Any, ...] = (ALL_ATTENTION_FUNCTIONS, ALL_MASK_ATTENTION_FUNCTIONS)
    for registry in registries:
        for prefix in ("", "paged|"):
            if like := registry.get(f"{prefix}flash_attention_2"):
                registry.register(prefix + NAME, like)
    ours = (None, varlen, find_decode(model), flash_utils._pad_input, flash_utils._unpad_input)

    def import_kernels(name: str | None, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        return ours if (name or "").endswith(NAME) else _import_others(name, *args, **kwargs)

    # There is no public way to bring kernels: a name unknown here is looked up on the hub.
    patched: Any = flash_utils
    patched._lazy_imports, patched._loaded_implementation = import_kernels, None
    model.set_attn_implementation(NAME)


def find_decode(model: PreTrainedModel) -> Callable[..., Tensor] | None:
    """The kernel for steps of one token each, if it can be had."""
    config = model.config.get_text_config()
    heads = config.num_attention_heads, config.num_key_value_heads
    return kernels.find_decode(*heads, head_width(config), model.dtype, model.device)
