"""An engine's model is found, fetched and looked through before anything is loaded; what is wrong is said with what to type."""

import shutil
from functools import partial
from pathlib import Path

import pytest

from tests.fakes.hub import Hub
from tests.workers.checkpoints.makers import make, make_random
from workers.checkpoints.pull import pull
from workers.engines.checkpoint import find
from workers.engines.errors import EngineLoadFailed

MODEL = "nobody/tiny-R1"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    folder = tmp_path / "published"
    folder.mkdir()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("workers.checkpoints.hub.sleep", lambda seconds: None)
    with Hub() as hub:
        # The library has long read this process's environment; test_pull_programs.py has it read another.
        monkeypatch.setattr("workers.engines.checkpoint.pull", partial(pull, mirror=hub.url))
        hub.publish(MODEL, make_random(folder))
        yield hub


def refusal(model):
    with pytest.raises(EngineLoadFailed) as caught:
        find(str(model), lambda stage, detail: None)
    return caught.value


def test_a_folder_that_is_whole_is_taken_as_it_is(tmp_path):
    assert find(str(make(tmp_path)), lambda stage, detail: None) == tmp_path


@pytest.mark.parametrize("model", ["/nowhere", "./nothing", "no/such/folder", ".."])
def test_what_is_neither_a_folder_nor_a_name_is_said(model):
    assert "/nowhere: there is no /nowhere" in str(refusal("/nowhere"))
    assert not refusal(model).heals


def test_no_model_at_all_is_said():
    assert str(refusal("")).startswith("COMPANION_MODEL: no model is set → set it to a short name such as r1-7b")


@pytest.mark.parametrize(
    ("file", "words"),
    [("config.json", "missing"), ("model.safetensors", "there are no weights"), ("tokenizer.json", "missing")],
)
def test_a_folder_that_lacks_a_file_says_which_and_how_to_fetch_it(tmp_path, file, words):
    make(tmp_path)
    (tmp_path / file).unlink()
    told = str(refusal(tmp_path))
    assert words in told
    assert f"→ companion model pull NAME --to {tmp_path}" in told


def test_the_first_of_several_problems_is_said_and_where_to_see_the_others(tmp_path):
    make(tmp_path)
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).unlink()
    told = str(refusal(tmp_path))
    assert told.startswith(f"{tmp_path}: config.json: missing → ")
    assert told.endswith(f"(and 2 more: companion model check {tmp_path})")
    assert "\n" not in told


def test_weights_only_as_pickle_are_refused_with_a_way_out(tmp_path):
    make(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    assert "pickle" in str(refusal(tmp_path))
    assert "save_pretrained" in str(refusal(tmp_path))


def test_code_that_came_with_a_model_is_refused(tmp_path):
    make(tmp_path, auto_map={"AutoModel": "modeling.Evil"})
    assert "auto_map" in str(refusal(tmp_path))


def test_a_name_is_fetched_once_with_its_progress_and_then_found_without_asking(hub):
    told = []
    folder = find(MODEL, lambda stage, detail: told.append((stage, detail)))
    assert (folder / "config.json").is_file()
    assert {stage for stage, _ in told} == {"loading"}
    assert any("100 %" in detail for _, detail in told)
    hub.asked.clear()
    assert find(MODEL, lambda stage, detail: None) == folder
    assert hub.asked == []


def test_half_a_model_is_completed(hub):
    folder = find(MODEL, lambda stage, detail: None)
    (folder / "model-00001-of-00002.safetensors").resolve().unlink()
    hub.asked.clear()
    assert find(MODEL, lambda stage, detail: None) == folder
    assert hub.downloads("model-00001-of-00002.safetensors")
    assert not hub.downloads("model-00002-of-00002.safetensors")


def test_a_whole_model_is_used_though_the_hub_is_away(hub):
    folder = find(MODEL, lambda stage, detail: None)
    hub.stop()
    assert find(MODEL, lambda stage, detail: None) == folder
    hub.start_again()


def test_a_hub_that_is_away_is_said_and_may_heal(hub):
    hub.stop()
    problem = refusal(MODEL)
    assert "cannot be reached" in str(problem)
    assert "--mirror" in str(problem)
    assert problem.heals
    hub.start_again()


def test_a_model_that_nobody_has_does_not_heal(hub):
    assert not refusal("nobody/nothing").heals


def test_what_was_published_unfit_is_said_after_it_came(hub, tmp_path):
    folder = shutil.copytree(tmp_path / "published", tmp_path / "unfit")
    (folder / "tokenizer.json").unlink()
    hub.publish("nobody/unfit", folder)
    told = str(refusal("nobody/unfit"))
    assert "tokenizer.json: missing → companion model pull nobody/unfit" in told
    assert Path(told.split(": ")[0]).is_dir()


def test_it_speaks_chinese(tmp_path, monkeypatch):
    monkeypatch.setenv("COMPANION_LANGUAGE", "zh")
    assert "没有" in str(refusal("/nowhere"))
