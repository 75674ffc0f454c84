"""One's own words in a talk that everybody in a channel shares: had and erased by oneself, while the others' stay."""

import json

import pytest

from bot.core.personas import Personas
from bot.core.settings import load
from bot.i18n import say
from tests.bot.adapters.discord.conftest import talk_of
from tests.bot.adapters.working import until
from tests.fakes.discord import BOT_ID
from tests.traces import opened, traces
from workers.engines.base import EngineOptions, Limits
from workers.engines.process import EngineProcess
from workers.heart import Heart
from workers.respond import Responder
from workers.tasks import Answering
from workers.tokenizer import ByteTokenizer
from workers.writer import Writer

ME = f"<@{BOT_ID}>"
HISTORY = "#history"


@pytest.fixture(scope="module")
def engine():
    with EngineProcess(EngineOptions(engine="echo", context=8192, requests=4)) as process:
        process.wait_ready(120)
        yield process


@pytest.fixture
def model(engine, store, memory, people, worker, tmp_path):
    """A worker with a model that tells what it was given."""
    settings = load(data_dir=tmp_path, engine="echo", thought_tokens=300, answer_tokens=400)
    writer = Writer(engine, ByteTokenizer, lambda: Limits(8192, 4), settings)
    responder = Responder(writer, memory, people, Personas(), lambda *_: None, settings)
    heart = Heart(store, worker.leases, lease_seconds=30, reply_seconds=30)
    yield Answering(worker.leases, heart, responder, engine, lambda _: None)
    heart.close()


@pytest.fixture
def everybody(ann, channel):
    return talk_of(ann, channel).shared


@pytest.fixture
def said(channel, everybody, ann, bob, worker):
    """A turn of each, and one of both."""

    def wait(text):
        until(lambda: any(text in one for one in ann.sees(channel)))

    ann.write(f"{ME} my cat is called Miso", channel)
    worker.says(everybody, "What a name.")
    wait("What a name.")
    bob.write(f"{ME} I drink nothing but rain", channel)
    worker.says(everybody, "Bob loves rain.")
    wait("Bob loves rain.")
    ann.write(f"{ME} and Miso drinks milk", channel)
    bob.write(f"{ME} I have a barrel of rain", channel)
    until(lambda: len(worker.memory.recent(everybody)) == 2 and waiting(worker, everybody) == 2)
    worker.says(everybody, "Milk for one, rain for the other.")
    wait("rain for the other.")


def waiting(worker, where):
    return worker.leases._store.redis.llen(f"companion:{{discord:{BOT_ID}}}:inbox:{where.chat}:{where.thread}:{where.person}")


def forget(person, channel, turns):
    told = say("en", "forget-done", turns=turns)
    before = person.sees(channel).count(told)
    person.write(f"{ME} /forget yes", channel)
    until(lambda: person.sees(channel).count(told) > before)


def exported(discord, person, channel):
    discord.documents.clear()
    person.use("export", channel)
    until(lambda: len(discord.documents) == 2)
    files = {name: content.decode() for _, name, content in discord.documents}
    return json.loads(files["companion-export.json"]), files["companion-export.txt"]


def given(model, person, channel, where, worker):
    """What the model was given with a new message: as it tells it itself."""
    person.write(f"{ME} {HISTORY}", channel)
    until(lambda: waiting(worker, where))
    model.reply(str(where))
    return worker.memory.recent(where)[-1].reply


def test_who_is_forgotten_is_in_nothing_that_the_model_is_given_and_the_others_are(
    said, model, channel, everybody, ann, bob, worker, store, vault
):
    assert "rain" in given(model, ann, channel, everybody, worker)

    forget(bob, channel, turns=2)

    told = given(model, ann, channel, everybody, worker)
    assert told == f"Before this you said 3:\n1. Ann: my cat is called Miso\n2. Ann: and Miso drinks milk\n3. Ann: {HISTORY}"


