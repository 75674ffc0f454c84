import itertools
import json
from contextlib import closing
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.dead import DeadLetters
from bot.core.edits import keep_edit, take_edit
from bot.core.errors import BadConversation
from bot.core.inbox import Inbox
from bot.core.lease import Leases
from bot.core.memory import Memory
from bot.core.messages import Conversation, Failed
from bot.core.people import People, Preferences, Usage
from bot.core.store import Keys, Store
from bot.core.vault import Vault
from tests.sayings import SURFACE, finished, incoming, line, talk, turn
from tests.traces import traces

ids = st.text("abZ019_.@-", min_size=1, max_size=3)
conversations = st.builds(Conversation, ids, ids, ids, ids, ids)


def end_turn(inbox, leases, conversation, said="hello", id="t1"):
    inbox.accept(incoming(said, conversation))
    leases.commit(leases.acquire(conversation), finished(conversation, id), turn(id, said), "append")


@given(one=conversations, other=conversations)
def test_two_conversations_never_share_a_key_of_their_own(one, other):
    keys = [{Keys(talk.surface).of(talk, what) for what in ("inbox", "state", "memory", "sent")} for talk in (one, other)]
    assert (keys[0] & keys[1] == set()) == (one != other)


@given(one=conversations, other=conversations)
def test_two_people_never_share_a_key_of_their_own(one, other):
    keys = [
        {Keys(talk.surface).of_person(talk.person, what) for what in ("key", "settings", "conversations")}
        for talk in (one, other)
    ]
    assert (keys[0] & keys[1] == set()) == ((one.surface, one.person) != (other.surface, other.person))


@given(talk=conversations)
def test_no_key_of_one_kind_is_a_key_of_another(talk):
    keys = Keys(talk.surface)
    names = [keys.of(talk, what) for what in ("inbox", "state", "memory", "sent")]
    names += [keys.of_person(talk.person, what) for what in ("key", "settings", "conversations")]
    names += [keys.of_chat(talk.chat, "chat"), keys.seen, keys.pending, keys.outbox, keys.sending, keys.dead, keys.drafts]
    assert len(set(names)) == len(names)
    assert all(name.startswith(f"companion:{{{talk.surface}}}:") for name in names), "one hash tag, so one slot"


@given(st.builds(Conversation, ids, ids, ids, ids, ids))
def test_a_conversation_is_read_back_from_its_name(talk):
    assert Conversation.parse(str(talk)) == talk


@pytest.mark.parametrize("id", ["", "a:b", "a{b", "a}b", "a b", "a\n", "a*b", "é", "x" * 65])
def test_an_id_that_could_reach_into_another_key_is_refused(id):
    with pytest.raises(BadConversation, match="not a usable conversation id"):
        talk(person="1", chat=id or None, thread="0") if id else talk(thread=id)


def test_two_people_in_one_group_never_see_each_other(inbox, leases, memory, people):
    ann, bob = talk("1", chat="-9"), talk("2", chat="-9")
    end_turn(inbox, leases, ann, "mine is blue")
    inbox.accept(incoming("and now", ann))
    people.choose(ann, persona="tycho", thinking="off")

    assert memory.recent(bob) == []
    assert inbox.num_waiting(bob) == 0
    assert leases.acquire(bob) is None
    assert people.preferences(bob) == Preferences()
    assert people.export(bob)["conversations"] == []
    assert people.forget(bob) == 0
    assert [one.said for one in memory.recent(ann)] == ["mine is blue"]
    assert inbox.num_waiting(ann) == 1


def test_a_persons_choice_comes_before_the_chats(people):
    ann, bob = talk("1", chat="-9"), talk("2", chat="-9")
    people.choose_for_chat(ann, persona="tycho", thinking="show")
    people.choose(ann, persona="xiaoman")

    assert people.preferences(ann) == Preferences(persona="xiaoman", thinking="show")
    assert people.preferences(bob) == Preferences(persona="tycho", thinking="show")
    assert people.preferences(talk("1")) == Preferences(persona="xiaoman"), "a choice is the person's, the chat's stays there"


def test_a_choice_that_only_a_newer_version_knows_is_passed_over(people):
    people.choose(talk(), persona="coder", of_tomorrow="1")

    assert people.preferences(talk()) == Preferences(persona="coder")


