"""Models as people meet them: named and fetched at the first start, or broken and told with what to type."""

import os
import re
import subprocess
import sys
import urllib.request
from importlib.util import find_spec

import pytest

from bench.gguf_files import convert
from tests.fakes.hub import Hub
from tests.fakes.openai_server import OpenAIServer
from tests.fakes.vllm_stub import stub_of_vllm
from tests.ports import free_port
from tests.programs import ROOT, Chat, front, until
from tests.tiny_models import make_tiny_model
from workers.models import BUNDLED

# Programs that import torch, one after the other: on a busy machine that takes its time.
pytestmark = pytest.mark.timeout(300)
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


@pytest.mark.skipif(find_spec("llama_cpp") is None, reason="llama-cpp-python is not installed (the extra `cpu`)")
def test_a_gguf_file_talks_and_remembers(tmp_path):
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (tmp_path / name).write_bytes((BUNDLED / name).read_bytes())
    with Chat(tmp_path, engine="auto", model=convert(BUNDLED, tmp_path / "bundled-F16.gguf"), device="cpu") as talk:
        talk.ask("Hello, I am Ann.")
        assert "Ann" in talk.ask("What is my name?")
    assert "llamacpp engine, model " in (tmp_path / "chat.err").read_text()


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
    assert "FAIL 模型: model.safetensors: 这是只有三行的 git-lfs 指针" in doctor.stdout
    assert f"→ companion model pull NAME --to {folder}" in doctor.stdout


def numbers(port):
    """Every number that the worker shows, by name and labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
        lines = [line for line in page.read().decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


@pytest.mark.parametrize("engine", ["openai", "vllm"])
def test_engines_of_others_show_the_same_numbers_and_who_waits(tmp_path, model, engine):
    """No server and no vLLM of one's own is needed to see how a reply goes."""
    port = free_port()
    with stub_of_vllm(), OpenAIServer(context=8192) as server:
        more = {"openai_urls": server.url} if engine == "openai" else {"model": model, "context_tokens": 4096}
        with Chat(tmp_path, engine=engine, metrics_port=port, slots=1, **more) as talk:
            assert talk.ask("hello") == "You said: hello. I am listening."
            found = numbers(port)
            assert (found["companion_engine_ready"], found["companion_slots"], found["companion_slots_busy"]) == (1, 1, 0)
            assert found["companion_tokens_total"] > 10
            assert found["companion_reply_tokens_per_second_count"] == 1
            assert found['companion_turns_total{outcome="finished",platform="console"}'] == 1
            if engine == "openai":
                server.speed = 5
            talk.say("#long 999")
            until(lambda: numbers(port)["companion_slots_busy"] == 1)
            until(lambda: numbers(port).get('companion_waiting_conversations{platform="console"}') == 1)
            talk.kill()
    with front(tmp_path):
        """Ends the Redis that was left behind, as the next chat would."""
