"""A GGUF file chooses its engine; what is missing or does not fit is said, whether llama.cpp is installed or not."""

import os
import subprocess
import sys

import pytest

from bot.core.settings import load as settings
from tests.tiny_models import make_tiny_model, write_tiny_gguf
from workers import doctor
from workers.engines import auto, load
from workers.engines.base import EngineOptions
from workers.engines.errors import EngineLoadFailed


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def file(model, tmp_path):
    return write_tiny_gguf(tmp_path, model)


@pytest.fixture(params=[True, False])
def is_installed(request, monkeypatch):
    monkeypatch.setattr("workers.engines.llamacpp.find_spec", lambda name: object() if request.param else None)
    return request.param


def nothing(stage, detail):
    pass


def refusal(*options):
    with pytest.raises(EngineLoadFailed) as caught:
        load(EngineOptions(*options))
    return str(caught.value)


def looked_at(**overrides):
    return [(check.name, check.ok, check.detail, check.fix) for check in doctor.checks(settings(device="cpu", **overrides))]


def test_auto_takes_llamacpp_for_a_gguf_file_and_for_a_folder_that_has_one(file, model):
    assert auto.pick(EngineOptions("auto", str(file)), nothing) == "llamacpp"
    assert auto.pick(EngineOptions("auto", str(file.parent)), nothing) == "llamacpp"
    assert auto.pick(EngineOptions("auto", str(model), device="cpu"), nothing) == "paged"


def test_a_gguf_file_needs_no_torch_up_to_llama_cpp_itself(file):
    """Only a process of its own has not imported it for another test."""
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from workers.doctor import checks; from bot.core.settings import load\n"
        "from workers.tokenizer import load_tokenizer, Message\n"
        "print(all(check.ok for check in checks(load()) if check.name != 'llamacpp'))\n"
        "print(len(load_tokenizer('auto', sys.argv[1]).render([Message('user', 'hello')])))\n"
        "from workers.engines import auto; from workers.engines.base import EngineOptions\n"
        "print(auto.pick(EngineOptions('auto', sys.argv[1]), print))"
    )
    environment = {**os.environ, "COMPANION_MODEL": str(file), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code, file], capture_output=True, text=True, timeout=50, env=environment)
    assert done.stdout.split() == ["True", "10", "llamacpp"], done.stderr


def test_without_torch_a_model_that_needs_it_says_so(model, monkeypatch):
    def pick(options, progress):
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr(auto, "pick", pick)
    told = refusal("auto", str(model))
    assert told.startswith("torch is not installed here, and this model needs it → pip install 'companion[worker]'")


def test_without_llama_cpp_it_says_how_to_install_it(file, monkeypatch):
    monkeypatch.setattr("workers.engines.llamacpp.find_spec", lambda name: None)
    for engine in ("auto", "llamacpp"):
        assert "→ pip install 'companion[cpu]'" in refusal(engine, str(file))


@pytest.mark.parametrize("engine", ["paged", "transformers"])
def test_an_engine_that_reads_safetensors_refuses_a_gguf_file(file, engine):
    told = refusal(engine, str(file))
    assert "weights for llama.cpp" in told
    assert "→ COMPANION_ENGINE=auto" in told


def test_llamacpp_refuses_a_folder_without_gguf(model, monkeypatch):
    monkeypatch.setattr("workers.engines.llamacpp.find_spec", lambda name: object())
    told = refusal("llamacpp", str(model))
    assert f"there is none in {model}" in told
    assert "COMPANION_ENGINE=auto" in told


def test_a_file_that_is_damaged_is_said_before_anything_is_loaded(file, is_installed):
    file.write_bytes(file.read_bytes()[:-500])
    told = refusal("auto", str(file))
    assert "cut: " in told
    assert "→ companion model pull NAME --to " in told


def test_the_doctor_says_what_runs_it_where_its_tokenizer_is_from_and_whether_it_fits(file, is_installed, monkeypatch):
    found = looked_at(model=str(file))
    assert [name for name, ok, _, _ in found if ok] == ["model", "engine", "tokenizer", "memory for the model"]
    assert [(name, fix.split(" (")[0]) for name, ok, _, fix in found if not ok] == (
        [] if is_installed else [("llamacpp", "pip install 'companion[cpu]'")]
    )
    details = {name: detail for name, _, detail, _ in found}
    assert "tiny-F32.gguf, 0.1 M parameters, GGUF, mostly F32, whole" in details["model"]
    assert details["engine"] == "llamacpp, chosen for this model and this machine"
    assert details["tokenizer"] == "the tokenizer.json beside the model"
    monkeypatch.setattr(doctor, "free_memory", lambda: 1000)
    assert ("memory for the model", False) in [(name, ok) for name, ok, _, _ in looked_at(model=str(file))]


def test_the_doctor_finds_an_engine_and_a_model_that_do_not_fit_together(file, model, is_installed):
    assert [(name, ok) for name, ok, _, _ in looked_at(model=str(file), engine="paged") if name == "engine"][-1] == (
        "engine",
        False,
    )
    wrong = [detail for name, ok, detail, _ in looked_at(model=str(model), engine="llamacpp") if not ok and name == "model"]
    assert f"there is none in {model}" in wrong[0]


def test_it_speaks_chinese(file, monkeypatch):
    monkeypatch.setenv("COMPANION_LANGUAGE", "zh")
    monkeypatch.setattr("workers.engines.llamacpp.find_spec", lambda name: None)
    assert "没有安装" in refusal("auto", str(file))
