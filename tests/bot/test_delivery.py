"""Delivery onto a surface that keeps what it was given. The outbox is real; people write and a worker commits."""

import asyncio
import os
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, suppress
from typing import get_args

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from bot.core.dead import DeadLetters
from bot.core.inbox import Inbox
from bot.core.lease import Leases
from bot.core.memory import Memory
from bot.core.messages import Draft, Failed, FailedReason, Finished, Note, Notice
from bot.core.outbox import Outbox
from bot.core.people import People
from bot.core.store import Keys, Store
from bot.core.vault import Vault
from bot.delivery import Delivery
from bot.i18n import say
from bot.surface import Gone, NotSent, Reply
from tests.sayings import SURFACE, incoming, talk, turn

REPEAT = "(You may have seen this before: I could not tell whether it arrived.)"


class Wall:
    """A surface: what is shown and delivered stays readable. `troubles` come first, one for each sending; None is none."""

    name = SURFACE

    def __init__(self, *troubles, draft_seconds=0.0):
        self.draft_seconds, self.troubles = draft_seconds, list(troubles)
        self.drafts, self.finals, self.at = [], [], []
        self.blocked = set()

    async def show(self, conversation, draft):
        self.at.append(time.monotonic())
        self.drafts.append(draft.answer)
        if draft.answer == "broken":
            raise RuntimeError("no drafts today")

    async def deliver(self, conversation, reply):
        while conversation in self.blocked:
            await asyncio.sleep(0.005)
        if self.troubles and (trouble := self.troubles.pop(0)):
            raise trouble
        self.finals.append((conversation, reply))
        return [f"m{len(self.finals)}"]

    def texts(self, conversation=None):
        return [reply.text for whose, reply in self.finals if conversation in (None, whose)]


@asynccontextmanager
async def delivering(outbox, wall, language=lambda _: "en"):
    running = asyncio.create_task(Delivery(outbox, wall, language).run())
    try:
        yield
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def until(holds, seconds=60):
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.005)


def deliver_all(outbox, wall, num, **options):
    """Run delivery until the wall has `num` finals and the outbox knows it."""

    async def run():
        async with delivering(outbox, wall, **options):
            await until(lambda: len(wall.finals) >= num and is_empty(outbox))

    asyncio.run(run())
    return [reply for _, reply in wall.finals]


def is_empty(outbox):
    return outbox._store.redis.xlen(Keys(SURFACE).outbox) == 0


@pytest.fixture
def answer(inbox, leases):
    """Somebody writes, and a worker ends the turn."""

    def end(text="hi", conversation=None, final=None):
        conversation = conversation or talk()
        inbox.accept(incoming(conversation=conversation))
        event = final or Finished(str(conversation), f"turn of {text}", "1", text)
        kept = (turn(event.turn, reply=event.answer), "append") if isinstance(event, Finished) else ()
        assert leases.commit(leases.acquire(conversation), event, *kept) is not None

    return end


def draft(text, seq=1, fence=1, turn="t1"):
    return Draft(str(talk()), turn, fence, seq, False, "", text)


# finals


def test_a_final_is_acknowledged_only_after_the_surface_has_confirmed_it(store, outbox, answer, memory):
    wall = Wall()
    wall.blocked.add(talk())
    answer("hi")

    async def run():
        async with delivering(outbox, wall):
            await until(lambda: store.redis.hlen(Keys(SURFACE).sending) == 1)
            assert not is_empty(outbox)
            assert memory.sent(talk()) == {}
            wall.blocked.clear()
            await until(lambda: is_empty(outbox))

    asyncio.run(run())
    assert wall.finals == [(talk(), Reply("hi", turn="turn of hi", reply_to="1"))]
    assert memory.sent(talk()) == {"turn of hi": ["m1"]}
    assert store.redis.hlen(Keys(SURFACE).sending) == 0


def test_an_acknowledged_final_is_never_sent_again(outbox, answer):
    answer("hi")
    deliver_all(outbox, Wall(), 1)
    answer("again")

    assert [reply.text for reply in deliver_all(outbox, Wall(), 1)] == ["again"]


