"""How much one Telegram adapter takes in and delivers, and what it needs for it: the adapter, Redis and HTTP are real.

    python bench/telegram.py                     everybody writes again as soon as they are answered
    python bench/telegram.py --drafts 3          each reply grows in so many steps before it ends
    python bench/telegram.py --open 10000        memory: so many people have been answered once

A Bot API server that does nothing but take and give (aiohttp, a process of its own) plays Telegram and the people; this
process plays the workers, without a model or Celery. Telegram itself allows a bot some 30 calls a second; here the adapter
may make as many as it can. Redis is the embedded one, fsync on every write. Prints a table and writes JSON.
"""

import argparse
import asyncio
import base64
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from aiohttp import web

from bot.core.lease import Leases
from bot.core.messages import Conversation, Draft, Finished, Turn, new_turn_id
from bot.core.settings import load
from bot.run import Front, open_redis

ROOT = Path(__file__).parents[1]
TOKEN = "7000004242:AAfaketokenfaketokenfaketokenfake-1"
BOT = int(TOKEN.partition(":")[0])
END = "That is all."
TICKS = os.sysconf("SC_CLK_TCK")
COLUMNS = ("people", "drafts", "messages/s", "adapter ms of CPU each", "ms to the answer: p50", "p95", "adapter MB")


class Telegram:
    """The server and the people: whoever gets an answer that ends writes again, while `writes_again`."""

    def __init__(self):
        self.updates, self.news, self.next_id = [], asyncio.Event(), 1
        self.written_at, self.waits, self.writes_again, self.num_answered = {}, [], True, 0

    def write(self, person):
        self.next_id += 1
        who = {"id": person, "first_name": "Ann"}
        message = {"message_id": self.next_id, "date": int(time.time()), "chat": who | {"type": "private"}}
        message |= {"from": who | {"is_bot": False, "language_code": "en"}, "text": "hello there, how are you today?"}
        self.updates.append({"update_id": self.next_id, "message": message})
        self.written_at[person] = time.perf_counter()
        self.news.set()

    async def updates_from(self, offset):
        self.updates = [update for update in self.updates if update["update_id"] >= offset]
        if not self.updates:
            self.news.clear()
            with_timeout = asyncio.wait_for(self.news.wait(), 2)
            await asyncio.gather(with_timeout, return_exceptions=True)
        return self.updates[:100]

    def hear(self, person, text):
        if text.endswith(END) and person in self.written_at:
            self.waits.append(time.perf_counter() - self.written_at.pop(person))
            self.num_answered += 1
            if self.writes_again:
                self.write(person)

    async def call(self, request):
        asked, method = await request.post(), request.match_info["method"]
        if method == "getUpdates":
            return self.ok(await self.updates_from(int(asked.get("offset", 0))))
        if method == "getMe":
            return self.ok({"id": BOT, "is_bot": True, "first_name": "C", "username": "companion_bot"})
        if method not in ("sendMessage", "editMessageText"):
            return self.ok(True)
        self.next_id += 1
        chat = {"id": int(asked["chat_id"]), "type": "private", "first_name": "Ann"}
        self.hear(chat["id"], asked["text"])
        return self.ok({"message_id": self.next_id, "date": 1, "chat": chat, "text": asked["text"]})

    def ok(self, result):
        return web.json_response({"ok": True, "result": result})

    async def begin(self, request):
        asked = await request.json()
        self.writes_again, self.waits, self.num_answered = asked["again"], [], 0
        for person in range(1, asked["people"] + 1):
            if person not in self.written_at:
                self.write(person)
        return self.ok(True)

    async def look(self, request):
        told = {"answered": self.num_answered, "waits": self.waits[:20_000]}
        if "reset" in request.query:
            self.waits, self.num_answered = [], 0
        return self.ok(told)


def serve(pipe):
    telegram = Telegram()
    app = web.Application(client_max_size=2**22)
    app.router.add_post(f"/bot{TOKEN}/{{method}}", telegram.call)
    app.router.add_post("/begin", telegram.begin)
    app.router.add_get("/look", telegram.look)

    async def run():
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        pipe.send(site._server.sockets[0].getsockname()[1])
        await asyncio.Event().wait()

    asyncio.run(run())


