"""Simulated people of `service.py`: what they write goes into the inbox, and what they hear comes from the outbox."""

import os
import queue
import threading
import time
from contextlib import suppress

from redis.exceptions import RedisError

from bot.core.messages import Conversation, Draft, Incoming, Line

SURFACE = "bench:1"


def talk(person, chat=None):
    return Conversation("bench", "1", str(person if chat is None else chat), "0", str(person))


class People:
    """Write lines and hear drafts and finals, each on threads of their own, as an adapter would; `texts` are what they say."""

    def __init__(self, front, texts):
        self.front, self.texts, self.taking = front, texts, threading.Lock()
        self.outbox = front.outbox(SURFACE)
        self.outbox.open()
        front.store.add_surface(SURFACE)
        self.written_at, self.heard, self.first, self.final, self.whose = {}, set(), [], [], []
        self.answered, self.jobs, self.ids = queue.SimpleQueue(), queue.SimpleQueue(), iter(range(10**9))
        for run in (self._hear_finals, self._hear_drafts, *[self._write_all] * 8):
            threading.Thread(target=self._until_redis_ends, args=(run,), daemon=True).start()

    def _until_redis_ends(self, run):
        with suppress(RedisError):
            run()

    def write(self, who):
        self.written_at[who] = time.perf_counter()
        self.jobs.put(who)

    def _write_all(self):
        while True:
            who = self.jobs.get()
            if self.keep(who) == "accepted":
                self.front.wakeups.send(who)

    def keep(self, who):
        with self.taking:
            id, text = f"{os.getpid()}-{next(self.ids)}", next(self.texts)
        return self.front.inbox.accept(Incoming(who, Line(text, id, id, "Ann", time.time())))

    def _hear_drafts(self):
        for found in self.outbox.drafts(0.2):
            if found and isinstance(found[1], Draft) and found[1].answer + found[1].thought:
                self._hear_first(found[0])

    def _hear_first(self, who):
        if who in self.written_at and who not in self.heard:
            self.heard.add(who)
            self.first.append(time.perf_counter() - self.written_at[who])

    def _hear_finals(self):
        while True:
            for entry in self.outbox.fresh(200):
                who = entry.conversation
                self._hear_first(who)
                self.heard.discard(who)
                if who in self.written_at:
                    self.final.append(time.perf_counter() - self.written_at[who])
                    self.whose.append(who)
                self.outbox.end(entry, [])
                self.answered.put(who)
