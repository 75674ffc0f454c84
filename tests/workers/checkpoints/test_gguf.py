"""GGUF files: what they say of themselves, which of several is meant, whether they are whole, and their own tokenizers."""

import json
import shutil
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.gguf_files import about, convert, tensors_of, tokenizer_of, write
from bot.core.settings import Settings
from tests.tiny_models import make_tiny_model, write_tiny_gguf, write_tokenizer
from tests.workers.test_tokenizer import _R1, TALK, decoded, needs_r1
from workers.checkpoints import explain
from workers.checkpoints.check import check, is_well
from workers.checkpoints.families import Shape
from workers.checkpoints.gguf import read_head
from workers.checkpoints.machine import Machine
from workers.checkpoints.quantised import best, find, parts
from workers.checkpoints.subject import of_gguf
from workers.doctor import checks
from workers.models import BUNDLED
from workers.tokenizer import BadTokenizer, Message, load_tokenizer

SPEECH = ["Hello, it's 12345 o'clock!\n\n  Go\ton", "你好，世界 é e\u0301 ﬁ", "<think>", "🙂 \r\n x  ", "DON'T <｜User｜>"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def file(model, tmp_path):
    return write_tiny_gguf(tmp_path, model)


def wrong(path):
    return {(finding.file, finding.what) for finding in check(path) if finding.level == "error"}


def test_the_head_says_what_config_json_said(model, file):
    head = read_head(file)
    config = json.loads((model / "config.json").read_text())
    assert head.shape() == Shape.of_config(config)
    assert (head.architecture, head.context, head.kind, len(head.tokens)) == ("qwen2", 1024, "F32", 262)
    assert head.num_parameters == head.shape().parameters()


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16"])
def test_a_whole_file_is_well_by_its_own_name_and_by_its_folders(model, tmp_path, kind):
    file = write_tiny_gguf(tmp_path, model, kind)
    for path in (file, tmp_path):
        found = check(path)
        assert is_well(found)
        assert [finding.what for finding in found] == ["gguf-whole", "tokenizer-fits", "template-thinks"]
    assert f"mostly {kind}" in check(file)[0].sentence("en")


def test_a_file_that_was_cut_is_said_with_how_much_is_missing(file):
    whole = file.read_bytes()
    file.write_bytes(whole[:-1000])
    [finding] = [finding for finding in check(file) if finding.level == "error"]
    assert (finding.what, finding.values["missing"]) == ("cut", "1000 B")
    assert finding.as_check("en").fix.startswith("companion model pull NAME --to ")
    file.write_bytes(whole[:2000])
    assert wrong(file) == {(file.name, "gguf-short")}


@pytest.mark.parametrize(("name", "kind"), [("tiny-Q8_0.gguf", ":Q8_0"), ("tiny.i1-Q4_K_M.gguf", ":Q4_K_M"), ("t.gguf", "")])
def test_of_the_hubs_cache_the_kind_that_is_damaged_is_fetched_again(model, tmp_path, name, kind):
    """Without its kind the one that suits most would come, some gigabytes, and the damaged one stay."""
    folder = tmp_path / "models--nobody--tiny-GGUF" / "snapshots" / "abc"
    folder.mkdir(parents=True)
    file = write_tiny_gguf(folder, model).rename(folder / name)
    file.write_bytes(file.read_bytes()[:-1000])
    [finding] = [finding for finding in check(file) if finding.level == "error"]
    assert finding.as_check("en").fix == f"companion model pull nobody/tiny-GGUF{kind}"


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"PK\x03\x04", "gguf-no-gguf"),
        (b"GGUF\x63\x00\x00\x00", "gguf-version"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 9\n", "pointer"),
        (b"<!DOCTYPE html><html>", "web-page"),
    ],
)
def test_what_is_no_gguf_is_called_what_it_is(file, start, what):
    file.write_bytes(start + bytes(100))
    assert wrong(file) == {(file.name, what)}


def test_a_part_that_is_missing_is_named(model, tmp_path):
    write_tokenizer(tmp_path)
    first = tmp_path / "m-00001-of-00003.gguf"
    convert(model, first)
    shutil.copy(first, tmp_path / "m-00003-of-00003.gguf")
    assert wrong(tmp_path) == {("m-00002-of-00003.gguf", "missing-shard")}


