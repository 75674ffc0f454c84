"""The texts of the shell: each in both languages, with the same values and parts; and in which one they are told."""

import ast
import io
import re
from pathlib import Path
from typing import get_args

import pytest
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from pydantic_core import PydanticKnownError
from pydantic_core.core_schema import ErrorType

import bot
import workers.cli
from bot.cli import cli
from bot.core.shell import _CLICK
from bot.core.texts import SHELL, advise, language, printable, tell
from tests.fluent_files import messages, parts, strings_given_to, values
from workers.texts import TEXTS

ROOT = Path(bot.__file__).parents[1]
FOLDER = ROOT / "bot" / "locales" / "shell"
HAN = re.compile(r"[\u4e00-\u9fff]")
FAMILIES = ("check-", "list-", "table-", "value-", "help")
OF_ITS_OWN = {"host", "key", "language", "one_line", "or", "path_type", "people", "redis", "redis_parts", "rule"}
"""What is wrong with a value that only we look for, what pydantic has no fixed words for, and an “or” for its lists."""
PROPER_NAMES = {"check-python", "check-redis", "check-telegram", "check-worker"}
QUOTED = {
    "doctor-conduct-wrong",
    "doctor-key-wrong",
    "doctor-personas-wrong",
    "doctor-redis-missing",
    "doctor-settings-wrong",
} | {"file-wrong"}
"""Nothing but another text of the shell, put in."""


@pytest.mark.parametrize("key", messages(FOLDER, "en"))
def test_a_text_has_the_same_values_choices_and_parts_in_both_languages(key):
    english, chinese = (messages(FOLDER, name)[key] for name in ("en", "zh"))

    assert parts(english).keys() == parts(chinese).keys()
    assert values(english).names == values(chinese).names
    for selector, choices in values(english).variants.items():
        assert choices - {"one", "other"} <= values(chinese).variants.get(selector, set())


def test_no_text_is_in_one_language_alone():
    assert list(messages(FOLDER, "en")) == list(messages(FOLDER, "zh"))
    assert SHELL.languages() == ["en", "zh"]


@pytest.mark.parametrize("value", ["x", 1, 21])
def test_every_text_can_be_said_and_is_in_the_language_whose_file_it_is_in(value):
    for key, message in messages(FOLDER, "en").items():
        check(key, message, value)


def check(key, message, value):
    given = dict.fromkeys(values(message).names, value)
    english, chinese = (SHELL.say(name, key, **given) for name in ("en", "zh"))
    for name in parts(message):
        english += SHELL.part("en", key, name, **given)
        chinese += SHELL.part("zh", key, name, **given)

    assert not HAN.search(english), key
    assert HAN.search(chinese) or key in PROPER_NAMES | QUOTED, key
    assert not re.search(r"[{}\u2068\u2069]", english + chinese)


def code():
    files = [file for part in ("bot", "workers") for file in (ROOT / part).rglob("*.py") if "train" not in file.parts]
    return [node for file in files for node in ast.walk(ast.parse(file.read_text("utf-8")))]


