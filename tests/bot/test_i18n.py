"""Every text exists in every language, with the same values, and every text that the code asks for exists."""

import ast
import re
from pathlib import Path
from typing import get_args

import pytest
from fluent.runtime.errors import FluentReferenceError

import bot
from bot import i18n
from bot.commands import TABLE
from bot.commands.admin import ARGUMENTS
from bot.commands.desk import Misunderstanding
from bot.core.access import Kind
from bot.core.inbox import Stopped
from bot.core.limits import RefusedReason
from bot.core.messages import FailedReason, Note
from bot.core.texts import Texts
from bot.i18n import best, languages, say
from tests import fluent_files
from tests.fluent_files import values

HERE = Path(bot.__file__).parent
FAMILIES = {
    "admin-": [*ARGUMENTS, *get_args(Misunderstanding)],
    "admin-unblock-": ["done", "none"],
    "admin-disallow-": ["done", "none"],
    "denied-": list(get_args(RefusedReason)),
    "subject-": list(get_args(Kind)),
    "command-": [command.name for command in TABLE],
    "failed-": [*get_args(FailedReason), "forgotten"],
    "refused-": ["full", "busy"],
    "safety-": ["changed", "without-care", "without-disclosure"],
    "note-": [*filter(None, get_args(Note)), "repeat"],
    "channel-": ["own", "shared"],
    "report-": ["told", "known"],
    "write-first-": ["telegram", "discord"],
    "stop-": list(get_args(Stopped)),
}
VALUES = {"name": "/x", "what": "y", "bytes": 5, "limit": 4, "lines": 3, "turns": 3, "current": "A", "title": "A", "about": "b"}
VALUES |= {"emergency": "112", "resources": "– a", "hours": 3, "problem": "p", "folder": "/x", "minutes": 5}
VALUES |= {"names": "a, b", "mode": "show", "oldest": "today", "left_out": 2, "seconds": 9, "persona": "A"}
VALUES |= {"said": "hello", "variant": 2, "variants": 3, "reply": "hi", "chat": "1", "thread": "0", "path": "/x", "person": "1"}
VALUES |= {"here": 2, "today": 30, "tokens": 900, "left": 70, "version": "1.0", "engine": "echo", "model": "m"}
VALUES |= {"span": "9 s", "count": 3, "whom": "person 7", "id": "7", "usage": "/x", "command": "/x yes", "code": "abc"}
VALUES |= {"earliest": "9 s", "latest": "9 min", "least": 9, "memory": "shared", "link": "https://x"}
VALUES |= {"ids": "7, 8", "model": "m", "stage": "ready", "busy": 1, "slots": 2, "place": 2, "days": 7}


COUNTED = ("reset-sure", "retry-list", "retry-unknown", "export-done", "forget-done", "privacy", "stats-turns", "stats-tokens")


def messages(language):
    return fluent_files.messages(HERE / "locales", language)


def asked_for():
    """The first text argument of every call of `say`, and of those families whose end is computed."""
    keys, families = set(), set()
    for file in HERE.rglob("*.py"):
        for call in (node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call)):
            name = getattr(call.func, "attr", getattr(call.func, "id", ""))
            for argument in call.args[:2] if name in ("say", "_say", "_words", "speak", "Alert") else ():
                if isinstance(argument, ast.Constant):
                    keys.add(argument.value)
                elif isinstance(argument, ast.JoinedStr) and isinstance(argument.values[0], ast.Constant):
                    families.add(argument.values[0].value)
    return keys, families


def test_every_language_has_every_text():
    keys = {language: sorted(messages(language)) for language in languages()}

    assert keys == dict.fromkeys(languages(), keys["en"])
    assert languages() == ["en", "zh"]


@pytest.mark.parametrize("key", messages("en"))
def test_a_text_holds_the_same_values_in_every_language(key):
    english = values(messages("en")[key])
    for language in languages():
        translated = values(messages(language)[key])
        assert translated.names == english.names
        for selector, variants in english.variants.items():
            words = variants - {"one", "other"}  # which plurals there are is the language's own matter
            assert words <= translated.variants.get(selector, set()), f"{language}: {selector}"


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("key", messages("en"))
def test_every_text_can_be_said(language, key):
    text = say(language, key, **VALUES)

    assert text.strip() == text
    assert text
    assert not re.search(r"[{}\u2068\u2069]", text)


_NO_WORDS = {"help-line", "language-line", "persona-line", "console-choices", "discord-words"}
"""Nothing but what is put in, and marks between."""


@pytest.mark.parametrize("key", sorted(messages("en").keys() - _NO_WORDS))
def test_a_text_is_in_the_language_whose_file_it_is_in(key):
    assert not re.search(r"[\u4e00-\u9fff]", say("en", key, **VALUES))
    assert re.search(r"[\u4e00-\u9fff]", say("zh", key, **VALUES))


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("number", [0, 1, 2, 21])
@pytest.mark.parametrize("key", ["reset-done", "memory", "refused-full", "console-thought", *COUNTED])
def test_every_number_can_be_said(language, key, number):
    assert say(language, key, **{name: number if isinstance(value, int) else value for name, value in VALUES.items()})


def test_every_text_that_the_code_asks_for_exists_and_no_text_is_left_over():
    keys, families = asked_for()
    assert families == set(FAMILIES), "a new family of keys belongs into FAMILIES"
    computed = {family + end for family, ends in FAMILIES.items() for end in ends}

    assert keys | computed | {"language-name"} == set(messages("en"))


def test_an_unknown_text_is_an_error_and_not_an_empty_message():
    with pytest.raises(LookupError):
        say("en", "no-such-text")


def test_a_forgotten_value_is_an_error_and_not_a_hole_in_the_text():
    with pytest.raises(FluentReferenceError, match="name"):
        say("en", "unknown-command")


def test_one_file_more_is_one_language_more(tmp_path):
    for file in (HERE / "locales").glob("*.ftl"):
        (tmp_path / file.name).write_text(file.read_text())
    (tmp_path / "fr.ftl").write_text((HERE / "locales" / "en.ftl").read_text().replace("= English\n", "= Français\n"))
    texts = Texts(tmp_path)

    assert sorted(texts.languages()) == ["en", "fr", "zh"]
    assert texts.say("fr", "language-name") == "Français"


def test_a_language_without_texts_is_spoken_in_english():
    assert say("tlh", "console-bye") == say("en", "console-bye") == "Bye."


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        (("zh-Hans", "en"), "zh"),
        (("zh_CN",), "zh"),
        (("ZH",), "zh"),
        ((None, "de", "zh"), "zh"),
        (("de", None, ""), "en"),
        ((), "en"),
    ],
)
def test_the_first_wish_that_there_are_texts_for_is_taken(wishes, expected):
    assert best(*wishes) == expected
    assert expected in i18n.languages()
