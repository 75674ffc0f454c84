"""A persona is a file that says who the companion is; a wrong file is told what is wrong with it."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import BadPersona, UnknownPersona
from bot.core.personas import SHIPPED, Persona, Personas, load_persona
from bot.core.settings import load

PIP = """
title = "Pip"
description = "A parrot."
greeting = "Hello {{user}}, I'm {{char}}."
"""


def folder(path, **files):
    path.mkdir()
    for name, content in files.items():
        (path / f"{name}.toml").write_text(content, encoding="utf-8")
    return path


def persona(**fields):
    return Persona(**{"name": "pip", "title": "Pip", "description": "A parrot.", "greeting": "Hi", **fields})


def test_three_are_shipped_and_they_differ():
    shipped = Personas().all()
    assert [(one.name, one.title, one.language) for one in shipped] == [
        ("default", "Wren", "en"), ("tycho", "Tycho", "en"), ("xiaoman", "小满", "zh"),
    ]  # fmt: skip
    for one in shipped:
        assert one.style
        assert 2 <= len(one.examples) <= 3
        assert "AI" in one.description


def test_what_a_file_leaves_out_is_left_to_the_settings(tmp_path):
    assert Personas([folder(tmp_path / "own", pip=PIP)]).get("pip") == persona(
        greeting="Hello {{user}}, I'm {{char}}.", style="", examples=(), language="en",
        thinking=None, temperature=None, top_p=None,
    )  # fmt: skip


def test_everything_a_file_may_say(tmp_path):
    rest = """style = "Squawks."
