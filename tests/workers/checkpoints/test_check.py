"""Every defect is named, in the file that has it, with what to type."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.workers.checkpoints.makers import CONFIGS, edit, make, with_head
from workers import models
from workers.checkpoints.check import check, is_well, print_report
from workers.tokenizer import load_tokenizer

REAL_TOKENIZER = Path(__file__).parents[4] / "shared" / "r1-tokenizer"
HTML = b"<!DOCTYPE html>\n<html><head><title>Hugging Face</title></head></html>"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 3554214621\n".format("ab" * 32).encode()


@pytest.fixture
def model(tmp_path):
    return make(tmp_path)


@pytest.fixture
def sharded(tmp_path):
    return make(tmp_path, shards=3)


def wrong(folder, **options):
    return {(finding.file, finding.what) for finding in check(folder, **options) if finding.level == "error"}


def notes(folder, **options):
    return {(finding.file, finding.what) for finding in check(folder, **options) if finding.level == "note"}


def only(folder, what):
    [finding] = [finding for finding in check(folder) if finding.what == what]
    return finding.as_check("en")


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("family", CONFIGS)
def test_a_whole_checkpoint_of_every_family_is_well(tmp_path, family, shards):
    found = check(make(tmp_path, family, shards))
    assert is_well(found)
    assert {"whole", "fits", "tokenizer-fits", "template-thinks"} == {finding.what for finding in found}


@pytest.mark.parametrize("length", [0x280, 0x380, 0x480, 0x10280])
def test_a_head_whose_length_begins_like_a_pickle_is_none(model, length):
    """The length stands first: every some thousandth file begins with the bytes that a pickle begins with."""
    head = json.dumps({"model.norm.weight": {"dtype": "F32", "shape": [16], "data_offsets": [0, 64]}})
    (model / "model.safetensors").write_bytes(with_head(None, bytes(64), head.encode().ljust(length)))
    assert ("model.safetensors", "whole") in {(finding.file, finding.what) for finding in check(model)}


def test_a_head_beside_a_tied_embedding_is_well_where_it_has_its_sides(tmp_path):
    head = {"lm_head.weight": np.zeros((262, 16), np.float32)}
    assert is_well(check(make(tmp_path, tie_word_embeddings=True, tensors=head)))
    make(tmp_path, tie_word_embeddings=True, tensors={"lm_head.weight": np.zeros((300, 16), np.float32)})
    assert wrong(tmp_path) == {("config.json", "shape")}


def test_rope_scaling_added_beside_what_transformers_5_wrote_loses_no_theta_in_silence(model):
    scaling = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}
    edit(model / "config.json", rope_scaling=scaling, rope_parameters={"rope_type": "default", "rope_theta": 1e6})
    assert wrong(model) == {("config.json", "rope-twice")}
    edit(model / "config.json", rope_theta=1e6)
    assert wrong(model) == set()
    edit(model / "config.json", rope_theta=None, rope_scaling=None)
    assert wrong(model) == set()


def test_parts_are_known_by_the_names_that_r1s_distills_have(tmp_path):
    """The number of all parts has six digits there: model-00001-of-000002.safetensors."""
    make(tmp_path, shards=2)
    (tmp_path / "model-00001-of-00002.safetensors").rename(tmp_path / "model-00001-of-000002.safetensors")
    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    (tmp_path / "model.safetensors.index.json").unlink()
    lost = ("model-00002-of-000002.safetensors", "missing-shard")
    assert wrong(tmp_path) == {lost, ("model.safetensors.index.json", "no-index")}
    assert only(tmp_path, "no-index").fix.startswith("companion model pull ")


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "generation_config.json", "tokenizer.json"])
def test_a_mark_that_editors_put_in_front_is_said_since_no_loader_takes_it(model, name):
    """Windows' own editors save UTF-8 with it, and transformers only says that this is no JSON."""
    file = model / name
    file.write_bytes(b"\xef\xbb\xbf" + (file.read_bytes() if file.exists() else b"{}"))
    assert wrong(model) == {(name, "byte-order-mark")}
    assert "without BOM" in only(model, "byte-order-mark").fix


