"""The composition root of every process that meets people: settings in, everything connected out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from bot.conduct import CareCount, Conduct, Disclosures, live_conduct
from bot.core import logs, queue
from bot.core.access import Access
from bot.core.audit import Audit
from bot.core.dead import DeadLetters
from bot.core.errors import StoreUnavailable
from bot.core.holders import Holders
from bot.core.inbox import Inbox
from bot.core.limits import Limits
from bot.core.live import Live, current
from bot.core.memory import Memory
from bot.core.messages import Conversation
from bot.core.outbox import Outbox
from bot.core.people import People
from bot.core.personas import LivePersonas
from bot.core.presence import Presence
from bot.core.reload import live_settings
from bot.core.settings import Settings, load, make_data_dir
from bot.core.store import Store
from bot.core.vault import Vault, master_key
from bot.embedded import EmbeddedRedis
from bot.i18n import best


@dataclass(frozen=True)
class Front:
    """What adapters and commands work with. Parts are made when they are first asked for."""

    given: Settings | Live[Settings]
    redis_url: str

    @property
    def settings(self) -> Settings:
        """As they are now: some change while the process runs."""
        return current(self.given)

    @cached_property
    def store(self) -> Store:
        return Store(self.redis_url)

    @cached_property
    def vault(self) -> Vault:
        return Vault(self.store, master_key(self.settings))

    @property
    def inbox(self) -> Inbox:
        """With the limits that are set now."""
        now = self.settings
        limits = now.inbox_lines, now.person_replies, now.waiting_conversations
        return Inbox(self.store, self.vault, *limits, now.merge_seconds)

    @cached_property
    def memory(self) -> Memory:
        return Memory(self.store, self.vault)

    @cached_property
    def dead(self) -> DeadLetters:
        return DeadLetters(self.store, self.vault)

    @cached_property
    def people(self) -> People:
        return People(self.store, self.vault, self.memory, self.dead)

    @cached_property
    def personas(self) -> LivePersonas:
        return LivePersonas(self.given)

    @cached_property
    def live_conduct(self) -> Live[Conduct]:
        return live_conduct(self.settings)

    @property
    def conduct(self) -> Conduct:
        """The rules as they are now."""
        return self.live_conduct.value

    @cached_property
    def care_count(self) -> CareCount:
        return CareCount(self.store)

    @cached_property
    def disclosures(self) -> Disclosures:
        return Disclosures(self.store)

    @property
    def access(self) -> Access:
        return Access(self.store, self.settings)

    @property
    def limits(self) -> Limits:
        return Limits(self.store, self.settings, self.access)

    @cached_property
    def audit(self) -> Audit:
        return Audit(self.store)

    @cached_property
    def presence(self) -> Presence:
        return Presence(self.store)

    @cached_property
    def wakeups(self) -> queue.Wakeups:
        broker = self.settings.broker_url
        app = queue.client(broker.get_secret_value() if broker else self.redis_url)
        return queue.Wakeups(app, Holders(self.store))

    def outbox(self, surface: str) -> Outbox:
        return Outbox(self.store, self.vault, surface)

    def language(self, conversation: Conversation) -> str:
        """Of the bot's own texts: the person's choice, their client's, the installation's."""
        preferences = self.people.preferences(conversation)
        return best(preferences.language, preferences.hint, self.settings.language)


def ready_settings() -> Settings:
    """All settings, checked, with logging set up as they say."""
    settings = load()
    make_data_dir(settings)
    logs.set_up(settings.log_level, settings.log_format, shows_text=settings.log_text)
    return settings


@contextmanager
def open_redis(settings: Settings) -> Iterator[str]:
    """The URL of the Redis that is set, else of the embedded one, which runs at least as long as this lasts."""
    if settings.redis_url is not None:
        yield settings.redis_url.get_secret_value()
        return
    with EmbeddedRedis(settings.data_dir) as server:
        yield server.url


@contextmanager
def open_front(settings: Settings, redis_url: str) -> Iterator[Front]:
    """A `Front` whose Redis answers and whose memory key fits; raises `StoreUnavailable` or `WrongKey`."""
    from redis.exceptions import RedisError

    front = Front(live_settings(settings), redis_url)
    try:
        front.vault.check()
        yield front
    except RedisError as problem:
        raise StoreUnavailable.because(problem) from problem
    finally:
        front.store.close()
