"""A server that others wrote: `transformers serve` with a tiny random model. What it says is noise; how it says it is real."""

import os
import re
import subprocess
import sys
import time
import urllib.request
from importlib.util import find_spec

import pytest

from tests.ports import free_port
from tests.tiny_models import make_tiny_model
from tests.workers.engines.openai.driving import Driver, until
from workers.engines.base import Sampling

# Another Python may have what the server needs: `pip install --group serving`.
PYTHON = os.environ.get("TEST_SERVING_PYTHON", sys.executable)
NEEDS = ("accelerate", "fastapi", "uvicorn", "openai")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),  # a server that others wrote takes its time to start
    pytest.mark.skipif(
        sys.executable == PYTHON and not all(map(find_spec, NEEDS)),
        reason="`pip install --group serving` was not run here; TEST_SERVING_PYTHON may name a Python that has it",
    ),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """(its URL, the name of its model)."""
    folder = make_tiny_model(tmp_path_factory.mktemp("served"), max_position_embeddings=4096)
    port = free_port()
    log = folder / "serve.log"
    command = [PYTHON, "-m", "transformers.cli.transformers", "serve", folder, "--port", str(port), "--device", "cpu"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "hub")}
    with log.open("w") as written, subprocess.Popen(command, env=environment, stdout=written, stderr=written) as process:
        try:
            assert until(lambda: process.poll() is not None or answers(f"http://127.0.0.1:{port}/health"), 120)
            assert process.poll() is None, log.read_text()[-2000:]
            yield f"http://127.0.0.1:{port}/v1", str(folder), log
        finally:
            process.kill()


def answers(url):
    try:
        return urllib.request.urlopen(url, timeout=1).status == 200
    except OSError:
        time.sleep(0.2)
        return False


@pytest.fixture(scope="module", params=["chat", "completions"])
def driver(request, server):
    url, model, _ = server
    driver = Driver(url, model=model, api=request.param, requests=4, next_seconds=20)
    yield driver
    driver.close()


def test_a_reply_streams_and_ends_at_its_length(driver):
    text, ended = driver.ask("hello", max_tokens=24, sampling=Sampling(0.6, 0.95))

    assert text
    assert ended.reason in ("length", "stop")


def test_several_replies_at_once_all_end(driver):
    for number in range(6):
        driver.submit(f"hello {number}", id=str(number), max_tokens=16)

    assert {end.reason for end in driver.ends(6, 60).values()} <= {"length", "stop"}


def test_a_cancelled_reply_ends_and_the_next_is_answered(driver):
    driver.submit("hello", max_tokens=2000, id="a")
    driver.take(lambda text, ended: text, 30)
    began_at = time.monotonic()
    driver.engine.cancel("a")

    assert driver.ends(1)["a"].reason == "cancelled"
    assert time.monotonic() - began_at < 1
    assert driver.ask("again", max_tokens=8, id="b")[1].reason in ("length", "stop")


def test_it_was_asked_for_nothing_that_it_had_to_refuse(driver, server):
    driver.ask("hello", max_tokens=4)
    told = server[2].read_text()

    assert '" 200 OK' in told
    assert set(re.findall(r'"POST \S+ HTTP/1.1" (\d+)', told)) == {"200"}
