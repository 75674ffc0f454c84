"""Tiny random Qwen2, Llama and Qwen3 checkpoints with a byte-level tokenizer that has R1's special tokens."""

import json

SPECIAL = {
    "<｜end▁of▁sentence｜>": True,
    "<｜User｜>": False,
    "<｜Assistant｜>": False,
    "<｜begin▁of▁sentence｜>": True,
    "<think>": False,
    "</think>": False,
}
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'user' %}<｜User｜>{{ message['content'] }}"
    "{% else %}<｜Assistant｜>{{ message['content'].split('</think>')[-1] }}<｜end▁of▁sentence｜>{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<｜Assistant｜><think>\n{% endif %}"
)
END, NUM_IDS = 256, 262


def make_tiny_model(folder, kind="qwen2", seed=0, tokenizer=True, **changes):
    """Write a checkpoint of `kind` ("qwen2", "llama" or "qwen3") into `folder`; the same seed makes the same weights."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM

    config_class, model_class = {
        "qwen2": (Qwen2Config, Qwen2ForCausalLM),
        "llama": (LlamaConfig, LlamaForCausalLM),
        "qwen3": (Qwen3Config, Qwen3ForCausalLM),
    }[kind]
    shape = {
        "vocab_size": NUM_IDS,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 1024,
        "initializer_range": 0.4,
        "tie_word_embeddings": False,
        "bos_token_id": 259,
        "eos_token_id": END,
    }
    torch.manual_seed(seed)
    model_class(config_class(**{**shape, **changes})).save_pretrained(folder, safe_serialization=True)
    if tokenizer:
        write_tokenizer(folder)
    return folder


def write_tiny_gguf(folder, model, kind="F32", beside=True):
    """The GGUF file of a tiny Qwen2 checkpoint; its tokenizer's files lie beside it, or it has only its own."""
    from bench.gguf_files import convert

    if beside:
        write_tokenizer(folder)
    return convert(model, folder / f"tiny-{kind}.gguf", kind)


def write_tokenizer(folder):
    """Ids 0-255 are bytes, then R1's six special tokens; written as published R1 folders have it."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    tokenizer = Tokenizer(models.BPE(vocab={char: byte for byte, char in enumerate(_byte_chars())}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_tokens([AddedToken(text, special=special, normalized=False) for text, special in SPECIAL.items()])
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(_tokenizer_config(), ensure_ascii=False))


def _tokenizer_config():
    return {
        "tokenizer_class": "LlamaTokenizerFast",
        "add_bos_token": True,
        "add_eos_token": False,
        "bos_token": "<｜begin▁of▁sentence｜>",
        "eos_token": "<｜end▁of▁sentence｜>",
        "pad_token": "<｜end▁of▁sentence｜>",
        "legacy": True,
        "model_max_length": 16384,
        "clean_up_tokenization_spaces": False,
        "chat_template": TEMPLATE,
    }


def _byte_chars():
    """GPT-2's printable character of each byte."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]
