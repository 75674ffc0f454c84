"""The adapter is killed with -9 at each step of a delivery, and Redis goes away.

Nobody misses an answer, and none is told twice without a word.
"""

import base64
import os
import re
import signal
import time

import pytest

from bot.adapters.telegram import run
from bot.core.memory import Memory
from bot.core.store import Store
from bot.core.vault import Vault
from bot.i18n import say
from tests.bot.adapters.telegram.conftest import SURFACE, Adapter, Worker, talk_of, until
from tests.fakes.telegram import TOKEN, Hold
from tests.programs import Up

LONG = "\n\n".join(f"Paragraph {number}. " + "Words and more words. " * 20 for number in range(1, 21))
NOTE = say("en", "note-repeat")


@pytest.fixture
def begin(telegram, redis_server, store, tmp_path):
    """A process as an operator starts it; what a dead one held is let go at once."""
    settings = {
        "telegram_token": TOKEN,
        "telegram_url": telegram.base_url,
        "redis_url": redis_server.url,
        "memory_key": base64.b64encode(b"k" * 32).decode(),
        "disclosure_hours": 0,
        "merge_seconds": 0,
    }

    def begin():
        mine = f"companion:{{telegram:{telegram.bot_id}}}"
        store.redis.delete(f"{mine}:held:telegram")
        store.redis.set(f"{mine}:disclosed:1001", "1")
        asked = telegram.calls["getUpdates"]
        running = Up(tmp_path, "bot", "bot", "telegram", **settings)
        until(lambda: telegram.calls["getUpdates"] > asked, 30)
        return running

    return begin


def hold(telegram, method, *, after, skip=0):
    telegram.fail(method, None, times=skip)
    held = Hold(after=after)
    telegram.fail(method, held)
    return held


def struck(begin, telegram, ann, worker, text, streamed, **where):
    """A reply whose delivery ends at a point by kill -9; what another process then makes of it."""
    with begin() as first:
        if where["method"] == "editMessageReplyMarkup":
            ann.write("before")
            worker.says(talk_of(ann.id), "An older answer.")
            until(lambda: ann.buttons() == [["↻", "…"]])
        ann.write("hello")
        reply = worker.takes(talk_of(ann.id))
        if streamed:
            reply.streams(streamed, lambda: telegram.texts(ann.chat)[-1:] == [streamed.strip()])
        held = hold(telegram, **where)
        reply.ends(text)
        assert held.reached.wait(30)
        first.kill()
        held.released.set()
    with begin():
        until(lambda: worker.memory.sent(talk_of(ann.id)).get(reply.turn), 60)
        until(lambda: telegram.faults == [])
    return [text for text in ann.sees() if text != "An older answer."]


def whole(parts):
    return re.findall(r"Paragraph (\d+)\.", "\n".join(parts))


ALL = [str(number) for number in range(1, 21)]


@pytest.mark.slow
def test_killed_when_telegram_has_it_and_we_do_not_know_it_is_sent_again_and_marked(begin, telegram, ann, worker):
    assert struck(begin, telegram, ann, worker, "Hello.", "", method="sendMessage", after=True) == [
        "Hello.",
        f"Hello.\n\n{NOTE}",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("skip", [0, 1, 2])
def test_killed_before_a_message_of_a_long_answer_the_rest_follows_in_order(begin, telegram, ann, worker, skip):
    parts = struck(begin, telegram, ann, worker, LONG, "", method="sendMessage", after=False, skip=skip)
    assert whole(parts) == ALL


@pytest.mark.slow
@pytest.mark.parametrize("skip", [1, 2])
def test_killed_after_a_message_of_a_long_answer_that_one_alone_is_repeated_and_marked(begin, telegram, ann, worker, skip):
    parts = struck(begin, telegram, ann, worker, LONG, "", method="sendMessage", after=True, skip=skip)
    assert whole(dict.fromkeys(part.removesuffix(f"\n\n{NOTE}") for part in parts)) == ALL
    assert parts[-1].endswith(NOTE)


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True])
def test_killed_at_the_last_edit_of_a_streamed_answer_it_ends_once_and_unmarked(begin, telegram, ann, worker, after):
    streamed = "Once upon a time there was"
    told = struck(begin, telegram, ann, worker, f"{streamed} a cat.", streamed, method="editMessageText", after=after)
    assert told == [f"{streamed} a cat."]


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True])
def test_killed_while_the_older_answer_loses_its_buttons_nothing_is_repeated(begin, telegram, ann, worker, after):
    told = struck(begin, telegram, ann, worker, "Hello.", "", method="editMessageReplyMarkup", after=after)
    assert told == ["Hello."]
    until(lambda: ann.buttons()[-1] == ["↻", "…"])


@pytest.mark.slow
def test_killed_while_it_thinks_the_answer_comes_and_nothing_stays_of_the_draft(begin, telegram, ann, worker):
    with begin() as first:
        ann.write("hello")
        reply = worker.takes(talk_of(ann.id))
        held = hold(telegram, "sendMessageDraft", after=True)
        reply.shows()
        assert held.reached.wait(30)
        first.kill()
        held.released.set()
    reply.ends("Hello.")
    with begin():
        until(lambda: ann.sees() == ["Hello."], 40)
    assert ann.draft() is None


@pytest.mark.parametrize("seconds", [2, pytest.param(30, marks=[pytest.mark.slow, pytest.mark.timeout(150)])])
def test_while_redis_is_away_telegram_keeps_what_people_write_and_all_of_it_is_answered_in_order(
    own_redis, make_front, telegram, ann, bob, seconds
):
    store = Store(own_redis.url)
    vault = Vault(store, b"k" * 32)
    worker = Worker(store, vault, Memory(store, vault), SURFACE)
    adapter = Adapter(run, make_front(url=own_redis.url, telegram_token=TOKEN, telegram_url=telegram.base_url))
    try:
        ann.write("before")
        worker.says(talk_of(ann.id), "Answer one")
        until(lambda: ann.sees() == ["Answer one"])
        acknowledged = telegram.acknowledged

        os.kill(int((own_redis.folder / "redis.pid").read_text()), signal.SIGKILL)
        ann.write("meanwhile")
        bob.write("hello")
        ann.write("and this")
        time.sleep(seconds)
        assert telegram.acknowledged <= acknowledged + 1
        own_redis.start()

        until(lambda: telegram.acknowledged == acknowledged + 3, 60)
        assert worker.says(talk_of(ann.id), "Answer two").said == "meanwhile\nand this"
        assert worker.says(talk_of(bob.id), "你好").said == "hello"
        until(lambda: (ann.sees(), bob.sees()) == (["Answer one", "Answer two"], ["你好"]), 40)
        assert adapter.error is None
    finally:
        adapter.stop()
        store.close()
