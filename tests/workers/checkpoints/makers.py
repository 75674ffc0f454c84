"""Checkpoints of every family, tiny and whole; the tests damage them."""

import json

import numpy as np
from safetensors.numpy import save_file

from tests.tiny_models import write_tokenizer
from workers.checkpoints.families import Shape

DENSE = {
    "vocab_size": 262, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "tie_word_embeddings": False, "torch_dtype": "float32", "eos_token_id": 256,
}  # fmt: skip
CONFIGS = {
    "qwen2": {**DENSE, "model_type": "qwen2"},
    "llama": {**DENSE, "model_type": "llama"},
    "deepseek_v3": {
        **DENSE, "model_type": "deepseek_v3", "num_key_value_heads": 4, "n_routed_experts": 4, "n_shared_experts": 1,
        "num_experts_per_tok": 2, "moe_intermediate_size": 8, "first_k_dense_replace": 1, "q_lora_rank": 6, "kv_lora_rank": 5,
        "qk_rope_head_dim": 2, "qk_nope_head_dim": 4, "v_head_dim": 4,
    },
}  # fmt: skip


def make(folder, family="qwen2", shards=1, tensors=None, **changes):
    """`changes` are of config.json; `tensors` changes what the weights are, by name."""
    config = {**CONFIGS[family], **changes}
    weights = {name: np.zeros(sides, np.float32) for name, sides in Shape.of_config(config).tensors()} | (tensors or {})
    (folder / "config.json").write_text(json.dumps(config))
    write_tokenizer(folder)
    names = list(weights)
    files = {}
    for number in range(shards):
        file = "model.safetensors" if shards == 1 else f"model-{number + 1:05}-of-{shards:05}.safetensors"
        save_file({name: weights[name] for name in names[number::shards]}, folder / file)
        files |= dict.fromkeys(names[number::shards], file)
    if shards > 1:
        (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": files}))
    return folder


def make_random(folder, shards=2, **changes):
    """About three megabytes that are nowhere alike, so that no piece can stand for another."""
    changes = {"hidden_size": 128, "intermediate_size": 512, **changes}
    dice = np.random.default_rng(3)
    shape = Shape.of_config({**CONFIGS["qwen2"], **changes})
    tensors = {name: dice.random(sides, np.float32) for name, sides in shape.tensors()}
    return make(folder, shards=shards, tensors=tensors, **changes)


def edit(file, **changes):
    """Change values of a JSON file; None takes one away."""
    found = {**json.loads(file.read_text()), **changes}
    file.write_text(json.dumps({name: value for name, value in found.items() if value is not None}))


def with_head(tensors, data=b"", text=None):
    """The bytes of a safetensors file with this head, right or wrong."""
    head = text if text is not None else json.dumps(tensors).encode()
    return len(head).to_bytes(8, "little") + head + data
