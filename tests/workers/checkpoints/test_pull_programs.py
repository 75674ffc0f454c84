"""`model pull` as a process that is killed, interrupted, doubled and cut off; unmodified huggingface_hub and HF_ENDPOINT."""

import os
import pty
import re
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.fakes.hub import TOKEN
from tests.ports import Nowhere
from tests.workers.checkpoints.conftest import MODEL, SHARDS
from tests.workers.checkpoints.test_pull import same
from workers.checkpoints.check import check, is_well

# Programs, some waiting for each other: on a busy machine that takes its time.
pytestmark = pytest.mark.timeout(180)


def ended(process, seconds=150):
    """(exit status, standard output, standard error)."""
    out, err = process.communicate(timeout=seconds)
    return process.returncode, out, err


def until(holds, seconds=60):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def fetched(folder):
    """Bytes that have come; files and folders may go while it is looked."""
    num = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                num += (Path(place) / name).stat().st_size if name.endswith(".incomplete") else 0
    return num


@pytest.fixture
def slow(hub):
    """A hub at which a pull takes some seconds; calling it takes the brake off."""
    hub.bytes_a_second = 300_000

    def release():
        hub.bytes_a_second = 0

    return release


def test_killed_in_the_middle_it_goes_on_where_it_ended(program, hub, slow, published, tmp_path):
    victim = program(MODEL)
    until(lambda: fetched(tmp_path / "home") > 300_000)
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    kept = fetched(tmp_path / "home")
    slow()
    hub.asked.clear()
    status, out, err = ended(program(MODEL))
    assert status == 0, err
    assert "going on" in err
    starts = [int(asked.removeprefix("bytes=").removesuffix("-")) for shard in SHARDS for asked in set(hub.downloads(shard))]
    assert sum(starts) == kept
    assert same(Path(out.strip()), published)
    assert fetched(tmp_path / "home") == 0


def test_interrupted_it_ends_at_once_and_says_how_to_go_on(program, hub, slow, published, tmp_path):
    hub.bytes_a_second = 40_000  # a busy machine has time to interrupt it
    victim = program(MODEL, "--to", tmp_path / "here")
    until(lambda: fetched(tmp_path / "here") > 100_000)
    victim.send_signal(signal.SIGINT)
    status, out, err = ended(victim)
    assert (status, out) == (130, "")
    assert fetched(tmp_path / "here") > 0, "at once, and not after the rest of the files"
    assert f"To go on: companion model pull {MODEL} --to {tmp_path / 'here'}" in err
    assert "Traceback" not in err


def test_two_at_once_fetch_every_byte_once_and_both_have_the_model(program, hub, slow, published, tmp_path):
    hub.bytes_a_second = 20_000
    first = program(MODEL)
    until(lambda: fetched(tmp_path / "home") > 0)
    second = program(MODEL)
    assert "this one waits" in second.stderr.readline() + second.stderr.readline()
    slow()
    (_, one, _), (_, other, told) = ended(first), ended(second)
    assert one == other
    assert same(Path(one.strip()), published)
    # Once asked at the hub, once at its store.
    assert [hub.downloads(shard) for shard in SHARDS] == [["bytes=0-"] * 2] * 2
    assert "all in" in told


def test_two_that_start_together_do_not_harm_each_other(program, hub, published):
    both = [program(MODEL) for _ in range(2)]
    results = [ended(process) for process in both]
    assert [status for status, _, _ in results] == [0, 0], results
    assert same(Path(results[0][1].strip()), published)


def test_who_waits_for_another_that_dies_goes_on_in_its_place(program, hub, slow, published, tmp_path):
    hub.bytes_a_second = 20_000
    first = program(MODEL)
    until(lambda: fetched(tmp_path / "home") > 0)
    second = program(MODEL)
    line = second.stderr.readline() + second.stderr.readline()
    assert "this one waits" in line
    first.kill()
    slow()
    status, out, _ = ended(second)
    assert status == 0
    assert same(Path(out.strip()), published)


def test_offline_it_finds_what_is_here_and_asks_nobody(program, hub):
    _, out, _ = ended(program(MODEL))
    hub.asked.clear()
    status, again, err = ended(program(MODEL, HF_HUB_OFFLINE="1"))
    assert (status, again) == (0, out)
    assert "looking only on this machine" in err
    assert hub.asked == []
    status, _, err = ended(program("nobody/else", HF_HUB_OFFLINE="1"))
    assert status == 1
    assert "nothing of nobody/else is on this machine → unset HF_HUB_OFFLINE" in err


def test_offline_half_a_model_is_said_to_be_half(program, hub, slow, tmp_path):
    victim = program(MODEL)
    until(lambda: fetched(tmp_path / "home") > 100_000)
    victim.kill()
    victim.communicate()
    status, _, err = ended(program(MODEL, HF_HUB_OFFLINE="1"))
    assert status == 1
    assert "missing" in err


def test_no_network_is_told_at_once_with_the_way_to_a_mirror(program):
    with Nowhere() as port:
        status, _, err = ended(program(MODEL, HF_ENDPOINT=f"http://127.0.0.1:{port}"))
    assert status == 1
    assert f"http://127.0.0.1:{port} cannot be reached (ConnectError)" in err
    assert "--mirror https://hf-mirror.com" in err


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "socks://127.0.0.1:1/"])
def test_a_socks_proxy_that_cannot_be_used_is_told_with_a_way_out(program, proxy):
    """Many who need a proxy to reach a hub have one of these; desktops write `socks://`, which no library takes."""
    status, _, err = ended(program(MODEL, all_proxy=proxy))
    assert status == 1
    assert "Traceback" not in err
    assert "SOCKS" in err
    assert "HTTPS_PROXY" in err


def test_a_token_that_no_header_can_hold_is_told_as_one(program):
    status, _, err = ended(program(MODEL, HF_TOKEN="hf_abc…"))
    assert status == 1
    assert "does not accept the token" in err


def test_the_environments_hub_gets_the_token_and_its_store_does_not(program, hub, published):
    hub.publish("nobody/gated", published, gated=True)
    status, _, err = ended(program("nobody/gated", HF_TOKEN=TOKEN))
    assert status == 0, err
    assert {asked.has_token for asked in hub.asked if "/nobody/" in asked.path} == {True}
    assert TOKEN not in err
    status, _, err = ended(program(MODEL, HF_TOKEN="hf_wrong"))
    assert status == 1
    assert "does not accept the token" in err


def test_a_terminal_sees_one_line_with_speed_and_time_left(program, hub, slow, tmp_path):
    ours, theirs = pty.openpty()
    process = program(MODEL, terminal=theirs)
    os.close(theirs)
    told = b""
    while not re.search(rb"([1-9]\d?) %  ([\d.]+ .iB) of [\d.]+ MiB  ([\d.]+ .iB)/s  (\d:\d\d) left", told):
        told += os.read(ours, 4096)
    slow()
    assert b"\r\x1b[K" in told
    while b"COMPANION_MODEL" not in told:
        told += os.read(ours, 4096)
    assert b"100 %" in told
    assert is_well(check(Path(process.stdout.read().strip())))
    os.close(ours)
