import re
from pathlib import Path

import pytest

from bot.core.errors import SettingsError
from bot.core.settings import Settings, load, make_data_dir
from bot.core.settings_table import table

SECRET = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"


def refusal(**environment):
    with pytest.raises(SettingsError) as problem:
        load(**environment)
    return str(problem.value)


def test_every_default_is_valid():
    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=True)
        assert getattr(load(), name) == default
        if default is not None:
            assert getattr(load(**{name: default}), name) == default


def test_the_environment_comes_before_dotenv_before_toml_before_the_default(monkeypatch):
    assert load().slots == 32
    Path("companion.toml").write_text("slots = 3\nmodel = 'toml'\npersona = 'toml'")
    assert (load().slots, load().model, load().persona) == (3, "toml", "toml")
    Path(".env").write_text("COMPANION_SLOTS=2\nCOMPANION_MODEL=dotenv\n")
    assert (load().slots, load().model, load().persona) == (2, "dotenv", "toml")
    monkeypatch.setenv("COMPANION_SLOTS", "1")
    assert (load().slots, load().model, load().persona) == (1, "dotenv", "toml")


@pytest.mark.parametrize("place", ["environment", ".env", "companion.toml"])
@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("slots", "many", "unable to parse string as an integer"),
        ("slots", "0", "greater than or equal to 1"),
        ("slots", "1025", "less than or equal to 1024"),
        ("merge_seconds", "-1", "greater than or equal to 0"),
        ("engine", "magic", "'auto', 'echo'"),
        ("thinking", "loud", "'hide', 'show' or 'off'"),
        ("log_level", "loud", "'debug', 'info', 'warning' or 'error'"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_what_was_given_and_what_is_allowed(monkeypatch, place, name, value, complaint):
    give(monkeypatch, place, name, value)

    message = refusal()

    assert message.startswith(f"COMPANION_{name.upper()}: got {value!r}; ")
    assert complaint in message
    assert len(message.splitlines()) == 1


def test_all_wrong_values_are_named_at_once(monkeypatch):
    give(monkeypatch, "environment", "slots", "many")
    give(monkeypatch, "environment", "language", "tlh")

    assert [line.split(":")[0] for line in refusal().splitlines()] == ["COMPANION_SLOTS", "COMPANION_LANGUAGE"]


@pytest.mark.parametrize("place", ["environment", ".env"])
@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("SLOT", "did you mean COMPANION_SLOTS?"),
        ("TELEGRAM_TOKN", "did you mean COMPANION_TELEGRAM_TOKEN?"),
        ("XYZZY", "docs/settings.md has the table of all settings"),
    ],
)
def test_a_setting_nobody_knows_stops_the_start_with_the_one_that_was_meant(monkeypatch, place, name, hint):
    give(monkeypatch, place, name.lower(), SECRET)

    assert refusal() == f"COMPANION_{name} is not a setting; {hint}"


def test_a_setting_nobody_knows_in_toml_is_named():
    Path("companion.toml").write_text("slot = 3")

    assert refusal() == "slot in companion.toml is not a setting; docs/settings.md has the table of all settings"


@pytest.mark.parametrize("name", ["telegram_token", "discord_token", "memory_key", "redis_url", "broker_url"])
def test_a_secret_is_never_shown(monkeypatch, name):
    Path("companion.toml").write_text(f"{name} = ['{SECRET}']")
    message = refusal()
    assert message.startswith(f"COMPANION_{name.upper()}: got a value that is not shown; ")
    assert SECRET not in message

    Path("companion.toml").unlink()
    give(monkeypatch, "environment", name, f"redis://:{SECRET}@host")
    assert SECRET not in repr(load()) + str(load().model_dump())


def test_broken_toml_says_where():
    Path("companion.toml").write_text("slots = 3\npersona =\n")

    assert re.fullmatch(r"companion\.toml or \.env cannot be read: .+line 2.+", refusal())


@pytest.mark.parametrize("name", ["companion.toml", ".env"])
def test_a_file_that_is_no_text_is_refused_in_words(name):
    Path(name).write_bytes(b"COMPANION_MODEL=\xff\xfe\x81\n")

    assert refusal().startswith("companion.toml or .env cannot be read: ")


def test_lines_of_dotenv_that_are_not_ours_are_left_alone():
    Path(".env").write_text("REDIS_PASSWORD=x\nMODEL=not ours\nexport COMPANION_MODEL='ours'\n# COMPANION_SLOT=5\n")

    assert load().model == "ours"


def test_an_empty_value_is_no_value(monkeypatch):
    monkeypatch.setenv("COMPANION_TELEGRAM_TOKEN", "")
    monkeypatch.setenv("COMPANION_SLOTS", "")

    assert (load().telegram_token, load().slots) == (None, 32)


