"""A real engine process with the scripted engine, shared by the tests of the worker."""

import pytest

from bot.core import queue
from bot.core.messages import Draft
from bot.core.personas import Personas
from bot.core.settings import load
from bot.core.vault import Vault, master_key
from workers.engines.base import EngineOptions, Limits
from workers.engines.process import EngineProcess
from workers.heart import Heart
from workers.respond import Responder
from workers.tasks import Answering
from workers.tokenizer import ByteTokenizer
from workers.writer import Writer


@pytest.fixture(scope="session")
def _lasting_engine():
    with EngineProcess(EngineOptions(engine="echo", context=8192, requests=32)) as process:
        yield process


@pytest.fixture
def engine(_lasting_engine):
    """The test before may have killed it."""
    _lasting_engine.wait_ready(120)
    return _lasting_engine


@pytest.fixture
def settings(tmp_path):
    return load(data_dir=tmp_path, engine="echo", thought_tokens=300, answer_tokens=400)


@pytest.fixture
def vault(store, settings):
    """With the key that a worker started for these settings finds."""
    return Vault(store, master_key(settings))


@pytest.fixture
def wakeups(redis_server):
    return queue.Wakeups(queue.client(redis_server.url))


@pytest.fixture
def heart(store, leases):
    heart = Heart(store, leases, lease_seconds=2, reply_seconds=30)
    yield heart
    heart.close()


@pytest.fixture
def drafts():
    return []


@pytest.fixture
def on_draft():
    """What is to be done in the middle of a reply, whenever a draft of it goes out."""
    return []


@pytest.fixture
def writer(engine, settings):
    return Writer(engine, ByteTokenizer, lambda: Limits(8192, 32), settings)


@pytest.fixture
def responder(writer, memory, people, drafts, on_draft, settings):
    def publish(_conversation, draft: Draft):
        drafts.append(draft)
        for act in on_draft:
            act()

    return Responder(writer, memory, people, Personas(), publish, settings)


@pytest.fixture
def woken():
    return []


@pytest.fixture
def answering(leases, heart, responder, engine, woken):
    return Answering(leases, heart, responder, engine, woken.append)
