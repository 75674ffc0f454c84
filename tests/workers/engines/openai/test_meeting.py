"""Before the first person waits: the server is asked for its model and a word, and what is wrong is said with what to type."""

import pytest

from bot.core.errors import SettingsError
from bot.core.settings import load as load_settings
from workers import doctor
from workers.engines import load
from workers.engines.base import EngineOptions
from workers.engines.errors import EngineLoadFailed
from workers.models import choose, remark

KEY = "sk-very-secret-0123456789"


def refusal(*urls, **options):
    with pytest.raises(EngineLoadFailed) as caught:
        load(EngineOptions("openai", urls=urls, **options))
    return str(caught.value), caught.value.heals


def checks(**settings):
    return [str(check) for check in doctor.checks(load_settings(**settings)) if check.name in ("model server", "模型服务器")]


def test_without_a_server_it_is_said_which_setting_is_missing():
    assert refusal() == (
        "the openai engine has no server → set COMPANION_OPENAI_URLS, for example to http://localhost:8000/v1",
        False,
    )
    assert checks(engine="openai")[0].startswith("FAIL model server: the openai engine has no server")


def test_the_only_model_of_a_server_needs_no_name(serve, start):
    server = serve("deepseek-ai/DeepSeek-R1")
    start(server).ask("hello")

    assert server.last["model"] == "deepseek-ai/DeepSeek-R1"
    assert checks(openai_urls=server.url) == [f"ok   model server: {server.url} answers and has deepseek-ai/DeepSeek-R1"]


def test_of_several_models_one_has_to_be_named_and_they_are_listed(serve, start):
    server = serve("qwen2.5", "deepseek-r1")
    wrong = f"{server.url} has several models: qwen2.5, deepseek-r1 → set COMPANION_OPENAI_MODEL to one of them"

    assert refusal(server.url) == (wrong, False)
    assert checks(openai_urls=server.url) == [f"FAIL model server: {wrong}"]
    start(server, model="deepseek-r1").ask("hello")
    assert server.last["model"] == "deepseek-r1"


def test_a_model_that_the_server_has_not_is_answered_with_those_it_has(serve):
    server = serve("qwen2.5")
    wrong = f"{server.url} has no model gpt-9; it has: qwen2.5 → set COMPANION_OPENAI_MODEL to one of them"

    assert refusal(server.url, model="gpt-9") == (wrong, False)
    assert checks(openai_urls=server.url, openai_model="gpt-9") == [f"FAIL model server: {wrong}"]


def test_a_server_without_a_list_is_believed_when_the_model_is_named(serve, start):
    server = serve("hidden", lists_models=False)

    assert "COMPANION_OPENAI_MODEL" in refusal(server.url)[0]
    assert start(server, model="hidden").ask("hello")[1].reason == "stop"
    assert "has no model other" in refusal(server.url, model="other")[0]


def test_a_server_that_has_no_model_yet_is_asked_again_later(serve):
    server = serve()
    server.models.clear()

    text, heals = refusal(server.url)
    assert (f"{server.url} has no model yet" in text, heals) == (True, True)


def test_a_key_that_is_refused_is_said_without_the_key(serve, capfd):
    server = serve(key="another")
    text, heals = refusal(server.url, key=KEY)

    assert heals is False
    assert f"{server.url} refuses the key (HTTP 401" in text
    assert "set COMPANION_OPENAI_KEY" in text
    [line] = checks(openai_urls=server.url, openai_key=KEY)
    assert "refuses the key" in line
    assert KEY not in text + line + "".join(capfd.readouterr())


def test_a_key_that_fits_opens(serve, start):
    server = serve(key=KEY)

    assert start(server, key=KEY).ask("hello")[1].reason == "stop"
    assert checks(openai_urls=server.url, openai_key=KEY)[0].startswith("ok")


def test_neither_key_nor_user_of_a_url_is_in_what_objects_say(serve):
    server = serve()
    url = server.url.replace("http://", "http://ann:swordfish@")
    options = EngineOptions("openai", urls=(url,), key=KEY)
    settings = load_settings(openai_urls=url, openai_key=KEY)

    for shown in (repr(options), repr(settings), settings.model_dump_json(), *checks(openai_urls=url), remark(options)):
        assert KEY not in shown
        assert "swordfish" not in shown


def test_nor_in_what_a_wrong_setting_or_server_says():
    with pytest.raises(SettingsError) as caught:
        load_settings(openai_urls="ann:swordfish@localhost:8000")
    assert "COMPANION_OPENAI_URLS: got a value that is not shown; each should begin with http://" in str(caught.value)
    assert "swordfish" not in refusal("http://ann:swordfish@127.0.0.1:9/v1")[0]


