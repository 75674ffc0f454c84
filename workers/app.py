"""The worker: a Celery consumer with a pool of threads that only wait, and the engine in a process of its own."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from socket import socket
from threading import Event, Thread, Timer
from types import FrameType

import structlog
from celery import Celery
from celery.signals import worker_shutting_down
from redis.exceptions import RedisError

from bot.core import metrics, queue
from bot.core.dead import DeadLetters
from bot.core.holders import Holders
from bot.core.inbox import Inbox
from bot.core.lease import Lease, Leases
from bot.core.memory import Memory
from bot.core.messages import Draft
from bot.core.outbox import Outbox
from bot.core.people import People
from bot.core.personas import LivePersonas
from bot.core.presence import EVERY_SECONDS, Presence, WorkerState
from bot.core.reload import live_settings
from bot.core.settings import Settings
from bot.core.store import Store
from bot.core.vault import Vault, master_key
from workers.engines.base import Limits, Stage
from workers.engines.process import EngineProcess
from workers.heart import Heart
from workers.last_tries import LastTries
from workers.late import late
from workers.models import choose, remark
from workers.place import Place
from workers.pool import Threads
from workers.respond import Responder
from workers.siblings import Siblings
from workers.tasks import Answering
from workers.texts import language, say
from workers.tokenizer import BadTokenizer, load_tokenizer
from workers.writer import Writer

log = structlog.get_logger()


class Worker:
    """Builds everything one process of a worker needs; `run` until told to stop. The first lets the others in at the `door`."""

    def __init__(
        self, settings: Settings, redis_url: str, grace_seconds: float, place: Place, door: socket | None = None
    ) -> None:
        self._settings, self._grace_seconds, self._place, self._door = settings, grace_seconds, place, door
        self._id, self._slots, self._is_first = place.worker, place.share(settings.slots), place.number == 0
        self._siblings = Siblings(place, grace_seconds, redis_url)
        self._options = choose(settings)
        options = self._options
        # One thread at a time: half an import of transformers is seen by another as a broken one.
        self._tokenizer = late(lambda: load_tokenizer(options.engine, options.model, options.api))
        self._remark = remark(self._options)
        self._store = Store(redis_url)
        self._vault = Vault(self._store, master_key(settings))
        self._vault.check()
        self._live = live_settings(settings)
        self._personas = LivePersonas(self._live)
        self._app = queue.client(settings.broker_url.get_secret_value() if settings.broker_url else redis_url)
        self._wakeups, self._presence = queue.Wakeups(self._app, Holders(self._store)), Presence(self._store)
        self._inbox = Inbox(self._store, self._vault, settings.inbox_lines)
        self._closing = Event()

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT. Replies that are not done within the grace go back to their inboxes."""
        if self._remark and self._is_first:
            print(self._remark, file=sys.stderr, flush=True)
        leases = Leases(
            self._store,
            self._vault,
            self._settings.lease_seconds,
            self._settings.memory_turns,
            lambda: self._live.value.person_replies,
            lambda: self._id if self._limits().steers else "",
        )
        self._heart = Heart(self._store, leases, self._settings.lease_seconds, self._settings.reply_seconds)
        with EngineProcess(self._options, self._progress, door=self._door, keeper=self._place.keeper) as engine:
            self._engine = engine
            Thread(target=self._preload, daemon=True).start()
            self._each(EVERY_SECONDS, self._announce)
            # The others now and then, for the first may hang.
            self._each(EVERY_SECONDS if self._is_first else EVERY_SECONDS * self._place.num, self._sweep)
            if self._is_first:
                self._each(EVERY_SECONDS, self._look_after_siblings)
            self._show()
            last_tries = LastTries(self._place.folder)
            answering = Answering(leases, self._heart, self._responder(), engine, self._wakeups.send, self._id, last_tries)
            self._app.task(answering.reply, name=queue.REPLY)
            try:
                self._serve(self._app)
            finally:
                self._leave()
                if self._is_first:
                    self._siblings.end()
                    with suppress(Exception):  # whatever the broker raises; others clear away after us
                        self._wakeups.drop_queue_of(self._id)

    def _show(self) -> None:
        """Numbers, for who asks for them."""
        if self._settings.metrics_port is not None:
            # Asked whenever somebody looks; where several processes count together none is asked, so each tells, too.
            metrics.SLOTS.set(self._slots)
            metrics.SLOTS_BUSY.set_function(lambda: self._heart.num_busy)
            metrics.ENGINE_READY.set_function(self._is_ready)
            self._each(EVERY_SECONDS, self._measure)
        if self._is_first:
            metrics.serve(self._settings, "worker")

    def _measure(self) -> None:
        metrics.SLOTS_BUSY.set(self._heart.num_busy)
        if self._is_first:
            metrics.ENGINE_READY.set(self._is_ready())
            metrics.read_queues(self._store)

    def _is_ready(self) -> bool:
        return self._engine.state.name == "ready"

    def _look_after_siblings(self) -> None:
        if self._is_ready():
            self._siblings.keep_alive()

    def _leave(self) -> None:
        """Nobody shall count on this worker any more."""
        self._closing.set()
        with suppress(RedisError):
            self._presence.leave(self._id, self._place.number)

    def _responder(self) -> Responder:
        settings, store, vault = self._settings, self._store, self._vault
        memory = Memory(store, vault)
        writer = Writer(self._engine, self._tokenizer, self._limits, settings, self._place.num)
        self._heart.listeners.append(writer.forget)
        people = People(store, vault, memory, DeadLetters(store, vault))
        return Responder(writer, memory, people, self._personas, self._publish, self._live)

    def _serve(self, app: Celery) -> None:
        worker_shutting_down.connect(self._on_shutdown, weak=False)
        signal.signal(signal.SIGINT, self._on_interrupt)
        own = app.amqp.queues.add(queue.queue_of(self._id))
        worker = app.Worker(
            pool=Threads,
            concurrency=self._slots,
            queues=[queue.QUEUE, own.name],
            hostname=f"companion@{self._id}-{self._place.number}",
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            loglevel="WARNING",
            quiet=True,
        )
        worker.start()

    def _progress(self, stage: Stage, detail: str) -> None:
        if self._is_first:
            told = say(language(), "engine-stage", stage=stage)
            print(f"{told} {detail}".rstrip(), file=sys.stderr, flush=True)
        if stage == "ready":
            self._preload()

    def _preload(self) -> None:
        """The tokenizer, ahead of the first message; while the engine is loading its files may not be here yet."""
        try:
            self._tokenizer()
        except BadTokenizer as problem:
            if self._engine.state.name == "ready":
                print(problem, file=sys.stderr, flush=True)

    def _on_shutdown(self, **_: object) -> None:
        self._siblings.ask_to_end()
        self._leave()
        timer = Timer(self._grace_seconds, self._heart.hand_back_all)
        timer.daemon = True
        timer.start()

    def _on_interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    def _limits(self) -> Limits:
        limits = self._engine.state.limits
        return limits or Limits(self._settings.context_tokens, self._settings.slots)

    def _publish(self, lease: Lease, draft: Draft) -> None:
        outbox = Outbox(self._store, self._vault, lease.conversation.surface)
        outbox.publish(lease.conversation, draft, lease.seal)

    def _announce(self) -> None:
        state = self._engine.state
        engine = state.limits.engine if state.limits else self._options.engine
        self._presence.announce(
            WorkerState(
                self._id,
                state.name,
                state.detail if state.detail != self._options.model else "",
                engine,
                self._options.model if self._options.engine == "openai" else self._settings.model,
                self._slots,
                self._heart.num_busy,
                self._remark,
                self._heart.reply_seconds,
                self._heart.reply_spread,
                self._limits().steers,
                self._place.number,
            )
        )

    def _sweep(self) -> None:
        """Wake every conversation whose wake-up was lost. Any number of workers may do it."""
        is_empty = self._wakeups.num_waiting() == 0
        for surface in self._store.surfaces():
            for conversation in self._inbox.overdue(surface, is_queue_empty=is_empty):
                self._wakeups.send_to_anybody(conversation)
        for worker in self._presence.bury():
            self._wakeups.drop_queue_of(worker)

    def _each(self, seconds: float, what: object) -> None:
        Thread(target=self._repeat, args=(seconds, what), daemon=True).start()

    def _repeat(self, seconds: float, what: object) -> None:
        assert callable(what)
        while not self._closing.wait(seconds):
            try:
                with metrics.watching_redis("background"):
                    what()
            except (RedisError, OSError) as problem:
                log.info("Redis out of reach", action="retry", error=str(problem))
            except Exception as problem:  # kombu wraps broker errors in its own; this thread must not end
                log.warning("background work failed", action="retry", error=type(problem).__name__)
