"""/channel: whether everybody in a channel has a talk of their own with the bot, or all have one together."""

from __future__ import annotations

from bot.commands.ask import Answer, Ask
from bot.i18n import say
from bot.run import Front

MEMORIES = ("own", "shared")


def channel(front: Front, ask: Ask) -> Answer:
    """For those who run the server; asked anew at every use, whatever the platform shows to whom."""
    if not ask.incoming.manages:
        return Answer(ask.say("channel-denied"), private=True)
    wish = ask.argument.lower()
    if wish not in MEMORIES:
        memory = front.people.preferences(ask.conversation).memory or "own"
        return Answer(ask.say("channel-now", memory=memory), private=True)
    if wish == "shared":
        front.people.choose_for_chat(ask.conversation, memory="shared")
    else:
        front.people.choose_for_chat(ask.conversation, memory=None)
        front.people.forget(ask.conversation.shared)
    return Answer(ask.say(f"channel-{wish}"))


def memories(_front: Front, language: str) -> dict[str, str]:
    return {memory: say(language, "channel-memory", memory=memory) for memory in MEMORIES}
