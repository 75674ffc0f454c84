"""What a process loads, who may import whom, and how long a piece of code may be."""

import ast
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAX_FUNCTION, MAX_MODULE = 50, 250
SOURCES = [path for part in ("bot", "workers") for path in sorted((ROOT / part).rglob("*.py")) if "train" not in path.parts]


def modules_after(statement):
    program = f"import json, sys\n{statement}\nprint(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    return set(json.loads(done.stdout))


def loaded(modules, *names):
    return sorted(module for module in modules for name in names if module == name or module.startswith(f"{name}."))


def test_the_command_loads_nothing_heavy_and_nothing_of_the_workers():
    modules = modules_after("import bot.cli")
    heavy = ("torch", "transformers", "tokenizers", "celery", "kombu", "numpy", "telegram", "discord", "workers")
    assert loaded(modules, *heavy) == []


def test_a_process_that_meets_people_has_the_celery_client_but_not_its_worker():
    modules = modules_after("import bot.run, bot.up, bot.admin, bot.doctor, bot.adapters.console")
    assert "celery" in modules
    assert loaded(modules, "celery.worker", "celery.apps.worker", "torch", "transformers", "workers") == []


def test_the_core_knows_no_user_of_it():
    modules = modules_after("import bot.core.people, bot.core.lease, bot.core.outbox, bot.core.personas, bot.core.presence")
    assert loaded(modules, "torch", "transformers", "workers", "telegram", "discord", "prompt_toolkit") == []
    assert [module for module in loaded(modules, "bot") if not module.startswith("bot.core") and module != "bot"] == []


@pytest.mark.parametrize("module", ["workers.cli", "workers.app", "workers.doctor"])
def test_the_worker_loads_no_torch_before_it_must_and_nothing_of_the_bot_but_its_core(module):
    modules = modules_after(f"import {module}")
    assert loaded(modules, "torch", "transformers", "telegram", "discord", "prompt_toolkit") == []
    assert [module for module in loaded(modules, "bot") if not module.startswith("bot.core") and module != "bot"] == []


def test_imports_flow_the_way_that_pyproject_says():
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_and_functions_stay_short(path):
    text = path.read_text()
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert [node.name for node in functions if node.end_lineno - node.lineno >= MAX_FUNCTION] == []
    assert text.count("\n") <= MAX_MODULE


def test_the_import_rules_name_every_module_of_the_front():
    """A new file in bot/ is forbidden to the workers from its first day."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    entries = [path for path in (ROOT / "bot").iterdir() if path.suffix == ".py" or path.name == "adapters"]
    front = {f"bot.{path.stem}" for path in entries if not path.stem.startswith("__")}

    contracts = settings["tool"]["importlinter"]["contracts"]
    for contract in [contract for contract in contracts if "bot.adapters" in contract["forbidden_modules"]]:
        assert front <= set(contract["forbidden_modules"]), contract["name"]
