"""The program as a user starts it: real processes, real Redis, real worker; killed as hard as a power cut would."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from bot.adapters.console.surface import conversation_here
from bot.core.settings import load
from bot.core.store import Keys
from bot.embedded import EmbeddedRedis
from bot.run import open_front

ROOT = Path(__file__).parents[1]


class Chat:
    """`companion chat` with pipes for hands and eyes."""

    def __init__(self, data_dir, *command, **settings):
        self.data_dir, settings = data_dir, {"engine": "echo", **settings}
        environment = {key: value for key, value in os.environ.items() if not key.startswith("COMPANION_")}
        environment |= {f"COMPANION_{key.upper()}": str(value) for key, value in settings.items()}
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        environment |= {"COMPANION_DATA_DIR": str(data_dir), "PYTHONPATH": path}
        self.log = (data_dir / "chat.err").open("a")
        self.process = subprocess.Popen(
            [sys.executable, "-m", *(command or ("bot", "chat"))],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            bufsize=1,
        )
        self.lines = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def say(self, text):
        self.process.stdin.write(f"{text}\n")

    def hear(self, seconds=60):
        """The next line the companion says."""
        return self.lines.get(timeout=seconds)

    def ask(self, text):
        self.say(text)
        return self.hear()

    def settle(self):
        """Wait until what people saw is also known as delivered: an adapter that dies before that shows it again, marked."""
        with front(self.data_dir) as opened:
            until(lambda: not any(opened.store.redis.xlen(Keys(surface).outbox) for surface in opened.store.surfaces()))

    def leave(self):
        """End of input; gives the exit status and whatever was said and not heard."""
        self.process.stdin.close()
        status = self.process.wait(60)
        self.log.close()
        return status, list(self.lines.queue)

    def kill(self):
        self.process.kill()
        self.process.wait(60)

    def children(self):
        return [(pid, command_of(pid)) for pid in children_of(self.process.pid)]

    def worker(self):
        return next(pid for pid, command in self.children() if "workers run" in command)

    def engine(self):
        return next(pid for pid in children_of(self.worker()) if "workers.engines" in command_of(pid))

    def _listen(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()


class Up(Chat):
    """`companion up`, or another command that runs until it is told to end."""

    def __init__(self, data_dir, *command, **settings):
        super().__init__(data_dir, *(command or ("bot", "up")), **settings)

    def child(self, words):
        """The process of it whose command line has these words."""
        return until(lambda: next(pid for pid, command in self.children() if words in command))

    def __exit__(self, *_):
        self.process.terminate()
        super().__exit__(*_)


@contextlib.contextmanager
def front(data_dir):
    """The stores of a service that runs, or ran, in that data folder."""
    settings = load(data_dir=data_dir)
    with EmbeddedRedis(data_dir) as server, open_front(settings, server.url) as opened:
        yield opened


def turns_of(data_dir):
    with front(data_dir) as opened:
        return opened.memory.recent(conversation_here(opened))


def until(what, seconds=60):
    """Wait for something to be true, and give it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(StopIteration, OSError):
            if found := what():
                return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s")


def begun(data_dir):
    """Wait until a reply is being made, well after its start and before its end."""
    with front(data_dir) as opened:
        conversation = conversation_here(opened)
        until(
            lambda: opened.store.redis.hget(
                f"companion:{{{conversation.surface}}}:state:"
                + ":".join((conversation.chat, conversation.thread, conversation.person)),
                "lease",
            )
        )
    time.sleep(0.7)


def kill(pid):
    os.kill(pid, signal.SIGKILL)


def is_alive(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def children_of(pid):
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for children in lists for child in children.read_text().split()]


def command_of(pid):
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")


def processes_of(data_dir):
    """Every process that lives in the data folder, by its command line or its environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                told = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
                if str(data_dir).encode() in told and is_alive(int(entry.name)):
                    found.append(command_of(int(entry.name)))
    return found