def test_a_file_that_holds_no_language_model_is_refused(tmp_path):
    write_tokenizer(tmp_path)
    write(tmp_path / "a.gguf", {"general.architecture": "clip"}, {})
    assert wrong(tmp_path / "a.gguf") >= {("a.gguf", "gguf-no-language-model")}


def test_the_tokenizer_of_another_model_beside_it_is_found(model, tmp_path):
    file = write_tiny_gguf(tmp_path, model)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(BUNDLED / name, tmp_path)
    assert ("tokenizer.json", "tokenizer-too-large") in wrong(file)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.integers(0, 3000), what=st.binary(min_size=1, max_size=12))
def test_whatever_is_in_the_head_the_check_ends_with_findings(file, where, what):
    whole = file.read_bytes()
    broken = file.with_name("broken.gguf")
    broken.write_bytes(whole[:where] + what + whole[where + len(what) :])
    for language in ("en", "zh"):
        assert all(str(finding.as_check(language)).isprintable() for finding in check(broken))


def test_a_count_beyond_the_file_costs_nothing(tmp_path):
    head = b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 1 << 60)
    (tmp_path / "a.gguf").write_bytes(head + struct.pack("<Q1sIIQ", 1, b"a", 9, 4, 1 << 62))
    assert ("a.gguf", "gguf-short") in wrong(tmp_path / "a.gguf")


# Which file


@pytest.mark.parametrize(
    ("names", "kind", "chosen"),
    [
        (["m-Q8_0.gguf", "m-Q4_K_M.gguf", "m-Q2_K.gguf"], "", "m-Q4_K_M.gguf"),
        (["m-Q8_0.gguf", "m-Q4_K_M.gguf"], "q8_0", "m-Q8_0.gguf"),
        (["m-Q4_K_M.gguf", "m-Q4_K_S.gguf"], "Q4_K", ""),
        (["m-BF16.gguf", "m.f16.gguf"], "F16", "m.f16.gguf"),
        (["mmproj-Q4_K_M.gguf", "m-Q8_0.gguf", "m.imatrix.gguf"], "", "m-Q8_0.gguf"),
        (["m-Q8_0-00002-of-00002.gguf", "m-Q8_0-00001-of-00002.gguf"], "", "m-Q8_0-00001-of-00002.gguf"),
        (["a.gguf"], "", "a.gguf"),
        (["a.safetensors"], "", ""),
    ],
)
def test_of_several_files_the_one_that_is_meant_is_taken(names, kind, chosen):
    assert best(names, kind) == chosen


def test_a_model_in_parts_is_all_of_them():
    assert parts("m-00001-of-00003.gguf") == [f"m-0000{number}-of-00003.gguf" for number in (1, 2, 3)]
    assert parts("m.gguf") == ["m.gguf"]


def test_a_folder_with_safetensors_means_those(model, tmp_path):
    shutil.copytree(model, tmp_path / "both")
    shutil.copy(write_tiny_gguf(tmp_path, model), tmp_path / "both")
    assert find(tmp_path / "both") is None
    assert find(tmp_path) is not None


# Its own tokenizer


