"""Models as people meet them: named and fetched at the first start, or broken and told with what to type."""

import os
import re
import subprocess
import sys

import pytest

from tests.fakes.hub import Hub
from tests.programs import ROOT, Chat
from tests.tiny_models import make_tiny_model

MODEL = "nobody/tiny-R1"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_tiny_model(tmp_path_factory.mktemp("tiny"), max_position_embeddings=4096)


@pytest.fixture
def hub(model):
    with Hub() as hub:
        hub.publish(MODEL, model)
        yield hub


def run(folder, *command, **settings):
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", "HF_HOME": str(folder / "home")}
    environment |= {"COMPANION_DATA_DIR": str(folder), **settings}
    command = [sys.executable, "-m", "bot", *command]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=120)


def test_a_model_that_is_named_is_fetched_by_the_first_start_which_shows_how_far_it_is(tmp_path, hub, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    hub.bytes_a_second = 200_000
    with Chat(tmp_path, engine="transformers", model=MODEL, device="cpu", answer_tokens=16, thought_tokens=16) as talk:
        talk.say("hello")
        assert talk.hear(90)
    told = (tmp_path / "chat.err").read_text()
    assert re.search(r"worker  loading \d files, \S+ KiB, into \S+ …", told)
    assert re.search(r"worker  ready after .* model nobody/tiny-R1", told)


def test_a_worker_that_cannot_start_says_which_check_failed_and_what_to_type(tmp_path, model):
    folder = tmp_path / "model"
    folder.mkdir()
    for file in model.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "model.safetensors").write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 9\n")
    done = run(tmp_path, "chat", COMPANION_MODEL=str(folder))
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert f"{folder}: model.safetensors: a git-lfs pointer" in last
    assert last.endswith(f"→ companion model pull NAME --to {folder}")
    doctor = run(tmp_path, "doctor", COMPANION_MODEL=str(folder), COMPANION_LANGUAGE="zh")
    assert doctor.returncode == 1
    assert "FAIL model: model.safetensors: 这是只有三行的 git-lfs 指针" in doctor.stdout
    assert f"→ companion model pull NAME --to {folder}" in doctor.stdout
