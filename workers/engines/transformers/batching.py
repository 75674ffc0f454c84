"""How transformers' continuous batching is set up so that it is safe to serve people with."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from math import ceil
from typing import TYPE_CHECKING, Any

from transformers import ContinuousBatchingConfig, GenerationConfig

from workers.engines.base import EngineOptions, Limits
from workers.engines.transformers.choosing import Choosing
from workers.engines.transformers.flash import head_width

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# flash_attn reads pages of 256 tokens; smaller pages let more of a chat's beginning be shared.
FLASH_PAGE, PAGE = 256, 64
# The scheduler holds back new prompts when less than 15 % of the pool is free: one whole context needs more than its size.
SPARE = 1.25
CPU_POOL_BYTES = 256 << 20
# What dense masks over the pool can bear, and what is enough without a GPU.
SMALL_POOL = 65_536
# Mixed steps are padded to this, as every new size of them is captured into a CUDA graph of its own, and kept.
GRAPH_STEP = 256
# Since some version between 5.17 and 5.23, which differ in more than this name.
CALLS_BLOCKS_PAGES = "page_size" in {field.name for field in fields(ContinuousBatchingConfig)}


@dataclass(frozen=True, slots=True)
class Sizes:
    """Tokens: a `page` of the pool, the `pool` (None: all that the memory holds), a `context`, a `step`."""

    page: int
    pool: int | None
    context: int
    step: int
    requests: int


def choose_sizes(model: Any, options: EngineOptions) -> Sizes:
    """What all requests can need at most; less where masks are dense, and elsewhere than on a GPU."""
    known = model.config.get_text_config().max_position_embeddings
    page = FLASH_PAGE if _has_flash(model) else PAGE
    if model.device.type == "cuda":
        context, requests = min(options.context or 32_768, known), options.requests or 256
        one = ceil(context * SPARE)
        pool = one * requests if _has_flash(model) else max(one, min(one * requests, SMALL_POOL))
        return Sizes(page, pool, context, 2048, requests)
    context, requests = min(options.context or 8192, known), options.requests or 32
    one = ceil(context * SPARE)
    affordable = CPU_POOL_BYTES // _bytes_per_token(model)
    return Sizes(page, max(one, min(affordable, one * requests, SMALL_POOL)), context, 512, requests)


def start(model: PreTrainedModel, options: EngineOptions) -> tuple[Any, Sizes]:
    """A running manager, and the sizes it was given."""
    sizes = choose_sizes(model, options)
    batched: Any = model
    if not CALLS_BLOCKS_PAGES:
        # Without the prefix these versions fetch a kernel from the hub by themselves.
        batched.set_attn_implementation(f"paged|{batched.config._attn_implementation}")
    try:
        manager = _prepare(batched, sizes, options)
    except MemoryError:
        # Raised before anything is allocated. Without a size transformers measures what fits.
        sizes = replace(sizes, pool=None)
        manager = _prepare(batched, sizes, options)
    manager.start()
    return manager, sizes


def _prepare(model: Any, sizes: Sizes, options: EngineOptions) -> Any:
    manager = model.init_continuous_batching(
        generation_config=_sampling_for_all(), continuous_batching_config=_config(model, sizes, options)
    )
    Choosing.install(manager)
    if model.device.type == "cuda":
        manager.warmup()
    return manager


def measure(manager: Any, sizes: Sizes) -> Limits:
    """What the manager can take, by the pool that it really made; known once something has been generated."""
    pool = manager.batch_processor.cache.num_blocks * sizes.page
    return Limits(min(sizes.context, int(pool / SPARE)), sizes.requests)


def _config(model: Any, sizes: Sizes, options: EngineOptions) -> ContinuousBatchingConfig:
    wanted: dict[str, Any] = {
        "page_size": sizes.page,
        "num_blocks": sizes.pool and ceil(sizes.pool / sizes.page),
        "max_batch_tokens": sizes.step,
        "max_memory_percent": options.memory_share,
        "max_requests_per_batch": sizes.requests,
        "max_blocks_per_request": ceil(sizes.context / sizes.page) if _has_flash(model) else 0,
        # Anything but 0 turns CUDA graphs on, dense masks or not.
        "q_padding_interval_size": GRAPH_STEP if _has_flash(model) else 0,
        "per_request_processors": True,
        "auto_switch_to_flash": False,
        # With both block sharing and the asynchronous loop on, a cancelled request ends that loop with a KeyError.
        "use_async_batching": False,
    }
    if not CALLS_BLOCKS_PAGES:
        wanted["block_size"] = wanted.pop("page_size")
        del wanted["auto_switch_to_flash"]
    return ContinuousBatchingConfig(**wanted)


def _sampling_for_all() -> GenerationConfig:
    # What is not set here to something unusual cannot be set by a single request later.
    make: Any = GenerationConfig
    config: GenerationConfig = make(do_sample=True, temperature=0.6, top_p=0.95, top_k=50, eos_token_id=-1)
    return config


def _has_flash(model: Any) -> bool:
    return "flash" in (model.config._attn_implementation or "")


def _bytes_per_token(model: Any) -> int:
    config = model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    return int(2 * config.num_hidden_layers * heads * head_width(config) * model.dtype.itemsize)