def as_qwen2(folder):
    """The bundled vocabulary, cut as Qwen2 cuts; its folder for the GGUF file without it."""
    folder.mkdir()
    found = json.loads((BUNDLED / "tokenizer.json").read_text())
    pattern = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    found["normalizer"] = {"type": "NFC"}
    found["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = pattern
    (folder / "tokenizer.json").write_text(json.dumps(found))
    shutil.copy(BUNDLED / "tokenizer_config.json", folder)
    return folder


def head_only(file, folder, num_ids, **changes):
    values = {"general.architecture": "qwen2", "qwen2.context_length": 2048, **tokenizer_of(folder, num_ids)}
    return write(file, {**values, "tokenizer.ggml.pre": "deepseek-r1-qwen", **changes}, {})


def assert_same(one, other):
    for text in SPEECH:
        assert one.encode(text) == other.encode(text)
        assert decoded(one, one.encode(text)) == decoded(other, other.encode(text))
    talk = [*TALK, Message("assistant", "a</think>\n\nb"), Message("user", SPEECH[0])]
    assert one.render(talk) == other.render(talk)
    assert (one.stop_ids, one.think_start, one.think_end) == (other.stop_ids, other.think_start, other.think_end)
    assert one.opens_thought == other.opens_thought


def test_a_tokenizer_built_from_the_file_gives_the_ids_of_the_published_one(tmp_path):
    folder = as_qwen2(tmp_path / "original")
    file = head_only(tmp_path / "a.gguf", folder, 6600)
    assert is_well(check(file))
    assert_same(load_tokenizer("llamacpp", str(file)), load_tokenizer("paged", str(folder)))


@needs_r1
def test_the_one_of_r1_too(tmp_path):
    file = head_only(tmp_path / "a.gguf", _R1, 151_936)
    assert_same(load_tokenizer("llamacpp", str(file)), load_tokenizer("paged", str(_R1)))


def test_the_files_beside_it_come_first(model, tmp_path):
    file = write_tiny_gguf(tmp_path, model)
    assert load_tokenizer("llamacpp", str(file)).render(TALK) == load_tokenizer("paged", str(model)).render(TALK)
    assert load_tokenizer("llamacpp", str(tmp_path)).render(TALK) == load_tokenizer("paged", str(model)).render(TALK)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tokenizer.ggml.pre": "unheard-of"}, "cannot be built from this file alone"),
        ({"tokenizer.ggml.model": "llama"}, "cannot be built from this file alone"),
        ({"tokenizer.chat_template": 7}, "no chat template"),
    ],
)
def test_one_that_cannot_be_built_exactly_is_refused_with_what_to_put_beside_it(tmp_path, changes, words):
    file = head_only(tmp_path / "a.gguf", as_qwen2(tmp_path / "original"), 6528, **changes)
    with pytest.raises(BadTokenizer, match=words) as caught:
        load_tokenizer("llamacpp", str(file))
    assert "tokenizer.json and tokenizer_config.json" in str(caught.value)
    assert not is_well(check(file))


# What is it?


def test_it_is_explained_from_its_head(file, monkeypatch, capsys):
    monkeypatch.setattr(explain, "this_computer", lambda: Machine("", 0, 16 << 30))
    assert explain.print_explanation(str(file), False, "en") == 0
    told = capsys.readouterr().out
    assert "a Qwen2 model that is not of the R1 release" in told
    assert "Companion would run it with: llamacpp." in told
    assert "convert.py" not in told


def in_parts(folder, model):
    """As gguf-split does it, with nothing but words in the first one."""
    write_tokenizer(folder)
    tensors = list(tensors_of(model, "F32").items())
    halves = {}, dict(tensors[:9]), dict(tensors[9:])
    names = parts("m-00001-of-00003.gguf")
    for name, half in zip(names, halves, strict=True):
        write(folder / name, about(model) if name == names[0] else {"general.architecture": "qwen2"}, half)
    return folder / names[0]


def test_of_a_model_in_parts_all_of_them_are_counted(model, tmp_path, monkeypatch):
    first = in_parts(tmp_path, model)
    whole = Shape.of_config(json.loads((model / "config.json").read_text()))
    assert is_well(check(first))
    assert explain.facts(of_gguf(first), Machine("", 0, 16 << 30))["parameters"] == whole.parameters()
    monkeypatch.setattr("workers.doctor.llamacpp.is_installed", lambda: True)
    told = [found.detail for found in checks(Settings(model=str(first))) if found.name == "model"]
    assert told == [f"{first.name}, {whole.parameters() / 1e6:,.1f} M parameters, GGUF, mostly F32, whole"]


def test_a_family_that_only_llama_cpp_knows_is_noted_and_not_refused(model, tmp_path):
    write_tokenizer(tmp_path)
    values = {key.replace("qwen2.", "novel."): value for key, value in about(model).items()}
    write(tmp_path / "a.gguf", {**values, "general.architecture": "novel"}, {})
    assert wrong(tmp_path) == set()
    assert "gguf-family" in {finding.what for finding in check(tmp_path)}
