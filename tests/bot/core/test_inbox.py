import threading
from dataclasses import replace

from bot.core.edits import replace_waiting
from bot.core.messages import Failed
from bot.core.store import Keys
from tests.sayings import SURFACE, finished, incoming, line, talk, turn


def test_a_line_waits_until_a_lease_takes_it(inbox, leases):
    inbox.accept(incoming("hello"))

    lease = leases.acquire(talk())

    assert [said.text for said in lease.lines] == ["hello"]
    assert inbox.num_waiting(talk()) == 1, "only the commit takes lines away"


def test_the_same_update_is_accepted_once_even_by_ten_at_the_same_time(inbox):
    outcomes = []
    update = incoming("hello", update_id="7")
    threads = [threading.Thread(target=lambda: outcomes.append(inbox.accept(update))) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["accepted", *["known"] * 9]
    assert inbox.num_waiting(talk()) == 1


def test_the_same_words_twice_are_two_lines(inbox):
    inbox.accept(incoming("yes"))
    inbox.accept(incoming("yes"))

    assert inbox.num_waiting(talk()) == 2


def test_a_full_inbox_refuses_and_says_so(store, vault):
    from bot.core.inbox import Inbox

    small = Inbox(store, vault, max_lines=2)

    assert [small.accept(incoming()) for _ in range(3)] == ["accepted", "accepted", "full"]


def test_lines_sent_in_a_row_are_one_turn(inbox, leases):
    for text in ("so", "listen", "I got it"):
        inbox.accept(incoming(text))

    assert [said.text for said in leases.acquire(talk()).lines] == ["so", "listen", "I got it"]


def test_a_wish_for_another_answer_is_a_turn_of_its_own(inbox, leases):
    for text, kind in (("a", "say"), ("", "retry"), ("b", "say")):
        inbox.accept(incoming(text, kind=kind))

    lease = leases.acquire(talk())
    assert [said.text for said in lease.lines] == ["a"]
    leases.commit(lease, finished(talk()))
    assert [said.kind for said in leases.acquire(talk()).lines] == ["retry"]


def test_only_one_worker_holds_a_conversation(inbox, leases):
    inbox.accept(incoming())

    assert leases.acquire(talk()) is not None
    assert leases.acquire(talk()) is None


def test_different_conversations_do_not_wait_for_each_other(inbox, leases):
    inbox.accept(incoming(conversation=talk("1")))
    inbox.accept(incoming(conversation=talk("2")))

    assert leases.acquire(talk("1")) is not None
    assert leases.acquire(talk("2")) is not None


def test_an_expired_lease_goes_to_another_and_the_first_can_commit_nothing(inbox, store, vault, memory):
    from bot.core.lease import Leases

    brief = Leases(store, vault, lease_seconds=0.001, memory_turns=10)
    inbox.accept(incoming())
    first = brief.acquire(talk())
    second = _until(lambda: brief.acquire(talk()))

    assert second.fence > first.fence
    assert second.tries == 2
    assert brief.commit(first, finished(talk()), turn("a"), "append") is None
    assert brief.commit(second, finished(talk()), turn("b"), "append") == ()
    assert [kept.id for kept in memory.recent(talk())] == ["b"]


def test_a_heartbeat_keeps_the_lease_and_hears_of_stop(inbox, leases):
    inbox.accept(incoming())
    lease = leases.acquire(talk())

    assert leases.renew(lease) == "held"
    assert inbox.stop(talk()) == "stopping"
    assert leases.renew(lease) == "stop"


def test_stop_drops_lines_that_only_wait(inbox, leases):
    inbox.accept(incoming())

    assert inbox.stop(talk()) == "dropped"
    assert inbox.stop(talk()) == "idle"
    assert leases.acquire(talk()) is None


def test_a_commit_changes_memory_inbox_outbox_and_lease_together(inbox, leases, memory, outbox):
    inbox.accept(incoming("one"))
    lease = leases.acquire(talk())
    inbox.accept(incoming("two"))

    assert leases.commit(lease, finished(talk()), turn(), "append") == (talk(),), "who still waits is to be woken"

    assert [kept.reply for kept in memory.recent(talk())] == ["hi"]
    assert [entry.event for entry in outbox.fresh(10)] == [finished(talk())]
    assert [said.text for said in leases.acquire(talk()).lines] == ["two"]
    assert leases.commit(lease, finished(talk()), turn(), "append") is None, "a turn ends once"


def test_tries_are_counted_and_the_third_takes_the_oldest_line_alone(inbox, leases):
    inbox.accept(incoming("bad"))
    inbox.accept(incoming("good"))
    for _ in range(2):
        leases.release(leases.acquire(talk()), forgive=False)

    last = leases.acquire(talk())

    assert (last.tries, [said.text for said in last.lines]) == (3, ["bad"])


def test_a_worker_that_shuts_down_does_not_use_up_a_try(inbox, leases):
    inbox.accept(incoming())
    for _ in range(5):
        leases.release(leases.acquire(talk()), forgive=True)

    assert leases.acquire(talk()).tries == 1


def test_a_line_put_aside_can_be_listed_replayed_and_dropped(inbox, leases, dead):
    inbox.accept(incoming("poison"))
    lease = leases.acquire(talk())
    leases.commit(lease, Failed(str(talk()), "t9", "1", "put_aside"), put_aside=True)

    [letter] = dead.all(SURFACE)
    assert [said.text for said in letter.lines] == ["poison"]
    assert dead.replay(letter)
    assert not dead.replay(letter), "a letter is replayed once"
    assert [said.text for said in leases.acquire(talk()).lines] == ["poison"]
    assert not dead.drop(letter)


def test_the_sweeper_finds_a_line_nobody_was_woken_for(store, inbox):
    inbox.accept(incoming())
    assert inbox.overdue(SURFACE) == [], "a wake-up is given time to arrive"
    _make_due(store, talk())

    assert inbox.overdue(SURFACE) == [talk()]
    assert inbox.overdue(SURFACE) == [], "one sweeper is enough"


def test_a_worker_that_comes_back_takes_its_conversation_out_of_the_line_that_the_sweeper_put_it_in(store, inbox, leases):
    inbox.accept(incoming())
    lease = leases.acquire(talk())
    store.redis.hset(Keys(SURFACE).of(talk(), "state"), "until", 0)
    _make_due(store, talk())
    assert inbox.overdue(SURFACE) == [talk()]

    assert leases.renew(lease) == "held"

    assert inbox.overdue(SURFACE) == [], "its reply is being made"
    assert inbox.places(SURFACE, 0) == {}


def test_the_sweeper_leaves_an_answered_conversation_alone(store, inbox, leases):
    inbox.accept(incoming())
    leases.commit(leases.acquire(talk()), finished(talk()))

    assert store.redis.zcard(Keys(SURFACE).pending) == 0


def test_a_lease_whose_worker_died_ends_though_the_clock_was_set_back_meanwhile(store, inbox, leases):
    inbox.accept(incoming())
    leases.acquire(talk())
    day_ahead = store.now_ms() + 24 * 3600 * 1000
    store.redis.hset(Keys(SURFACE).of(talk(), "state"), "until", int(day_ahead))
    store.redis.zadd(Keys(SURFACE).pending, {str(talk()): day_ahead})

    assert inbox.overdue(SURFACE) == [talk()]
    assert leases.acquire(talk()) is not None


def test_the_sweeper_copes_with_a_clock_that_was_set_back(store, inbox):
    inbox.accept(incoming())
    store.redis.zadd(Keys(SURFACE).pending, {str(talk()): 9e14})

    assert inbox.overdue(SURFACE) == [talk()]


def test_nothing_that_was_said_is_readable_in_redis(store, inbox, leases, outbox, people):
    inbox.accept(incoming("my secret word is xylophone"))
    lease = leases.acquire(talk())
    leases.commit(lease, finished(talk(), answer="xylophone it is"), turn(said="xylophone"), "append")
    inbox.accept(incoming("xylophone again"))

    assert b"xylophone" not in b"".join(_everything(store.redis))
    assert [said.text for said in leases.acquire(talk()).lines] == ["xylophone again"]


def _make_due(store, conversation):
    store.redis.zadd(Keys(SURFACE).pending, {str(conversation): 0})


def _everything(redis):
    for key in redis.scan_iter():
        yield key
        yield redis.dump(key)


def _until(attempt):
    for _ in range(1000):
        if (found := attempt()) is not None:
            return found
    raise AssertionError("never happened")


def test_lines_come_back_as_they_were_written(inbox, leases):
    said = line("你好 👋 \u0000 \n end")
    inbox.accept(type(incoming())(talk(), said))

    assert leases.acquire(talk()).lines == (said,)


def test_a_worker_that_was_silent_cannot_end_lines_written_after_a_stop(store, inbox, leases, outbox):
    inbox.accept(incoming("one"))
    silent = leases.acquire(talk())
    store.redis.hset(Keys(SURFACE).of(talk(), "state"), "until", 0)
    assert inbox.stop(talk()) == "dropped"
    inbox.accept(incoming("two"))

    assert leases.renew(silent) == "lost"
    assert leases.commit(silent, finished(talk()), turn(), "append") is None

    assert [said.text for said in leases.acquire(talk()).lines] == ["two"]
    assert [entry.event.reason for entry in outbox.fresh(10)] == ["stopped"]


def test_an_old_wish_to_stop_does_not_stop_what_is_written_after_it(store, inbox, leases):
    inbox.accept(incoming("one"))
    leases.acquire(talk())
    inbox.stop(talk())
    store.redis.hset(Keys(SURFACE).of(talk(), "state"), "until", 0)
    assert inbox.stop(talk()) == "dropped"
    inbox.accept(incoming("two"))

    assert leases.renew(leases.acquire(talk())) == "held"


def test_a_wish_to_stop_is_heard_by_the_next_worker_when_the_first_has_died(store, inbox, leases):
    inbox.accept(incoming())
    leases.acquire(talk())
    inbox.stop(talk())
    store.redis.hset(Keys(SURFACE).of(talk(), "state"), "until", 0)

    assert leases.renew(leases.acquire(talk())) == "stop"


def test_an_update_is_known_for_48_hours(store, inbox):
    update = incoming(update_id="7")
    inbox.accept(update)
    [(_, at)] = store.redis.zrange(Keys(SURFACE).seen, 0, -1, withscores=True)
    hour = 3600_000

    store.redis.zadd(Keys(SURFACE).seen, {"7": at - 47.9 * hour})
    assert inbox.accept(update) == "known"
    store.redis.zadd(Keys(SURFACE).seen, {"7": at - 48.1 * hour})
    assert inbox.accept(update) == "accepted"


def test_a_refused_update_is_not_taken_later_behind_the_persons_back(store, vault):
    from bot.core.inbox import Inbox

    small = Inbox(store, vault, max_lines=1)
    small.accept(incoming())
    refused = incoming("refused")

    assert [small.accept(refused), small.accept(refused)] == ["full", "known"]


def test_a_stop_that_its_worker_did_not_live_to_hear_stops_no_later_line(store, inbox, leases):
    inbox.accept(incoming("old"))
    leases.acquire(talk())
    inbox.stop(talk())
    store.redis.hset(Keys(SURFACE).of(talk(), "state"), "until", 0)
    inbox.accept(incoming("new"))

    lease = leases.acquire(talk())
    assert (lease.is_unwanted, [said.text for said in lease.lines]) == (True, ["old"])
    leases.commit(lease, finished(talk()))
    after = leases.acquire(talk())
    assert (after.is_unwanted, [said.text for said in after.lines]) == (False, ["new"])


def test_a_person_who_writes_in_many_chats_has_one_place_in_line_and_two_replies_in_the_making(inbox, leases):
    chats = [talk("7", chat=str(number)) for number in range(5)]
    assert [inbox.accept(incoming(conversation=chat)) for chat in chats] == ["accepted"] + ["next"] * 4
    assert inbox.accept(incoming(conversation=talk("8"))) == "accepted", "others are not delayed"

    assert leases.acquire(chats[2]) is not None, "woken early, by whatever: there was room"
    first = leases.acquire(chats[0])
    assert inbox.accept(incoming(conversation=talk("7", chat="5"))) == "behind"
    assert first.woken == (), "two are in the making"
    assert leases.acquire(chats[1]) is None
    assert leases.commit(first, finished(chats[0])) == (chats[1],)
    assert leases.acquire(chats[1]).woken == ()


def test_when_a_reply_begins_the_persons_next_chat_joins_the_line(inbox, leases):
    chats = [talk("7", chat=str(number)) for number in range(3)]
    for chat in chats:
        inbox.accept(incoming(conversation=chat))

    assert leases.acquire(chats[0]).woken == (chats[1],)
    assert leases.acquire(chats[1]).woken == ()


def test_a_stop_in_one_chat_lets_the_sweeper_wake_the_next(inbox):
    chats = [talk("7", chat=str(number)) for number in range(3)]
    for chat in chats:
        inbox.accept(incoming(conversation=chat))

    assert inbox.stop(chats[0]) == "dropped"

    assert inbox.overdue(SURFACE) == [chats[1]]


def test_a_wake_up_is_lost_when_the_queue_is_empty_or_the_line_has_come_far_beyond_it(store, inbox, leases):
    lost, later = talk("1"), talk("2")
    inbox.accept(incoming(conversation=lost))
    inbox.accept(incoming(conversation=later))
    long_ago = store.redis.time()[0] * 1000 - 60_000
    store.redis.zadd(Keys(SURFACE).line, {str(lost): long_ago})
    store.redis.zadd(Keys(SURFACE).pending, {str(lost): long_ago + 1_800_000})

    assert inbox.overdue(SURFACE, is_queue_empty=False) == [], "workers are busy with others who came before"
    leases.acquire(later)
    assert inbox.overdue(SURFACE, is_queue_empty=False) == [lost]
    assert inbox.overdue(SURFACE) == [], "one sweeper is enough"
    store.redis.zadd(Keys(SURFACE).pending, {str(lost): long_ago + 1_800_000})
    assert inbox.overdue(SURFACE) == [lost]


def test_when_too_many_wait_a_new_conversation_is_refused_and_one_that_waits_is_not(store, vault):
    from bot.core.inbox import Inbox

    small = Inbox(store, vault, max_lines=50, max_waiting=1)

    assert [small.accept(incoming(conversation=talk(who))) for who in "121"] == ["accepted", "busy", "accepted"]


def test_what_was_written_for_a_person_is_counted_by_day(store, inbox, leases):
    for _ in range(2):
        inbox.accept(incoming())
        leases.commit(leases.acquire(talk()), finished(talk()), replace(turn(), num_reply_tokens=30), "append")
    usage = store.redis.hgetall(Keys(SURFACE).of_person(talk().person, "usage"))

    assert {name: int(usage[name]) for name in (b"turns", b"tokens", b"tokens_today")} == {
        b"turns": 2, b"tokens": 60, b"tokens_today": 60,
    }  # fmt: skip
    store.redis.hset(Keys(SURFACE).of_person(talk().person, "usage"), "day", 1)
    inbox.accept(incoming())
    leases.commit(leases.acquire(talk()), finished(talk()), replace(turn(), num_reply_tokens=5), "append")
    assert store.redis.hget(Keys(SURFACE).of_person(talk().person, "usage"), "tokens_today") == b"5"


def test_how_many_replies_a_person_may_have_at_once_changes_with_the_setting(store, vault, inbox):
    from bot.core.lease import Leases

    most = [1]
    live = Leases(store, vault, lease_seconds=5, memory_turns=10, person_replies=lambda: most[0])
    for chat in ("1", "2"):
        inbox.accept(incoming(conversation=talk("7", chat=chat)))
    assert live.acquire(talk("7", chat="1")).woken == ()
    assert live.acquire(talk("7", chat="2")) is None

    most[0] = 2
    assert live.acquire(talk("7", chat="2")) is not None


def test_a_line_whose_person_was_erased_before_it_arrived_is_in_nobodys_way(inbox, leases, store, vault, people):
    inbox.accept(incoming("sealed with the old key"))
    vault.erase(talk())
    assert inbox.waiting(talk()) == []

    inbox.accept(update := incoming("hallo"))

    assert replace_waiting(store, vault, talk(), replace(update.line, text="hello")) == "replaced"
    assert [said.text for said in inbox.waiting(talk())] == ["hello"]
    assert [said["text"] for said in people.export(talk())["conversations"][0]["waiting"]] == ["hello"]
    assert [said.text for said in leases.acquire(talk()).lines] == ["hello"]
    assert inbox.num_waiting(talk()) == 1
