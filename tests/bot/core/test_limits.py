"""Whether an update may be taken: lists, rate and budget in one round trip, told once and then quiet."""

import time
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.core.access import Access, Subject
from bot.core.limits import Limits, Refusal
from bot.core.settings import load
from bot.core.store import Keys
from tests.sayings import SURFACE, finished, incoming, talk, turn

DAY_MS = 86_400_000


@pytest.fixture
def make(store):
    def limits(**given):
        chosen = load(**{"messages_per_minute": 0, **given})
        return Limits(store, chosen, Access(store, chosen))

    return limits


@pytest.fixture
def access(store):
    return Access(store, load())


def spend(store, tokens, days_ago=0, person="1001"):
    today = store.redis.time()[0] * 1000 // DAY_MS
    usage = {"day": today - days_ago, "tokens_today": tokens}
    store.redis.hset(Keys(SURFACE).of_person(person, "usage"), mapping=usage)


def wait(store, seconds, person="1001"):
    """As if time had passed: the bucket is full that much sooner."""
    name = Keys(SURFACE).of_person(person, "rate")
    if kept := store.redis.get(name):
        store.redis.set(name, float(kept) - seconds * 1000)


def test_an_open_installation_takes_everybody(make):
    assert make().refuse(incoming()) is None


@pytest.mark.parametrize("kind", ["person", "chat", "server"])
def test_a_block_of_a_person_a_chat_or_a_server_wins_over_every_leave(make, access, kind):
    update = replace(incoming(conversation=talk("1", chat="-9")), server="77")
    ids = {"person": "1", "chat": "-9", "server": "77"}
    for one, id in ids.items():
        access.put(Subject(SURFACE, one, id), "allow")
    access.put(Subject(SURFACE, kind, ids[kind]), "block")

    assert make(access="invite").refuse(update) == Refusal("blocked", 0, was_told=False)


@pytest.mark.parametrize("kind", ["person", "chat", "server"])
def test_where_only_the_invited_may_talk_any_leave_is_enough(make, access, kind):
    update, limits = replace(incoming(conversation=talk("1", chat="-9")), server="77"), make(access="invite")
    assert limits.refuse(update) == Refusal("uninvited", 0, was_told=False)

    access.put(Subject(SURFACE, kind, {"person": "1", "chat": "-9", "server": "77"}[kind]), "allow")

    assert limits.refuse(incoming(conversation=talk("1", chat="-9"))) is None or kind == "server"
    assert limits.refuse(replace(incoming(conversation=talk("1", chat="-9")), server="77")) is None


def test_no_server_is_no_server_on_a_list(make, access):
    access.put(Subject(SURFACE, "server", "77"), "allow")

    assert make(access="invite").refuse(incoming()).reason == "uninvited"


@pytest.mark.parametrize("role", ["owners", "admins"])
def test_no_list_and_no_limit_holds_an_owner_or_an_admin(make, access, store, role):
    access.put(Subject(SURFACE, "person", "1001"), "block")
    spend(store, 10**9)
    limits = make(**{role: "telegram:1001"}, access="invite", messages_per_minute=1, daily_tokens=1)

    assert [limits.refuse(incoming()) for _ in range(5)] == [None] * 5


def test_a_refusal_is_told_once_and_again_after_it_had_cleared(make, access):
    limits, subject = make(), Subject(SURFACE, "person", "1001")
    access.put(subject, "block")
    assert [limits.refuse(incoming()).was_told for _ in range(3)] == [False, True, True]

    access.take_off(subject, "block")
    assert limits.refuse(incoming()) is None
    access.put(subject, "block")
    assert [limits.refuse(incoming()).was_told for _ in range(2)] == [False, True]


def test_a_refused_update_counts_as_seen_and_is_not_judged_twice(make, access, inbox):
    access.put(Subject(SURFACE, "person", "1001"), "block")
    update, limits = incoming(), make()

    assert limits.refuse(update).reason == "blocked"
    assert inbox.is_known(update)
    assert limits.refuse(update) is None
    assert inbox.accept(update) == "known"


def test_an_update_delivered_twice_counts_once(make, inbox):
    limits, update = make(messages_per_minute=2), incoming()
    for _ in range(5):
        assert limits.refuse(update) is None
        inbox.mark_seen(update)

    assert limits.refuse(incoming()) is None
    assert limits.refuse(incoming()).reason == "rate"


def test_a_short_burst_passes_and_then_messages_pass_at_the_rate(make, store):
    limits = make(messages_per_minute=3)
    assert [limits.refuse(incoming()) for _ in range(3)] == [None] * 3

    assert limits.refuse(incoming()) == Refusal("rate", 20, was_told=False)
    assert limits.refuse(incoming()) == Refusal("rate", 20, was_told=True)
    wait(store, 21)
    assert limits.refuse(incoming()) is None
    assert limits.refuse(incoming()) == Refusal("rate", 19, was_told=True), "the minute in which they were told is not over"


def test_who_has_rested_is_told_anew(make, store):
    limits = make(messages_per_minute=1)
    assert [limits.refuse(incoming()) and "refused" for _ in range(2)] == [None, "refused"]
    store.redis.delete(Keys(SURFACE).of_person("1001", "rate"))  # which is what Redis does when the bucket is full

    assert limits.refuse(incoming()) is None
    assert not limits.refuse(incoming()).was_told


