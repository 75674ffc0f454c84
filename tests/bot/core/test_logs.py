import json
import logging
from functools import cache

import pytest
import structlog
from redis.exceptions import RedisError

from bot.core import logs
from bot.core.store import Keys
from tests.programs import Chat, turns_of, until
from tests.sayings import talk

TELEGRAM = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw-"
DISCORD = "MTE5ODYyMjQ4MzQ3MTkyNTI0OA.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs-0123456789"


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


@pytest.mark.parametrize("process", ["", "worker-2"])
def test_where_several_processes_write_to_one_place_each_line_names_its_own(capsys, process):
    logs.set_up("info", "json", process=process)
    structlog.get_logger().info("turn begun")
    logging.getLogger("somebody").warning("with %s", "care")

    lines = map(json.loads, capsys.readouterr().err.splitlines())
    assert [line.get("process", "") for line in lines] == [process] * 2


def test_no_password_of_a_url_leaves_the_process(capsys):
    logs.set_up("info")

    for url in ("redis://:hunter2@host:6379/0", "rediss://ann:hunter2@host", "unix://:hunter2@/tmp/redis.sock"):
        structlog.get_logger().info("cannot reach", url=url)

    err = capsys.readouterr().err
    assert "hunter2" not in err
    assert [place in err for place in ("host:6379/0", "/tmp/redis.sock")] == [True, True]


def test_no_id_in_the_words_of_redis_leaves_the_process(capsys, store):
    """Its library names the command of a pipeline that failed, with the key; and our own errors may name a conversation."""
    logs.set_up("info")
    name = Keys("telegram:42").of_person("70077", "settings")
    store.redis.set(name, "not a hash")
    with pytest.raises(RedisError) as refused:
        store.redis.pipeline(transaction=False).hgetall(name).execute()
    assert "70077" in str(refused.value)

    structlog.get_logger().warning("cannot", error=str(refused.value))
    structlog.get_logger().warning(f"not a conversation: {talk('70077', chat='-9')}!")
    logging.getLogger("somebody").warning("lost %s", name)

    err = capsys.readouterr().err
    assert "70077" not in err
    assert ["of pipeline caused error" in err, "not a conversation: ***!" in err, "telegram" in err] == [True, True, False]


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


def test_what_is_bound_within_goes_with_the_context(capsys):
    logs.set_up("info", "json")

    with logs.context(action="reply"):
        structlog.contextvars.bind_contextvars(trace="t1")
        structlog.get_logger().info("within")
    structlog.get_logger().info("after")

    within, after = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (within["action"], within["trace"]) == ("reply", "t1")
    assert after.keys() & {"action", "trace"} == set()


@pytest.mark.parametrize("shows_text", [True, False])
def test_a_log_that_is_to_show_text_says_so_at_the_start(capsys, shows_text):
    logs.set_up("warning", shows_text=shows_text)

    assert ("COMPANION_LOG_TEXT" in capsys.readouterr().err) == shows_text


def test_one_search_finds_a_message_in_the_logs_of_all_processes(tmp_path):
    with Chat(tmp_path, log_format="json", log_level="info", merge_seconds=0) as chat:
        heard(chat, "first")
        heard(chat, "second")
        assert chat.leave()[0] == 0

    turns = turns_of(tmp_path)
    events = [event for event in all_events(tmp_path) if event.get("trace")]
    names = {event["conversation"] for event in events}
    for turn in turns:
        trace = next(event["trace"] for event in events if event.get("turn") == turn.id)
        assert [event["event"] for event in events if event["trace"] == trace] == [
            "message accepted",
            "turn begun",
            "turn ended",
            "delivered",
        ]
        assert {event["turn"] for event in events if event["trace"] == trace and "turn" in event} == {turn.id}
    assert len(turns) == 2
    assert len(names) == 1


def test_every_one_of_several_lines_that_are_answered_together_is_found(leases, inbox, vault, capsys):
    from tests.sayings import incoming, talk
    from workers import measures

    for id in ("u1", "u2", "u3"):
        inbox.accept(incoming("hello", update_id=id))
    lease = leases.acquire(talk())
    logs.set_up("info", "json")
    with logs.context():
        measures.lease_taken(lease, vault.pseudonym(talk()))
        measures.turn_begun(lease, "t1")

    line = json.loads(capsys.readouterr().err)
    assert [*line["also_answers"], line["trace"]] == [vault.trace(talk(), id) for id in ("u1", "u2", "u3")]
    assert line["conversation"] == vault.pseudonym(talk())


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory):
    """Where somebody talked and everything was logged, with text or without."""

    @cache
    def folder_of(*, log_text):
        folder = tmp_path_factory.mktemp("talk")
        with Chat(folder, log_format="json", log_level="debug", log_text=log_text, merge_seconds=0) as chat:
            heard(chat, "my badger is called Hortensia")
            heard(chat, "#history Hortensia")
            assert chat.leave()[0] == 0
        return folder

    return folder_of


@pytest.mark.parametrize("log_text", [False, True])
def test_what_people_write_is_in_no_log_unless_that_is_set(folder_of, log_text):
    written = written_by(folder_of(log_text=log_text))
    assert {where: "hortensia" in text.lower() for where, text in written.items()} == dict.fromkeys(written, log_text)
    assert all(("COMPANION_LOG_TEXT" in text) == log_text for text in written.values())


def test_ids_of_people_are_in_no_log(folder_of):
    from tests.programs import conversation_here, front

    folder = folder_of(log_text=False)
    with front(folder) as opened:
        conversation, name = conversation_here(opened), opened.vault.pseudonym(conversation_here(opened))
    text = "".join(written_by(folder).values())
    assert str(conversation) not in text
    assert name in text
    assert len(name) == 12


def test_a_pseudonym_is_the_same_with_the_same_key_alone(store, vault):
    from bot.core.vault import Vault
    from tests.sayings import talk

    other = Vault(store, master=b"o" * 32)
    assert vault.pseudonym(talk()) == vault.pseudonym(talk())
    assert vault.trace(talk(), "1") == vault.trace(talk(), "1")
    names = [maker.pseudonym(talk(person)) for maker in (vault, other) for person in ("1001", "1002")]
    traces = [maker.trace(talk(person), id) for maker in (vault, other) for person in ("1001", "1002") for id in ("1", "2")]
    assert len({*names, *traces}) == 12


def heard(chat, text):
    """Say it, and wait for the reply that has it."""
    chat.say(text)
    until(lambda: text.split()[-1] in chat.hear())


def written_by(data_dir):
    """The logs of the front and of the worker."""
    return {path.name: path.read_text() for path in (data_dir / "chat.err", data_dir / "logs" / "worker.log")}


def all_events(data_dir):
    """Every line of every log that is ours, in the order of time."""
    lines = [line for text in written_by(data_dir).values() for line in text.splitlines()]
    return sorted((json.loads(line) for line in lines if line.startswith("{")), key=lambda event: event["timestamp"])