def test_every_text_that_the_code_asks_for_exists_and_none_is_left_over():
    keys = set(messages(FOLDER, "en"))
    known = {node.value for node in code() if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    asked, families = strings_given_to(ROOT / "bot", {"tell", "advise"})

    assert asked <= keys
    assert families == {"check-", "list-", "table-"}
    assert {key for key in keys if not key.startswith(FAMILIES)} <= known
    ends = {key.partition("-")[2] for key in keys if key.startswith(("check-", "list-", "table-"))}
    assert ends <= known | {"discord-token", "telegram-token"}


def test_what_is_wrong_with_a_value_has_the_names_and_the_english_words_of_pydantic():
    ends = {key.removeprefix("value-") for key in messages(FOLDER, "en") if key.startswith("value-")}

    assert ends - OF_ITS_OWN <= set(get_args(ErrorType))
    for end in ends - OF_ITS_OWN:
        given = dict.fromkeys(values(messages(FOLDER, "en")[f"value-{end}"]).names, 3)
        given |= {name: "'a'" for name in ("expected", "pattern", "field_type") if name in given}
        assert tell(f"value-{end}", **given) == PydanticKnownError(end, given or None).message()


def helped(command, texts, key="help"):
    """The keys of a tree of commands, each with the parts that its help must have."""
    yield key, {parameter.name for parameter in command.params if parameter.param_type_name == "option"}
    for name, below in getattr(command, "commands", {}).items():
        yield from helped(below, texts, f"{key}-{name}")


@pytest.mark.parametrize(
    ("command", "texts", "folder"), [(cli, SHELL, FOLDER), (workers.cli.cli, TEXTS, ROOT / "workers" / "locales")]
)
def test_every_command_and_every_option_explains_itself_and_no_help_is_left_over(command, texts, folder):
    known = {key: parts(entry).keys() - {"more"} for key, entry in messages(folder, "en").items() if key.startswith("help")}

    assert dict(helped(command, texts)) == known


def test_the_words_of_the_command_line_library_are_compiled_from_what_is_written():
    for source in _CLICK.rglob("*.po"):
        compiled = read_mo(io.BytesIO(source.with_suffix(".mo").read_bytes()))
        written = read_po(io.BytesIO(source.read_bytes()))
        assert sentences(compiled) == sentences(written), "make texts"


def sentences(catalog):
    return sorted((list(one.id), list(one.string)) for one in catalog if one.id)


def test_every_text_of_the_library_that_is_translated_is_one_that_it_has():
    import click

    has = "".join(file.read_text() for file in Path(click.__file__).parent.glob("*.py"))
    for message in read_po(io.BytesIO(next(_CLICK.rglob("*.po")).read_bytes())):
        for text in filter(None, message.id if message.pluralizable else [message.id]):
            assert f'"{text}"' in has


WORDS = re.compile(r"[A-Za-z]{2,} +[A-Za-z]{2,}")


def errors(kind):
    yield kind.__name__
    for below in kind.__subclasses__():
        yield from errors(below)


def test_nothing_that_is_printed_asked_or_raised_for_an_operator_is_in_one_language_alone():
    import workers.app  # noqa: F401
    from bot.core.errors import CompanionError

    spoken = {"Check", "option", "echo", "print", "progress", "confirm", "prompt", "be_sure", *errors(CompanionError)}
    for node in code():
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in spoken:
            given = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg != "style")]
            strings = [part.value for one in given for part in ast.walk(one) if isinstance(part, ast.Constant)]
            assert [text for text in strings if isinstance(text, str) and WORDS.search(text.replace("dim italic", ""))] == [], (
                ast.unparse(node)
            )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_US"}, "en"),
        ({"LANG": "de_DE"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "COMPANION_LANGUAGE": "en"}, "en"),
        ({"LANG": "en_US.UTF-8", "COMPANION_LANGUAGE": "zh"}, "zh"),
    ],
)
def test_the_setting_decides_before_the_terminal_does(given, expected):
    assert language(given) == expected


@pytest.mark.parametrize(("name", "text"), [(".env", "COMPANION_LANGUAGE=zh\n"), ("companion.toml", "language = 'zh'\n")])
def test_the_setting_counts_wherever_it_is_written(name, text):
    Path(name).write_text(text)
    assert (language(), tell("letter-dropped")) == ("zh", "已丢弃")


@pytest.mark.parametrize("name", [".env", "companion.toml"])
def test_a_file_that_cannot_be_read_is_complained_of_in_the_language_of_the_terminal(monkeypatch, name):
    Path(name).write_bytes(b"COMPANION_LANGUAGE=\xff\xfe\x81\n")
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert language() == "zh"


def test_what_comes_from_elsewhere_cannot_move_the_cursor():
    assert printable("a\x1b[31mb\n") == "a?[31mb?"
    assert "\x1b" not in tell("letter-unknown", id="\x1b[2J")


def test_what_to_type_is_a_part_of_the_text_or_nothing():
    assert advise("doctor-redis-stopped", server="x") == "companion up"
    assert advise("doctor-redis-answers") == ""
