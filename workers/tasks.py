"""The task that a wake-up starts: take the lease, make the reply, end the turn. Everything that fails ends here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Protocol

import structlog
from redis.exceptions import RedisError

from bot.core.lease import MAX_TRIES, Lease, Leases
from bot.core.logs import context, where
from bot.core.messages import Conversation, Failed, new_turn_id
from bot.core.metrics import watching_redis
from workers.engines.base import Limits
from workers.engines.errors import EngineError
from workers.heart import Heart
from workers.last_tries import LastTries
from workers.measures import lease_taken, turn_ended
from workers.respond import Interrupted, Outcome, Responder

log = structlog.get_logger()

_WAIT_READY_SECONDS = 5.0
_COMMIT_SECONDS = 60.0
_RETRY_SECONDS = 0.5


class ReadyEngine(Protocol):
    def wait_ready(self, timeout: float) -> Limits: ...


class Answering:
    """What the worker does with a conversation it was woken for."""

    def __init__(
        self,
        leases: Leases,
        heart: Heart,
        responder: Responder,
        engine: ReadyEngine,
        wake: Callable[[Conversation], None],
        worker: str = "",
        last_tries: LastTries | None = None,
    ) -> None:
        self._leases, self._heart, self._responder, self._engine, self._wake = leases, heart, responder, engine, wake
        self._worker, self._last_tries = worker, last_tries or LastTries()

    def reply(self, name: str) -> None:
        """Answer the lines that wait in a conversation, if any do. Never raises: what is not ended is woken again."""
        conversation = Conversation.parse(name)
        with context(action="reply"):
            try:
                with watching_redis("reply"):
                    self._reply(conversation)
            except EngineError as problem:
                log.info("no engine yet; the sweeper wakes again", error=str(problem))
            except RedisError as problem:
                log.warning("Redis out of reach; the sweeper wakes again", error=str(problem))

    def _reply(self, conversation: Conversation) -> None:
        # No lease is taken before there is an engine: a worker that has one may be quicker.
        self._engine.wait_ready(_WAIT_READY_SECONDS)
        lease = self._leases.acquire(conversation)
        if lease is None:
            return
        self._wake_all(lease.woken)
        if lease.tries == MAX_TRIES:
            self._begin_alone(lease)
        else:
            self._begin(lease)

    def _begin_alone(self, lease: Lease) -> None:
        """Who was only answered beside a message that takes the engine down each time shall not be put aside with it."""
        with self._last_tries.begin() as may_begin:
            if may_begin:
                self._begin(lease)
            else:
                self._release(lease, forgive=True)  # the sweeper wakes again

    def _begin(self, lease: Lease) -> None:
        lease_taken(lease, self._leases.pseudonym(lease.conversation), self._worker)
        if lease.tries > MAX_TRIES:
            self._put_aside(lease)  # the last try took its worker down
        else:
            self._try(lease)

    def _try(self, lease: Lease) -> None:
        with self._heart.beating(lease) as watch:
            try:
                outcome = self._responder.respond(lease, watch)
                self._commit(lease, outcome)
            except Interrupted:
                self._release(lease, forgive=True)
            except RedisError:
                raise  # says nothing about the lines; the lease runs out by itself
            except Exception as problem:  # whatever it was, the person hears of it after the last try
                told = {"detail": str(problem)} if isinstance(problem, EngineError) else {}  # holds nobody's words
                log.error("a try failed", tries=lease.tries, error=type(problem).__name__, where=where(problem), **told)
                self._fail(lease)
            else:
                outcome.read_ahead()

    def _fail(self, lease: Lease) -> None:
        if lease.tries >= MAX_TRIES:
            self._put_aside(lease)
        else:
            self._release(lease, forgive=False)
            self._wake_all([lease.conversation])

    def _put_aside(self, lease: Lease) -> None:
        failed = Failed(str(lease.conversation), new_turn_id(), lease.lines[-1].message_id, "put_aside", lease.trace)
        self._commit(lease, Outcome(failed), put_aside=True)

    def _commit(self, lease: Lease, outcome: Outcome, *, put_aside: bool = False) -> None:
        """Redis may be away for a moment: the reply is worth waiting for. A second commit of a turn changes nothing."""
        end = time.monotonic() + _COMMIT_SECONDS
        while True:
            try:
                woken = self._end(lease, outcome, put_aside)
                break
            except RedisError:
                if time.monotonic() > end:
                    raise
                time.sleep(_RETRY_SECONDS)
        turn_ended(lease, outcome.final, is_lost=woken is None)
        self._wake_all(woken or ())

    def _end(self, lease: Lease, outcome: Outcome, put_aside: bool) -> tuple[Conversation, ...] | None:
        given = lease, outcome.final, outcome.turn, outcome.remember
        return self._leases.commit(*given, put_aside=put_aside, num_tokens=outcome.num_tokens)

    def _wake_all(self, conversations: Iterable[Conversation]) -> None:
        for conversation in conversations:
            try:
                self._wake(conversation)
            except Exception as problem:  # whatever the broker raises: it says nothing about this reply
                log.warning("wake-up failed; the sweeper wakes again", action="wake_failed", error=str(problem))

    def _release(self, lease: Lease, *, forgive: bool) -> None:
        with suppress(RedisError):
            self._leases.release(lease, forgive=forgive)