def test_nothing_that_settles_an_environment_of_others_is_judged(monkeypatch):
    monkeypatch.setenv("COMPANIONS", "5")
    monkeypatch.setenv("MY_COMPANION_SLOT", "5")

    assert load().slots == 32


def test_settings_do_not_change():
    with pytest.raises(ValueError, match="frozen"):
        load().slots = 4


def test_the_table_has_a_row_for_every_setting():
    rows = table().splitlines()[2:]

    assert [re.match(r"\| `(\w+)` \| .+ \| .+ \|$", row)[1] for row in rows] == [
        f"COMPANION_{name.upper()}" for name in Settings.model_fields
    ]


def give(monkeypatch, place, name, value):
    if place == "environment":
        monkeypatch.setenv(f"COMPANION_{name.upper()}", value)
    elif place == ".env":
        Path(".env").write_text(f"COMPANION_{name.upper()}={value}\n")
    else:
        Path("companion.toml").write_text(f"{name} = {value!r}\n")


def test_a_redis_url_of_another_kind_is_refused_and_not_shown(monkeypatch):
    monkeypatch.setenv("COMPANION_REDIS_URL", "http://:secret@host")

    with pytest.raises(SettingsError) as problem:
        load()

    assert str(problem.value) == (
        "COMPANION_REDIS_URL: got a value that is not shown; input should begin with redis://, rediss:// or unix://"
    )


@pytest.mark.parametrize("name", ["redis_url", "broker_url"])
@pytest.mark.parametrize(
    "rest", [":s3cret/12@host", ":s3cret#12@host:1", ":12/s3cret@host", ":12#s3cret@host", "host:80x", "host:99999", "[::1"]
)
def test_a_redis_url_that_nobody_can_follow_is_refused_and_not_shown(monkeypatch, name, rest):
    """Half of all passwords in base64 have a slash, at which the host would end."""
    monkeypatch.setenv(f"COMPANION_{name.upper()}", f"redis://{rest}")

    assert refusal() == (
        f"COMPANION_{name.upper()}: got a value that is not shown; a port is a number up to 65535, and that of a database "
        "follows the last slash; in a password write / as %2F, # as %23 and ? as %3F"
    )


@pytest.mark.parametrize(
    "url", ["redis://", "redis://host/", "rediss://:a%2Fb@host:1/2?socket_timeout=3", "unix://:a@/path/sock?db=1"]
)
def test_a_redis_url_that_can_be_followed_is_taken_as_it_is(url):
    assert load(redis_url=url).redis_url.get_secret_value() == url


def test_a_broker_need_not_be_a_redis():
    assert load(broker_url="amqp://guest@host:5672//").broker_url.get_secret_value() == "amqp://guest@host:5672//"


@pytest.mark.parametrize("place", ["environment", ".env", "companion.toml"])
@pytest.mark.parametrize("name", ["data_dir", "persona_dir", "conduct_file"])
def test_a_tilde_is_the_home_also_where_no_shell_reads_it(monkeypatch, place, name):
    monkeypatch.setenv("HOME", "/somewhere")
    give(monkeypatch, place, name, "~/companion")

    assert getattr(load(), name) == Path("/somewhere/companion")


def test_a_data_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(SettingsError, match=r"COMPANION_DATA_DIR: .*/file/data cannot be made: Not a directory"):
        make_data_dir(load(data_dir=tmp_path / "file" / "data"))


def refusal_of(monkeypatch, setting, value):
    monkeypatch.setenv(setting, value)
    with pytest.raises(SettingsError) as caught:
        load()
    return str(caught.value)


@pytest.mark.parametrize("url", ["http://host:80x/v1", "http://host:99999", "http://[::1/v1", "http://ok:1, http://:8000/v1"])
def test_a_server_whose_host_or_port_cannot_be_is_refused_and_not_shown(monkeypatch, url):
    assert refusal_of(monkeypatch, "COMPANION_OPENAI_URLS", url) == (
        "COMPANION_OPENAI_URLS: got a value that is not shown; "
        "each should begin with http:// or https:// and name a host; a port is a number up to 65535"
    )


@pytest.mark.parametrize("key", ["sk-12…89", "schlüssel", "\u200bsk-1234", "sk 1234", "sk-12\n34"])
def test_a_key_that_cannot_be_sent_is_refused_and_not_shown(monkeypatch, key):
    """Copied from where only its beginning and its end are shown, for example."""
    assert refusal_of(monkeypatch, "COMPANION_OPENAI_KEY", key) == (
        "COMPANION_OPENAI_KEY: got a value that is not shown; "
        "should have only letters, digits and signs of ASCII, and no spaces: was all of it copied, and nothing else?"
    )


def test_blanks_around_a_key_are_no_part_of_it(monkeypatch):
    monkeypatch.setenv("COMPANION_OPENAI_KEY", " sk-1234\n")

    assert load().openai_key.get_secret_value() == "sk-1234"
