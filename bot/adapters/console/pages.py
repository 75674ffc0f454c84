"""How replies look: on a screen they grow as they are written, in a pipe they are plain lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from rich.console import Console
from rich.live import Live
from rich.text import Text

from bot.core.texts import inert
from bot.surface import Reply

_THOUGHT_ROWS = 6


class Plain:
    """For a pipe: each reply on stdout, nothing else."""

    def wait(self) -> None:
        """A pipe needs no patience."""

    def give_up(self) -> None:
        """Nothing stands there that has to go."""

    def tell_wait(self, text: str) -> None:
        """Beside the replies, for whoever watches."""
        print(text, file=sys.stderr, flush=True)

    def draft(self, thinking: bool, thought: str, answer: str) -> None:
        """A pipe gets whole replies."""

    def final(self, reply: Reply) -> None:
        self.say("\n".join(filter(None, [reply.text, *reply.all_remarks])))

    def say(self, text: str, commands: tuple[str, ...] = ()) -> None:
        print(text, flush=True)

    def tell(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


class Screen:
    """For a person: the thought is dim and collapses to one line, then the answer grows below it."""

    def __init__(self, say: Callable[..., str], console: Console | None = None) -> None:
        self._say = say
        self._console = console or Console(highlight=False)
        self._live: Live | None = None
        self._waits_since = 0.0
        self._thought = self._gave_up = False
        self._written = ""

    def wait(self) -> None:
        self._waits_since, self._thought, self._gave_up = time.monotonic(), False, False
        self._show_thought("")

    def give_up(self) -> None:
        self._collapse_thought()
        self._gave_up = True

    def tell_wait(self, text: str) -> None:
        self._show_thought(text)

    def draft(self, thinking: bool, thought: str, answer: str) -> None:
        if thinking and not answer:
            self._thought = True
            self._show_thought(thought)
        elif answer:
            self._collapse_thought()
            self._grow(answer.rstrip())  # as the final will be

    def final(self, reply: Reply) -> None:
        self._collapse_thought()
        self._grow(reply.text)
        if self._written:
            self._console.print()
        for remark in (*reply.all_remarks, *self._variant(reply)):
            self._console.print(Text(remark, style="dim italic"))
        self._written = ""

    def say(self, text: str, commands: tuple[str, ...] = ()) -> None:
        """There are no buttons here: commands that the text does not name stand below it."""
        self._console.print(Text(text, style="cyan"))
        if commands and not any(command in text for command in commands):
            self._console.print(Text(self._say("console-choices", names=" · ".join(commands)), style="dim"))

    def tell(self, text: str) -> None:
        self._console.print(Text(text, style="yellow"))

    def _variant(self, reply: Reply) -> list[str]:
        if reply.num_variants == 1:
            return []
        return [self._say("console-variant", variant=reply.variant, variants=reply.num_variants)]

    def _show_thought(self, thought: str) -> None:
        if self._gave_up:
            return
        if self._live is None:
            self._live = Live(console=self._console, transient=True, refresh_per_second=10)
            self._live.start()
        self._live.update(self._tail(thought or self._say("console-thinking")))

    def _tail(self, thought: str) -> Text:
        """The last rows of a thought; more could not be erased again from a small screen."""
        rows = Text(inert(thought.strip()), style="dim italic").wrap(self._console, self._console.width)
        return Text("\n").join(rows[-min(_THOUGHT_ROWS, max(1, self._console.height - 2)) :])

    def _collapse_thought(self) -> None:
        if self._live is None:
            return
        self._live.stop()
        self._live = None
        if self._thought:
            seconds = max(1, round(time.monotonic() - self._waits_since))
            self._console.print(Text("· " + self._say("console-thought", seconds=seconds), style="dim"))

    def _grow(self, answer: str) -> None:
        """Write what is new. When a worker died and another says something else, begin again below."""
        answer = inert(answer)
        if self._written.startswith(answer):
            return  # a final that was cut back to its last whole sentence
        if not answer.startswith(self._written):
            self._console.print()
            self._written = ""
        self._console.print(Text(answer[len(self._written) :]), end="", soft_wrap=True)
        self._written = answer
