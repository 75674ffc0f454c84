import base64
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from string import ascii_lowercase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import doctor, redis_doctor
from bot.core.checks import Check, free_memory, report
from bot.core.inbox import Inbox
from bot.core.messages import Incoming, Line
from bot.core.presence import Presence, WorkerState
from bot.core.settings import load
from bot.core.store import Keys
from bot.core.vault import Vault, master_key
from bot.redis_doctor import key_file_check, quick_store, redis_checks, redis_is_down, url_of, worker_here
from tests.sayings import SURFACE, talk

ROOT = Path(__file__).parents[2]
TELEGRAM = "123456789:" + "AbC-_" * 7
DISCORD = ".".join((base64.b64encode(b"123456789012345678").decode(), "GabcDe", "x" * 38))


@pytest.fixture(autouse=True)
def _processes_find_the_packages(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture
def settings(store, redis_server, monkeypatch, tmp_path):
    """Of an installation whose Redis runs, is empty, and has a key."""
    monkeypatch.setenv("COMPANION_REDIS_URL", redis_server.url)
    monkeypatch.setenv("COMPANION_DATA_DIR", str(tmp_path))
    settings = load()
    Vault(store, master_key(settings)).check()
    return settings


@pytest.fixture
def look(store, settings):
    return lambda name: next(check for check in redis_checks(store, settings) if check.name == name)


def state(stage="ready", machine=None):
    return WorkerState(f"{machine or os.uname().nodename}-1-abc", stage, "why", "echo", "bundled", 4, 1)


def wait_since(store, settings, seconds):
    store.add_surface(SURFACE)
    line = Line("secret words", "u1", "m1", "Ann", time.time() - seconds)
    Inbox(store, Vault(store, master_key(settings)), 50).accept(Incoming(talk(), line))


# Checks themselves


words = st.lists(st.text(ascii_lowercase, min_size=1), min_size=1).map(" ".join)
printable = st.from_regex(r"\S[ -~]*", fullmatch=True)


@given(st.builds(Check, words, st.booleans(), printable))
def test_a_line_of_another_doctor_reads_back_as_the_check_it_was(check):
    assert Check.parse(str(check)) == check


def test_advice_reads_back_too_and_other_lines_are_no_checks():
    check = Check("redis", False, "does not run", "companion up")
    assert Check.parse(str(check)) == check
    assert [Check.parse(line) for line in ("", "Traceback: most recent", "okay redis: x", "FAIL")] == [None] * 4


def test_the_report_ends_with_1_when_one_check_is_bad(capsys):
    assert report([Check("a", True, "x"), Check("b", True, "y")]) == 0
    assert report([Check("a", False, "x", "do y"), Check("b", True, "y")]) == 1
    assert "FAIL a: x → do y\n" in capsys.readouterr().out


def test_free_memory_is_what_the_kernel_calls_available(tmp_path):
    (tmp_path / "meminfo").write_text("MemTotal: 100 kB\nMemFree: 1 kB\nMemAvailable: 64 kB\n")
    assert free_memory(tmp_path / "meminfo") == 64 * 1024
    assert free_memory(tmp_path / "none") is None


# Redis


def test_all_is_well_with_a_redis_like_ours_and_a_worker_that_lives(store, settings, configured):
    configured("appendfsync", "always")
    Presence(store).announce(state())
    found = list(redis_checks(store, settings))
    assert [check for check in found if not check.ok] == []
    names = ["redis", "redis on disk", "redis eviction", "memory key", "worker", "waiting"]
    assert [check.name for check in found] == names
    assert found[1].detail == "append-only file, fsync always"


@pytest.fixture
def configured(store):
    """Change the server for one test."""
    before = {}

    def change(name, value):
        before.setdefault(name, store.redis.config_get(name)[name])
        store.redis.config_set(name, value)

    yield change
    for name, value in before.items():
        store.redis.config_set(name, value)


@pytest.mark.parametrize(("save", "words"), [("", "nothing is kept"), ("3600 1", "only snapshots")])
def test_a_redis_that_does_not_keep_every_write_is_wrong(look, configured, save, words):
    configured("appendonly", "no")
    configured("save", save)
    assert not look("redis on disk").ok
    assert words in look("redis on disk").detail


def test_a_redis_that_may_throw_memory_away_is_wrong(look, configured):
    configured("maxmemory-policy", "allkeys-lru")
    assert not look("redis eviction").ok


def test_a_redis_that_does_not_want_to_be_asked_is_not_called_wrong(store, settings, redis_server):
    store.redis.acl_setuser("renter", enabled=True, passwords=["+pw"], keys=["*"], commands=["+@all", "-config", "-info"])
    Presence(store).announce(state())
    try:
        with quick_store(f"unix://renter:pw@{redis_server.socket}") as rented:
            found = {check.name: check for check in redis_checks(rented, settings)}
    finally:
        store.redis.acl_deluser("renter")
    assert all(check.ok for check in found.values())
    assert [name for name, check in found.items() if "could not be asked" in check.detail] == [
        "redis",
        "redis on disk",
        "redis eviction",
    ]


def test_an_embedded_redis_that_does_not_run_is_said_with_what_to_type(tmp_path, monkeypatch):
    monkeypatch.setenv("COMPANION_DATA_DIR", str(tmp_path / "new"))
    settings = load()
    assert url_of(settings) is None
    assert str(redis_is_down(settings)).endswith("does not run → companion up")
    assert not (tmp_path / "new").exists(), "a doctor leaves no trace"


@pytest.mark.parametrize("url", ["http://:s3cret@example.org", "redis://:s3cret/1@example.org", "nonsense"])
def test_a_url_that_is_not_redis_does_not_hide_the_other_checks(monkeypatch, tmp_path, url):
    monkeypatch.setenv("COMPANION_REDIS_URL", url)
    monkeypatch.setenv("COMPANION_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("COMPANION_ENGINE", "echo")
    found = {check.name: check for check in doctor.checks()}
    assert not found["settings"].ok
    assert "COMPANION_REDIS_URL" in found["settings"].detail
    assert {"personas", "memory key", "telegram token", "disk", "memory"} <= found.keys()
    assert "s3cret" not in "".join(map(str, found.values()))


def test_a_redis_that_cannot_be_reached_does_not_hide_the_other_checks(monkeypatch, tmp_path):
    monkeypatch.setenv("COMPANION_REDIS_URL", "redis://:s3cret@127.0.0.1:1/0")
    monkeypatch.setenv("COMPANION_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("COMPANION_ENGINE", "echo")
    found = {check.name: check for check in doctor.checks()}
    assert not found["redis"].ok
    assert "COMPANION_REDIS_URL" in found["redis"].fix
    assert {"memory key", "telegram token", "disk", "memory", "engine"} <= found.keys()
    assert "s3cret" not in "".join(map(str, found.values()))


def test_a_redis_that_hangs_does_not_hang_the_doctor(monkeypatch, tmp_path):
    monkeypatch.setenv("COMPANION_DATA_DIR", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("COMPANION_REDIS_URL", f"redis://127.0.0.1:{silent.getsockname()[1]}")
        assert [check.ok for check in doctor.probe("worker")] == [False]
        silent.setblocking(False)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()  # it was tried once, and compose gives a health check five seconds
    assert redis_doctor._SOCKET_SECONDS < 4.5


# The memory key


def test_a_key_that_fits_is_said_to_fit(look):
    assert look("memory key").detail.endswith("it fits what is stored")


def test_another_key_than_before_is_wrong(look, settings):
    (settings.data_dir / "memory.key").write_bytes(base64.b64encode(b"x" * 32))
    assert "does not open" in look("memory key").detail


def test_a_lost_key_file_is_wrong_and_none_is_made_in_its_place(look, settings):
    (settings.data_dir / "memory.key").unlink()
    assert "is missing" in look("memory key").detail
    assert not (settings.data_dir / "memory.key").exists()


def test_before_the_first_start_no_key_is_needed_and_none_is_made(store, settings):
    store.redis.flushall()
    (settings.data_dir / "memory.key").unlink()
    assert key_file_check(settings).ok
    assert all(check.ok for check in redis_checks(store, settings) if check.name == "memory key")
    assert not (settings.data_dir / "memory.key").exists()
    assert not store.redis.exists("companion:memory-key-check")


def test_a_key_that_others_can_read_is_wrong(look, settings):
    (settings.data_dir / "memory.key").chmod(0o644)
    assert look("memory key").fix == f"chmod 600 {settings.data_dir / 'memory.key'}"


def test_what_is_no_key_is_wrong_and_not_shown(settings, monkeypatch):
    monkeypatch.setenv("COMPANION_MEMORY_KEY", "hunter2hunter2")
    check = key_file_check(load())
    assert not check.ok
    assert "hunter2" not in str(check)


# Workers and waiting lines


def test_no_worker_is_wrong(look):
    assert look("worker").fix == "companion up, or companion worker"


@pytest.mark.parametrize(("stage", "ok"), [("loading", True), ("warming", True), ("restarting", False), ("failed", False)])
def test_a_worker_that_loads_is_well_and_one_that_failed_is_not(store, look, stage, ok):
    Presence(store).announce(state(stage))
    assert look("worker").ok == ok
    assert ok or "why" in look("worker").detail


def test_a_health_check_of_the_worker_asks_for_the_one_on_this_machine(store):
    Presence(store).announce(state(machine="some-other-machine"))
    assert not worker_here(store).ok
    Presence(store).announce(state())
    assert worker_here(store).ok


def test_lines_that_nobody_answers_for_a_minute_are_wrong_and_their_words_stay_hidden(store, settings, look):
    wait_since(store, settings, seconds=100)
    check = look("waiting")
    assert not check.ok
    assert "1 conversation(s) wait for an answer, the longest for" in check.detail
    assert "secret words" not in str(check)


def test_lines_that_came_just_now_are_well(store, settings, look):
    wait_since(store, settings, seconds=5)
    assert look("waiting").ok
    assert "1 conversation(s)" in look("waiting").detail


def test_a_long_reply_in_the_making_is_no_waiting_but_one_whose_worker_died_is(store, settings, look):
    from bot.core.lease import Leases

    wait_since(store, settings, seconds=100)
    vault = Vault(store, master_key(settings))
    Leases(store, vault, lease_seconds=600, memory_turns=10).acquire(talk())
    assert look("waiting").detail == "nobody waits"
    store.redis.hset(Keys(SURFACE).of(talk(), "state"), "until", 1)
    assert not look("waiting").ok


# Settings, tokens, and the rest


@pytest.mark.parametrize(
    ("name", "value", "ok"),
    [
        ("TELEGRAM_TOKEN", TELEGRAM[:-1], False),
        ("TELEGRAM_TOKEN", "Bearer " + TELEGRAM, False),
        ("TELEGRAM_TOKEN", "12345:" + "a" * 35, False),
        ("DISCORD_TOKEN", DISCORD.replace(".", "-"), False),
        ("DISCORD_TOKEN", "abc.def.ghi", False),
    ],
)
def test_a_token_of_the_wrong_form_is_wrong_and_never_shown(monkeypatch, name, value, ok):
    monkeypatch.setenv(f"COMPANION_{name}", value)
    monkeypatch.setenv("COMPANION_ENGINE", "echo")
    found = {check.name: check for check in doctor.checks()}
    check = found[name.lower().replace("_", " ")]
    assert (check.ok, f"COMPANION_{name} does not look like one" in check.detail) == (ok, True)
    assert value not in "".join(map(str, found.values()))


@pytest.mark.parametrize(("form", "token"), [(doctor._TELEGRAM, TELEGRAM), (doctor._DISCORD, DISCORD)])
def test_a_token_of_the_right_form_passes_and_is_one_that_logs_would_blot(form, token):
    from bot.core.logs import blot_secrets

    assert form.fullmatch(token)
    assert token not in blot_secrets(None, "", {"event": f"url/bot{token}/x, {token}"})["event"].replace("url/bot" + token, "")


def test_a_wrong_setting_is_a_failed_check_and_the_others_are_still_used(monkeypatch, tmp_path):
    monkeypatch.setenv("COMPANION_SLOTS", "many")
    monkeypatch.setenv("COMPANION_LOG_LEVEL", "loud")
    monkeypatch.setenv("COMPANION_DATA_DIR", str(tmp_path / "elsewhere"))
    found = list(doctor.checks())
    assert ["SLOTS" in check.detail or "LOG_LEVEL" in check.detail for check in found if check.name == "settings"] == [
        True,
        True,
    ]
    assert str(tmp_path / "elsewhere") in next(check.detail for check in found if check.name == "disk")


@pytest.mark.parametrize("text", ["slots = 'many'\nnonsense = 1", "this is = no = toml"])
def test_a_wrong_settings_file_is_a_failed_check(tmp_path, text):
    (tmp_path / "companion.toml").write_text(text)
    found = list(doctor.checks())
    assert not next(check for check in found if check.name == "settings").ok
    assert "disk" in [check.name for check in found]


def test_a_setting_nobody_knows_is_a_failed_check(monkeypatch):
    monkeypatch.setenv("COMPANION_MODLE", "x")
    check = next(check for check in doctor.checks() if check.name == "settings")
    assert "did you mean COMPANION_MODEL?" in check.detail


def test_the_doctor_asks_the_workers_half_too_and_ends_with_1(tmp_path):
    environment = {**os.environ, "COMPANION_DATA_DIR": str(tmp_path), "COMPANION_ENGINE": "echo"}
    done = subprocess.run(
        [sys.executable, "-m", "bot", "doctor"], env=environment, capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 1
    assert "FAIL redis: the embedded one" in done.stdout
    assert "ok   engine: echo\n" in done.stdout
    assert done.stderr == ""