def test_biases_that_the_config_names_are_well_in_both_families_that_may_have_them(tmp_path):
    from tests.tiny_models import make_tiny_model

    for kind in ("llama", "qwen3"):
        (tmp_path / kind).mkdir()
        assert wrong(make_tiny_model(tmp_path / kind, kind, attention_bias=True)) == set()


def test_what_transformers_writes_is_well(tmp_path):
    from tests.tiny_models import make_tiny_model

    for kind, tied in (("qwen2", False), ("llama", False), ("qwen2", True)):
        folder = tmp_path / f"{kind}-{tied}"
        folder.mkdir()
        assert wrong(make_tiny_model(folder, kind, tie_word_embeddings=tied)) == set()


def test_the_bundled_model_is_well():
    assert wrong(models.BUNDLED) == set()


@pytest.mark.skipif(not REAL_TOKENIZER.is_dir(), reason="the real R1 tokenizer is not on this machine")
def test_the_real_tokenizer_folder_lacks_nothing_but_weights():
    found = check(REAL_TOKENIZER)
    assert [(finding.file, finding.what) for finding in found if finding.level == "error"] == [("*.safetensors", "no-weights")]
    assert {"tokenizer-fits", "template-thinks"} <= {finding.what for finding in found}


def test_a_path_that_is_not_there_a_file_and_an_empty_folder_are_told_apart(tmp_path, model):
    (tmp_path / "empty").mkdir()
    assert {what for _, what in wrong(tmp_path / "nowhere")} == {"no-path"}
    assert {what for _, what in wrong(model / "config.json")} == {"a-file"}
    assert {what for _, what in wrong(tmp_path / "empty")} == {"empty-folder"}


def test_the_folder_around_a_model_leads_to_the_model(tmp_path):
    snapshot = tmp_path / "models--deepseek-ai--X" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    make(snapshot)
    assert only(tmp_path / "models--deepseek-ai--X", "deeper").fix == f"companion model check {snapshot}"
    assert only(snapshot.parent, "deeper").fix == f"companion model check {snapshot}"


def test_a_download_that_has_not_ended_is_noted(model):
    (model / ".cache/huggingface/download").mkdir(parents=True)
    (model / ".cache/huggingface/download/x.abc.incomplete").touch()
    assert notes(model) == {(".cache/huggingface", "incomplete")}


def test_a_pointer_says_what_it_stands_for_and_which_command_fetches_it(model):
    (model / "model.safetensors").write_bytes(POINTER)
    line = only(model, "pointer")
    assert "3.3 GiB" in line.detail
    assert "ab" * 32 in line.detail
    assert line.fix == f"companion model pull NAME --to {model}"
    (model / ".git").mkdir()
    assert f"git -C {model} lfs pull" in only(model, "pointer-in-git").fix


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "tokenizer_config.json"])
def test_pointers_and_web_pages_are_found_in_place_of_any_file(model, file):
    (model / file).write_bytes(POINTER)
    assert (file, "pointer") in wrong(model)
    (model / file).write_bytes(HTML)
    assert (file, "web-page") in wrong(model)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "empty-file"),
        (HTML, "web-page"),
        (b"\xef\xbb\xbf\n  <html>", "web-page"),
        (b"Entry not found", "words"),
        (b'{"error":"Access to this model is restricted"}', "words"),
        (b"PK\x03\x04 and then a zip", "pickle-renamed"),
        (b"\x80\x02}q\x00", "pickle-renamed"),
        (b"\x01\x02\x03", "cut"),
        (b"\xff" * 100, "no-safetensors"),
        ((5000).to_bytes(8, "little") + b"{", "cut"),
        (with_head(None, text=b"{broken"), "head-broken"),
        (with_head(None, text=b"[" * 100_000), "head-broken"),
        (with_head([1, 2]), "head-broken"),
        (with_head({"a": {"dtype": "F32", "shape": [1]}}), "tensor-broken"),
        (with_head({"a": {"dtype": "F33", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)), "tensor-broken"),
        (with_head({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, bytes(4)), "tensor-broken"),
        (with_head({"a": {"dtype": "F32", "shape": [True], "data_offsets": [0, 4]}}, bytes(4)), "tensor-broken"),
        (with_head({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}, bytes(4)), "tensor-size"),
        (
            with_head(
                {
                    "a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
                    "b": {"dtype": "F32", "shape": [1], "data_offsets": [2, 6]},
                },
                bytes(6),
            ),
            "overlap",
        ),
        (with_head({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}, bytes(8)), "gap"),
        (
            with_head(
                None,
                bytes(4),
                b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
            ),
            "twice-in-file",
        ),
    ],
)
def test_every_damage_of_a_weights_file_has_a_name(model, content, what):
    (model / "model.safetensors").write_bytes(content)
    assert ("model.safetensors", what) in wrong(model)


