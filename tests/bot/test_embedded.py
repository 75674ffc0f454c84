"""The Redis that comes with Companion, as a real server: it survives its owners, and they survive it."""

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from bot import embedded
from bot.core import queue
from bot.core.errors import StoreUnavailable
from bot.embedded import EmbeddedRedis, find_server

OWNER = """
import sys, pathlib
from bot.embedded import EmbeddedRedis
with EmbeddedRedis(pathlib.Path(sys.argv[1])) as server:
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def data(tmp_path):
    yield tmp_path / "data"
    _end(tmp_path / "data" / "redis" / "redis.pid")


@pytest.fixture
def own(data):
    """Starts a server for the test; every one ends with it."""
    servers = []

    def start():
        servers.append(EmbeddedRedis(data))
        servers[-1].start()
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def elsewhere(data):
    """Another process that owns, or uses, the server of the same folder."""
    processes = []

    def start(wait=True):
        process = subprocess.Popen(
            [sys.executable, "-c", OWNER, str(data)], cwd=Path(embedded.__file__).parents[1], stdin=-1, stdout=-1, text=True
        )
        processes.append(process)
        return process if not wait or process.stdout.readline() == "ready\n" else pytest.fail("it did not start")

    yield start
    for process in processes:
        with process:
            process.stdin.close()
            process.wait(30)


def client(server):
    return redis.Redis.from_url(server.url, single_connection_client=True)


def ask(server, command, *arguments):
    with client(server) as connection:
        return connection.execute_command(command, *arguments)


def pid(server):
    with client(server) as connection:
        return connection.info()["process_id"]


def _end(pidfile):
    """A failed test leaves no server behind."""
    if pidfile.exists():
        with suppress(ProcessLookupError):
            os.kill(int(pidfile.read_text()), signal.SIGKILL)


def _until(holds, seconds=60):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "never happened"
        time.sleep(0.01)


def _mode(path):
    return stat.S_IMODE(path.stat().st_mode)


# lives and deaths


def test_data_survive_a_stop_and_a_start(own):
    first = own()
    ask(first, "SET", "what was said", "hello")
    first.stop()
    assert not first.is_running()

    assert ask(own(), "GET", "what was said") == b"hello"


def test_a_server_whose_owner_was_killed_is_adopted_and_ended_by_the_next(own, elsewhere):
    owner = elsewhere()
    owner.kill()
    owner.wait()

    second = own()
    second.stop()

    assert not second.is_running()


def test_adoption_keeps_the_very_same_server(own, elsewhere, data):
    owner = elsewhere()
    before = int((data / "redis" / "redis.pid").read_text())
    owner.kill()
    owner.wait()

    assert pid(own()) == before


def test_a_killed_server_is_started_again_with_everything_it_had_confirmed(own):
    server = own()
    ask(server, "SET", "what was said", "hello")
    os.kill(pid(server), signal.SIGKILL)
    _until(lambda: not server.is_running())
    assert server.socket.exists(), "it left its socket behind"

    server.start()

    assert ask(server, "GET", "what was said") == b"hello"


def test_the_next_owner_cleans_up_after_a_killed_server_and_a_killed_owner(own, elsewhere, data):
    owner = elsewhere()
    server_pid = int((data / "redis" / "redis.pid").read_text())
    for process in (owner.pid, server_pid):
        os.kill(process, signal.SIGKILL)
    owner.wait()
    assert (data / "redis" / "redis.sock").exists()

    assert ask(own(), "PING")


def test_a_second_start_uses_the_running_server_and_does_not_end_it(own):
    first, second = own(), own()
    assert pid(second) == pid(first)

    second.stop()

    assert first.is_running()


def test_whoever_only_used_the_server_owns_it_when_the_owner_has_gone(own):
    first, second = own(), own()
    ask(first, "SET", "what was said", "hello")
    first.stop()
    assert not second.is_running()

    second.start()

    assert ask(second, "GET", "what was said") == b"hello"
    second.stop()
    assert not second.is_running(), "now it was its own"


def test_a_start_while_the_owner_is_still_leaving_takes_over(own, data):
    leaving = own()
    os.kill(pid(leaving), signal.SIGKILL)
    _until(lambda: not leaving.is_running())
    late = EmbeddedRedis(data)
    starting = threading.Thread(target=late.start)
    starting.start()
    time.sleep(0.1)

    leaving.stop()
    starting.join(60)

    assert late.is_running()
    late.stop()


def test_many_that_start_at_the_same_moment_share_one_server(own, elsewhere):
    processes = [elsewhere(wait=False) for _ in range(4)]

    assert [process.stdout.readline() for process in processes] == ["ready\n"] * 4
    assert ask(own(), "PING")


def test_a_server_that_is_only_slow_gets_no_second_one_beside_it(own, monkeypatch):
    monkeypatch.setattr(embedded, "_ANSWER_SECONDS", 0.2)
    server = own()
    number = pid(server)
    os.kill(number, signal.SIGSTOP)
    try:
        assert server.is_running()
        starting = threading.Thread(target=server.start)
        starting.start()
        time.sleep(0.5)
    finally:
        os.kill(number, signal.SIGCONT)
    starting.join(60)

    assert pid(server) == number


def test_a_server_that_takes_long_to_read_its_data_is_waited_for(own, monkeypatch):
    first, value = own(), b"hello" * 500_000  # after each two megabytes it says that it is reading
    ask(first, "CONFIG", "SET", "rdbcompression", "no")
    for number in range(10):
        ask(first, "SET", f"what was said {number}", value)
    ask(first, "BGREWRITEAOF")
    _until(lambda: not ask(first, "INFO", "persistence")["aof_rewrite_in_progress"])
    first.stop()
    monkeypatch.setattr(embedded, "_CONFIG", f"{embedded._CONFIG}key-load-delay 500000\n")  # microseconds for each
    monkeypatch.setattr(embedded, "_START_SECONDS", 3)

    assert ask(own(), "GET", "what was said 9") == value


def test_ctrl_c_in_the_terminal_is_not_for_the_data(own):
    server = own()

    assert os.getsid(pid(server)) == pid(server)


# what is refused, in words


def test_data_of_a_newer_redis_are_not_opened_with_an_older_one(data):
    (data / "redis").mkdir(parents=True)
    (data / "redis" / "version").write_text("99.1.0\n")
    binary = find_server()

    with pytest.raises(StoreUnavailable) as refusal, EmbeddedRedis(data):
        pass

    version = ".".join(map(str, embedded.server_version(binary)))
    assert str(refusal.value) == (
        f"the data in {data / 'redis'} was written by Redis 99.1.0, but {binary} is {version}: "
        "install redis-server 99.1.0 or newer"
    )


def test_a_server_that_cannot_read_its_data_says_why_and_where_to_look(own, data):
    own().stop()
    for file in [*data.glob("redis/appendonlydir/*.incr.aof"), *data.glob("redis/appendonly.aof")]:
        file.write_bytes(b"*2\r\nnonsense" + b"x" * 5000)

    with pytest.raises(StoreUnavailable, match=r"redis-server ended at once: .+ \(log: .+redis\.log\)"):
        own()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a disk that is always full")
def test_on_a_full_disk_the_start_is_refused_in_words(own, data):
    own().stop()
    config = data / "redis" / "redis.conf"
    config.unlink()
    config.symlink_to("/dev/full")

    with pytest.raises(StoreUnavailable, match=f"cannot be started in {data / 'redis'}: No space left on device"):
        own()


def test_the_version_of_the_data_is_not_written_again_where_a_full_disk_could_empty_it(own, data):
    own().stop()
    before = (data / "redis" / "version").stat().st_mtime_ns

    own()

    assert (data / "redis" / "version").stat().st_mtime_ns == before


def test_without_any_server_the_message_says_how_to_get_one(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(embedded, "find_spec", lambda _: None)

    with pytest.raises(StoreUnavailable) as refusal:
        find_server()

    assert str(refusal.value) == (
        "no Redis found: install redis-server 6.2 or newer (Debian, Ubuntu: `sudo apt install redis-server`, "
        "macOS: `brew install redis`), or set COMPANION_REDIS_URL to one that runs"
    )


@pytest.mark.parametrize(
    ("version", "is_taken"), [("6.0.16", False), ("5.0.7", False), ("6.2.0", True), ("7.4.1", True), ("10.0.0", True)]
)
def test_a_server_on_the_path_is_taken_if_it_is_new_enough(monkeypatch, tmp_path, version, is_taken):
    program = tmp_path / "redis-server"
    program.write_text(f"#!/bin/sh\necho 'Redis server v={version} sha=00000000:0 malloc=libc bits=64 build=0'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(embedded, "_bundled_server", lambda: "the bundled one")

    assert find_server() == (str(program) if is_taken else "the bundled one")


@pytest.mark.parametrize("program", ["#!/bin/sh\nexec /bin/sleep 60\n", "of another kind of machine", "#!/nobody/here\n"])
def test_a_server_that_cannot_say_its_version_is_passed_over(monkeypatch, tmp_path, program):
    """On a machine that has no memory left for a moment, too: what keeps everything alive asks again at its next look."""
    file = tmp_path / "redis-server"
    file.write_text(program)
    file.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(embedded, "_bundled_server", lambda: "the bundled one")
    monkeypatch.setattr(embedded, "_VERSION_SECONDS", 0.2)

    assert find_server() == "the bundled one"


# nobody else gets in


def test_nobody_else_can_read_the_files_or_reach_the_socket(own, data):
    server = own()

    names = ["password", "redis.conf", "redis.sock"]
    assert {name: oct(_mode(data / "redis" / name)) for name in names} == dict.fromkeys(names, oct(0o600))
    assert _mode(data / "redis") == 0o700
    assert _mode(server.socket.parent) == 0o700


def test_nothing_listens_on_the_network_and_the_password_is_needed(own):
    server = own()

    with (
        redis.Redis(unix_socket_path=str(server.socket), retry=Retry(NoBackoff(), 0)) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()
    assert ask(server, "CONFIG", "GET", "port") == {b"port": b"0"}


def test_every_write_is_on_disk_before_it_is_confirmed_and_nothing_is_ever_evicted(own):
    server = own()
    wanted = {b"appendonly": b"yes", b"appendfsync": b"always", b"maxmemory-policy": b"noeviction", b"save": b""}

    assert {name: ask(server, "CONFIG", "GET", name)[name] for name in wanted} == wanted


def test_a_folder_whose_path_is_too_long_for_a_socket_works_all_the_same(tmp_path):
    with EmbeddedRedis(tmp_path / ("long " * 20 + "name")) as server:
        assert ask(server, "PING")
        assert len(str(server.socket)) < 100
        assert _mode(server.socket.parent) == 0o700
        assert _mode(server.socket) == 0o600


def test_a_folder_that_another_user_made_for_the_socket_is_refused(tmp_path, monkeypatch):
    server = EmbeddedRedis(tmp_path / "data")
    (tmp_path / "data" / "redis").mkdir(parents=True)
    monkeypatch.setattr(os, "getuid", lambda: 12345)

    with pytest.raises(StoreUnavailable) as refusal, server:
        pass

    assert str(refusal.value) == (
        f"{tmp_path / 'data' / 'redis'} belongs to another user of this machine; remove it, or set COMPANION_DATA_DIR"
    )


def test_a_folder_that_was_open_to_others_is_closed(own, data):
    (data / "redis").mkdir(parents=True)
    (data / "redis").chmod(0o777)

    own()

    assert _mode(data / "redis") == 0o700


@pytest.mark.parametrize("name", ["Application Support", 'a "quoted" \\ one', "50% off?#1", "数据"])
def test_any_name_of_the_data_folder_will_do(tmp_path, name):
    with EmbeddedRedis(tmp_path / name) as server:
        assert ask(server, "PING")
        assert (tmp_path / name / "redis" / "redis.log").exists()
        with queue.client(server.url).connection_for_write() as broker:
            broker.ensure_connection(max_retries=1, timeout=30)