def test_a_clock_that_was_set_back_locks_nobody_out_for_long(make, store):
    store.redis.set(Keys(SURFACE).of_person("1001", "rate"), store.redis.time()[0] * 1000 + 10**9)

    assert make(messages_per_minute=6).refuse(incoming()).seconds <= 10


def test_a_rate_is_each_persons_own_over_all_their_chats(make):
    limits = make(messages_per_minute=1)

    assert limits.refuse(incoming(conversation=talk("1"))) is None
    assert limits.refuse(incoming(conversation=talk("1", chat="-9"))).reason == "rate"
    assert limits.refuse(incoming(conversation=talk("2", chat="-9"))) is None


def test_what_does_not_count_passes_and_takes_nothing_from_the_rate(make):
    limits = make(messages_per_minute=1)

    assert [limits.refuse(incoming(), counts=False) for _ in range(3)] == [None] * 3
    assert limits.refuse(incoming()) is None
    assert limits.refuse(incoming(), counts=False) is None


def test_a_budget_that_is_used_up_refuses_until_midnight_utc(make, store):
    limits = make(daily_tokens=100)
    spend(store, 99)
    assert limits.refuse(incoming()) is None

    spend(store, 100)
    refusal = limits.refuse(incoming())
    left = DAY_MS // 1000 - store.redis.time()[0] % (DAY_MS // 1000)
    assert (refusal.reason, refusal.was_told) == ("tokens", False)
    assert 0 <= refusal.seconds - left <= 2
    assert limits.refuse(incoming()).was_told
    assert limits.refuse(incoming(), spends=False) is None, "a command costs no tokens"
    assert limits.refuse(incoming(conversation=talk("2"))) is None


def test_the_budget_of_yesterday_is_yesterdays(make, store):
    spend(store, 10**6, days_ago=1)

    assert make(daily_tokens=100).refuse(incoming()) is None


def test_the_first_reply_of_a_day_begins_the_count_of_the_day_anew(make, store, inbox, leases, people):
    spend(store, 10**6, days_ago=1)
    for tokens in (30, 12):
        inbox.accept(incoming())
        leases.commit(leases.acquire(talk()), finished(talk()), replace(turn(), num_reply_tokens=tokens), "append")

    assert people.usage(talk()).tokens_today == 42
    assert make(daily_tokens=43).left(talk()) == 1
    assert make(daily_tokens=43).refuse(incoming()) is None
    assert make(daily_tokens=42).refuse(incoming()).reason == "tokens"


def test_to_be_forgotten_gives_no_new_budget_and_leaves_a_number_until_midnight(make, store):
    limits, spent = make(daily_tokens=100), Keys(SURFACE).of_person("1001", "spent")
    for tokens in (40, 30):
        spend(store, tokens)
        limits.keep_spent(talk())
        store.redis.delete(Keys(SURFACE).of_person("1001", "usage"))
        assert limits.refuse(incoming()) is None

    spend(store, 30)
    assert limits.refuse(incoming()).reason == "tokens"
    assert store.redis.get(spent) == b"70"
    assert 0 < store.redis.ttl(spent) <= DAY_MS // 1000


def test_a_wish_to_be_forgotten_that_has_to_be_made_twice_takes_nothing_more_of_the_budget(make, store):
    """Redis went away in between, so the platform brought it again."""
    limits = make(daily_tokens=100)
    spend(store, 40)

    limits.keep_spent(talk())
    limits.keep_spent(talk())

    assert limits.left(talk()) == 60


@pytest.mark.parametrize(("budget", "days_ago"), [(0, 0), (100, 1)])
def test_without_a_budget_or_of_yesterday_nothing_is_left(make, store, budget, days_ago):
    spend(store, 50, days_ago)

    make(daily_tokens=budget).keep_spent(talk())

    assert not store.redis.exists(Keys(SURFACE).of_person("1001", "spent"))


def test_it_is_one_command_to_redis(make, store):
    limits = make(messages_per_minute=5, daily_tokens=5, access="invite")
    limits.refuse(incoming())
    calls = []
    execute = store.redis.execute_command
    store.redis.execute_command = lambda *args, **options: calls.append(args[0]) or execute(*args, **options)

    limits.refuse(incoming())

    assert calls == ["EVALSHA"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    per_minute=st.sampled_from([1, 2, 3, 5]),
    pauses=st.lists(st.sampled_from([0, 0, 3, 11, 20, 31, 47, 90]), min_size=1, max_size=25),
)
def test_the_rate_is_that_of_a_bucket_that_fills_by_the_minute(make, store, per_minute, pauses):
    """A bucket of `per_minute` tokens which fills at that rate a minute; a message takes one, or is refused."""
    store.redis.flushall()
    limits, asked_at = make(messages_per_minute=per_minute), time.monotonic()
    least = most = float(per_minute)  # without the time that passed here, and with it
    for pause in pauses:
        wait(store, pause)
        since, asked_at = asked_at, time.monotonic()
        refusal = limits.refuse(incoming())
        least = min(per_minute, least + pause * per_minute / 60)
        most = min(per_minute, most + (pause + time.monotonic() - since) * per_minute / 60)
        assert most >= 1 if refusal is None else least < 1 - 1e-9
        if refusal:
            most = min(most, 1.0)
            assert (1 - most) * 60 / per_minute - 1.5 <= refusal.seconds <= (1 - least) * 60 / per_minute + 1.5
        else:
            least, most = max(least, 1.0) - 1, most - 1