def test_a_cut_file_says_how_much_is_missing_and_a_padded_one_how_much_is_too_much(model):
    file = model / "model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:-2048])
    assert "2.0 KiB are missing" in only(model, "cut").detail
    file.write_bytes(whole + bytes(512))
    assert "512 B too much" in only(model, "padded").detail


def test_links_that_lead_nowhere_and_pipes_are_not_opened(model):
    file = model / "model.safetensors"
    file.unlink()
    file.symlink_to("../blobs/gone")
    assert wrong(model) == {("model.safetensors", "dangling")}
    file.unlink()
    os.mkfifo(file)
    assert wrong(model) == {("model.safetensors", "no-regular-file")}


def test_missing_and_extra_parts_are_named(sharded):
    (sharded / "model-00002-of-00003.safetensors").rename(sharded / "model-00002-of-00004.safetensors")
    assert wrong(sharded) == {
        ("model-00002-of-00003.safetensors", "missing-shard"),
        ("model-00002-of-00004.safetensors", "extra-shard"),
    }


@pytest.mark.parametrize("family", CONFIGS)
def test_half_a_model_is_not_taken_for_one_of_another_family(tmp_path, family):
    """Qwen2 is known by biases, which may all be in the other half."""
    folder = make(tmp_path, family, shards=3)
    for number in (1, 2, 3):
        file = folder / f"model-{number:05}-of-00003.safetensors"
        file.rename(tmp_path / "away")
        assert wrong(folder) == {(file.name, "missing-shard")}
        (tmp_path / "away").rename(file)


@pytest.mark.parametrize("config", ['{"base_model_name_or_path": "nobody/base-7B", "peft_type": "LORA"}', "{", None])
def test_an_adapter_is_called_one_with_what_can_be_done(tmp_path, config):
    """To fetch it once more, as for all else that lacks a config.json, would change nothing."""
    save_file({"base_model.model.lm_head.lora_A.weight": np.zeros((4, 16), np.float32)}, tmp_path / "adapter_model.safetensors")
    if config:
        (tmp_path / "adapter_config.json").write_text(config)
    assert wrong(tmp_path) == {("adapter_model.safetensors", "adapter")}
    told = only(tmp_path, "adapter")
    assert ("nobody/base-7B" if config and "base" in config else "?") in told.detail
    assert "merge_and_unload" in told.fix


def test_a_file_beside_the_parts_that_is_none_is_only_noted(sharded):
    save_file({"other": np.zeros(1, np.float32)}, sharded / "consolidated.safetensors")
    assert wrong(sharded) == set()
    assert notes(sharded) == {("consolidated.safetensors", "extra-shard")}


def test_parts_without_an_index_say_so_and_which_part_is_missing(sharded):
    (sharded / "model.safetensors.index.json").unlink()
    (sharded / "model-00003-of-00003.safetensors").unlink()
    assert wrong(sharded) == {
        ("model.safetensors.index.json", "no-index"),
        ("model-00003-of-00003.safetensors", "missing-shard"),
    }


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("{", "not-json"),
        ("[]", "not-an-object"),
        ("{}", "index-broken"),
        ('{"weight_map": {"a": 1}}', "index-broken"),
        ('{"weight_map": {"a": "../../secrets.safetensors"}}', "index-path"),
    ],
)
def test_a_damaged_index_is_named(sharded, content, what):
    (sharded / "model.safetensors.index.json").write_text(content)
    assert ("model.safetensors.index.json", what) in wrong(sharded)


def test_tensors_that_are_twice_or_not_where_the_index_says_are_found(sharded):
    first, second = "model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors"
    (sharded / second).write_bytes((sharded / first).read_bytes())
    assert {(second, "twice"), (second, "index-tensor"), (second, "not-in-index")} <= wrong(sharded)


