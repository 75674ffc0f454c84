"""Servers and engines that end with their test; no pause is longer than a test can bear."""

import pytest

from tests.fakes.openai_server import OpenAIServer
from tests.workers.engines.openai.driving import Driver


@pytest.fixture(autouse=True)
def _in_english_and_quick(monkeypatch):
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.setenv(name, "C")
    monkeypatch.setattr("workers.engines.openai.answering.FIRST_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr("workers.engines.openai.fleet.HEALTH_SECONDS", 0.05)


@pytest.fixture
def serve():
    started = []

    def serve(*models, **how):
        started.append(server := OpenAIServer(models or ("tiny",), **how))
        return server

    yield serve
    for server in started:
        server.stop()


@pytest.fixture
def start():
    started = []

    def start(*servers, **options):
        started.append(driver := Driver(*servers, **options))
        return driver

    yield start
    for driver in started:
        driver.close()
