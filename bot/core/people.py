"""What a person, or a chat, has chosen: persona, thinking, language. And the end of everything kept about a person."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from bot.core.dead import DeadLetters
from bot.core.edits import kept_edit
from bot.core.inbox import lines_waiting
from bot.core.made import make
from bot.core.memory import Memory
from bot.core.messages import Conversation, Thinking
from bot.core.shared import SharedTalks
from bot.core.store import DAY_MS, Keys, Store
from bot.core.vault import Vault

_OF_A_PERSON = ("settings", "usage", "disclosed", "rate", "told")
_OF_A_CONVERSATION = ("state", "shown", "edited")


@dataclass(frozen=True, slots=True)
class Preferences:
    """None is no choice. `hint` is the language of the person's client, which counts where `language` is not chosen.

    `memory` is a chat's alone: whether everybody there has one conversation with the bot.
    """

    persona: str | None = None
    thinking: Thinking | None = None
    language: str | None = None
    hint: str | None = None
    memory: Literal["shared"] | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What was written for a person: tokens today (UTC) and in all, and in how many turns, those taken back too."""

    tokens_today: int = 0
    turns: int = 0
    tokens: int = 0


class People:
    """Reads and keeps choices; nobody is known before they chose or wrote something. Safe to share between threads."""

    def __init__(self, store: Store, vault: Vault, memory: Memory, dead: DeadLetters) -> None:
        self._store, self._vault, self._memory, self._dead = store, vault, memory, dead
        self._shared = SharedTalks(store, vault, memory, dead)

    def preferences(self, conversation: Conversation) -> Preferences:
        """The person's own choices, and the chat's where the person has made none."""
        keys = Keys(conversation.surface)
        pipe = self._store.redis.pipeline(transaction=False)
        pipe.hgetall(keys.of_chat(conversation.chat, "chat"))
        pipe.hgetall(keys.of_person(conversation.person, "settings"))
        chat, person = map(_text, pipe.execute())
        return make(Preferences, {**chat, **person})

    def choose(self, conversation: Conversation, **choices: str | None) -> None:
        """Keep choices of the person; None takes one back."""
        keys = Keys(conversation.surface)
        self._write(keys.of_person(conversation.person, "settings"), choices)
        self.saw(conversation)

    def saw(self, person: Conversation) -> None:
        """They were here just now: retention erases who was not for long."""
        self._store.redis.zadd(Keys(person.surface).people, {person.person: self._store.now_ms()})

    def choose_for_chat(self, conversation: Conversation, **choices: str | None) -> None:
        """Keep choices for everybody in the chat who has made none."""
        self._write(Keys(conversation.surface).of_chat(conversation.chat, "chat"), choices)

    def conversations(self, person: Conversation) -> list[Conversation]:
        """All conversations of the person on that surface; not those that they share."""
        return [conversation for conversation in self._known(person) if conversation.person == person.person]

    def shared(self, person: Conversation) -> list[Conversation]:
        """Those that several share, in which they spoke."""
        return [conversation for conversation in self._known(person) if conversation.person != person.person]

    def _known(self, person: Conversation) -> list[Conversation]:
        names: Any = self._store.redis.smembers(_index(person))
        return [Conversation.parse(name.decode()) for name in sorted(names)]

    def usage(self, person: Conversation) -> Usage:
        kept = self._usage(person)
        is_today = kept.get("day") == str(int(self._store.now_ms() // DAY_MS))
        today = int(kept.get("tokens_today", 0)) if is_today else 0
        return Usage(today, int(kept.get("turns", 0)), int(kept.get("tokens", 0)))

    def since(self, person: Conversation) -> float | None:
        """When the oldest turn that is still kept was made, on that surface."""
        oldest = (self._memory.oldest(conversation) for conversation in self.conversations(person))
        return min((turn.at for turn in oldest if turn), default=None)

    def forget(self, person: Conversation) -> int:
        """Erase the person on that surface: every conversation, choice, count and dead letter, and the key of any copy.

        Gives the number of turns forgotten. What they say meanwhile is gone too, or can be found again.
        """
        conversations = {person, _private(person), *self.conversations(person)}
        num_turns = sum(map(self._memory.forget, conversations)) + self.withdraw(person)
        self._dead.forget(person)
        self._vault.erase(person)  # before the generations go: from here on no copy can be opened
        num_turns += sum(map(self._memory.forget, conversations))  # nor can what was said since they were forgotten above
        for conversation in conversations:
            self._leave(conversation)
        keys, redis = Keys(person.surface), self._store.redis
        own = [keys.of_person(person.person, what) for what in _OF_A_PERSON]
        redis.delete(*own, keys.of_chat(person.person, "chat"))  # a private chat has the name of the one person in it
        redis.hdel(keys.of_chat(person.platform, "bans"), person.person)  # an adapter's note: not to write there for a while
        self._store.call("part", [_index(person), keys.people, keys.of_person(person.person, "key")], person.person)
        return num_turns

    def withdraw(self, person: Conversation) -> int:
        """Take what they said, and what was answered to it, out of all that they share. Gives the number of their turns."""
        return sum(self._shared.forget(conversation, person.person) for conversation in self.shared(person))

    def export(self, person: Conversation) -> dict[str, Any]:
        """Everything kept about the person on that surface, for them to have: plain values, ready for JSON."""
        return {
            "person": person.person,
            "surface": person.surface,
            "choices": _text(self._store.redis.hgetall(Keys(person.surface).of_person(person.person, "settings"))),
            "usage": self._usage(person),
            "marks": self._marks(person),
            "conversations": [
                *(self._export(conversation) for conversation in self.conversations(person)),
                *(self._shared.export(conversation, person.person) for conversation in self.shared(person)),
            ],
        }

    def _marks(self, person: Conversation) -> dict[str, float | str]:
        """When they were seen, and until when what they were told holds, in seconds; and what is left of forgotten counts."""
        keys = Keys(person.surface)
        pipe = self._store.redis.pipeline(transaction=False)
        pipe.zscore(keys.people, person.person)
        pipe.hgetall(keys.of_person(person.person, "told"))
        for what in ("rate", "disclosed", "spent"):
            pipe.get(keys.of_person(person.person, what))
        seen, told, rate, disclosed, spent = pipe.execute()
        times = {"seen": seen, "rate": rate, **{f"told {reason}": until for reason, until in _text(told).items()}}
        rest = {"told it is an AI": disclosed, "tokens before forget": spent}
        return {name: float(at) / 1000 for name, at in times.items() if at is not None} | {
            name: value.decode() for name, value in rest.items() if value is not None
        }

    def _usage(self, person: Conversation) -> dict[str, str]:
        return _text(self._store.redis.hgetall(Keys(person.surface).of_person(person.person, "usage")))

    def _export(self, conversation: Conversation) -> dict[str, Any]:
        sent = self._memory.sent(conversation)
        edit = kept_edit(self._store, self._vault, conversation)
        waiting = [*lines_waiting(self._store, self._vault, conversation), *filter(None, [edit])]
        turns = [asdict(turn) | {"reply_message_ids": sent.get(turn.id, [])} for turn in self._memory.recent(conversation)]
        return {
            "chat": conversation.chat,
            "thread": conversation.thread,
            "shared": False,
            "turns": turns,
            "shown": self._shown(conversation),
            "waiting": [asdict(line) for line in waiting],
            "put_aside": [asdict(line) for letter in self._dead.of(conversation) for line in letter.lines],
            "chat_choices": self._chat_choices(conversation),
        }

    def _shown(self, conversation: Conversation) -> dict[str, Any]:
        """The adapter's note of which messages stand in the chat."""
        shown: Any = self._store.redis.get(Keys(conversation.surface).of(conversation, "shown"))
        return dict(json.loads(shown)) if shown else {}

    def _chat_choices(self, conversation: Conversation) -> dict[str, str]:
        """Those of a private chat are the person's own; a group's are not."""
        if conversation.chat != conversation.person:
            return {}
        return _text(self._store.redis.hgetall(Keys(conversation.surface).of_chat(conversation.chat, "chat")))

    def _leave(self, conversation: Conversation) -> None:
        keys = Keys(conversation.surface)
        kept = [keys.of(conversation, what) for what in ("inbox", "memory")]
        rest = [keys.of(conversation, what) for what in _OF_A_CONVERSATION]
        self._store.call("leave", [*kept, _index(conversation), *rest], str(conversation))

    def _write(self, name: str, choices: dict[str, str | None]) -> None:
        for choice, value in choices.items():
            if value is None:
                self._store.redis.hdel(name, choice)
            else:
                self._store.redis.hset(name, choice, value)


def _private(person: Conversation) -> Conversation:
    """The chat that has their name, whether they ever wrote there or not."""
    return replace(person, chat=person.person, thread="0")


def _index(person: Conversation) -> str:
    """Of all conversations in which they spoke."""
    return Keys(person.surface).of_person(person.person, "conversations")


def _text(values: Any) -> dict[str, str]:
    return {key.decode(): value.decode() for key, value in values.items()}
