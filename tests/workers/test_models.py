from bot.core.settings import load
from workers import models
from workers.models import choose, remark


def test_without_a_model_in_the_box_the_echo_engine_stands_in(monkeypatch, tmp_path):
    monkeypatch.setattr(models, "BUNDLED", tmp_path)

    options = choose(load())

    assert (options.engine, options.model) == ("echo", "echo")
    assert remark(options).startswith("echo engine (no model): repeats what you say; for real conversation")


def test_the_model_in_the_box_is_taken_when_none_is_named(monkeypatch, tmp_path):
    import torch
    from safetensors.torch import save_file

    monkeypatch.setattr(models, "BUNDLED", tmp_path)
    save_file({"a": torch.zeros(1000, 2000), "b": torch.zeros(500_000)}, tmp_path / "model.safetensors")

    options = choose(load())

    assert (options.engine, options.model) == ("auto", str(tmp_path))
    assert remark(options).startswith("bundled practice model (2 M parameters): good for trying things out;")


def test_a_model_that_is_named_runs_without_a_remark():
    options = choose(load(model="some/model", slots=7, context_tokens=4096, device="cpu"))

    assert (options.engine, options.model, options.requests, options.context, options.device) == (
        "auto", "some/model", 7, 4096, "cpu",
    )  # fmt: skip
    assert remark(options) == ""


def test_a_short_name_is_that_of_the_catalogue_unless_a_folder_is_called_so(tmp_path):
    assert choose(load(model="r1-1.5b")).model == "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"
    (tmp_path / "r1-1.5b").mkdir()
    assert choose(load(model="r1-1.5b")).model == "r1-1.5b"


def test_the_remark_is_in_the_language_of_who_starts_it(monkeypatch):
    monkeypatch.setenv("COMPANION_LANGUAGE", "zh")
    assert remark(choose(load(engine="echo"))).startswith("echo 引擎")


def test_echo_is_echo_whatever_the_model():
    assert choose(load(model="some/model", engine="echo")).engine == "echo"
