"""Workers for a measurement: started, waited for, asked for their numbers, ended."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

ROOT = Path(__file__).parents[1]


@contextmanager
def running(options, front, url, num_workers):
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {
        "PYTHONPATH": path,
        "COMPANION_REDIS_URL": url,
        "COMPANION_DATA_DIR": str(front.settings.data_dir),
    }
    environment |= {f"COMPANION_{name.upper()}": str(getattr(front.settings, name)) for name in options.chosen}
    program = [str(Path(__file__).with_name("fake.py"))] if options.fake else ["-m", "workers"]
    command = [sys.executable, *program, "run", "--grace", "0"]
    with tempfile.TemporaryFile("w+") as told:
        workers = [start(command, environment, told) for _ in range(num_workers)]
        try:
            while num_ready(front) < num_workers * front.settings.slots:
                refuse_to_wait(front, workers, told)
                time.sleep(0.05)
            yield workers
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()


def num_ready(front):
    """Slots of workers, and of all their processes."""
    return sum(worker.slots for worker in front.presence.workers() if worker.stage == "ready")


def start(command, environment, told):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    worker = subprocess.Popen(command, env=environment | {"COMPANION_METRICS_PORT": str(port)}, stderr=told)
    worker.port = port
    return worker


def refuse_to_wait(front, workers, told):
    """For a worker that will never be ready."""
    failed = [worker.detail for worker in front.presence.workers() if worker.stage == "failed"]
    if failed or any(worker.poll() is not None for worker in workers):
        told.seek(0)
        sys.exit("\n".join([told.read()[-3000:], *failed]))


def told(workers):
    """Of all workers: tokens of prompts from the cache and read anew, replies by the holder and by another."""
    names = [f'companion_engine_prompt_tokens_total{{source="{source}"}}' for source in ("cache", "read")]
    names += [f'companion_returns_total{{source="{source}"}}' for source in ("holder", "other")]
    found = dict.fromkeys(names, 0.0)
    for worker in workers:
        with urlopen(f"http://127.0.0.1:{worker.port}/metrics", timeout=10) as page:
            for name, _, value in (line.rpartition(" ") for line in page.read().decode().splitlines()):
                if name in found:
                    found[name] += float(value)
    return found.values()


def cores(front, workers):
    """Seconds of the processor that the workers have taken, their engines, Redis, and this program; nothing without /proc."""
    children = [child for worker in workers for child in children_of(worker.pid)]
    engines = [pid for pid in children if "child" in command_of(pid)]
    processes = [worker.pid for worker in workers] + [pid for pid in children if pid not in engines]
    redis = front.store.redis.info("server")["process_id"]
    return [sum(map(seconds_of, pids)) for pids in (processes, engines, [redis], [os.getpid()])]


def num_processes(workers):
    return sum(1 + sum("child" not in command_of(pid) for pid in children_of(worker.pid)) for worker in workers)


def children_of(pid):
    return [int(child) for tasks in Path(f"/proc/{pid}/task").glob("*/children") for child in tasks.read_text().split()]


def command_of(pid):
    return Path(f"/proc/{pid}/cmdline").read_text()


def seconds_of(pid):
    with suppress(OSError):
        user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    return 0.0
