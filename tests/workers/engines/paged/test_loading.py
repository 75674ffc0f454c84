"""What is loaded, and what is said of what cannot be."""

import json
import shutil

import pytest
import torch

from tests.tiny_models import make_tiny_model, write_tokenizer
from tests.workers.engines.paged.driving import LLAMA3, run
from workers.engines import auto, kernels, load
from workers.engines.auto import engine_for
from workers.engines.base import EngineOptions, Request, Sampling
from workers.engines.errors import EngineLoadFailed
from workers.engines.paged.config import NotCovered, read_config
from workers.models import BUNDLED


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "model")


def change(folder, **fields):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **fields}))


def refusal(folder, **options):
    with pytest.raises(EngineLoadFailed) as caught:
        load(EngineOptions("paged", str(folder), **{"device": "cpu", "threads": 1, **options}))
    return str(caught.value)


@pytest.mark.parametrize(
    ("fields", "oddity"),
    [
        ({"model_type": "mistral"}, "models of type 'mistral'"),
        ({"hidden_act": "gelu"}, "the activation 'gelu'"),
        ({"quantization_config": {"bits": 4}}, "quantized weights"),
        ({"mlp_bias": True}, "biases in the feed-forward part"),
        ({"attention_bias": True}, "biases in attention"),
        ({"use_sliding_window": True}, "sliding windows"),
        ({"layer_types": ["full_attention", "sliding_attention"]}, "sliding windows"),
        ({"rope_parameters": {"rope_type": "yarn", "factor": 4.0}}, "rope scaling of type 'yarn'"),
        ({"partial_rotary_factor": 0.5}, "rope on a part of each head"),
        ({"num_attention_heads": 0}, "no usable num_attention_heads"),
        ({"rms_norm_eps": None}, "config.json cannot be read"),
        ({"rope_parameters": {"rope_type": "llama3", "rope_theta": 1e4}}, "config.json cannot be read"),
    ],
)
def test_what_only_transformers_can_run_is_left_to_it(fields, oddity, copy):
    change(copy, **fields)

    with pytest.raises(NotCovered, match=oddity):
        read_config(copy)
    assert engine_for(copy, "cpu") == "transformers"