def test_nothing_that_is_kept_has_a_word_or_the_id_of_who_was_forgotten(
    said, channel, everybody, ann, bob, worker, store, vault
):
    before = "".join(opened(store.redis, vault.find(everybody), str(everybody)))
    assert "rain" in before
    assert str(bob.id) in before
    assert traces(store.redis, str(bob.id)), "where to find what they said"

    forget(bob, channel, turns=2)

    kept = opened(store.redis, vault.find(everybody), str(everybody))
    until(lambda: traces(store.redis, str(bob.id)) == [])
    assert not [text for text in kept if "rain" in text or str(bob.id) in text]
    assert [(turn.said, turn.reply) for turn in worker.memory.recent(everybody)] == [
        ("Ann: my cat is called Miso", "What a name."),
        ("Ann: and Miso drinks milk", ""),
    ]


def test_an_export_has_exactly_ones_own_lines(said, channel, discord, ann, bob):
    for person, name, own, others, alone in (
        (bob, "Bob", ["I drink nothing but rain", "I have a barrel of rain"], ["Miso"], "Bob loves rain."),
        (ann, "Ann", ["my cat is called Miso", "and Miso drinks milk"], ["barrel"], "What a name."),
    ):
        kept, text = exported(discord, person, channel)
        [talk] = [one for one in kept["conversations"] if one["shared"]]
        lines = [line for turn in talk["turns"] for line in turn["lines"]]
        assert [line["text"] for line in lines] == own
        assert {line["speaker"] for line in lines} == {str(person.id)}
        assert [turn["reply"] for turn in talk["turns"]] == [alone, ""], "an answer to both is not one's own"
        assert (talk["waiting"], talk["put_aside"]) == ([], [])
        assert all(f" {name}: {line}" in text for line in [*own])
        assert not [word for word in others if word in text + json.dumps(kept)]


def test_who_spoke_in_no_shared_talk_has_none_in_their_export(said, channel, discord, ann):
    cat = discord.person("Cat")
    kept, _ = exported(discord, cat, channel)
    assert kept["conversations"] == []


def test_a_reply_in_the_making_that_has_read_them_is_given_up_and_the_others_are_answered_without_them(
    said, model, channel, everybody, ann, bob, worker
):
    ann.write(f"{ME} {HISTORY}", channel)
    reply = worker.takes(everybody)
    reply.streams("Bob has a barrel of rain", lambda: any("barrel of rain" in text for text in ann.sees(channel)))

    forget(bob, channel, turns=2)

    with pytest.raises(AssertionError):
        reply.ends("Bob has a barrel of rain, I remember.")
    model.reply(str(everybody))
    told = "Before this you said 2:\n1. Ann: my cat is called Miso\n2. Ann: and Miso drinks milk"
    until(lambda: told in ann.sees(channel))
    assert not [text for text in ann.sees(channel)[3:] if "barrel" in text], "the draft is gone too"


def test_a_line_that_waits_goes_and_the_others_line_beside_it_is_answered(channel, everybody, ann, bob, worker):
    bob.write(f"{ME} I drink nothing but rain", channel)
    until(lambda: waiting(worker, everybody) == 1)
    ann.write(f"{ME} hello", channel)
    until(lambda: waiting(worker, everybody) == 2)

    forget(bob, channel, turns=0)

    assert worker.says(everybody, "Hello Ann").said == "Ann: hello"
    until(lambda: "Hello Ann" in ann.sees(channel))
    assert say("en", "failed-forgotten") in ann.sees(channel), "whoever waits hears why there is no answer"


def test_a_second_time_there_is_nothing_to_forget_and_a_message_told_twice_brings_nothing_back(
    said, channel, everybody, discord, bob, worker, store
):
    [rain] = [one for one in channel.messages.values() if "nothing but rain" in one["content"]]
    forget(bob, channel, turns=2)
    kept = worker.memory.recent(everybody)

    discord.tell("MESSAGE_CREATE", rain)
    forget(bob, channel, turns=0)

    assert (worker.memory.recent(everybody), waiting(worker, everybody)) == (kept, 0)
    until(lambda: traces(store.redis, str(bob.id)) == [])


def test_who_comes_back_is_remembered_again(said, channel, everybody, bob, worker):
    forget(bob, channel, turns=2)
    bob.write(f"{ME} hello again", channel)
    worker.says(everybody, "Hello")

    assert worker.memory.recent(everybody)[-1].said == "Bob: hello again"
    forget(bob, channel, turns=1)
