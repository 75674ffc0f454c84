"""The one journey that every platform makes: a server like the platform's, `companion up` as it is started, and people.

What only one platform has (drafts, interactions, threads) is tested beside its adapter.
"""

import os
import signal
import urllib.request
from dataclasses import dataclass

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.core.metrics import PORTS
from bot.i18n import say
from tests.fakes import discord, telegram
from tests.ports import free_port
from tests.programs import Up, kill, processes_of, until
from tests.workers.engines.echo_prompts import whole_answer

pytestmark = [
    pytest.mark.skipif("not __import__('os').path.isdir('/proc/self')", reason="looks at processes in /proc"),
    pytest.mark.timeout(300),
]
SLOW = "tell me a story of the sea and the stars #think 1 #slow"
ENDLESS = "#think 1 #long 500 #slow"  # goes on for three minutes, so that no stop comes too late


@dataclass
class Platform:
    """`server` makes people who write, see and press; `num_starts` tells how often an adapter came to listen."""

    name: str
    server: object
    settings: dict
    num_starts: object
    num_people: int = 0

    def person(self):
        """Somebody whom the bot has met."""
        self.num_people += 1
        one = self.server.person(5000 + self.num_people, "Ann") if self.name == "telegram" else self.server.person("Ann")
        one.write("/start")
        until(one.sees, 90)
        return one


def on_telegram():
    server = telegram.TelegramServer()
    settings = {"telegram_token": telegram.TOKEN}
    return Platform("telegram", server, settings, lambda: server.calls["getMe"])


def on_discord():
    server = discord.DiscordServer()
    settings = {"discord_token": discord.TOKEN}
    return Platform("discord", server, settings, lambda: server.num_sessions)


@pytest.fixture(scope="module", params=[on_telegram, on_discord], ids=["telegram", "discord"])
def platform(request):
    made = request.param()
    with made.server:
        made.settings[f"{made.name}_url"] = made.server.base_url
        yield made


@pytest.fixture(scope="module")
def service(platform, tmp_path_factory):
    folder = tmp_path_factory.mktemp(platform.name)
    platform.settings["metrics_port"] = free_port(len(PORTS))
    limits = {"context_tokens": 60_000, "answer_tokens": 20_000, "slots": 2}
    with Up(folder, merge_seconds=0.1, disclosure_hours=0, **limits, **platform.settings) as running:
        until(platform.num_starts, 90)
        yield running
    assert processes_of(folder) == []


@pytest.fixture
def ann(service, platform):
    return platform.person()


def answers(ann):
    """What came after the greeting."""
    return ann.sees()[1:]


def is_done(ann):
    """Whether the newest message is a whole answer."""
    return answers(ann) and ann.buttons() and ann.buttons()[-1][-2:] == ["↻", "…"]


def test_an_answer_grows_before_it_is_whole(ann):
    ann.write(SLOW)
    until(lambda: answers(ann) and not is_done(ann), 90)
    begun = answers(ann)[0]
    assert ann.buttons()[-1] == ["⏹"]
    until(lambda: is_done(ann), 90)
    [whole] = answers(ann)
    assert whole == "You said: tell me a story of the sea and the stars. I am listening."
    assert len(whole) > len(begun)


def test_a_long_answer_with_code_comes_whole_and_in_order(ann):
    ann.write("teach me #code 12")
    until(lambda: is_done(ann), 90)
    parts = answers(ann)
    whole = "\n".join(parts)
    assert len(parts) > 1
    assert [whole.count(f"Step {number}.") for number in range(1, 13)] == [1] * 12
    assert sorted(range(1, 13), key=lambda number: whole.index(f"Step {number}.")) == [*range(1, 13)]


def test_a_reply_is_stopped_in_the_middle_and_what_was_said_stays(ann):
    ann.write(ENDLESS)
    until(lambda: answers(ann), 90)
    ann.press("⏹")
    until(lambda: is_done(ann), 90)
    [shown] = answers(ann)
    said, _, note = shown.partition("\n\n")
    assert whole_answer(ENDLESS).startswith(said)
    assert 0 < len(said) < len(whole_answer(ENDLESS))
    assert note.endswith(say("en", "note-stopped"))


def test_another_answer_is_asked_for_and_one_leafs_through_them(ann):
    ann.write("hello")
    until(lambda: is_done(ann), 90)
    ann.press("↻")
    until(lambda: ann.buttons()[-1][0] == "◀ 1/2", 90)
    ann.press("◀")
    until(lambda: ann.buttons()[-1][0] == "2/2 ▶")
    ann.press("…")
    until(lambda: answers(ann)[-1].startswith("You said: Please go on."), 90)


def test_who_is_no_admin_is_refused_once_and_changes_nothing(ann):
    for words in ("stats", "block chat", "reset chat yes", "invite", "dead list"):
        ann.write(f"/admin {words}")
    ann.write("hello")
    until(lambda: answers(ann) and is_done(ann), 90)
    assert answers(ann) == [say("en", "denied-admin"), "You said: hello. I am listening."]


def test_waits_for_the_platforms_limits_are_seen_in_the_adapters_metrics(platform, ann):
    platform.server.limits = True  # on Telegram the adapter keeps them whatever the server does
    try:
        for _ in range(6):
            ann.write("/about")
        until(lambda: len(answers(ann)) == 6, 90)
    finally:
        platform.server.limits = False
    with urllib.request.urlopen(f"http://127.0.0.1:{platform.settings['metrics_port'] + PORTS[platform.name]}/metrics") as page:
        families = text_string_to_metric_families(page.read().decode())
    [waits] = [family for family in families if family.name == "companion_limit_wait_seconds"]
    told = {sample.name.removeprefix(f"{waits.name}_"): sample.value for sample in waits.samples if "le" not in sample.labels}
    assert told["count"] >= 1
    assert told["sum"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("step", ["when it is written", "while it grows", "when it ends"])
def test_an_adapter_killed_at_any_step_leaves_one_whole_answer(service, platform, ann, step):
    ann.write("before")
    until(lambda: is_done(ann), 90)
    service.settle()
    ann.write(SLOW)
    if step != "when it is written":
        until(lambda: len(answers(ann)) == 2, 90)
    if step == "when it ends":
        until(lambda: "stars" in answers(ann)[1], 90)
    num_starts = platform.num_starts()
    kill(service.child(f"bot bot {platform.name}"))
    until(lambda: len(answers(ann)) == 2 and is_done(ann) and answers(ann)[1].endswith("I am listening."), 90)
    assert answers(ann)[1].count("You said: tell me a story") == 1
    until(lambda: platform.num_starts() > num_starts, 90)


def test_who_waits_behind_others_is_told_so_until_the_answer_comes(service, platform, ann):
    busy = [platform.person() for _ in range(2)]
    for one in busy:
        one.write(f"{'tell me more of it and ' * 12}{SLOW}")
    until(lambda: all(answers(one) for one in busy), 90)
    ann.write("hello")
    until(lambda: answers(ann) and "in line" in answers(ann)[0], 90)
    until(lambda: answers(ann) == ["You said: hello. I am listening."], 90)


def test_without_a_worker_one_is_told_and_answered_when_there_is_one(service, ann):
    worker = service.worker()
    os.kill(worker, signal.SIGSTOP)
    try:
        ann.write("hello")
        until(lambda: answers(ann) == [say("en", "waiting-nobody")], 90)
    finally:
        os.kill(worker, signal.SIGCONT)
    until(lambda: answers(ann) == ["You said: hello. I am listening."], 90)