def ask(url, body=None):
    request = urllib.request.Request(url, body and json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.loads(response.read())["result"]


class Workers:
    """Answer whoever is in the queue, at once; `drafts` steps before the end."""

    def __init__(self, front, drafts):
        self.front, self.drafts = front, drafts
        self.leases = Leases(front.store, front.vault, 30, 1000)
        self.outbox = front.outbox(f"telegram:{BOT}")
        self.is_over = False
        self.threads = [threading.Thread(target=self.work, daemon=True) for _ in range(2)]
        for thread in self.threads:
            thread.start()

    def work(self):
        while not self.is_over:
            found = self.front.store.redis.brpop(["companion:companion"], timeout=1)
            if found:
                body = json.loads(base64.b64decode(json.loads(found[1])["body"]))
                self.reply(Conversation.parse(body[0][0]))

    def reply(self, where):
        lease = self.leases.acquire(where)
        if lease is None:
            return
        turn, text = new_turn_id(), f"**Hello** to you. I am fine, and I *listen*. {END}"
        for seq in range(self.drafts):
            draft = Draft(str(where), turn, lease.fence, seq + 1, False, "", text[: 20 * (seq + 1)])
            self.outbox.publish(where, draft, lease.seal)
        final = Finished(str(where), turn, lease.lines[-1].message_id, text, "", "")
        self.leases.commit(lease, final, Turn(turn, lease.lines, text, time.time(), "default"), "append")

    def end(self):
        self.is_over = True
        for thread in self.threads:
            thread.join()


class Adapter:
    """The process, and what the system says of it."""

    def __init__(self, url, settings, port):
        environment = os.environ | {
            "COMPANION_REDIS_URL": url, "COMPANION_DATA_DIR": str(settings.data_dir), "PYTHONPATH": str(ROOT),
            "COMPANION_TELEGRAM_TOKEN": TOKEN, "COMPANION_TELEGRAM_URL": f"http://127.0.0.1:{port}",
            "COMPANION_TELEGRAM_CALLS": "100000", "COMPANION_MERGE_SECONDS": "0", "COMPANION_MESSAGES_PER_MINUTE": "0",
            "COMPANION_DISCLOSURE_HOURS": "0",
        }  # fmt: skip
        self.process = subprocess.Popen([sys.executable, "-m", "bot", "bot", "telegram"], env=environment)

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def megabytes(self):
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024

    def end(self):
        self.process.terminate()
        self.process.wait()


@contextmanager
def world(drafts):
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    port = ours.recv()
    with tempfile.TemporaryDirectory() as folder:
        settings = load(data_dir=Path(folder))
        with open_redis(settings) as url:
            front = Front(settings, url)
            front.vault.check()
            workers, adapter = Workers(front, drafts), Adapter(url, settings, port)
            yield f"http://127.0.0.1:{port}", adapter
            adapter.end()
            workers.end()
    server.terminate()


def measure(options):
    """Full load for a while, after a warm-up in which everybody is met."""
    with world(options.drafts) as (telegram, adapter):
        ask(f"{telegram}/begin", {"people": options.people, "again": True})
        while ask(f"{telegram}/look")["answered"] < options.people:
            time.sleep(0.5)
        ask(f"{telegram}/look?reset")
        began_at, cpu = time.perf_counter(), adapter.cpu_seconds()
        time.sleep(options.seconds)
        seen, elapsed, cpu = ask(f"{telegram}/look"), time.perf_counter() - began_at, adapter.cpu_seconds() - cpu
        marks = statistics.quantiles(seen["waits"], n=100)
        return {
            "people": options.people, "drafts": options.drafts, "messages_per_second": round(seen["answered"] / elapsed, 1),
            "adapter_cpu_ms_each": round(1000 * cpu / seen["answered"], 2), "answer_p50_ms": round(1000 * marks[49], 1),
            "answer_p95_ms": round(1000 * marks[94], 1), "adapter_mb": round(adapter.megabytes(), 1),
        }  # fmt: skip


def measure_memory(options):
    with world(0) as (telegram, adapter):
        ask(f"{telegram}/begin", {"people": 1, "again": False})
        while not ask(f"{telegram}/look")["answered"]:
            time.sleep(0.2)
        before = adapter.megabytes()
        ask(f"{telegram}/begin", {"people": options.open, "again": False})
        while ask(f"{telegram}/look")["answered"] < options.open:
            time.sleep(0.5)
        return {
            "open_chats": options.open, "adapter_mb_with_one": round(before, 1),
            "adapter_mb_with_all": round(adapter.megabytes(), 1),
        }  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--drafts", type=int, nargs="+", default=[0])
    parser.add_argument("--open", type=int, help="measure memory instead, with so many chats")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.open:
        rows = [measure_memory(options)]
        print(rows[0])
    else:
        rows = [measure(argparse.Namespace(**vars(options) | {"drafts": drafts})) for drafts in options.drafts]
        cells = [COLUMNS, ["---"] * len(COLUMNS), *(row.values() for row in rows)]
        print("\n".join("| " + " | ".join(map(str, line)) + " |" for line in cells))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
