"""The Celery client. A task carries nothing but a conversation's name: lost, doubled or late, nothing breaks."""

from __future__ import annotations

from typing import Any

from celery import Celery

from bot.core.messages import Conversation

REPLY = "companion.reply"
QUEUE = "companion"

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
    app = Celery("companion", broker=broker_url(redis_url), set_as_current=False)
    app.conf.update(_CONFIG)
    return app


def broker_url(redis_url: str) -> str:
    """Kombu's spelling of the same place: it writes a socket as `redis+socket://`."""
    if redis_url.startswith("unix://"):
        return redis_url.replace("unix://", "redis+socket://", 1)
    return redis_url


class Wakeups:
    """Tells the workers that a conversation has lines waiting. Losing one costs seconds, so nothing is retried."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def send(self, conversation: Conversation) -> None:
        self._app.send_task(REPLY, args=[str(conversation)], queue=QUEUE)

    def num_waiting(self) -> int:
        """Wake-ups that no worker has taken yet."""
        with self._app.pool.acquire(block=True) as connection:
            return int(connection.default_channel.queue_declare(QUEUE).message_count)
