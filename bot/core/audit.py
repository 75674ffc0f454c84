"""What admins did, to whom and when; never what anybody said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from bot.core.messages import Conversation
from bot.core.store import Keys, Store

_NUM_KEPT = 10_000
_NUM_SCANNED = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """`at` is in seconds since the epoch, by Redis's clock; `value` is a name or a number, where there is one."""

    at: float
    who: str
    what: str
    whom: str
    value: str

    @classmethod
    def load(cls, id: bytes, fields: dict[bytes, bytes]) -> Self:
        who, what, whom, value = (fields.get(name, b"").decode() for name in (b"who", b"what", b"whom", b"value"))
        return cls(int(id.partition(b"-")[0]) / 1000, who, what, whom, value)


class Audit:
    """Two logs for each surface, read as one: what was tried in vain cannot push out what was done."""

    def __init__(self, store: Store) -> None:
        self._redis = store.redis

    def write(self, surface: str, who: str, what: str, whom: str = "", value: str | int = "") -> None:
        """Something an admin did."""
        self._add(Keys(surface).audit, who, what, whom, str(value))

    def write_refused(self, surface: str, who: str, what: str) -> None:
        """Something that somebody wanted to do and was not allowed to."""
        self._add(Keys(surface).audit_refused, who, f"refused {what}", "", "")

    def surfaces(self) -> list[str]:
        """All that have a log: those too on which something was done before their bot first ran. Looks at every key."""
        begin, end = Keys("*").audit.split("*")
        names = self._redis.scan_iter(match=f"{begin}*{end}*", count=_NUM_SCANNED, _type="stream")
        return sorted({name.decode().removeprefix(begin).partition(end)[0] for name in names})

    def last(self, surface: str, num: int) -> list[Entry]:
        """The newest entries, oldest first."""
        keys = Keys(surface)
        found: list[Any] = []
        for name in (keys.audit, keys.audit_refused):
            found += reversed(self._redis.xrevrange(name, count=num) or [])
        return sorted((Entry.load(*entry) for entry in found), key=lambda entry: entry.at)[-num:]

    def about(self, person: Conversation) -> list[Entry]:
        """All entries that name a person, or their private chat, as who did it or as whom it concerned, oldest first."""
        who, whom = f"{person.platform}:{person.person}", (f"person:{person.person}", f"chat:{person.person}")
        theirs = f"{person.surface}:", f":{person.person}"

        def names(entry: Entry) -> bool:
            is_conversation = entry.whom.startswith(theirs[0]) and entry.whom.endswith(theirs[1])
            return entry.who == who or entry.whom in whom or is_conversation

        return [entry for entry in self.last(person.surface, 2 * _NUM_KEPT) if names(entry)]

    def _add(self, name: str, who: str, what: str, whom: str, value: str) -> None:
        fields: dict[Any, Any] = {"who": who, "what": what, "whom": whom, "value": value}
        self._redis.xadd(name, fields, maxlen=_NUM_KEPT, approximate=True)
