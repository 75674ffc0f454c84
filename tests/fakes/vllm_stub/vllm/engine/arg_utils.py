from dataclasses import dataclass


@dataclass
class AsyncEngineArgs:
    """Those of vLLM's hundred and more that one could set here; an unknown one is an error, as there."""

    model: str = "Qwen/Qwen3-0.6B"
    tokenizer: str | None = None
    skip_tokenizer_init: bool = False
    trust_remote_code: bool = False
    load_format: str = "auto"
    dtype: str = "auto"
    seed: int = 0
    max_model_len: int | None = None
    gpu_memory_utilization: float = 0.9
    tensor_parallel_size: int = 1
    max_num_seqs: int | None = None
    max_num_batched_tokens: int | None = None
    enable_prefix_caching: bool | None = None
    enforce_eager: bool = False
    disable_log_stats: bool = False
    enable_log_requests: bool = False