def test_after_a_restart_what_was_unfinished_comes_first_and_in_order(outbox, answer):
    answer("one")
    answer("two")
    assert len(outbox.fresh(10)) == 2, "a process that read them and died"
    answer("three")

    assert [reply.text for reply in deliver_all(outbox, Wall(), 3)] == ["one", "two", "three"]


def test_a_restart_resumes_everything_even_when_hundreds_were_unfinished(outbox, answer):
    for number in range(150):
        answer(str(number))
    while outbox.fresh(1):
        pass

    assert [reply.text for reply in deliver_all(outbox, Wall(), 150)] == [str(number) for number in range(150)]


def test_a_final_whose_sending_had_begun_is_marked_as_a_possible_repeat(outbox, answer):
    answer("sent, perhaps")
    answer("certainly not")
    first, _ = outbox.fresh(10)
    outbox.begin(first)

    assert deliver_all(outbox, Wall(), 2) == [
        Reply("sent, perhaps", repeat=REPEAT, turn="turn of sent, perhaps", reply_to="1"),
        Reply("certainly not", turn="turn of certainly not", reply_to="1"),
    ]


def test_a_final_that_was_certainly_not_sent_waits_and_is_no_repeat(outbox, answer):
    answer("hi")
    started_at = time.monotonic()

    assert deliver_all(outbox, Wall(NotSent(0.2), NotSent(0.1)), 1) == [Reply("hi", turn="turn of hi", reply_to="1")]
    assert time.monotonic() - started_at >= 0.3


def test_a_final_that_waits_for_the_platform_is_no_repeat_after_a_restart(outbox, answer, store):
    answer("hi")
    wall = Wall(NotSent(60))

    async def begin_and_die():
        async with delivering(outbox, wall):
            await until(lambda: not wall.troubles)
            await until(lambda: store.redis.hlen(Keys(SURFACE).sending) == 0)

    asyncio.run(begin_and_die())
    assert deliver_all(outbox, Wall(), 1) == [Reply("hi", turn="turn of hi", reply_to="1")]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_sending_that_failed_in_an_unforeseen_way_is_repeated_with_a_remark(outbox, answer, language):
    answer("hi")

    assert deliver_all(outbox, Wall(ValueError("half way")), 1, language=lambda _: language) == [
        Reply("hi", repeat=say(language, "note-repeat"), turn="turn of hi", reply_to="1")
    ]


def test_a_final_for_somebody_who_is_gone_is_dropped(outbox, answer, memory):
    answer("hi")
    answer("hello", talk("2"))
    wall = Wall(Gone())
    wall.blocked.add(talk("2"))

    async def run():
        async with delivering(outbox, wall):
            await until(lambda: not wall.troubles)
            wall.blocked.clear()
            await until(lambda: is_empty(outbox))

    asyncio.run(run())
    assert wall.texts() == ["hello"]
    assert memory.sent(talk()) == {}


def test_a_slow_conversation_delays_no_other_and_keeps_its_own_order(outbox, answer):
    wall = Wall()
    wall.blocked.add(talk("1"))
    for text in ("a", "b"):
        answer(text, talk("1"))
    answer("quick", talk("2"))

    async def run():
        async with delivering(outbox, wall):
            await until(lambda: wall.texts() == ["quick"])
            answer("late", talk("2"))
            await until(lambda: wall.texts() == ["quick", "late"])
            wall.blocked.clear()
            await until(lambda: is_empty(outbox))

    asyncio.run(run())
    assert wall.texts(talk("1")) == ["a", "b"]


