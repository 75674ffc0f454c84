"""What `up` keeps alive is kept alive whatever is in the way for a while."""

import os
from errno import ENOMEM

import pytest

from bot import services
from bot.services import Service
from bot.up import Running


@pytest.fixture
def running(make_front, tmp_path):
    (tmp_path / "child.py").write_text("import sys; sys.stdin.read()")
    child = Service("child", ["child"], {**os.environ, "PYTHONPATH": str(tmp_path)}, tmp_path / "logs" / "child.log")
    running = Running(make_front(), None, child, [child])
    yield running
    running.stop()


def test_what_cannot_be_started_again_now_is_at_a_later_look(running, monkeypatch, capsys):
    running.look_after()
    first = running.worker.pid
    running.worker._process.kill()
    running.worker._process.wait()
    with monkeypatch.context() as poor:
        poor.setattr(services.subprocess, "Popen", fail)
        running.look_after()
        assert running.worker.pid is None
    running.look_after()

    assert running.worker.pid not in (None, first)
    assert "Cannot allocate memory" in capsys.readouterr().out


def fail(*_arguments, **_options):
    raise OSError(ENOMEM, os.strerror(ENOMEM))
