"""The Celery client. A task carries nothing but a conversation's name: lost, doubled or late, nothing breaks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Condition, Thread
from time import monotonic, sleep
from typing import Any

import structlog
from celery import Celery
from kombu.entity import Exchange, Queue

from bot.core.holders import Holders
from bot.core.messages import Conversation

log = structlog.get_logger()

REPLY = "companion.reply"
QUEUE = "companion"
MOMENT_SECONDS = 0.25
"""So long a wake-up is its holder's alone. A worker with room begins within a tenth of it, even on a busy machine."""

# Without timeouts a worker never comes back from a half-open connection; late acknowledgement ends it when Redis
# restarts. The inbox is what is durable, and the sweeper makes up for any wake-up that is lost: so none is written down
# a second time while a worker has it, which was a seventh of the worker's time.
_CONFIG: dict[str, Any] = {
    "task_ignore_result": True,
    "task_serializer": "json",
    "accept_content": ["json"],
    "task_acks_late": False,
    "task_default_queue": QUEUE,
    "task_publish_retry": False,
    "worker_prefetch_multiplier": 1,
    "worker_enable_remote_control": False,
    "worker_send_task_events": False,
    "worker_hijack_root_logger": False,
    "worker_redirect_stdouts": False,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "broker_transport_options": {
        "ack_emulation": False,
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
        "health_check_interval": 5,
        "global_keyprefix": "companion:",
    },
}


def client(redis_url: str) -> Celery:
    """Celery on that Redis; connects at the first use, not here."""
    url = broker_url(redis_url)
    app = Celery("companion", broker=url, set_as_current=False)
    # A worker that is busy leaves wake-ups to others; of other brokers Celery cannot ask for that.
    app.conf.update(_CONFIG, worker_disable_prefetch=url.startswith("redis"))
    return app


def broker_url(redis_url: str) -> str:
    """Kombu's spelling of the same place: it writes a socket as `redis+socket://`."""
    if redis_url.startswith("unix://"):
        return redis_url.replace("unix://", "redis+socket://", 1)
    return redis_url


def queue_of(worker: str) -> Queue:
    """The worker's own, beside the common one. An exchange without a name leaves no key behind in Redis."""
    name = f"{QUEUE}.{worker}"
    return Queue(name, Exchange(""), name)  # type: ignore[no-untyped-call]


class Wakeups:
    """Tells the workers that a conversation has lines waiting. Losing one costs seconds, so nothing is retried.

    With `holders` the worker that holds the conversation is woken first. If it has not begun after a moment, for whatever
    reason, any other may: wake-ups are only that, and the lease goes to one.
    """

    def __init__(self, app: Celery, holders: Holders | None = None) -> None:
        self._app, self._holders = app, holders
        self._second_calls = _Later(self._call_again)

    def send(self, conversation: Conversation) -> None:
        holder = self._holders.take(conversation) if self._holders else None
        if holder is None:
            self.send_to_anybody(conversation)
        else:
            self._app.send_task(REPLY, args=[str(conversation)], queue=queue_of(holder))
            self._second_calls.add(conversation)

    def send_to_anybody(self, conversation: Conversation) -> None:
        self._app.send_task(REPLY, args=[str(conversation)], queue=QUEUE)

    def num_waiting(self) -> int:
        """Wake-ups for anybody that no worker has taken yet."""
        with self._app.pool.acquire(block=True) as connection:
            return int(connection.default_channel.queue_declare(QUEUE).message_count)

    def drop_queue_of(self, worker: str) -> None:
        """It is gone. Whom it was to answer, others were told of, or will be."""
        with self._app.pool.acquire(block=True) as connection:
            connection.default_channel.queue_purge(queue_of(worker).name)

    def _call_again(self, conversation: Conversation) -> None:
        if self._holders and self._holders.is_waiting(conversation):
            self.send_to_anybody(conversation)


class _Later:
    """Does something for each conversation a moment after it was added, on a thread that sleeps while there is none."""

    def __init__(self, do: Callable[[Conversation], None]) -> None:
        self._do = do
        self._thread: Thread | None = None
        self._due: deque[tuple[float, Conversation]] = deque()
        self._changed = Condition()

    def add(self, conversation: Conversation) -> None:
        with self._changed:
            self._due.append((monotonic() + MOMENT_SECONDS, conversation))
            self._changed.notify()
            if self._thread is None:
                self._thread = Thread(target=self._run, daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._due)
                due, conversation = self._due.popleft()
            sleep(max(0.0, due - monotonic()))
            try:
                self._do(conversation)
            except Exception as problem:  # whatever the broker raises; the sweeper makes up for it
                log.info("second wake-up failed", action="wake_failed", error=str(problem))
