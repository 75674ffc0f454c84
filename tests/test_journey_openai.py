"""The whole way of a message with the model on a server: terminal, Redis, worker, engine process, HTTP, and back."""

from pathlib import Path

import pytest

from tests.fakes.openai_server import OpenAIServer
from tests.programs import ROOT, Chat, until

pytestmark = pytest.mark.skipif("not __import__('os').path.isdir('/proc/self')", reason="looks at processes in /proc")
KEY = "sk-journey-0123456789"


@pytest.fixture
def server():
    with OpenAIServer(("deepseek-ai/DeepSeek-R1",), key=KEY, context=8192) as server:
        yield server


def chat(folder, *servers, **more):
    urls = ",".join(server.url for server in servers)
    return Chat(folder, engine="auto", openai_urls=urls, openai_key=KEY, **more)


def loaded(pid):
    return Path(f"/proc/{pid}/maps").read_text()


def test_a_person_is_answered_by_a_server_and_remembered_without_torch_or_a_model(tmp_path, server):
    with chat(tmp_path, server) as talk:
        assert talk.ask("hello") == "You said: hello. I am listening."
        assert talk.ask("#history") == "Before this you said 1:"
        assert talk.hear() == "1. hello"
        for process in (talk.worker(), talk.engine()):
            assert "libtorch" not in loaded(process)
            assert "/tokenizers/" not in loaded(process)
        assert talk.leave() == (0, [])

    told = (tmp_path / "chat.err").read_text() + "".join(file.read_text() for file in tmp_path.glob("**/*.log"))
    assert KEY not in told
    assert "They wrote to me" not in told, "the thought"
    said = [message["content"].rpartition("\n---\n")[2] for message in server.last["messages"]]
    assert said == ["hello", "You said: hello. I am listening.", "#history"]


def test_a_server_that_breaks_in_the_middle_costs_a_try_and_not_the_answer(tmp_path, server):
    with chat(tmp_path, server) as talk:
        talk.ask("hello")
        server.fault("cut")
        assert talk.ask("again") == "You said: again. I am listening."


def test_when_the_only_server_is_gone_people_wait_and_are_answered_when_it_is_back(tmp_path, server):
    with chat(tmp_path, server) as talk:
        talk.ask("hello")
        server.stop()
        talk.say("are you there")
        until(lambda: "cannot be reached" in (tmp_path / "chat.err").read_text() + logs(tmp_path))
        server.start_again()
        assert talk.hear(90) == "You said: are you there. I am listening."


def logs(folder):
    return "".join(file.read_text() for file in folder.glob("**/*.log"))


def test_the_doctor_of_the_whole_looks_at_the_server(tmp_path, server):
    import subprocess
    import sys

    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "COMPANION_DATA_DIR": str(tmp_path),
        "COMPANION_OPENAI_URLS": server.url,
        "COMPANION_OPENAI_KEY": KEY,
        "LANG": "C.UTF-8",
    }
    done = subprocess.run(
        [sys.executable, "-m", "bot", "doctor"], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=50
    )

    assert f"ok   model server: {server.url} answers and has deepseek-ai/DeepSeek-R1\n" in done.stdout
    assert "ok   engine: openai\n" in done.stdout
    assert KEY not in done.stdout + done.stderr
