"""Whatever is in the files, the check ends with findings."""

import json
import os
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.workers.checkpoints.makers import CONFIGS, make, with_head
from workers.checkpoints.check import check

FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors.index.json", "chat_template.jinja")
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["__metadata__", "a", "weight_map", "model", "vocab", "added_tokens", "chat_template", "auto_map", "dtype", "torch_dtype",
     "eos_token_id", "quantization_config", "num_nextn_predict_layers", *CONFIGS["deepseek_v3"]]
)  # fmt: skip
ENTRIES = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "F4", "BOOL", "F33"]) | JSON,
        "shape": st.lists(st.integers(-1, 4) | JSON, max_size=3) | JSON,
        "data_offsets": st.tuples(st.integers(-1, 64), st.integers(-1, 64)) | JSON,
    }
)
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module", params=["qwen2", "deepseek_v3"])
def whole(request, tmp_path_factory):
    return make(tmp_path_factory.mktemp("whole"), request.param, shards=2)


@pytest.fixture
def copy(whole, tmp_path):
    def again():
        shutil.rmtree(tmp_path / "copy", ignore_errors=True)
        return shutil.copytree(whole, tmp_path / "copy")

    return again


def looked_at(folder):
    found = check(folder, deep=True)
    for language in ("en", "zh"):
        assert all(str(finding.as_check(language)).isprintable() for finding in found)
        json.dumps([finding.as_dict(language) for finding in found])
    return found


@QUICK
@given(name=st.sampled_from(FILES + SHARDS), content=st.binary(max_size=300))
def test_any_bytes_in_any_file_give_findings(copy, name, content):
    folder = copy()
    (folder / name).write_bytes(content)
    assert looked_at(folder)


@QUICK
@given(data=st.data(), name=st.sampled_from(SHARDS + FILES[:4]))
def test_files_with_a_few_other_bytes_cut_or_continued_give_findings(copy, data, name):
    folder = copy()
    content = bytearray((folder / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, min(len(content) - 1, 4000)))] = data.draw(st.integers(0, 255))
    length = data.draw(st.integers(0, len(content) + 20))
    (folder / name).write_bytes(bytes(content.ljust(length, b"x")[:length]) if data.draw(st.booleans()) else bytes(content))
    assert looked_at(folder)


@QUICK
@given(name=st.sampled_from(FILES[:4]), changes=st.dictionaries(KEYS, JSON, max_size=4), is_new=st.booleans())
def test_any_json_in_any_file_gives_findings(copy, name, changes, is_new):
    folder = copy()
    old = {} if is_new else json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps({**old, **changes}))
    assert looked_at(folder)


@QUICK
@given(tensors=st.dictionaries(st.text(max_size=12), ENTRIES | JSON, max_size=4), data=st.binary(max_size=80))
def test_any_head_gives_findings(copy, tensors, data):
    folder = copy()
    (folder / SHARDS[0]).write_bytes(with_head(tensors, data))
    assert looked_at(folder)


@pytest.mark.parametrize("depth", [50, 500, 900, 990, 5000, 100_000])
@pytest.mark.parametrize("name", FILES[:4])
def test_json_nested_as_deeply_as_one_likes_gives_findings(copy, name, depth):
    folder = copy()
    nest = "[" * depth + "]" * depth
    for key in ("model_type", "hidden_size", "weight_map", "model", "chat_template", "torch_dtype"):
        (folder / name).write_text(f'{{"{key}": {nest}}}')
        assert looked_at(folder)


def _as_folder(file):
    file.mkdir()
    (file / "inside").touch()


ODD = {
    "a folder": _as_folder,
    "a pipe": os.mkfifo,
    "a link to itself": lambda file: file.symlink_to(file.name),
    "a link to a folder": lambda file: file.symlink_to("."),
    "a link to a device": lambda file: file.symlink_to("/dev/zero"),
    "a file of half a terabyte": lambda file: (file.touch(), os.truncate(file, 1 << 39)),
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", [*FILES, SHARDS[0]])
def test_what_is_no_ordinary_file_gives_findings_at_once(copy, name, odd):
    folder = copy()
    (folder / name).unlink(missing_ok=True)
    ODD[odd](folder / name)
    # Not read through to the end: that of a device never comes.
    found = check(folder)
    assert any(finding.level == "error" for finding in found)
    assert all(str(finding.as_check("zh")).isprintable() for finding in found)


def test_file_names_that_are_no_text_give_findings(copy):
    folder = copy()
    (folder / b"model-\xff\x1b[0m.safetensors".decode("utf-8", "surrogateescape")).write_bytes(b"x")
    assert looked_at(folder)