def test_a_final_that_ends_while_unfinished_ones_are_looked_for_again_is_not_sent_twice(outbox, answer, memory, monkeypatch):
    """After Redis was away both happen at once: what was unfinished a moment ago is told of when it has ended."""
    fresh, unfinished, wall = outbox.fresh, outbox.unfinished, Wall()

    def breaks_once(block_ms):
        if outbox._store.redis.hlen(Keys(SURFACE).sending) == 0:
            return fresh(block_ms)
        monkeypatch.setattr(outbox, "fresh", fresh)
        raise RedisConnectionError("away")

    def answers_late():
        found = unfinished()
        if found:
            wall.blocked.clear()
            while not memory.sent(talk()):
                time.sleep(0.01)
            time.sleep(0.1)  # and delivery takes note of it
        return found

    monkeypatch.setattr(outbox, "fresh", breaks_once)
    monkeypatch.setattr(outbox, "unfinished", answers_late)

    async def run():
        async with delivering(outbox, wall):
            await asyncio.to_thread(answer, "hi")
            await until(lambda: is_empty(outbox))
            await asyncio.to_thread(answer, "again")
            await until(lambda: "again" in wall.texts() and is_empty(outbox))

    wall.blocked.add(talk())
    asyncio.run(run())
    assert wall.texts() == ["hi", "again"]


def test_every_end_of_a_turn_is_in_words(outbox, answer):
    answer(final=Failed(str(talk()), "t1", "1", "put_aside"))
    answer(final=Finished(str(talk()), "t2", "1", "half an", note="stopped"))
    answer(final=Finished(str(talk()), "t3", "1", "long", thought="hm", note="cut"))

    assert deliver_all(outbox, Wall(), 3, language=lambda _: "zh") == [
        Reply("", remarks=("这条消息我三次都没能回答，先放到一边了。我们其余的对话都在，请继续说。",), turn="t1", reply_to="1"),
        Reply("half an", remarks=("（已停止）",), turn="t2", reply_to="1"),
        Reply("long", thought="hm", remarks=("（到这里达到了长度上限。想听下去就告诉我继续。）",), turn="t3", reply_to="1"),
    ]


@pytest.mark.parametrize(
    "event",
    [
        Finished(str(talk()), "t1", "1", "hi", kind="of_tomorrow"),
        Failed(str(talk()), "t1", "1", "of_tomorrow"),
        Notice(str(talk()), "alert-of-tomorrow", {}),
    ],
)
def test_what_a_newer_version_says_is_left_for_a_newer_adapter_and_the_rest_goes_on(outbox, answer, event):
    """A worker that was updated before the adapter that stands beside it."""
    wall = Wall()
    outbox.add(talk(), event)

    async def run():
        async with delivering(outbox, wall):
            await asyncio.to_thread(answer, "two")
            await until(lambda: wall.finals, seconds=10)

    asyncio.run(run())
    assert wall.texts() == ["two"]
    assert len(outbox.unfinished()) == 1


def test_an_answer_is_given_though_what_a_newer_version_notes_of_it_is_not_known(outbox, answer):
    answer(final=Finished(str(talk()), "t1", "1", "hi", note="of_tomorrow"))

    assert deliver_all(outbox, Wall(), 1) == [Reply("hi", turn="t1", reply_to="1")]


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Forgotten before I had answered."), ("zh", "还没有回答就已经忘记了。")]
)
def test_a_final_that_was_forgotten_says_so_and_nothing_else(outbox, answer, memory, language, words):
    answer("a secret")
    memory.forget(talk())

    assert deliver_all(outbox, Wall(), 1, language=lambda _: language) == [Reply("", remarks=(words,))]
    assert memory.sent(talk()) == {}


def test_lines_that_waited_when_everything_was_forgotten_end_in_words(outbox, inbox, memory):
    inbox.accept(incoming("a secret"))
    memory.forget(talk())

    assert deliver_all(outbox, Wall(), 1) == [Reply("", remarks=("Forgotten before I had answered.",))]


def test_a_final_of_a_forgotten_person_cannot_be_opened_any_more(store, outbox, answer, people):
    answer("a secret")
    people.forget(talk())

    assert deliver_all(outbox, Wall(), 1) == [Reply("", remarks=("Forgotten before I had answered.",))]
    assert [key for key in store.redis.scan_iter() if b"1001" in key] == [], "reading makes no new key"


