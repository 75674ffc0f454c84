"""The files around the code say what is true: README, .env.example, Makefile, Dockerfile, docker-compose.yml, pyproject."""

import json
import os
import re
import shlex
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import click
import pytest
import redis
import yaml
from redis.backoff import NoBackoff
from redis.retry import Retry

from bot.cli import cli as companion
from bot.core.settings import PREFIX, Settings, load
from bot.core.settings_table import table
from bot.embedded import find_server
from tests.ports import free_port
from workers.cli import cli as workers

ROOT = Path(__file__).parents[1]
SETTINGS = {PREFIX + name.upper() for name in Settings.model_fields}
SECRETS = {PREFIX + name.upper() for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
EXAMPLE = (ROOT / ".env.example").read_text().splitlines()


def written_table():
    page = (ROOT / "docs" / "settings.md").read_text()
    return re.search(r"<!-- settings.*?-->\n(.*?)\n<!-- end of settings -->", page, re.S)[1]


def given(lines):
    return dict(line.split("=", 1) for line in lines if re.match(r"[A-Z_]+=", line))


def environment(service):
    return {name: str(value) for name, value in service.get("environment", {}).items()}


def resolve(arguments):
    """Parse a command line the way the program does; raises click.UsageError where it would."""
    if arguments[:3] == ["python", "-m", "workers"]:
        command, rest = workers, arguments[3:]
    else:
        assert arguments[0] == "companion", arguments
        command, rest = companion, arguments[1:]
    while isinstance(command, click.Group):
        name, rest = rest[0], rest[1:]
        assert name in command.commands, f"{name} is no command"
        command = command.commands[name]
    return command.make_context(name, list(rest))


def stages():
    """Dockerfile stages by name, each with the lines of the stages it builds on."""
    found = {}
    for text in re.split(r"(?m)^(?=FROM )", DOCKERFILE)[1:]:
        base, name = re.match(r"FROM (\S+) AS (\S+)", text).groups()
        found[name] = found.get(base, "") + text
    return found


# README


def test_the_settings_table_is_the_one_that_make_docs_writes():
    assert written_table() == table()


def test_make_docs_changes_nothing_but_the_table(tmp_path):
    (tmp_path / "docs").mkdir()
    written = (tmp_path / "docs" / "settings_table.py", tmp_path / "docs" / "settings.md")
    written[0].write_text((ROOT / "docs" / "settings_table.py").read_text())
    written[1].write_text((ROOT / "docs" / "settings.md").read_text().replace("| `COMPANION_MODEL`", "| `COMPANION_MODELL`"))
    subprocess.run([sys.executable, written[0]], env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True, timeout=30)
    assert written[1].read_text() == (ROOT / "docs" / "settings.md").read_text()


def test_the_readme_stays_short_and_begins_with_the_two_commands():
    text = (ROOT / "README.md").read_text()
    assert text.count("\n") <= 150
    assert re.findall(r"(?m)^make \S+", text)[:2] == ["make chat", "make test"]


@pytest.mark.parametrize("page", sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]), ids=lambda page: page.name)
def test_every_link_to_a_file_and_every_setting_in_a_page_exists(page):
    text = page.read_text()
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", text)
    assert [link for link in links if not (page.parent / link).exists()] == []
    assert set(re.findall(r"\bCOMPANION_[A-Z_]+\b", text)) <= SETTINGS


@pytest.mark.parametrize("page", sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]), ids=lambda page: page.name)
def test_every_command_in_a_page_exists(page, monkeypatch):
    monkeypatch.setenv("COMPANION_REDIS_URL", "redis://localhost")
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))
    for command in re.findall(r"(?m)(?:`|^|-- )((?:companion|python -m workers|make) [a-z][^`\n#]*)", page.read_text()):
        words = shlex.split(command.replace("…", ""))
        if words[0] == "make":
            assert words[1] in targets, command
        else:
            resolve(words)


# .env.example


def test_every_setting_in_the_example_exists_and_no_secret_is_given():
    names = {match[1] for line in EXAMPLE if (match := re.match(r"#?(COMPANION_[A-Z_]+)=", line))}
    assert names <= SETTINGS
    assert [name for name in SECRETS & given(EXAMPLE).keys() if given(EXAMPLE)[name]] == []


def test_the_example_can_be_used_as_it_is_and_with_every_line_that_is_commented_out(tmp_path):
    (tmp_path / ".env").write_text("\n".join(EXAMPLE))
    assert load() == Settings()
    (tmp_path / ".env").write_text("\n".join(re.sub(r"^#(?=[A-Z_]+=)", "", line) for line in EXAMPLE))
    assert load().model == "r1-1.5b"


