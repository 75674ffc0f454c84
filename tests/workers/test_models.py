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


def test_echo_is_echo_whatever_the_model():
    assert choose(load(model="some/model", engine="echo")).engine == "echo"
