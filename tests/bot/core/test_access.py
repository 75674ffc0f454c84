"""Who may what: roles by the settings, lists and invite codes shared by every process."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.core.access import INVITE_DAYS, Access, Subject
from bot.core.messages import Conversation
from bot.core.settings import load
from bot.core.store import Store
from tests.sayings import SURFACE, talk


@pytest.fixture
def access(store):
    return Access(store, load())


def console(user):
    return Conversation("console", "local", user, "0", user)


@pytest.mark.parametrize(
    ("person", "role", "is_admin"),
    [("1", "owner", True), ("2", "admin", True), ("3", "person", False), ("12", "person", False)],
)
def test_a_role_is_what_the_settings_say_of_the_platforms_user_id(store, person, role, is_admin):
    access = Access(store, load(owners="telegram:1", admins="telegram:2,discord:3"))

    assert (access.role(talk(person)), access.is_admin(talk(person))) == (role, is_admin)
    assert access.role(talk(person, chat="-9")) == role, "in every chat"


def test_an_id_of_another_platform_says_nothing(store):
    access = Access(store, load(owners="discord:1"))

    assert access.role(talk("1")) == "person"
    assert access.role(Conversation("discord", "42", "1", "0", "1")) == "owner"


def test_who_sits_at_the_terminal_owns_the_bot(store):
    assert Access(store, load(owners="telegram:1", admins="discord:2")).role(console("ann")) == "owner"


@pytest.mark.parametrize("setting", ["owners", "admins"])
def test_once_somebody_at_the_terminal_is_named_only_they_count(store, setting):
    access = Access(store, load(**{setting: "console:ann"}))

    assert access.role(console("ann")) == setting.removesuffix("s")
    assert access.role(console("bob")) == "person"


def test_lists_are_shared_and_a_surface_has_its_own(store, access, redis_server):
    elsewhere, subject = Access(Store(redis_server.url), load()), Subject(SURFACE, "person", "7")

    access.put(subject, "block")

    assert elsewhere.is_on(subject, "block")
    assert elsewhere.listed(SURFACE) == ["block:person:7"]
    assert elsewhere.listed("discord:42") == []
    assert elsewhere.take_off(subject, "block")
    assert not access.take_off(subject, "block"), "there is nothing left to lift"
    elsewhere._store.close()


def test_to_allow_lifts_the_block_and_a_block_keeps_an_older_leave_for_later(access):
    subject = Subject(SURFACE, "chat", "-9")

    access.put(subject, "block")
    access.put(subject, "allow")
    assert access.listed(SURFACE) == ["allow:chat:-9"]

    access.put(subject, "block")
    access.take_off(subject, "block")
    assert access.listed(SURFACE) == ["allow:chat:-9"]


def test_an_invite_code_lets_in_one_person_once(access):
    code = access.make_invite(SURFACE)

    assert access.redeem(talk("1"), code)
    assert not access.redeem(talk("2"), code)
    assert access.listed(SURFACE) == ["allow:person:1"]


def test_of_many_who_use_a_code_at_once_one_gets_in(access):
    code = access.make_invite(SURFACE)

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda person: access.redeem(talk(str(person)), code), range(8)))

    assert sorted(outcomes) == [False] * 7 + [True]
    assert len(access.listed(SURFACE)) == 1


def test_a_code_is_kept_as_a_digest_and_for_a_week(access, store):
    code = access.make_invite(SURFACE)
    [name] = store.redis.keys("*:invite:*")

    assert code.encode() not in name
    assert 0 <= INVITE_DAYS * 24 * 3600 - store.redis.ttl(name) < 5
    store.redis.delete(name)  # which is what Redis does when the week is over
    assert not access.redeem(talk("1"), code)
    assert access.listed(SURFACE) == []


def test_a_code_of_one_bot_opens_no_other(access):
    code = access.make_invite("discord:42")

    assert not access.redeem(talk("1"), code)


def test_a_code_is_of_no_use_to_the_blocked_and_stays_good(access):
    code = access.make_invite(SURFACE)
    access.put(Subject(SURFACE, "person", "1"), "block")

    assert not access.redeem(talk("1"), code)
    assert access.redeem(talk("2"), code)


@pytest.mark.parametrize("code", ["", "short", "x" * 22, "a b", "*", "x" * 4000])
def test_what_was_never_a_code_is_none(access, code):
    assert not access.redeem(talk("1"), code)