def test_what_somebody_writes_into_a_config_of_today_as_the_models_page_says_counts(folders, tmp_path):
    """Qwen's page says to add `rope_scaling`; transformers 5 heeds it before the `rope_parameters` that it wrote itself."""
    model = shutil.copytree(folders["qwen2"], tmp_path / "model")
    change(model, rope_scaling={"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 1024})
    with pytest.raises(NotCovered, match="rope scaling of type 'yarn'"):
        read_config(model)
    assert engine_for(model, "cpu") == "transformers"
    change(model, rope_scaling={**LLAMA3["rope_parameters"], "factor": 4.0})
    assert read_config(model).rope.llama3 == (4.0, 1.0, 4.0, 64.0)


def test_what_is_not_covered_is_refused_with_a_way_out(copy):
    change(copy, mlp_bias=True)

    assert "biases in the feed-forward part. Set COMPANION_ENGINE=transformers" in refusal(copy)


def test_what_cannot_be_loaded_is_said_in_chinese_to_who_reads_it(copy, monkeypatch):
    monkeypatch.setenv("COMPANION_LANGUAGE", "zh")
    monkeypatch.setattr("workers.engines.paged.assembly.load_weights", lambda *_: {}["lost"])
    assert refusal(copy) == f"paged 引擎加载不了 {copy} 里的模型：'lost' → companion model check {copy}"
    change(copy, mlp_bias=True)
    assert refusal(copy) == f"paged 引擎运行不了 {copy} 里的模型：前馈层带偏置。请设 COMPANION_ENGINE=transformers。"


def test_a_config_that_is_none_is_left_to_it(copy):
    (copy / "config.json").write_text("[]")

    assert engine_for(copy, "cpu") == "transformers"


def test_auto_takes_the_paged_engine_where_it_was_measured(folders, monkeypatch):
    assert {engine_for(folder, "cpu") for folder in [*folders.values(), BUNDLED]} == {"paged"}
    assert engine_for(BUNDLED, "mps") == "transformers"
    monkeypatch.setattr(auto, "_has_kernels", lambda width: width == 32)
    assert engine_for(BUNDLED, "cuda") == "paged"
    assert engine_for(folders["qwen3"], "cuda") == "transformers"


def test_a_gpu_that_is_too_old_or_a_missing_triton_leaves_it_to_transformers(monkeypatch):
    monkeypatch.setattr(kernels, "has_flash", lambda *_: False)
    assert engine_for(BUNDLED, "cuda") == "transformers"
    monkeypatch.setattr(kernels, "has_flash", lambda *_: True)
    monkeypatch.setattr(auto, "find_spec", lambda name: None)
    assert engine_for(BUNDLED, "cuda") == "transformers"


def test_auto_says_which_engine_it_took(folder, copy):
    change(copy, layer_types=None, use_sliding_window=True, sliding_window=4096, max_window_layers=2)
    took = {}
    for name, place in {"plain": folder, "windows": copy}.items():
        engine = load(EngineOptions("auto", str(place), device="cpu", threads=1, context=256))
        took[name] = engine.limits.engine
        engine.close()

    assert took == {"plain": "paged", "windows": "transformers"}


def test_rope_as_published_and_as_transformers_writes_it_is_the_same(tmp_path):
    folder = make_tiny_model(tmp_path, "llama", **LLAMA3)
    written = read_config(folder)
    config = json.loads((folder / "config.json").read_text())
    scaling = config.pop("rope_parameters")
    theta = scaling.pop("rope_theta")
    (folder / "config.json").write_text(json.dumps({**config, "rope_theta": theta, "rope_scaling": scaling}))

    assert read_config(folder) == written
    assert written.rope.llama3 == (8.0, 1.0, 4.0, 64.0)


def test_sharded_weights_in_other_precisions_are_read(tmp_path, start, likeliest):
    from transformers import AutoModelForCausalLM

    whole = make_tiny_model(tmp_path / "whole")
    shards = tmp_path / "shards"
    model = AutoModelForCausalLM.from_pretrained(whole, dtype=torch.bfloat16)
    model.save_pretrained(shards, max_shard_size="100KB")
    write_tokenizer(shards)
    ids = run(start(shards), Request("a", (1, 2, 3), 20, sampling=Sampling(0.0)))["a"][0]

    assert len(list(shards.glob("*.safetensors"))) > 1
    assert ids == likeliest(shards, [1, 2, 3], ids)


def test_weights_that_lack_a_part_or_do_not_fit_are_said(copy):
    from safetensors.torch import load_file, save_file

    weights = load_file(copy / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, copy / "model.safetensors", {"format": "pt"})
    assert "up_proj" in refusal(copy)

    weights["model.layers.1.mlp.up_proj.weight"] = torch.zeros(3, 4)
    save_file(weights, copy / "model.safetensors", {"format": "pt"})
    assert "[3, 4]" in refusal(copy)


def test_damaged_weights_are_said(copy):
    with (copy / "model.safetensors").open("r+b") as file:
        file.truncate(1000)

    assert "model.safetensors" in refusal(copy)


def test_the_gpu_of_a_mac_is_left_to_transformers(folder, monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)

    assert "GPU of a Mac" in refusal(folder, device="mps")


def test_sizes_follow_the_memory(monkeypatch):
    from workers.engines.paged.sizes import GPU_RESERVE_BYTES, choose_sizes

    config = read_config(BUNDLED)
    shape = config.shape
    per_token = 2 * shape.layers * shape.kv_heads * shape.head_dim
    on_cpu = choose_sizes(config, EngineOptions(), "cpu", torch.float32)
    assert (on_cpu.context, on_cpu.slots) == (2048, 32)
    assert on_cpu.num_blocks == (256 << 20) // (on_cpu.block * per_token * 4)

    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (GPU_RESERVE_BYTES + (1 << 30), GPU_RESERVE_BYTES + (1 << 30)))
    on_gpu = choose_sizes(config, EngineOptions(memory_share=1.0), "cuda", torch.bfloat16)
    assert (on_gpu.block, on_gpu.slots, on_gpu.num_blocks) == (64, 256, (1 << 30) // (64 * per_token * 2))
    with pytest.raises(EngineLoadFailed, match="no conversation beside it"):
        choose_sizes(config, EngineOptions(memory_share=0.5), "cuda", torch.bfloat16)


def test_nothing_of_transformers_is_imported(folder):
    """It takes seconds and hundreds of megabytes."""
    import subprocess
    import sys

    code = (
        "import sys; from workers.engines import load; from workers.engines.base import EngineOptions;"
        f"load(EngineOptions('auto', {str(folder)!r}, device='cpu')); print('transformers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "False", done.stderr


def test_stages_are_told(folder):
    from workers.engines.paged import load as load_paged

    told = []
    load_paged(EngineOptions("paged", str(folder), device="cpu", threads=1), lambda *stage: told.append(stage)).close()
    assert told == [("warming", str(folder))]
