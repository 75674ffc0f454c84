import json
import os
import re

import pytest

from bot.core.presence import Presence, WorkerState
from bot.core.settings import load
from tests.tiny_models import make_tiny_model
from workers import doctor
from workers.checkpoints.files import show_bytes
from workers.checkpoints.weights import num_bytes, readable
from workers.engines.base import EngineOptions


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def copy(model, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    for file in model.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def look(model, **overrides):
    return {check.name: check for check in doctor.checks(load(model=str(model), device="cpu", **overrides))}


def wrong(model):
    return [check.detail for check in doctor.checks(load(model=str(model), device="cpu")) if not check.ok]


def test_a_whole_model_that_fits_is_well(model):
    found = look(model)
    assert all(check.ok for check in found.values())
    assert list(found) == ["model", "gpu", "engine", "memory for the model"]
    assert "0.1 M parameters, safetensors" in found["model"].detail


def test_the_echo_engine_needs_nothing_and_says_so():
    found = {check.name: check for check in doctor.checks(load(engine="echo"))}
    assert list(found) == ["engine", "model"]
    assert "no model" in found["model"].detail


def test_everything_that_is_wrong_with_the_files_is_a_line_with_what_to_type(copy):
    (copy / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    (copy / "tokenizer.json").write_text("<html>")
    found = [check for check in doctor.checks(load(model=str(copy), device="cpu")) if not check.ok]
    assert [check.detail.split(": ")[0] for check in found] == ["model.safetensors", "tokenizer.json"]
    assert "git-lfs pointer" in found[0].detail
    assert all("companion model pull" in check.fix for check in found)


def test_weights_that_were_cut_are_wrong(copy):
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert any("model.safetensors: cut" in line for line in wrong(copy))


def test_a_part_that_the_index_names_and_nobody_has_is_wrong(copy):
    index = {"weight_map": {"a": "model.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (copy / "model.safetensors.index.json").write_text(json.dumps(index))
    assert any("model-00002-of-00002.safetensors: missing" in line for line in wrong(copy))


def test_an_index_that_is_no_index_is_wrong(copy):
    (copy / "model.safetensors.index.json").write_text("{}")
    assert not look(copy)["model"].ok


def test_weights_as_pickle_are_wrong(copy):
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    assert "pickle" in look(copy)["model"].detail


@pytest.mark.parametrize("name", ["no/such/folder", "..", "/nowhere"])
def test_what_is_neither_folder_nor_name_is_wrong(name):
    assert not look(name)["model"].ok


def test_a_model_that_is_not_here_yet_is_well_and_not_downloaded(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    found = look("nobody/such-a-model")
    assert found["model"].ok
    assert "the first start fetches it" in found["model"].detail
    assert str(tmp_path / "hub") in found["room for the model"].detail
    assert not (tmp_path / "hub").exists()


def test_the_room_for_a_model_of_the_catalogue_is_what_it_takes(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    assert "about 14.2 GiB are needed" in look("r1-7b")["room for the model"].detail
    assert "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B" in look("r1-7b")["model"].detail


def test_what_has_come_of_it_already_needs_no_more_room(monkeypatch, tmp_path):
    """Else a disk that holds the rest easily is too small for a model that has nearly come."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    blobs = tmp_path / "models--deepseek-ai--DeepSeek-R1-Distill-Qwen-7B" / "blobs"
    blobs.mkdir(parents=True)
    for name, gib in (("whole", 8), ("part.incomplete", 6)):
        with (blobs / name).open("wb") as file:
            file.truncate(gib << 30)  # takes no room itself
    assert "about 189.6 MiB are needed" in look("r1-7b")["room for the model"].detail


def test_half_a_model_in_the_hubs_cache_is_well_since_the_start_goes_on(monkeypatch, tmp_path, model):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    commit = "a" * 40
    snapshot = tmp_path / "models--nobody--half" / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text(commit)
    (snapshot / "config.json").write_bytes((model / "config.json").read_bytes())
    assert "not whole on this machine yet" in look("nobody/half")["model"].detail
    (snapshot / "config.json").write_text("<html>")
    assert any("config.json: a web page" in line for line in wrong("nobody/half"))


def test_it_says_how_many_people_fit_beside_the_weights(model):
    assert "room for" in look(model)["memory for the model"].detail
    assert "people with 8192 tokens each" in look(model)["memory for the model"].detail


def test_it_speaks_chinese(model, monkeypatch):
    monkeypatch.setenv("COMPANION_LANGUAGE", "zh")
    found = look(model)
    assert list(found) == ["模型", "GPU", "引擎", "模型所需的内存"]
    assert all(re.search("[一-鿿]", check.detail) for check in found.values())


def test_a_device_that_is_not_there_is_wrong():
    import torch

    if torch.backends.mps.is_available():
        pytest.skip("this machine has one")
    check = {check.name: check for check in doctor.checks(load(model="bundled", engine="transformers", device="mps"))}["gpu"]
    assert (check.ok, check.fix) == (False, "COMPANION_DEVICE=auto")


def test_a_load_error_is_a_line_of_the_doctor_in_the_same_language(monkeypatch):
    import torch

    if torch.backends.mps.is_available():
        pytest.skip("this machine has one")
    monkeypatch.setenv("COMPANION_LANGUAGE", "zh")
    assert str(gpu("mps")).startswith("FAIL GPU: 设置要求用 mps，但这台机器没有")


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """An nvidia-smi that says what is given."""

    def says(text, status=0):
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\necho '{text}'\nexit {status}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    return says


def gpu(device):
    return next(check for check in doctor.checks(load(engine="transformers", device=device)) if check.name in ("gpu", "GPU"))


def test_a_gpu_that_this_torch_cannot_use_is_wrong_unless_the_cpu_is_asked_for(driver):
    import torch

    if torch.cuda.is_available() or torch.backends.mps.is_available():
        pytest.skip("this machine has one that works")
    driver("NVIDIA H200, 580.159.03")
    assert gpu("auto").detail.startswith("NVIDIA H200, driver 580.159.03 is there, but torch ")
    assert not gpu("auto").ok
    assert gpu("cpu").ok


@pytest.mark.parametrize(("text", "status"), [("No devices were found", 0), ("NVIDIA-SMI has failed", 9), ("", 0)])
def test_a_driver_without_a_gpu_is_no_gpu(driver, text, status):
    driver(text, status)
    assert doctor._card() == ""


def test_weights_in_8_bits_need_less_room(model):
    whole, fp8 = (
        EngineOptions(engine="paged", model=str(model), device="cpu", dtype="bfloat16", weights=kind)
        for kind in ("whole", "fp8")
    )
    matrices = sum(
        one.count for name, one in readable(model).tensors().items() if ".layers." in name and name.endswith("proj.weight")
    )
    needs = [num_bytes(model, 2), num_bytes(model, 2) - matrices]
    details = [doctor._fits(load(), options, model, doctor._Device("cpu", 1000)).detail for options in (whole, fp8)]
    assert [show_bytes(need) in detail for need, detail in zip(needs, details, strict=True)] == [True, True]
    assert show_bytes(needs[0]) != show_bytes(needs[1])


@pytest.mark.parametrize(("engine", "why"), [("auto", "8 bits need an NVIDIA GPU"), ("transformers", "only as they are")])
def test_weights_in_8_bits_where_nothing_runs_them_are_wrong(model, engine, why):
    checks = doctor.checks(load(model=str(model), device="cpu", engine=engine, weights="fp8"))
    assert [why in check.detail for check in checks if not check.ok] == [True]


@pytest.mark.parametrize(
    ("total", "fix"), [(10, "set COMPANION_MODEL"), (1 << 40, "end what else uses it"), (None, "set COMPANION_MODEL")]
)
def test_a_model_that_does_not_fit_is_wrong(model, total, fix):
    options = EngineOptions(engine="transformers", model=str(model), device="cpu")
    check = doctor._fits(load(), options, model, doctor._Device("cpu", 1000, total))
    assert not check.ok
    assert check.fix.startswith(fix)


def test_a_model_that_the_worker_here_has_loaded_fits_whatever_is_left(model, store, redis_server):
    settings = load(redis_url=redis_server.url)
    state = WorkerState(f"{os.uname().nodename}-1-abc", "ready", "", "transformers", str(model), 4, 0)
    options = EngineOptions(engine="transformers", model=str(model), device="cpu")
    assert not doctor._fits(settings, options, model, doctor._Device("cpu", 1000)).ok
    Presence(store).announce(state)
    assert doctor._fits(settings, options, model, doctor._Device("cpu", 1000)).ok


def test_memory_that_cannot_be_asked_is_not_called_wrong(model):
    options = EngineOptions(engine="transformers", model=str(model), device="cpu")
    assert doctor._fits(load(), options, model, doctor._Device("mps", None)).ok
