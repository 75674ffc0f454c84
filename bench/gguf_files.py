"""Writes GGUF files, for the benchmark and the tests: Qwen2 out of a checkpoint folder, or any head at all.

    python bench/gguf_files.py FOLDER FILE.gguf [--type F16] [--quantize Q4_K_M]

For models to talk with take files that others have published: they are made with more care for the last bits.
"""

import argparse
import json
import struct
from pathlib import Path

ALIGNMENT = 32
TYPES = {"F32": 0, "F16": 1, "BF16": 30}
_UINT32, _INT32, _FLOAT32, _BOOL, _STRING, _ARRAY = 4, 5, 6, 7, 8, 9
_NORMAL, _CONTROL, _USER_DEFINED, _UNUSED = 1, 3, 4, 5
_LAYER = {
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}  # fmt: skip
_quiet = []  # callbacks live as long as the process
_OUTSIDE = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


def write(file, about, tensors, version=3):
    """`tensors` are {name: (type, sides as llama.cpp counts them, bytes, or what gives them)}."""
    names, at, head = list(tensors), 0, []
    for name in names:
        kind, sides, data = tensors[name]
        size = data if isinstance(data, int) else len(data)
        head.append(_text(name) + struct.pack(f"<I{len(sides)}QIQ", len(sides), *sides, kind, at))
        at += -(-size // ALIGNMENT) * ALIGNMENT
    with file.open("wb") as out:
        out.write(b"GGUF" + struct.pack("<IQQ", version, len(names), len(about)))
        out.writelines(_text(key) + _value(value) for key, value in about.items())
        out.writelines(head)
        for name in names:
            out.write(bytes(-out.tell() % ALIGNMENT))
            data = tensors[name][2]
            out.write(bytes(data) if isinstance(data, int) else data)
    return file


def convert(folder, file, kind="F16"):
    """A Qwen2 checkpoint, with norms and biases in 32 bits, as llama.cpp's own converter has them."""
    return write(file, about(folder), tensors_of(folder, kind))


def about(folder, **changes):
    config = json.loads((folder / "config.json").read_text())
    assert config["model_type"] == "qwen2", "other families are turned round by llama.cpp's converter"
    rope = config.get("rope_parameters") or {}
    return {
        "general.architecture": "qwen2",
        "general.name": folder.name,
        "qwen2.context_length": config["max_position_embeddings"],
        "qwen2.embedding_length": config["hidden_size"],
        "qwen2.block_count": config["num_hidden_layers"],
        "qwen2.feed_forward_length": config["intermediate_size"],
        "qwen2.attention.head_count": config["num_attention_heads"],
        "qwen2.attention.head_count_kv": config["num_key_value_heads"],
        "qwen2.attention.layer_norm_rms_epsilon": float(config["rms_norm_eps"]),
        "qwen2.rope.freq_base": float(rope.get("rope_theta", config.get("rope_theta", 10_000.0))),
        **tokenizer_of(folder, config["vocab_size"]),
        **changes,
    }


def quantize(source, target, kind="Q4_K_M"):
    from llama_cpp import llama_cpp as api

    # A line a tensor; its own callback fails where a line ends within a character.
    _quiet.append(api.llama_log_callback(lambda level, text, data: None))
    api.llama_log_set(_quiet[-1], None)
    parameters = api.llama_model_quantize_default_params()
    parameters.ftype = getattr(api, f"LLAMA_FTYPE_MOSTLY_{kind}")
    assert api.llama_model_quantize(str(source).encode(), str(target).encode(), parameters) == 0
    return target


def tokenizer_of(folder, num_ids):
    found = json.loads((folder / "tokenizer.json").read_text())
    config = json.loads((folder / "tokenizer_config.json").read_text())
    added = {entry["id"]: entry for entry in found["added_tokens"]}
    words = {id: word for word, id in found["model"]["vocab"].items()} | {id: one["content"] for id, one in added.items()}
    ids = {word: id for id, word in words.items()}
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in found["model"]["merges"]]
    template = folder / "chat_template.jinja"
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.tokens": [words.get(id, f"[PAD{id}]") for id in range(num_ids)],
        "tokenizer.ggml.token_type": [_type(id, words, added) for id in range(num_ids)],
        "tokenizer.ggml.merges": merges,
        "tokenizer.ggml.bos_token_id": ids[_content(config["bos_token"])],
        "tokenizer.ggml.eos_token_id": ids[_content(config["eos_token"])],
        "tokenizer.chat_template": template.read_text() if template.exists() else config["chat_template"],
    }


def _content(token):
    return token["content"] if isinstance(token, dict) else token


def _type(id, words, added):
    if id in added:
        return _CONTROL if added[id]["special"] else _USER_DEFINED
    return _NORMAL if id in words else _UNUSED


def tensors_of(folder, kind):
    from safetensors import safe_open

    found = {}
    for shard in sorted(folder.glob("*.safetensors")):
        with safe_open(shard, "pt") as opened:
            found |= {_name(name): _packed(opened.get_tensor(name), kind) for name in opened.keys()}  # noqa: SIM118
    return found


def _name(name):
    module, part = name.rsplit(".", 1)
    if module in _OUTSIDE:
        return f"{_OUTSIDE[module]}.{part}"
    _, _, layer, rest = module.split(".", 3)
    return f"blk.{layer}.{_LAYER[rest]}.{part}"


def _packed(tensor, kind):
    import torch

    kind = kind if tensor.ndim > 1 else "F32"
    packed = tensor.to({"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}[kind]).contiguous()
    return TYPES[kind], tuple(reversed(tensor.shape)), memoryview(packed.view(torch.uint8).flatten().numpy())


def _text(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(value):
    if isinstance(value, list):
        is_text = not value or isinstance(value[0], str)
        items = map(_text, value) if is_text else (struct.pack("<i", one) for one in value)
        return struct.pack("<IIQ", _ARRAY, _STRING if is_text else _INT32, len(value)) + b"".join(items)
    if isinstance(value, str):
        return struct.pack("<I", _STRING) + _text(value)
    kind, code = (_BOOL, "?") if isinstance(value, bool) else (_UINT32, "I") if isinstance(value, int) else (_FLOAT32, "f")
    return struct.pack(f"<I{code}", kind, value)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("--type", default="F16", choices=TYPES)
    parser.add_argument("--quantize", metavar="KIND", help="such as Q4_K_M; FILE is then made smaller, into FILE.KIND.gguf")
    options = parser.parse_args()
    file = convert(options.folder, options.file, options.type)
    if options.quantize:
        quantize(file, file.with_suffix(f".{options.quantize}.gguf"), options.quantize)


if __name__ == "__main__":
    main()
