"""Child processes that are real: started, watched, and ended with their parent."""

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import bot
from bot import services
from bot.services import Service

PATIENT = "import sys, os; print('hello', os.getpid(), flush=True); sys.stdin.read()"
DEAF = "import time; print('hello', flush=True); time.sleep(60)"
TALKATIVE = "import time\nwhile True: print('hello', flush=True); time.sleep(0.001)"
SHORT = "print('gone')"
PARENT = """
import sys, time, pathlib, os
from bot.services import Service
service = Service("child", ["child"], os.environ, pathlib.Path(sys.argv[1]))
service.keep_alive()
print(service.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def make(tmp_path):
    made = []

    def service(code):
        (tmp_path / "child.py").write_text(code)
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        made.append(Service("child", ["child"], environment, tmp_path / "logs" / "child.log"))
        return made[-1]

    yield service
    for one in made:
        one.stop()


def until(holds, seconds=60):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "never happened"
        time.sleep(0.01)


def has_said(service, num=1):
    """So many whole lines: a line may come in pieces."""
    return service.log_file.exists() and service.log_file.read_text().count("\n") >= num


def is_alive(pid):
    """A zombie that nobody has waited for yet is dead."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc").exists():
        return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"
    return subprocess.run(["ps", "-p", str(pid)], check=False, capture_output=True).returncode == 0


def test_a_service_runs_once_however_often_it_is_looked_after(make):
    service = make(PATIENT)
    for _ in range(5):
        service.keep_alive()
    until(lambda: has_said(service))

    assert service.log_file.read_text() == f"hello {service.pid}\n"


def test_its_log_fills_two_files_at_most_while_it_goes_on(make, monkeypatch):
    monkeypatch.setattr(services, "_MAX_LOG_BYTES", 1000)
    service = make(TALKATIVE)
    for num in range(3):
        service.keep_alive()
        until(lambda: service.log_file.stat().st_size > 1000, 60)
        service.keep_alive()
        assert service.log_file.stat().st_size <= 1000, f"time {num}"

    assert {file.name for file in service.log_file.parent.iterdir()} == {"child.log", "child.log.1"}
    until(lambda: has_said(service))
    assert service.log_file.read_bytes().startswith(b"hello"), "nothing but what is said is there"


def test_stop_ends_it_and_leaves_nothing(make):
    service = make(PATIENT)
    service.keep_alive()
    until(lambda: has_said(service))
    pid = service.pid

    service.stop()

    assert service.pid is None
    assert not is_alive(pid)
    service.stop()


def test_one_that_does_not_listen_is_made_to_end(make, monkeypatch):
    monkeypatch.setattr(services, "_KILL_AFTER_SECONDS", 0.2)
    service = make(DEAF)
    service.keep_alive()
    until(lambda: has_said(service))
    pid = service.pid

    service.stop()

    assert not is_alive(pid)


def test_one_that_dies_is_started_again_at_once_and_then_with_growing_pauses(make, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(services.time, "monotonic", lambda: now[0])
    service, starts = make(SHORT), []
    for _ in range(600):
        before = service.pid
        service.keep_alive()
        if service.pid not in (before, None):
            starts.append(now[0])
            service._process.wait()
        now[0] += 0.1

    pauses = [round(later - earlier, 1) for earlier, later in itertools.pairwise(starts)]
    assert pauses[:6] == pytest.approx([0.1, 1.1, 2.1, 4.1, 8.1, 16.1], abs=0.15)


def test_a_death_after_a_long_steady_life_is_the_first_again(make, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(services.time, "monotonic", lambda: now[0])
    service = make(SHORT)
    for _ in range(4):
        service.keep_alive()
        if service.pid:
            service._process.wait()
        now[0] += 61
    assert service.num_deaths == 1


def test_a_child_killed_from_outside_comes_back(make):
    service = make(PATIENT)
    service.keep_alive()
    until(lambda: has_said(service))
    first = service.pid
    os.kill(first, signal.SIGKILL)
    until(lambda: not is_alive(first))

    service.keep_alive()
    until(lambda: has_said(service, 2))

    assert service.pid != first


def test_a_child_ends_with_its_parent_even_by_kill_9(tmp_path):
    (tmp_path / "child.py").write_text(PATIENT)
    here = Path(bot.__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": f"{here}:{tmp_path}"}
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "log")], env=environment, cwd=here, stdout=subprocess.PIPE, text=True
    )
    with parent:
        child = int(parent.stdout.readline())
        until(lambda: (tmp_path / "log").exists() and (tmp_path / "log").read_text())
        time.sleep(0.1)
        assert is_alive(child), "it waits for the end of its input"
        parent.kill()

    until(lambda: not is_alive(child))


def test_ctrl_c_in_the_terminal_is_not_for_the_children(make):
    service = make(PATIENT)
    service.keep_alive()
    until(lambda: has_said(service))

    assert os.getsid(service.pid) == service.pid


def test_the_last_words_are_the_last_line_of_the_log(make):
    service = make("print('first\\nlast\\n')")
    service.keep_alive()
    service._process.wait()

    assert service.last_words() == "last"