def test_lines_dropped_by_stop_end_in_words(outbox, inbox):
    inbox.accept(incoming())
    inbox.stop(talk())

    [reply] = deliver_all(outbox, Wall(), 1)
    assert (reply.text, reply.remarks) == ("", ("Stopped.",))


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("reason", get_args(FailedReason))
def test_whatever_became_of_a_message_is_told_in_the_persons_language(outbox, answer, language, reason):
    answer(final=Failed(str(talk()), "t1", "1", reason))

    [reply] = deliver_all(outbox, Wall(), 1, language=lambda _: language)

    assert (reply.text, reply.remarks) == ("", (say(language, f"failed-{reason}"),))


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("note", [*filter(None, get_args(Note))])
def test_what_is_to_be_said_of_an_answer_is_said_in_the_persons_language(outbox, answer, language, note):
    answer(final=Finished(str(talk()), "t1", "1", "hi", note=note))

    [reply] = deliver_all(outbox, Wall(), 1, language=lambda _: language)

    assert (reply.text, reply.remarks) == ("hi", (say(language, f"note-{note}"),))


# drafts


def follow(outbox, wall, *drafts, then=None, shown):
    """Publish drafts while delivery runs, then see what the wall shows."""

    async def run():
        async with delivering(outbox, wall):
            await until(lambda: outbox._store.redis.pubsub_numsub(Keys(SURFACE).drafts)[0][1] == 1)
            for one in drafts:
                await asyncio.to_thread(outbox.publish, talk(), one)
            if then:
                await asyncio.to_thread(then)
            await until(lambda: shown(wall))

    asyncio.run(run())


def test_the_latest_draft_wins_and_the_pace_is_kept(outbox):
    wall = Wall(draft_seconds=0.25)

    follow(outbox, wall, *(draft(str(seq), seq) for seq in range(1, 40)), shown=lambda wall: wall.drafts[-1:] == ["39"])

    assert len(wall.drafts) < 39, "drafts that were overtaken are not shown"
    assert all(later - earlier >= 0.24 for earlier, later in zip(wall.at, wall.at[1:], strict=False))


def test_a_draft_of_a_worker_that_lost_its_lease_is_not_shown(outbox):
    wall = Wall()

    drafts = (draft("new", 1, fence=2), draft("stale", 9, fence=1), draft("earlier", 1, fence=2), draft("newer", 2, fence=2))
    follow(outbox, wall, *drafts, shown=lambda wall: wall.drafts[-1:] == ["newer"])

    assert set(wall.drafts) <= {"new", "newer"}


def test_no_draft_comes_after_its_final(outbox, answer):
    wall = Wall()

    def end_and_be_late():
        asyncio.run(until(lambda: wall.drafts == ["w"]))
        answer("whole", final=Finished(str(talk()), "t1", "1", "whole"))
        asyncio.run(until(lambda: wall.texts() == ["whole"]))
        outbox.publish(talk(), draft("who", 2, turn="t1"))
        outbox.publish(talk(), draft("next", 1, fence=2, turn="t2"))

    follow(outbox, wall, draft("w", 1), then=end_and_be_late, shown=lambda wall: "next" in wall.drafts)

    assert wall.drafts == ["w", "next"]


def test_a_final_does_not_wait_for_the_pace_of_drafts(outbox, answer):
    wall = Wall(draft_seconds=30)

    def end():
        asyncio.run(until(lambda: wall.drafts == ["w"]))
        answer("whole", final=Finished(str(talk()), "t1", "1", "whole"))

    follow(outbox, wall, draft("w"), then=end, shown=lambda wall: wall.texts() == ["whole"])


def test_the_pace_is_kept_after_a_final_too(outbox, answer):
    wall = Wall(draft_seconds=0.25)
    wall.blocked.add(talk())

    def next_turn():
        for id in ("t1", "t2"):
            answer(id, final=Finished(str(talk()), id, "1", id))
            time.sleep(0.1)
        wall.troubles += [None, NotSent(0.2)]
        wall.blocked.clear()
        asyncio.run(until(lambda: not wall.troubles))
        outbox.publish(talk(), draft("1", 1, fence=3, turn="t3"))
        asyncio.run(until(lambda: wall.drafts))
        for seq in (2, 3):
            outbox.publish(talk(), draft(str(seq), seq, fence=3, turn="t3"))

    follow(outbox, wall, then=next_turn, shown=lambda wall: wall.drafts[-1:] == ["3"])
    assert all(later - earlier >= 0.24 for earlier, later in zip(wall.at, wall.at[1:], strict=False))


