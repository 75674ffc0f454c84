"""Real servers for tests: one redis-server for the run, emptied for each test; no setting of the machine leaks in."""

import contextlib
import logging
import os

import pytest
import structlog
from hypothesis import HealthCheck, settings

from bot.core import logs
from bot.core.dead import DeadLetters
from bot.core.inbox import Inbox
from bot.core.lease import Leases
from bot.core.memory import Memory
from bot.core.people import People
from bot.core.store import Store
from bot.core.vault import Vault
from bot.embedded import EmbeddedRedis
from tests.sayings import SURFACE

# Read by torch when it is imported. Threads that wait for each other by spinning take eight times as long where tests run
# side by side.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# On a busy machine any example may be slow: that says nothing about what is tried.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

OF_THE_MACHINE = {"ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "LANG", "LANGUAGE", "COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR"}


@pytest.fixture(scope="session", autouse=True)
def _no_setting_of_the_machine():
    """Before everything else: programs that serve a whole module are started with this environment too."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.upper().startswith(("COMPANION_", "HF_", "LC_")) or name.upper() in OF_THE_MACHINE:
                patch.delenv(name)
        patch.setenv("LANG", "C.UTF-8")
        patch.setenv("TERM", "xterm-256color")
        yield


@pytest.fixture(autouse=True)
def _folder_of_its_own(monkeypatch, tmp_path):
    monkeypatch.setenv("LANGUAGE", "en")  # a command sets it for its whole process
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _logging_as_it_was():
    """A test that runs a command sets logging up for the whole process, with a stderr that ends with the test."""
    configured = structlog.get_config()
    levels = {name: logging.getLogger(name).level for name in (None, *logs.CHATTY)}
    handlers = logging.getLogger().handlers
    yield
    structlog.configure(**configured)
    logging.getLogger().handlers = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory):
    with EmbeddedRedis(tmp_path_factory.mktemp("data")) as server:
        with contextlib.closing(Store(server.url)) as store:
            store.redis.config_set("appendfsync", "no")  # that ours waits for the disk is tested where it is started
        yield server


@pytest.fixture
def store(redis_server):
    store = Store(redis_server.url)
    store.redis.flushall()
    yield store
    store.close()


@pytest.fixture
def vault(store):
    return Vault(store, master=b"k" * 32)


@pytest.fixture
def inbox(store, vault):
    return Inbox(store, vault, max_lines=50)


@pytest.fixture
def leases(store, vault):
    return Leases(store, vault, lease_seconds=5, memory_turns=1000)


@pytest.fixture
def memory(store, vault):
    return Memory(store, vault)


@pytest.fixture
def dead(store, vault):
    return DeadLetters(store, vault)


@pytest.fixture
def people(store, vault, memory, dead):
    return People(store, vault, memory, dead)


@pytest.fixture
def outbox(store, vault):
    from bot.core.outbox import Outbox

    box = Outbox(store, vault, SURFACE)
    box.open()
    return box