# pyproject.toml and Makefile


def test_what_we_run_is_pinned_exactly():
    project, groups = PROJECT["project"], PROJECT["dependency-groups"]
    lists = [project["dependencies"], *project["optional-dependencies"].values(), *groups.values()]
    named = [one for some in lists for one in some if isinstance(one, str) and not one.startswith("companion[")]
    assert [one for one in named if not re.match(r"[\w.-]+(\[\w+\])?==[\w.]+", one)] == []
    assert "torch==2.13.0" in project["optional-dependencies"]["worker"]


def test_adapters_need_no_torch_and_workers_no_chat_library():
    extras = PROJECT["project"]["optional-dependencies"]
    fronts = " ".join([*PROJECT["project"]["dependencies"], *extras["telegram"], *extras["discord"], *extras["console"]])
    assert "torch" not in fronts
    assert "transformers" not in fronts
    assert not re.search("telegram|discord|prompt", " ".join(extras["worker"]))


@pytest.fixture
def checkout(tmp_path):
    for name in ("Makefile", "pyproject.toml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    return tmp_path


def make(folder, *arguments):
    return subprocess.run(["make", "-C", folder, *arguments], capture_output=True, text=True, timeout=30)


def test_the_first_start_installs_and_the_second_calls_no_pip(checkout):
    assert "-m pip" in make(checkout, "--dry-run", "chat").stdout
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "installed").touch()
    assert "pip" not in (again := make(checkout, "--dry-run", "chat").stdout)
    assert "-m bot chat" in again
    later = time.time() + 10
    os.utime(checkout / "pyproject.toml", (later, later))
    assert "-m pip" in make(checkout, "--dry-run", "chat").stdout


def test_the_installation_takes_exactly_the_torch_that_is_pinned(checkout):
    assert re.search(r"-m pip .*install torch==2\.13\.0 >&2\n", make(checkout, "--dry-run", "chat").stdout)


@pytest.mark.parametrize("python", ["", "false"])
def test_without_a_fitting_python_the_start_says_what_to_install(checkout, python):
    done = make(checkout, "chat", f"PYTHON={python}")
    assert done.returncode != 0
    assert "Python 3.11 or newer" in done.stderr
    assert "apt install" in done.stderr
    assert not (checkout / ".venv").exists()


def test_without_a_fitting_python_the_start_says_so_in_chinese_too(checkout):
    done = make(checkout, "chat", "PYTHON=false", "LANG=zh_CN.UTF-8")
    assert done.stderr.startswith("Companion 需要 Python 3.11 或更新的版本，这里没有找到。")


def test_make_by_itself_tells_the_same_commands_in_both_languages(checkout):
    told = [make(checkout, f"LANG={language}").stdout for language in ("en_US.UTF-8", "zh_CN.UTF-8")]
    english, chinese = (re.findall(r"(?m)^(make [a-z]+) +(.+)", words) for words in told)
    assert len(english) == 5
    assert [command for command, _ in chinese] == [command for command, _ in english]
    assert [words for _, words in chinese if not re.search("[一-鿿]", words)] == []
    assert [words for _, words in english if re.search("[一-鿿]", words)] == []


def test_everything_but_replies_goes_to_stderr(checkout):
    rules = make(checkout, "--dry-run", "test-all").stdout.splitlines()
    pips = [line for line in rules if "-m pip" in line]
    assert len(pips) == 4
    assert [line for line in pips if not line.endswith(">&2")] == []


def test_ci_runs_the_linters_and_the_tests():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert re.findall(r"(?m)^make (\S+)", script.read_text()) == ["lint", "test"]


# Dockerfile


