"""Who is there and what it runs on: the first words and /about, in both languages."""

from importlib.metadata import version

import pytest

from bot.core.personas import Personas
from bot.core.presence import WorkerState
from bot.i18n import say
from tests.sayings import talk

LANGUAGES = ["en", "zh"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_start_greets_as_the_persona_and_says_what_it_is(tell, language):
    wren = Personas().get("default")

    answer = tell("/start", language)

    assert answer.text == f"{wren.greet('Ann', language)}\n\n{say(language, 'start-honest', title=wren.title)}"
    assert "AI" in say(language, "start-honest", title="x")
    assert "/privacy" in answer.text
    assert "/help" in answer.text


def test_whoever_was_told_by_start_is_not_told_again_at_their_first_message(tell, make_front):
    front = make_front(everybody_was_told=False)

    tell("/start", front=front)

    assert not front.disclosures.take(talk(), front.settings.disclosure_hours)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_link_that_names_a_persona_chooses_it(tell, people, language):
    tycho = Personas().get("tycho")

    assert tell("/start Tycho", language).text.startswith(tycho.greet("Ann", language))
    assert people.preferences(talk()).persona == "tycho"
    assert tell("/start", language).text.startswith(tycho.greet("Ann", language)), "it stays chosen"


def test_a_link_that_names_nothing_known_greets_all_the_same(tell, people):
    assert tell("/start Zm9vYmFyYmF6cXV4MTIzNA").text == tell("/start").text
    assert people.preferences(talk()).persona is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_about_without_a_worker_says_so(tell, language):
    rows = [say(language, "about", version=version("companion")), say(language, "about-asleep"), say(language, "about-nobody")]

    assert tell("/about", language).text == "\n".join(rows)


@pytest.mark.parametrize("language", LANGUAGES)
def test_about_tells_each_model_that_runs_once_and_whether_somebody_stands_for_it(tell, make_front, language):
    front = make_front(owners="telegram:7")
    for id, model in (("a-1-x", "bundled"), ("b-1-x", "org/large"), ("c-1-x", "bundled")):
        front.presence.announce(WorkerState(id, "ready", "", "transformers", model, 4, 0))

    assert tell("/about", language, front=front).text.splitlines()[1:] == [
        say(language, "about-model", model="bundled", engine="transformers"),
        say(language, "about-model", model="org/large", engine="transformers"),
        say(language, "about-owner"),
    ]