language = "zh"
thinking = "off"
temperature = 1
top_p = 0.9
[[examples]]
user = "hi"
companion = "Squawk."
"""
    pip = Personas([folder(tmp_path / "own", pip=PIP + rest)]).get("pip")
    assert (pip.style, pip.language, pip.thinking, pip.temperature, pip.top_p) == ("Squawks.", "zh", "off", 1.0, 0.9)
    assert [(one.user, one.companion) for one in pip.examples] == [("hi", "Squawk.")]


def test_the_owners_folder_overrides_what_is_shipped(tmp_path):
    personas = Personas([SHIPPED, folder(tmp_path / "own", default=PIP), tmp_path / "not there"])
    assert personas.get("default").title == "Pip"
    assert [one.name for one in personas.all()] == ["default", "tycho", "xiaoman"]


def test_an_unknown_name_is_answered_with_those_that_exist():
    with pytest.raises(UnknownPersona, match=r"no persona 'nobody'\. There are: default, tycho, xiaoman"):
        Personas().get("nobody")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("title = ", "cannot be read as TOML"),
        ('title = "Pip"\ngreeting = "Hi"', "`description`: "),
        (PIP + "temprature = 0.5", "`temprature` is not a key of a persona. Allowed: title, description, greeting, style"),
        (PIP + "temperature = 3", "`temperature`: .*less than or equal to 2"),
        (PIP + 'temperature = "0.5"', "`temperature`: .*valid number"),
        (PIP + "temperature = true", "`temperature`: .*valid number"),
        (PIP + "top_p = 0", "`top_p`: .*greater than 0"),
        (PIP + 'language = "de"', "`language`: .*'en' or 'zh'"),
        (PIP + 'thinking = "maybe"', "`thinking`: .*'hide', 'show' or 'off'"),
        (PIP + "style = 7", "`style`: .*valid string"),
        (PIP + 'name = "polly"', "`name` is the file's name"),
        (PIP.replace("A parrot.", "x" * 1501), "`description`: .*at most 1500"),
        (PIP.replace("A parrot.", " "), "`description`: .*at least 1"),
        (PIP.replace('"A parrot."', '"A\\n---\\nparrot."'), "`description`: .*a line that is only ---"),
        (PIP.replace("Pip", "Pip\\nPop"), "`title`: .*one line"),
        (PIP + '[[examples]]\nuser = "hi"', "`examples.0.companion`: "),
        (PIP + '[[examples]]\nuser = "hi"\ncompanion = "ho"\nbot = "x"', "`examples.0.bot` is not a key .*: user, companion"),
        (PIP + '[[examples]]\nuser = "hi"\ncompanion = "ho"\n' * 9, "`examples`: .*at most 8"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_told_what_is_wrong(content, said, tmp_path):
    with pytest.raises(BadPersona, match=rf"(?s)pip\.toml: .*{said}"):
        Personas([folder(tmp_path / "own", pip=content)])


def test_every_wrong_key_is_told_at_once(tmp_path):
    with pytest.raises(BadPersona) as told:
        Personas([folder(tmp_path / "own", pip=PIP + "top_p = 7\nstyle = 7")])
    assert "`top_p`" in str(told.value)
    assert "`style`" in str(told.value)


@pytest.mark.parametrize("name", [".#own.toml", "._own.toml"])
def test_hidden_files_are_no_personas(name, tmp_path):
    """Editors leave them beside a file that is being written, and some systems beside every file that is copied."""
    own = folder(tmp_path / "own", pip=PIP)
    (own / name).write_bytes(b"\x00\x05\x16\x07")

    assert [one.name for one in Personas([own]).all()] == ["pip"]


def test_a_file_name_that_cannot_be_typed_is_refused(tmp_path):
    with pytest.raises(BadPersona, match="the name must be"):
        Personas([folder(tmp_path / "own", **{"Big Bird": PIP})])


def test_a_file_that_is_not_utf8_is_refused(tmp_path):
    file = tmp_path / "pip.toml"
    file.write_bytes('title = "é"'.encode("latin-1"))
    with pytest.raises(BadPersona, match="cannot be read as TOML in UTF-8"):
        load_persona(file)


@pytest.mark.parametrize("macro", ["{{char}}", "{{CHAR}}", "{{ Char }}", "{{\tchar }}"])
def test_names_are_put_in_however_the_macro_is_written(macro):
    assert persona().expand(f"I am {macro}.") == "I am Pip."


def test_what_only_looks_like_a_macro_stays():
    assert persona().expand("{char} {{chart}} {{ }} {{user", "Ann") == "{char} {{chart}} {{ }} {{user"


def test_a_name_with_a_macro_in_it_is_not_expanded_again():
    assert persona().expand("Hi {{user}}, from {{char}}", "{{char}}") == "Hi {{char}}, from Pip"


@pytest.mark.parametrize(("language", "word"), [("en", "Friend"), ("zh", "朋友")])
def test_somebody_without_a_name_is_a_friend(language, word):
    assert persona(greeting="Hi {{user}}", language=language).greet(" \n") == f"Hi {word}"


def test_it_greets_people_in_their_language_where_it_has_words_for_them():
    parrot = persona(greeting="Hi {{user}}, {{char}}!", greetings={"zh": "你好，{{user}}，我是{{char}}！"})
    assert parrot.greet("Ann", "zh") == "你好，Ann，我是Pip！"
    assert parrot.greet(" ", "zh") == "你好，朋友，我是Pip！"
    assert parrot.greet("Ann", "en") == parrot.greet("Ann", "fr") == parrot.greet("Ann") == "Hi Ann, Pip!"


def test_all_that_are_shipped_greet_in_both_languages():
    for one in Personas().all():
        other = {"en": "zh", "zh": "en"}[one.language]
        assert one.greet("Ann", other) != one.greet("Ann", one.language)


@given(st.text())
def test_what_somebody_is_called_is_one_short_line(name):
    called = persona().call(name)
    assert 0 < len(called) <= 32
    assert called.splitlines() == [called]


def test_a_persona_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        persona().title = "Polly"


def test_an_installation_whose_persona_or_folder_is_not_there_is_told_at_the_start(tmp_path):
    with pytest.raises(UnknownPersona, match=r"no persona 'nobody'\. There are: default"):
        Personas.of(load(persona="nobody"))
    with pytest.raises(BadPersona, match="COMPANION_PERSONA_DIR: there is no folder"):
        Personas.of(load(persona_dir=tmp_path / "not there"))

    assert Personas.of(load(persona="pip", persona_dir=folder(tmp_path / "own", pip=PIP))).get("pip").name == "pip"
