"""A hub that ends with its test, a model to fetch from it, and the command as people type it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.fakes.hub import Hub
from tests.workers.checkpoints.makers import make_random
from workers.cli import cli

ROOT = Path(__file__).parents[3]
MODEL = "nobody/tiny-R1"
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """The folder that was published; nobody changes it."""
    return make_random(tmp_path_factory.mktemp("published"))


@pytest.fixture
def hub(published):
    with Hub() as hub:
        hub.publish(MODEL, published)
        yield hub


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def waits(monkeypatch):
    """Seconds that were waited, in no time."""
    waited = []
    monkeypatch.setattr("workers.checkpoints.hub.sleep", waited.append)
    return waited


@pytest.fixture
def pull(hub, cache, waits):
    """`model pull` in this process, from the hub as a mirror."""

    def pull(name=MODEL, *arguments, language="en"):
        runner = CliRunner(env={"COMPANION_LANGUAGE": language})
        result = runner.invoke(cli, ["model", "pull", name, "--mirror", hub.url, *map(str, arguments)])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return pull


@pytest.fixture
def program(hub, tmp_path):
    """`model pull` as a process of its own, from the hub that HF_ENDPOINT names."""
    started = []

    def program(*arguments, terminal=subprocess.PIPE, **environment):
        known = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home")}
        command = [sys.executable, "-m", "workers", "model", "pull", *map(str, arguments)]
        pipes = {"stdout": subprocess.PIPE, "stderr": terminal, "text": True}
        started.append(process := subprocess.Popen(command, env={**known, "LANG": "C.UTF-8", **environment}, **pipes))
        return process

    yield program
    for process in started:
        process.kill()
        process.communicate()