def test_a_choice_can_be_taken_back(people):
    people.choose_for_chat(talk(), persona="tycho")
    people.choose(talk(), persona="xiaoman")
    people.choose(talk(), persona=None)

    assert people.preferences(talk()) == Preferences(persona="tycho")


def test_export_holds_everything_that_is_kept(inbox, leases, outbox, people, store, vault):
    end_turn(inbox, leases, talk(), "hello")
    outbox.end(outbox.fresh(10)[0], ["m7"])
    inbox.accept(incoming("put this aside"))
    leases.commit(leases.acquire(talk()), Failed(str(talk()), "t2", "1", "put_aside"), put_aside=True)
    inbox.accept(incoming("still waiting"))
    keep_edit(store, vault, talk(), incoming("said otherwise").line)
    people.choose(talk(), persona="tycho", language="zh")
    people.choose_for_chat(talk(), thinking="show")

    export = json.loads(json.dumps(people.export(talk())))

    [conversation] = export.pop("conversations")
    usage = export.pop("usage")
    assert (usage["turns"], usage["tokens"]) == (str(people.usage(talk()).turns), str(people.usage(talk()).tokens))
    assert export.pop("marks").keys() == {"seen"}
    assert export == {"person": "1001", "surface": SURFACE, "choices": {"persona": "tycho", "language": "zh"}}
    [kept] = conversation.pop("turns")
    assert (kept["lines"][0]["text"], kept["reply"], kept["reply_message_ids"]) == ("hello", "hi", ["m7"])
    assert [said["text"] for said in conversation.pop("waiting")] == ["still waiting", "said otherwise"]
    assert [said["text"] for said in conversation.pop("put_aside")] == ["put this aside"]
    rest = {"chat": "1001", "thread": "0", "shared": False, "shown": {}, "chat_choices": {"thinking": "show"}}
    assert conversation == rest


def test_export_holds_nothing_of_others(inbox, leases, people):
    end_turn(inbox, leases, talk("1", chat="-9"), "mine")
    end_turn(inbox, leases, talk("2", chat="-9"), "theirs")

    assert "theirs" not in json.dumps(people.export(talk("1", chat="-9")))


def test_what_was_chosen_for_a_group_is_in_nobodys_export(inbox, leases, people):
    ann = talk("1", chat="-9")
    end_turn(inbox, leases, ann)
    people.choose_for_chat(ann, persona="tycho")

    assert "tycho" not in json.dumps(people.export(ann))


def test_all_replies_to_the_same_lines_are_exported(inbox, leases, people):
    inbox.accept(incoming())
    kept = replace(turn(reply="second"), variants=("first", "second"))
    leases.commit(leases.acquire(talk()), finished(talk()), kept, "append")

    [exported] = people.export(talk())["conversations"][0]["turns"]
    assert (exported["reply"], exported["variants"]) == ("second", ("first", "second"))


def test_the_oldest_turn_is_looked_for_in_every_chat(inbox, leases, people):
    for chat, at in (("1", 20.0), ("-9", 10.0)):
        conversation = talk("1", chat=chat)
        inbox.accept(incoming(conversation=conversation))
        leases.commit(leases.acquire(conversation), finished(conversation), replace(turn(), at=at), "append")

    assert people.since(talk("1")) == 10.0


def test_exporting_somebody_unknown_is_empty_and_leaves_no_trace(store, people):
    empty = {"person": "1001", "surface": SURFACE, "choices": {}, "usage": {}, "marks": {}, "conversations": []}
    assert people.export(talk()) == empty
    assert (people.usage(talk()), people.since(talk())) == (Usage(), None)
    assert store.redis.keys() == []


def test_a_person_who_is_forgotten_is_named_by_no_key_and_in_no_value(store, inbox, leases, outbox, people, dead):
    """Everything that can be kept of a person is kept once, then forgotten, then looked for."""
    for chat in ("70077", "-9"):
        conversation = talk("70077", chat=chat)
        end_turn(inbox, leases, conversation)
        inbox.accept(incoming("bad", conversation))
        leases.commit(leases.acquire(conversation), Failed(str(conversation), f"t{chat}", "1", "put_aside"), put_aside=True)
        inbox.accept(incoming("being answered", conversation))
        leases.acquire(conversation)
        inbox.stop(conversation)
        people.choose_for_chat(conversation, persona="tycho")
        people.choose(conversation, persona="tycho", hint="zh")
    for entry in outbox.fresh(10):
        outbox.end(entry, ["m1"])
    end_turn(inbox, leases, talk("2", chat="-9"), "theirs")

    assert people.forget(talk("70077")) == 2
    for entry in [*outbox.unfinished(), *outbox.fresh(10)]:
        outbox.end(entry, ["m1"])

    assert traces(store.redis, "70077") == []
    assert people.preferences(talk("2", chat="-9")) == Preferences(persona="tycho"), "the group's choice is not the person's"
    assert len(people.export(talk("2", chat="-9"))["conversations"][0]["turns"]) == 1