def test_a_draft_that_cannot_be_shown_harms_nothing(outbox, answer):
    wall = Wall()

    def go_on():
        asyncio.run(until(lambda: wall.drafts == ["broken"]))
        outbox.publish(talk(), draft("better", 2))
        asyncio.run(until(lambda: wall.drafts == ["broken", "better"]))
        answer("whole")

    follow(outbox, wall, draft("broken"), then=go_on, shown=lambda wall: wall.texts() == ["whole"])


def test_a_draft_of_a_forgotten_person_is_not_shown(outbox, people):
    sealed = outbox._vault.seal(talk())
    people.forget(talk())

    async def run(wall):
        async with delivering(outbox, wall):
            await until(lambda: outbox._store.redis.pubsub_numsub(Keys(SURFACE).drafts)[0][1] == 1)
            from bot.core.messages import dump

            late = f"{talk()}\n".encode() + sealed.close(dump(draft("a secret")), str(talk()))
            outbox._store.redis.publish(Keys(SURFACE).drafts, late)
            await asyncio.to_thread(outbox.publish, talk(), draft("fresh", 2))
            await until(lambda: wall.drafts)

    wall = Wall()
    asyncio.run(run(wall))
    assert wall.drafts == ["fresh"]


def test_replies_grow_before_the_eyes_of_a_person_who_was_just_forgotten(outbox, inbox, leases, people):
    wall = Wall()

    def reply(text, id):
        inbox.accept(incoming())
        lease = leases.acquire(talk())
        outbox.publish(talk(), draft(text, fence=lease.fence, turn=id), lease.seal)
        asyncio.run(until(lambda: wall.drafts[-1:] == [text]))
        leases.commit(lease, Finished(str(talk()), id, "1", text), turn(id), "append")
        asyncio.run(until(lambda: wall.texts()[-1:] == [text]))

    def talk_and_forget_and_talk():
        for text in ("one", "two"):
            reply(text, text)
        people.forget(talk())
        reply("hello again", "three")

    follow(outbox, wall, then=talk_and_forget_and_talk, shown=lambda wall: True)


# Redis goes away


@pytest.fixture
def world(own_redis):
    """Everything on a Redis that may be killed."""
    store = Store(own_redis.url)
    vault = Vault(store, b"k" * 32)
    memory, dead = Memory(store, vault), DeadLetters(store, vault)
    box = Outbox(store, vault, SURFACE)
    box.open()
    yield own_redis, store, box, Inbox(store, vault, 50), Leases(store, vault, 5, 100), People(store, vault, memory, dead)
    store.close()


@pytest.mark.parametrize("blocked", [False, True], ids=["while it waits", "in the middle of a sending"])
def test_redis_dies_and_comes_back_and_nothing_is_lost(world, blocked):
    server, store, outbox, inbox, leases, people = world
    wall = Wall()

    def end(text):
        inbox.accept(incoming())
        leases.commit(leases.acquire(talk()), Finished(str(talk()), text, "1", text))

    def language(conversation):
        people.preferences(conversation)
        return "en"

    async def run():
        async with delivering(outbox, wall, language):
            end("one")
            await until(lambda: is_empty(outbox))
            if blocked:
                wall.blocked.add(talk())
                end("two")
                await until(lambda: store.redis.hlen(Keys(SURFACE).sending) == 1)
            os.kill(store.redis.info()["process_id"], signal.SIGKILL)
            await until(lambda: not server.is_running())
            wall.blocked.clear()
            await asyncio.sleep(0.3)
            await asyncio.to_thread(server.start)
            if not blocked:
                await asyncio.to_thread(end, "two")
            end("three")
            await until(lambda: is_empty(outbox))

    asyncio.run(run())
    assert wall.finals == [(talk(), Reply(text, turn=text, reply_to="1")) for text in ("one", "two", "three")]


