"""Buttons: whose they are, that they outlive the process, and that what they do is what the command does."""

import pytest

from bot.i18n import say
from tests.bot.adapters.telegram.conftest import SURFACE, talk_of, until


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr("bot.adapters.telegram.governor.PRIVATE_GAP", 0.05)
    monkeypatch.setattr("bot.adapters.telegram.governor.GROUP_GAP", 0.05)


@pytest.fixture
def adapter(start):
    return start()


def answered(worker, ann, text="Answer one"):
    ann.write("hello")
    worker.says(talk_of(ann.id), text)
    until(lambda: ann.buttons())


def test_again_gives_another_answer_and_one_can_leaf_through_them_in_place(adapter, telegram, ann, worker):
    answered(worker, ann)
    id = ann.press("↻")
    worker.says(talk_of(ann.id), "Answer two")
    until(lambda: ann.buttons() == [["◀ 1/2", "↻", "…"]])
    assert telegram.toasts[id] == ""
    assert ann.sees() == ["Answer one", "Answer two"]

    ann.press("◀")
    until(lambda: ann.buttons() == [["2/2 ▶", "↻", "…"]])
    assert ann.sees() == ["Answer one", "Answer one"]
    assert worker.memory.last(talk_of(ann.id)).reply == "Answer one"
    ann.press("▶")
    until(lambda: ann.sees() == ["Answer one", "Answer two"])


def test_going_on_is_said_in_the_persons_language(adapter, telegram, bob, worker):
    bob.write("你好")
    worker.says(talk_of(bob.id), "从前")
    until(bob.buttons)
    bob.press("…")
    assert worker.takes(talk_of(bob.id)).said == say("zh", "go-on")


def test_stop_ends_the_reply_and_says_so_in_passing(adapter, telegram, ann, worker):
    ann.write("hello")
    reply = worker.takes(talk_of(ann.id))
    reply.streams("Once upon a time", ann.sees)
    id = ann.press("⏹")
    until(lambda: worker.leases.renew(reply.lease) == "stop")
    assert until(lambda: telegram.toasts.get(id)) == say("en", "stop-stopping")
    assert len(ann.sees()) == 1


def test_in_a_group_only_the_person_who_asked_may_press(adapter, telegram, ann, bob, worker):
    group = telegram.group(-100500, ann, bob)
    ann.write("@companion_bot hello", group)
    worker.says(talk_of(ann.id, group.id), "Hi")
    until(lambda: ann.buttons(group))
    id = bob.press("↻", group)
    assert until(lambda: telegram.toasts.get(id)) == say("zh", "button-of-another")
    ann.press("↻", group)
    worker.says(talk_of(ann.id, group.id), "Hello")
    until(lambda: telegram.texts(group) == ["Hi", "Hello"])


def test_a_button_of_an_older_answer_says_so(adapter, telegram, ann, worker):
    answered(worker, ann)
    old = dict(next(one for one in ann.chat.messages.values() if one.get("reply_markup")))
    answered(worker, ann, "Answer two")
    until(lambda: len(ann.sees()) == 2)
    id = ann.press("↻", message=old)
    assert until(lambda: telegram.toasts.get(id)) == say("en", "button-old")


@pytest.mark.parametrize("data", ["", "x", "a1.b.c", "s1..AAAAAAAAAAAA", "🙂" * 10])
def test_a_forged_button_does_nothing(adapter, telegram, ann, bob, worker, data):
    for person, language in ((ann, "en"), (bob, "zh")):
        message = person.write("hello")
        id = person.press_raw(message, data)
        assert until(lambda id=id: telegram.toasts.get(id)) == say(language, "button-old")


def test_buttons_work_after_a_restart(start, telegram, ann, worker):
    first = start()
    answered(worker, ann)
    first.stop()
    ann.press("↻")
    start()
    worker.says(talk_of(ann.id), "Answer two")
    until(lambda: ann.sees() == ["Answer one", "Answer two"])


def test_reset_asks_first_and_the_answer_takes_the_place_of_the_question(adapter, telegram, ann, worker):
    answered(worker, ann)
    ann.write("/reset")
    until(lambda: len(ann.sees()) == 2)
    ann.press(say("en", "button-reset"))
    until(lambda: ann.sees() == ["Answer one", say("en", "reset-done", turns=1)])
    assert worker.memory.num_turns(talk_of(ann.id)) == 0


def test_export_comes_as_files_and_from_a_group_into_the_private_chat(adapter, telegram, ann, worker):
    group = telegram.group(-100500, ann)
    answered(worker, ann)
    ann.write("/export@companion_bot", group)
    until(lambda: len(telegram.documents) == 2)
    assert {chat for chat, _, _ in telegram.documents} == {ann.id}
    assert any(b"Answer one" in content for _, _, content in telegram.documents)
    until(lambda: telegram.texts(group) == [say("en", "told-privately")])


def test_who_never_wrote_in_private_is_told_to_begin(adapter, telegram, ann, bob):
    group, told = telegram.group(-100500, ann, bob), []
    for person, language in ((ann, "en"), (bob, "zh")):
        person.chat.gone = "Forbidden: bot can't initiate conversation with a user"
        person.write("/export@companion_bot", group)
        told.append(say(language, "write-first-telegram"))
        until(lambda: telegram.texts(group) == told)


def test_a_link_with_a_persona_chooses_it(adapter, telegram, ann):
    ann.write("/start tycho")
    until(lambda: any("Tycho" in text for text in ann.sees()))
    assert adapter.front.people.preferences(talk_of(ann.id)).persona == "tycho"


def test_an_admins_button_is_of_no_use_to_who_is_no_admin_any_more(start, ann, bob):
    first = start(owners=("telegram:1001",))
    ann.write(f"/admin reset {bob.id}")
    until(lambda: ann.buttons())
    first.stop()
    second = start()
    ann.press(say("en", "admin-yes"))
    until(lambda: ann.sees() == [say("en", "denied-admin")])
    assert [(one.who, one.what) for one in second.front.audit.last(SURFACE, 9)] == [("telegram:1001", "refused reset")]


def test_an_edit_into_an_admins_command_is_none(start, ann, worker):
    start()
    message = ann.write("hello")
    worker.says(talk_of(ann.id), "Hello there")
    until(lambda: ann.sees() == ["Hello there"])
    ann.edit(message, "/admin stats")
    ann.write("still here?")
    assert worker.says(talk_of(ann.id), "Yes").said == "still here?"
    until(lambda: ann.sees() == ["Hello there", "Yes"])