def test_user_and_password_of_a_url_are_sent_as_such(serve, start):
    driver = start(serve().url.replace("http://", "http://ann:sword%40fish@"))
    client = driver.engine._fleet.servers[0]._client
    request = next(client.auth.auth_flow(client.build_request("GET", "models")))

    assert request.headers["Authorization"] == "Basic YW5uOnN3b3JkQGZpc2g="
    assert "sword" not in str(request.url)


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/"])
def test_the_path_may_be_left_out_and_may_end_in_a_slash(serve, start, path):
    server = serve()

    assert start(f"http://127.0.0.1:{server.port}{path}").ask("hello")[1].reason == "stop"


def test_a_path_that_leads_nowhere_is_said(serve):
    server = serve()

    assert "mostly with /v1" in refusal(f"http://127.0.0.1:{server.port}/api")[0]
    assert "has no such API (HTTP 404" in refusal(f"http://127.0.0.1:{server.port}/api", model="tiny")[0]
    [line] = checks(openai_urls=f"http://127.0.0.1:{server.port}/api", openai_model="tiny")
    assert line.startswith(f"FAIL model server: http://127.0.0.1:{server.port}/api has no such API")


def test_a_server_that_is_not_there_may_come_and_is_said():
    text, heals = refusal("http://127.0.0.1:9/v1")

    assert heals is True
    assert text.startswith("http://127.0.0.1:9/v1 cannot be reached (ConnectError) → check that the server runs")


def test_a_proxy_that_is_set_for_the_world_does_not_stand_before_this_machine(serve, start, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    assert start(serve()).ask("hello")[1].reason == "stop"


def test_one_server_of_several_is_enough_to_begin(serve, start):
    assert start("http://127.0.0.1:9/v1", serve()).ask("hello")[1].reason == "stop"


@pytest.mark.parametrize("fault", ["key", "page", "refused", "silent", "one-piece"])
def test_a_server_that_lists_its_model_and_cannot_answer_is_found_out_at_the_start(serve, fault):
    server = serve()
    server.fault(fault, "for ever")

    assert server.url in refusal(server.url, first_seconds=0.3)[0]


def test_the_servers_own_words_on_our_own_question_are_told(serve):
    server = serve()
    server.fault("refused", "for ever")

    assert "Input should be valid: Answer with one word: OK." in refusal(server.url)[0]


def test_the_doctor_speaks_chinese_too(serve, monkeypatch):
    monkeypatch.setenv("COMPANION_LANGUAGE", "zh")
    server = serve()

    assert checks(openai_urls=server.url) == [f"ok   模型服务器: {server.url} 有应答，模型是 tiny"]
    [line] = checks(openai_urls="http://127.0.0.1:9")
    assert line.startswith("FAIL 模型服务器: 连不上 http://127.0.0.1:9/v1（ConnectError） → 检查服务器是否在运行")


def test_the_doctor_looks_at_each_server_and_makes_none_write(serve):
    server = serve()
    lines = checks(openai_urls=f"{server.url}, http://127.0.0.1:9/v1 ,{server.url}")

    assert [line[:4] for line in lines] == ["ok  ", "FAIL", "ok  "]
    assert server.asked == []


def test_servers_that_are_named_are_used_without_another_setting():
    options = choose(load_settings(openai_urls=" http://a:1/v1 ,http://b:2", openai_key=KEY, slots=7, context_tokens=4096))

    assert (options.engine, options.urls, options.key) == ("openai", ("http://a:1/v1", "http://b:2"), KEY)
    assert (options.requests, options.context, options.model) == (7, 4096, "")
    assert choose(load_settings(openai_urls="http://a:1", engine="echo")).engine == "echo"


@pytest.mark.parametrize(
    ("urls", "places"),
    [
        ("http://localhost:8000/v1,http://127.0.0.1:8001,http://[::1]:8002", ""),
        ("https://ann:pw@api.deepseek.com/v1?x=1,http://localhost:1", "https://api.deepseek.com/v1"),
        ("http://192.168.1.7:8000,http://127.evil.example/v1", "http://192.168.1.7:8000, http://127.evil.example/v1"),
    ],
)
def test_the_start_says_in_a_line_when_words_leave_this_machine(urls, places):
    line = remark(choose(load_settings(openai_urls=urls)))

    assert line == (f"openai engine: what people write leaves this machine and goes to {places}" if places else "")


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "socks://127.0.0.1:1/"])
def test_a_socks_proxy_that_cannot_be_used_is_told_with_a_way_out_and_none_is_needed_here(monkeypatch, serve, start, proxy):
    monkeypatch.setenv("ALL_PROXY", proxy)
    url = "https://models.invalid/v1"
    text, heals = refusal(url)
    assert ("SOCKS" in text, "HTTPS_PROXY=http://" in text, heals) == (True, True, False)
    [check] = checks(engine="openai", openai_urls=url)
    assert "FAIL" in check
    assert "SOCKS" in check

    assert start(serve()).ask("hello")[1].reason == "stop"