def test_everything_that_the_dockerfile_copies_exists_and_reaches_docker():
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    for line in re.findall(r"(?m)^COPY (.+)$", DOCKERFILE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert f"!{source}" in ignore
    assert ignore[0] == "*"


def test_every_extra_of_the_dockerfile_exists_and_each_image_gets_its_own():
    extras = {name: set(re.findall(r"'\.\[(.*?)\]'", text)[0].split(",")) for name, text in stages().items() if name != "base"}
    assert extras == {"front": {"console", "discord", "telegram"}, "worker": {"worker"}}
    assert set.union(*extras.values()) <= PROJECT["project"]["optional-dependencies"].keys()


def test_images_do_not_run_as_root_and_name_only_what_exists(monkeypatch):
    monkeypatch.setenv("COMPANION_REDIS_URL", "redis://redis")
    for name in ("front", "worker"):
        text = stages()[name]
        assert re.findall(r"(?m)^USER (\S+)", text) == ["companion"]
        assert set(re.findall(r"COMPANION_[A-Z_]+", text)) <= SETTINGS
        resolve(json.loads(re.findall(r"(?m)^CMD (.+)", text)[0]))


# docker-compose.yml


@pytest.mark.parametrize("name", OURS)
def test_every_command_and_health_check_of_compose_is_one_of_ours(name, monkeypatch):
    for variable, value in environment(OURS[name]).items():
        monkeypatch.setenv(variable, value)
    resolve(OURS[name]["command"])
    kind, *check = OURS[name]["healthcheck"]["test"]
    assert kind == "CMD"
    resolve(check)


@pytest.mark.parametrize("name", OURS)
def test_every_image_setting_and_volume_of_compose_exists(name):
    service = OURS[name]
    assert service["build"]["target"] in stages()
    assert set(environment(service)) <= SETTINGS
    for volume in service["volumes"]:
        source, target = volume.split(":")
        assert source in COMPOSE["volumes"]
        assert target in DOCKERFILE, "the image makes the folder, and gives it to the user who writes there"


def test_every_secret_of_compose_comes_from_the_env_file():
    example = given(EXAMPLE).keys()
    for name, service in SERVICES.items():
        assert name == "redis" or service["env_file"] == ".env"
        for variable, value in environment(service).items():
            references = set(re.findall(r"(?<!\$)\$\{(\w+)", value))
            assert references <= example
            if variable in SECRETS or "PASSWORD" in variable:
                assert references or not value, f"{variable} of {name} is written into the file"


def test_a_service_gets_no_token_but_its_own():
    for name, service in OURS.items():
        for platform in ("telegram", "discord"):
            value = environment(service)[f"COMPANION_{platform.upper()}_TOKEN"]
            assert bool(value) == (name == platform)


def test_an_empty_token_is_the_same_as_none(monkeypatch):
    monkeypatch.setenv("COMPANION_TELEGRAM_TOKEN", "")
    assert load().telegram_token is None


def test_services_have_no_more_rights_than_they_need():
    for name, service in SERVICES.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"]
        assert service["stop_grace_period"]
        assert "ports" not in service
    assert SERVICES["redis"]["networks"] == ["inside"]
    assert COMPOSE["networks"]["inside"]["internal"]


def test_the_memory_key_is_kept_on_another_volume_than_what_it_opens():
    of_redis = {volume.split(":")[0] for volume in SERVICES["redis"]["volumes"]}
    for name, service in OURS.items():
        assert environment(service)["COMPANION_DATA_DIR"] == "/var/lib/companion", name
        assert not of_redis & {volume.split(":")[0] for volume in service["volumes"]}


def test_the_worker_has_a_gpu_a_place_for_models_and_time_to_end():
    worker = SERVICES["worker"]
    assert worker["deploy"]["resources"]["reservations"]["devices"][0]["capabilities"] == ["gpu"]
    assert re.search(r"HF_HOME=(\S+)", DOCKERFILE)[1] in [volume.split(":")[1] for volume in worker["volumes"]]
    grace = next(option.default for option in workers.commands["run"].params if option.name == "grace")
    assert int(worker["stop_grace_period"].removesuffix("s")) > grace


def test_redis_of_compose_starts_keeps_every_write_and_wants_the_password(tmp_path):
    port = free_port()
    script = SERVICES["redis"]["command"][-1].replace("$$", "$").replace("/data", str(tmp_path))
    script = script.replace("requirepass", f"port {port}\nbind 127.0.0.1\nrequirepass", 1)
    path = f"{Path(find_server()).parent}:{os.environ['PATH']}"
    server = subprocess.Popen(
        ["sh", "-ec", script], env={"PATH": path, "REDIS_PASSWORD": "s3cret"}, stdout=subprocess.DEVNULL, cwd=tmp_path
    )
    try:
        client = answering(redis.Redis(port=port, password="s3cret", decode_responses=True, retry=Retry(NoBackoff(), 0)))
        wanted = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction", "save": ""}
        assert {name: client.config_get(name)[name] for name in wanted} == wanted
        assert "s3cret" not in Path(f"/proc/{server.pid}/cmdline").read_text()
        with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
        client.close()
    finally:
        server.terminate()
        server.wait(60)


def answering(client):
    for _ in range(1200):
        try:
            client.ping()
            return client
        except redis.ConnectionError:
            time.sleep(0.05)
    raise AssertionError("redis-server did not start")