def test_one_file_and_parts_of_the_same_model_are_one_too_many(sharded):
    save_file({"a": np.zeros(1, np.float32)}, sharded / "model.safetensors")
    assert wrong(sharded) == {("model.safetensors", "single-and-shards")}


@pytest.mark.parametrize(
    ("file", "what"), [("pytorch_model.bin", "pickle"), ("model.pth", "pickle"), ("m.gguf", "gguf-no-gguf")]
)
def test_weights_of_other_kinds_are_refused_with_what_to_do(model, file, what):
    (model / "model.safetensors").rename(model / file)
    assert (file, what) in wrong(model)
    assert only(model, what).fix


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"vocab_size": 300}, "shape"),
        ({"hidden_size": 32}, "shape"),
        ({"intermediate_size": 25}, "shape"),
        ({"num_key_value_heads": 4}, "shape"),
        ({"head_dim": 8}, "shape"),
        ({"num_hidden_layers": 3}, "layers"),
        ({"model_type": "llama"}, "other-family"),
        ({"tie_word_embeddings": True}, None),
        ({"num_attention_heads": 3}, "config-number"),
        ({"hidden_size": "16"}, "config-number"),
        ({"hidden_size": None}, "config-number"),
        ({"num_hidden_layers": 10**9}, "config-number"),
        ({"auto_map": {"AutoModel": "modeling.Model"}}, "auto-map"),
        ({"eos_token_id": 999}, "end-outside"),
    ],
)
def test_a_config_that_does_not_fit_the_weights_is_found(model, changes, what):
    edit(model / "config.json", **changes)
    assert {found for _, found in wrong(model)} == ({what} if what else set())


@pytest.mark.parametrize("family", CONFIGS)
def test_a_tensor_of_another_shape_too_many_or_too_few_is_found_in_every_family(tmp_path, family):
    for name in ("more", "less", "shape"):
        (tmp_path / name).mkdir()
    extra = {"model.layers.0.self_attn.extra.weight": np.zeros(1, np.float32)}
    assert wrong(make(tmp_path / "more", family, tensors=extra)) == {("config.json", "tensors-unexpected")}
    other = {"model.layers.1.self_attn.o_proj.weight": np.zeros((3, 3), np.float32)}
    assert wrong(make(tmp_path / "shape", family, tensors=other)) == {("config.json", "shape")}
    edit(make(tmp_path / "less", family, tie_word_embeddings=True) / "config.json", tie_word_embeddings=False)
    assert wrong(tmp_path / "less") == {("config.json", "tensors-missing")}


def test_another_float_is_noted_and_integers_are_no_weights(model, tmp_path):
    edit(model / "config.json", torch_dtype="bfloat16")
    assert ("config.json", "dtype") in notes(model)
    assert wrong(model) == set()
    folder = tmp_path / "odd"
    folder.mkdir()
    make(folder, tensors={"model.norm.weight": np.zeros(16, np.int8)})
    assert wrong(folder) == {("config.json", "dtype-odd")}


def test_scales_and_the_layer_for_guessing_ahead_belong_to_the_original(tmp_path):
    more = {
        "model.layers.0.self_attn.o_proj.weight_scale_inv": np.zeros((1, 1), np.float32),
        "model.layers.2.eh_proj.weight": np.zeros((1, 1), np.float32),
    }
    assert wrong(make(tmp_path, "deepseek_v3", tensors=more, num_nextn_predict_layers=1)) == set()


def test_unknown_and_quantized_models_are_not_compared_and_say_so(model):
    edit(model / "config.json", quantization_config={"quant_method": "gptq"})
    assert ("config.json", "quantized") in notes(model)
    edit(model / "config.json", quantization_config=None, model_type="mamba")
    assert ("config.json", "family-unknown") in notes(model)


@pytest.mark.parametrize(
    ("file", "what"),
    [("config.json", "no-config"), ("tokenizer.json", "no-tokenizer"), ("tokenizer_config.json", "no-tokenizer-config")],
)
def test_a_missing_file_is_named(model, file, what):
    (model / file).unlink()
    assert wrong(model) == {(file, what)}


