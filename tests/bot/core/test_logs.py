import json
import logging

import pytest
import structlog

from bot.core import logs

TELEGRAM = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw-"
DISCORD = "MTE5ODYyMjQ4MzQ3MTkyNTI0OA.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs-0123456789"


@pytest.fixture(autouse=True)
def _as_it_was():
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    structlog.reset_defaults()
    root.handlers = handlers
    root.setLevel(level)


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("secret", [TELEGRAM, DISCORD])
def test_no_token_leaves_the_process(capsys, form, secret):
    logs.set_up("info", form)

    structlog.get_logger().info(f"at https://api.telegram.org/bot{secret}/getMe", token=secret)
    logging.getLogger("somebody").warning("with %s in it", secret)
    try:
        raise ValueError(f"bad token {secret}")
    except ValueError:
        structlog.get_logger().exception("it failed")
        logging.getLogger("somebody").exception("it failed")

    out, err = capsys.readouterr()
    assert (out, secret in err, secret.split(":")[-1] in err) == ("", False, False)
    assert err.count("***") >= 5


def test_no_password_of_a_url_leaves_the_process(capsys):
    logs.set_up("info")

    for url in ("redis://:hunter2@host:6379/0", "rediss://ann:hunter2@host", "unix://:hunter2@/tmp/redis.sock"):
        structlog.get_logger().info("cannot reach", url=url)

    err = capsys.readouterr().err
    assert "hunter2" not in err
    assert [place in err for place in ("host:6379/0", "/tmp/redis.sock")] == [True, True]


def test_json_is_one_object_a_line_for_our_own_and_for_others(capsys):
    logs.set_up("info", "json")

    structlog.get_logger().info("turn ended", action="reply", 数=1)
    logging.getLogger("somebody").warning("two\nlines")

    ours, theirs = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (ours["event"], ours["action"], ours["数"], ours["level"]) == ("turn ended", "reply", 1, "info")
    assert (theirs["event"], theirs["level"]) == ("two\nlines", "warning")


def test_what_is_below_the_level_is_not_written(capsys):
    logs.set_up("warning")

    structlog.get_logger().info("quiet")
    logging.getLogger("somebody").info("quiet")
    logging.getLogger("httpx").info("quiet")
    structlog.get_logger().warning("loud")

    assert ["quiet" in line for line in capsys.readouterr().err.splitlines()] == [False]


def test_chatty_libraries_are_heard_from_warnings_on(capsys):
    logs.set_up("debug")

    logging.getLogger("httpx").info("GET")
    logging.getLogger("httpx").warning("careful")

    assert ["careful" in line for line in capsys.readouterr().err.splitlines()] == [True]


def test_where_names_the_place_and_never_the_words():
    try:
        raise ValueError("my secret")
    except ValueError as problem:
        place = logs.where(problem)

    assert place.rpartition(":")[0] == __file__
    assert logs.where(ValueError("never raised")) == "unknown"
