"""Who the companion is and how it answers, chosen in both languages through the real stores."""

import pytest

from bot.commands import Choice
from bot.core.personas import Personas
from bot.i18n import say
from tests.sayings import talk

LANGUAGES = ["en", "zh"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_persona_shows_chooses_and_refuses(tell, people, language):
    rows = tell("/persona", language).text.splitlines()
    default, tycho = Personas().get("default"), Personas().get("tycho")
    assert rows[0] == say(language, "persona-list", current=default.title)
    assert [row.split(" ")[0] for row in rows[1:]] == ["default", "tycho", "xiaoman"]
    assert "{{" not in "\n".join(rows)

    chosen = tell("/persona Tycho", language)
    assert chosen.text == "\n".join([say(language, "persona-chosen", title=tycho.title), tycho.greet("Ann", language)])
    assert people.preferences(talk()).persona == "tycho"
    assert tell("/persona", language).text.splitlines()[0] == say(language, "persona-list", current=tycho.title)

    refused = say(language, "persona-unknown", name="nobody", names="default, tycho, xiaoman")
    assert tell("/persona nobody", language).text == refused
    assert people.preferences(talk()).persona == "tycho"


def test_every_persona_has_a_button(tell):
    assert tell("/persona").choices == tuple(Choice(one.title, f"/persona {one.name}") for one in Personas().all())


def test_a_persona_that_was_chosen_and_then_taken_away_does_not_break_the_list(tell, people):
    people.choose(talk(), persona="removed")

    assert tell("/persona").text.splitlines()[0] == say("en", "persona-list", current=Personas().get("default").title)


@pytest.mark.parametrize("language", LANGUAGES)
def test_think_shows_chooses_and_refuses(tell, people, language):
    assert tell("/think", language).text == say(language, "think-now", mode="hide")
    for choice in tell("/think", language).choices:
        mode = choice.command.split()[1]
        assert choice.label == say(language, "think-label", mode=mode)
        assert tell(choice.command, language).text == say(language, "think-chosen", mode=mode)
        assert people.preferences(talk()).thinking == mode
    assert tell("/think harder", language).text == say(language, "think-unknown")
    tell("/think SHOW")
    assert tell("/think", language).text == say(language, "think-now", mode="show")


def test_think_tells_what_the_persona_brings_where_nothing_was_chosen(tell, make_front, people, tmp_path):
    (tmp_path / "owl.toml").write_text('title = "Owl"\ndescription = "An owl."\ngreeting = "Hoo."\nthinking = "show"\n')
    front = make_front(persona_dir=tmp_path, thinking="off")
    assert tell("/think", front=front).text == say("en", "think-now", mode="off")

    tell("/persona owl", front=front)
    assert tell("/think", front=front).text == say("en", "think-now", mode="show")
    tell("/think hide", front=front)
    assert tell("/think", front=front).text == say("en", "think-now", mode="hide")


@pytest.mark.parametrize("language", LANGUAGES)
def test_languages_are_listed_each_by_its_own_name(tell, people, language):
    answer = tell("/language", language)

    assert answer.text.splitlines() == [
        say(language, "language-list", current=say(language, "language-by-itself")),
        say(language, "language-line", name="en", what="English"),
        say(language, "language-line", name="zh", what="中文"),
    ]
    assert answer.choices == (
        Choice(say(language, "button-auto"), "/language auto"),
        Choice("English", "/language en"),
        Choice("中文", "/language zh"),
    )
    people.choose(talk(), language="zh")
    assert tell("/language", language).text.splitlines()[0] == say(language, "language-list", current="中文")


@pytest.mark.parametrize(("wish", "language"), [("en", "en"), ("EN", "en"), ("english", "en"), ("zh", "zh"), ("中文", "zh")])
def test_a_language_is_chosen_and_spoken_at_once(tell, people, front, wish, language):
    assert tell(f"/language {wish}").text == say(language, "language-chosen")

    assert people.preferences(talk()).language == language
    assert front.language(talk()) == language


@pytest.mark.parametrize(("hint", "language"), [(None, "en"), ("zh-Hans", "zh")])
@pytest.mark.parametrize("word", ["auto", "自动"])
def test_a_language_can_be_left_to_the_app_again(tell, people, hint, language, word):
    people.choose(talk(), hint=hint, language="en")

    assert tell(f"/language {word}", "en").text == say(language, "language-auto")
    assert people.preferences(talk()).language is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_without_texts_is_refused_with_those_that_have_some(tell, people, language):
    expected = say(language, "language-unknown", name="tlh", names="auto, en, zh")

    assert tell("/language tlh", language).text == expected
    assert people.preferences(talk()).language is None