def test_a_tokenizer_of_a_larger_model_is_found_and_a_much_smaller_one_is_noted(tmp_path):
    for name, size in (("small", 100), ("large", 4000)):
        (tmp_path / name).mkdir()
        make(tmp_path / name, vocab_size=size, eos_token_id=3)
    assert wrong(tmp_path / "small") == {("tokenizer.json", "tokenizer-too-large")}
    assert notes(tmp_path / "large") == {("tokenizer.json", "tokenizer-small")}


@pytest.mark.parametrize(
    ("template", "what"),
    [
        (None, "no-template"),
        ("", "no-template"),
        (["{}"], "no-template"),
    ],
)
def test_a_missing_chat_template_is_found(model, template, what):
    (model / "chat_template.jinja").unlink(missing_ok=True)
    edit(model / "tokenizer_config.json", chat_template=template)
    assert wrong(model) == {("tokenizer_config.json", what)}


@pytest.mark.parametrize("answer", ["{{ m.content.split('</think>')[-1] }}", "{{ m.content }}"])
def test_an_old_chat_template_is_only_noted_since_the_thought_is_opened_for_it(model, answer):
    """Many a model that was made of R1's first distills was published with theirs: to fetch it again changes nothing."""
    template = f"{{% for m in messages %}}<｜User｜>{answer}{{% endfor %}}<｜Assistant｜>"
    (model / "chat_template.jinja").unlink(missing_ok=True)
    edit(model / "tokenizer_config.json", chat_template=template)
    assert (wrong(model), notes(model)) == (set(), {("tokenizer_config.json", "template-old")})
    assert load_tokenizer("paged", str(model)).opens_thought


def test_a_template_in_a_file_of_its_own_counts(model):
    edit(model / "tokenizer_config.json", chat_template=None)
    (model / "chat_template.jinja").write_text("<｜Assistant｜><think>\n")
    assert wrong(model) == set()


def test_deep_compares_with_the_hash_that_the_download_noted(model):
    file, note = model / "model.safetensors", model / ".cache/huggingface/download/model.safetensors.metadata"
    assert ("model.safetensors", "hash-unknown") in notes(model, deep=True)
    note.parent.mkdir(parents=True)
    note.write_text(f"{'c' * 40}\n{hashlib.sha256(file.read_bytes()).hexdigest()}\n1.0\n")
    assert (wrong(model, deep=True), notes(model, deep=True)) == (set(), set())
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert wrong(model) == set()
    assert wrong(model, deep=True) == {("model.safetensors", "hash-differs")}


def test_deep_knows_the_hash_from_the_names_in_the_hubs_cache_and_gits_own_hash(tmp_path):
    (tmp_path / "blobs").mkdir()
    (tmp_path / "snapshot").mkdir()
    folder = make(tmp_path / "snapshot")
    for file in list(folder.iterdir()):
        content = file.read_bytes()
        name = hashlib.sha256(content).hexdigest()
        if file.suffix == ".json":
            name = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        file.rename(tmp_path / "blobs" / name)
        file.symlink_to(f"../blobs/{name}")
    assert (wrong(folder, deep=True), notes(folder, deep=True)) == (set(), set())
    assert {"model.safetensors", "config.json"} <= {item.file for item in check(folder, deep=True) if item.what == "hash-same"}


def test_words_from_files_cannot_steer_the_terminal(model):
    name = "\x1b[2J\x07" + "x" * 1000
    (model / "model.safetensors").write_bytes(with_head({name: {"dtype": "F32"}}))
    line = str(only(model, "tensor-broken"))
    assert line.isprintable()
    assert len(line) < 600


def test_the_fix_names_the_model_when_it_can_be_told_from_shape_and_marks(tmp_path, capsys):
    folder = tmp_path / "DeepSeek-R1-Distill-Qwen-1.5B"
    folder.mkdir()
    shape = {"hidden_size": 1536, "num_hidden_layers": 28, "num_attention_heads": 12, "num_key_value_heads": 2}
    config = {"model_type": "qwen2", "vocab_size": 151936, "intermediate_size": 8960, **shape}
    (folder / "config.json").write_text(json.dumps(config))
    assert print_report(folder, deep=False, as_json=False, language="en") == 1
    assert "companion model pull deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B --to" in capsys.readouterr().out
