"""What the bot does for people's safety, published: /safety."""

from __future__ import annotations

from bot.commands.ask import Answer, Ask
from bot.run import Front


def safety(front: Front, ask: Ask) -> Answer:
    """Also what whoever runs it has changed or switched off: nothing of it goes silently."""
    conduct, country = front.conduct, front.settings.country
    front.disclosures.told(ask.conversation, front.settings.disclosure_hours)
    rows = [
        ask.say(
            "safety",
            hours=_number(front.settings.disclosure_hours),
            emergency=conduct.emergency(ask.language, country),
            resources="\n".join(f"– {line}" for line in conduct.lines(ask.language, country)),
        ),
        *(ask.say(f"safety-{change}") for change in conduct.changes()),
    ]
    return Answer("\n".join(rows))


def _number(hours: float) -> int | str:
    return int(hours) if hours == int(hours) else f"{hours:g}"
