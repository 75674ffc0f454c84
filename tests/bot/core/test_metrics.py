"""What a process shows of itself, read by Prometheus's own parser: alone, and of a service that runs."""

import asyncio
import socket
import urllib.request
from collections import Counter

import pytest
from prometheus_client.parser import text_string_to_metric_families
from redis.exceptions import ConnectionError
from structlog.testing import capture_logs

from bot.core import metrics
from bot.core.messages import Draft
from bot.core.settings import load
from bot.delivery import Delivery
from bot.lane import Lane
from bot.reception import Reception
from bot.surface import Gone, NotSent
from tests.ports import free_port
from tests.programs import Chat, kill, until
from tests.sayings import finished, incoming, talk

ALLOWED_LABELS = {"platform", "outcome", "why", "stage", "language", "state", "source", "le"}


def scrape(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
        text = page.read().decode()
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def is_free(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture
def port():
    return free_port(len(metrics.PORTS))


def settings(tmp_path, port, **more):
    return load(data_dir=tmp_path, metrics_port=port, **more)


def test_without_a_port_nothing_is_served(tmp_path, port):
    metrics.serve(load(data_dir=tmp_path), "worker")()
    assert is_free(port)


@pytest.mark.parametrize("process", ["worker", "telegram", "discord", "console"])
def test_every_kind_of_process_has_a_port_of_its_own(tmp_path, port, process):
    end = metrics.serve(settings(tmp_path, port), process)
    try:
        assert scrape(port + metrics.PORTS[process])[("companion_data_free_bytes",)] > 0
    finally:
        end()
    assert len(set(metrics.PORTS.values())) == len(metrics.PORTS)


def test_a_port_that_is_taken_is_told_once_and_the_process_goes_on(tmp_path, port):
    with capture_logs() as lines:
        end = metrics.serve(settings(tmp_path, port), "worker")
        try:
            metrics.serve(settings(tmp_path, port), "worker")()
            metrics.serve(settings(tmp_path, port, metrics_host="nowhere.invalid"), "console")()
        finally:
            end()
    warnings = [line for line in lines if line["log_level"] == "warning"]
    assert [line["port"] == port for line in warnings] == [True, False]


def test_it_is_shown_on_this_machine_alone_unless_set():
    assert load().metrics_host == "127.0.0.1"


def test_names_follow_the_rules_and_labels_are_few():
    declared = {name for one in vars(metrics).values() for name in getattr(one, "_labelnames", ())}
    assert declared <= ALLOWED_LABELS, "whether they were used so far or not"
    for family in metrics.REGISTRY.collect():
        assert family.documentation
        if family.name.startswith("companion_"):
            for sample in family.samples:
                assert sample.labels.keys() <= ALLOWED_LABELS


def test_what_waits_is_counted_by_platform_and_goes_away_again(store, vault, inbox, leases):
    for person in ("1", "2"):
        inbox.accept(incoming(conversation=talk(person)))
    store.add_surface(talk().surface)
    metrics.read_queues(store)
    assert value("companion_waiting_conversations", platform="telegram") == 2

    leases.commit(leases.acquire(talk("1")), finished(talk("1")), put_aside=True)
    metrics.read_queues(store)
    assert value("companion_waiting_conversations", platform="telegram") == 1
    assert value("companion_dead_letters", platform="telegram") == 1


def test_a_redis_out_of_reach_is_counted_and_not_hidden():
    before = value("companion_redis_lost_total", stage="test") or 0

    with pytest.raises(ConnectionError), metrics.watching_redis("test"):
        raise ConnectionError
    assert value("companion_redis_lost_total", stage="test") == before + 1


def value(name, **labels):
    return metrics.REGISTRY.get_sample_value(name, labels)


def test_a_service_that_runs_shows_what_it_did(tmp_path, port):
    with Chat(tmp_path, metrics_port=port, slots=4) as chat:
        ask(chat, "one", "one")
        ask(chat, "two", "two")
        ask(chat, "/think hide", "think")
        ask(chat, "I want to kill myself", "findahelpline")
        ask(chat, "/retry", "two")
        worker, front = until(lambda: settled(port)), until(lambda: settled(port + 3, "deliveries_total", "delivered", 3))
        assert chat.leave()[0] == 0

    assert front[("companion_messages_total", "accepted", "console")] >= 2
    assert front[("companion_messages_total", "command", "console")] >= 2
    assert front[("companion_care_answers_total", "en")] == 1
    assert worker[("companion_turns_total", "finished", "console")] == 3
    for histogram in ("queue_wait_seconds", "first_text_seconds", "reply_seconds"):
        assert worker[(f"companion_{histogram}_count", "console")] == 3
        assert 0 < worker[(f"companion_{histogram}_sum", "console")] < 60
    assert worker[("companion_tokens_total",)] > 40
    assert worker[("companion_reply_tokens_per_second_count",)] == 3
    assert (worker[("companion_slots",)], worker[("companion_engine_ready",)]) == (4, 1)
    assert worker[("companion_retries_total",)] == worker[("companion_engine_restarts_total",)] == 0
    assert worker[("companion_dead_letters", "console")] == 0


def ask(chat, text, word):
    """Say something, and hear everything up to a line with that word in it."""
    chat.say(text)
    while word not in chat.hear():
        pass


def settled(port, name="waiting_conversations", *labels_and_value):
    """A process's numbers once one of them is what it will be; a worker's, once nothing waits any more."""
    *labels, number = labels_and_value or (0,)
    numbers = scrape(port)
    return numbers if numbers.get((f"companion_{name}", *labels, "console")) == number else None


def test_an_engine_that_dies_is_counted(tmp_path, port):
    with Chat(tmp_path, metrics_port=port) as chat:
        ask(chat, "one", "one")
        kill(chat.engine())
        ask(chat, "two", "two")
        assert scrape(port)[("companion_engine_restarts_total",)] == 1


def test_messages_are_counted_by_what_became_of_them(make_front):
    front = make_front(inbox_lines=1, line_bytes=100)
    before = counted("companion_messages_total")

    receive(front, incoming("one", update_id="u1"), incoming("one", update_id="u1"), incoming("two"), incoming("a" * 101))

    assert counted("companion_messages_total") - before == {"accepted": 1, "known": 1, "full": 1, "too_long": 1}


def test_what_speaks_of_need_is_counted_by_language_alone(make_front):
    before = value("companion_care_answers_total", language="en") or 0

    with capture_logs() as lines:
        receive(make_front(), incoming("I want to kill myself"))

    assert value("companion_care_answers_total", language="en") == before + 1
    assert [(line["action"], "conversation" in line) for line in lines] == [("care", False)]


def test_a_wake_up_that_fails_is_counted(make_front):
    before = value("companion_wakeups_failed_total")

    receive(make_front(), incoming("one"))

    assert value("companion_wakeups_failed_total") == before + 1


def test_deliveries_are_counted_by_how_they_went(outbox, leases, inbox):
    before = counted("companion_deliveries_total")
    for person in ("1", "2", "3"):
        inbox.accept(incoming(conversation=talk(person)))
        leases.commit(leases.acquire(talk(person)), finished(talk(person), answer=person))

    asyncio.run(deliver(outbox, Moody()))

    assert counted("companion_deliveries_total") - before == {
        "delivered": 1, "gone": 1, "not_sent": 1, "uncertain": 1, "repeated": 1,
    }  # fmt: skip


def test_drafts_that_nobody_saw_are_counted_as_shed():
    before = counted("companion_drafts_total")

    asyncio.run(overtake())

    assert counted("companion_drafts_total") - before == {"shown": 1, "shed": 2}


def counted(name):
    """Outcomes of a counter on Telegram."""
    samples = [sample for family in metrics.REGISTRY.collect() for sample in family.samples if sample.name == name]
    return Counter({one.labels["outcome"]: int(one.value) for one in samples if one.labels["platform"] == "telegram"})


def receive(front, *updates):
    """Through a reception whose broker is away."""
    front.__dict__["wakeups"] = None

    async def run():
        reception = Reception(front)
        for update in updates:
            await reception.receive(update)
        while reception._timers or reception._sending:
            await asyncio.sleep(0.01)

    asyncio.run(run())


class Moody:
    """A platform that takes the first person's reply at the second try, has lost the second, and fails for the third."""

    name, draft_seconds = "telegram:42", 0.01

    def __init__(self):
        self.moods = {"1": [NotSent(0)], "2": [Gone()], "3": [ValueError()]}
        self.num_left = 5

    async def deliver(self, conversation, reply):
        self.num_left -= 1
        if self.moods[conversation.person]:
            raise self.moods[conversation.person].pop()
        return []

    async def show(self, conversation, draft):
        if draft.answer == "refused":
            raise ValueError


async def deliver(outbox, surface):
    running = asyncio.create_task(Delivery(outbox, surface, lambda _: "en").run())
    while surface.num_left:
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait([running])


async def overtake():
    """One draft is overtaken before it can be shown, one is shown, one is refused."""
    lane = Lane(talk(), Moody(), None, {})
    lane._lanes[talk()] = lane
    lane.offer(draft(1, "overtaken"))
    for number, answer in ((2, "shown"), (3, "refused")):
        lane.offer(draft(number, answer))
        while lane._draft is not None:
            await asyncio.sleep(0.01)
    await lane.close()


def draft(seq, answer):
    return Draft(str(talk()), "t1", 1, seq, thinking=False, thought="", answer=answer)