def test_what_is_on_its_way_arrives_though_redis_has_no_memory_left(world):
    """It is what makes room again."""
    _, store, outbox, inbox, leases, _ = world
    wall = Wall()
    inbox.accept(incoming())
    lease = leases.acquire(talk())

    async def run():
        async with delivering(outbox, wall):
            await until(lambda: is_empty(outbox), seconds=5)

    store.redis.config_set("maxmemory", 1)
    assert leases.commit(lease, Finished(str(talk()), "t1", "1", "hi")) is not None
    asyncio.run(run())
    assert wall.texts() == ["hi"]


class LossyWire:
    """A way to Redis that breaks once, while an answer with a final is on it."""

    def __init__(self, server):
        password, _, self._path = server.url.removeprefix("unix://").partition("@")
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://{password}@127.0.0.1:{self._listening.getsockname()[1]}"
        self.num_losses = 1
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _serve(self):
        with suppress(OSError):
            while True:
                theirs, ours = self._listening.accept()[0], socket.socket(socket.AF_UNIX)
                ours.connect(self._path)
                threading.Thread(target=self._pass_on, args=(theirs, ours, False), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(ours, theirs, True), daemon=True).start()

    def _pass_on(self, source, target, is_answer):
        with source, suppress(OSError):
            while data := source.recv(1 << 16):
                if is_answer and self.num_losses and b"\r\nevent\r\n" in data:
                    self.num_losses -= 1
                    break
                target.sendall(data)
            target.shutdown(socket.SHUT_RDWR)


def test_finals_that_were_lost_between_redis_and_here_are_read_again(redis_server, vault, answer):
    wall, wire = Wall(), LossyWire(redis_server)
    store = Store(wire.url)

    async def run():
        async with delivering(Outbox(store, vault, SURFACE), wall):
            for text in ("one", "two", "three"):
                await asyncio.to_thread(answer, text)
                await until(lambda: wire.num_losses == 0)
            await until(lambda: len(wall.finals) == 3, seconds=10)

    with closing(wire), closing(store):
        asyncio.run(run())
    assert wall.texts() == ["one", "two", "three"]


def test_looking_up_a_language_does_not_stop_the_loop_that_everything_runs_on(outbox, answer):
    """While Redis is out of reach a look-up takes seconds; all other conversations run on the same loop."""
    wall, asked, went_on, waited = Wall(), threading.Event(), threading.Event(), []

    def language(_):
        asked.set()
        waited.append(went_on.wait(30))
        return "en"

    async def run():
        async with delivering(outbox, wall, language):
            await until(asked.is_set)
            went_on.set()
            await until(lambda: is_empty(outbox))

    answer("hi")
    asyncio.run(run())
    assert all(waited), "the loop ran while it was looked up"
    assert wall.texts() == ["hi"]


# the end of a process


def test_a_final_that_was_just_given_is_acknowledged_although_the_process_ends(outbox, answer):
    """Else the person would be given it again at the next start."""
    given = asyncio.Event()

    class Instant(Wall):
        async def deliver(self, conversation, reply):
            given.set()
            return await super().deliver(conversation, reply)

    answer("hi")

    async def run():
        # With every thread busy following, the acknowledgement has to wait for its turn.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2))
        async with delivering(outbox, Instant()):
            await given.wait()

    asyncio.run(run())

    assert is_empty(outbox)


def test_a_process_that_ends_does_not_wait_for_a_platform_that_makes_it_wait(outbox, answer, monkeypatch):
    monkeypatch.setattr("bot.delivery._CLOSE_SECONDS", 0.1)
    wall = Wall()
    wall.blocked.add(talk())
    answer("hi")

    async def run():
        async with delivering(outbox, wall):
            await until(lambda: outbox._store.redis.hlen(Keys(SURFACE).sending))
            ended_at = time.monotonic()
        return time.monotonic() - ended_at

    assert asyncio.run(run()) < 30
    assert [entry.is_repeat for entry in outbox.unfinished()] == [True]