def test_a_reply_that_is_just_being_sent_leaves_no_trace_of_somebody_who_is_forgotten(store, inbox, leases, outbox, people):
    end_turn(inbox, leases, talk("70077"))
    [entry] = outbox.fresh(10)

    people.forget(talk("70077"))
    outbox.end(entry, ["m1"])

    assert traces(store.redis, "70077") == []


@pytest.mark.parametrize("how", ["reset", "forget"])
def test_an_edit_that_was_offered_to_be_answered_goes_with_the_rest(store, vault, inbox, leases, memory, people, outbox, how):
    where = talk("70077")
    end_turn(inbox, leases, where)
    keep_edit(store, vault, where, line("a secret in other words"))

    memory.forget(where) if how == "reset" else people.forget(where)

    assert take_edit(store, vault, where) is None
    assert not [name for name in traces(store.redis, "70077") if "edited" in name]


def test_where_a_reply_stands_is_not_kept_once_its_conversation_is_reset(store, inbox, leases, memory, outbox):
    end_turn(inbox, leases, talk())
    [entry] = outbox.fresh(10)

    memory.forget(talk())
    outbox.end(entry, ["m1"])

    assert memory.sent(talk()) == {}


def test_a_reply_in_flight_brings_nothing_of_a_forgotten_person_back(store, inbox, leases, memory, people, outbox):
    inbox.accept(incoming("a secret"))
    lease = leases.acquire(talk())

    people.forget(talk())

    assert leases.renew(lease) == "lost"
    assert leases.commit(lease, finished(talk()), turn(), "append") is None
    leases.release(lease, forgive=True)
    assert memory.recent(talk()) == []
    assert [entry.event for entry in outbox.fresh(10)] == [None]


def before(redis, number, deed):
    """Let something happen just before a command; gives how many there were so far, this one included."""
    execute, count = redis.execute_command, itertools.count(1)

    def hooked(*arguments, **options):
        if (at := next(count)) == number:
            deed()
        hooked.num = at
        return execute(*arguments, **options)

    redis.execute_command = hooked
    return hooked


def test_what_somebody_says_while_they_are_forgotten_is_gone_or_can_be_forgotten_next(redis_server, store, vault):
    """Whenever it is said: before each of the commands that forget them."""
    chat, number, num_commands = talk(chat="-9"), 0, 1
    while number < num_commands:
        number += 1
        store.redis.flushall()
        with closing(Store(redis_server.url)) as other:
            inbox, leases = Inbox(other, Vault(other, b"k" * 32), 50), Leases(other, Vault(other, b"k" * 32), 5, 100)
            end_turn(inbox, leases, chat)
            memory, dead = Memory(store, vault), DeadLetters(store, vault)
            people = People(store, vault, memory, dead)
            commands = before(store.redis, number, partial(end_turn, inbox, leases, chat, "still here", "t2"))
            people.forget(talk())
            num_commands = commands.num
            del store.redis.execute_command

        if memory.num_turns(chat):
            assert [one.said for one in memory.recent(chat)] == ["still here"], number
            assert people.conversations(talk()) == [chat], number
            assert store.redis.zscore(Keys(SURFACE).people, talk().person), number
    assert num_commands > 5, "there were some"


def test_somebody_who_was_forgotten_is_new_when_they_come_back(inbox, leases, memory, people, outbox):
    end_turn(inbox, leases, talk())
    people.forget(talk())
    end_turn(inbox, leases, talk(), "hello again", "t2")

    assert [one.said for one in memory.recent(talk())] == ["hello again"]
    assert [entry.event for entry in outbox.fresh(10)] == [None, finished(talk(), "t2")]
