"""The dashboard, the alerts and the sample of Prometheus speak of metrics and labels that the code has."""

import json
import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest
import yaml

from bot.core import metrics
from bot.core.messages import FailedReason, Note

ROOT = Path(__file__).parents[1]
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "companion.json").read_text())
ALERTS = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
EXPRESSIONS = [rule["expr"] for rule in RULES] + [
    target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]
]
WORDS = {"and", "or", "unless", "by", "sum", "min", "max", "without", "on", "ignoring"}
# What Prometheus itself gives to every series.
SCRAPED = {"job", "instance", "process"}


def series():
    """Every name that may stand in an expression, with its labels: {"companion_reply_seconds_bucket": {"platform", "le"}}."""
    names = {"up": SCRAPED, "process_resident_memory_bytes": SCRAPED}  # the latter is not counted on every system
    for family in metrics.REGISTRY.collect():
        labels = set(getattr(definition(family.name), "_labelnames", ())) | SCRAPED
        endings = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
        names |= {family.name + ending: labels | ({"le"} if ending == "_bucket" else set()) for ending in endings}
    return names


def definition(name):
    return next((one for one in vars(metrics).values() if getattr(one, "_name", None) == name), None)


def names_in(expression):
    """Names of series: what is left without strings, labels, ranges, groupings and functions."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^]]*\]|\b(?:by|without|on|ignoring)\s*\([^)]*\)', " ", expression)
    return set(re.findall(r"\b[a-zA-Z_]\w*\b(?!\s*\()", bare)) - WORDS


def labels_in(expression):
    grouped = re.findall(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)", expression)
    matched = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", expression)
    return {label.strip() for group in grouped for label in group.split(",")} | set(matched)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expressions_name_series_and_labels_that_exist(expression):
    known, names = series(), names_in(expression)

    assert names
    assert names - known.keys() == set()
    assert labels_in(expression) - set.union(*(known[name] for name in names)) == set()
    assert expression.count("(") == expression.count(")")


def test_a_wrong_name_would_be_found():
    assert names_in('sum by (le) (rate(companion_nothing_bucket{a="b"}[5m])) > 3') == {"companion_nothing_bucket"}
    assert labels_in('sum by (le, x) (rate(y{a=~"b|c"}[5m]))') == {"le", "x", "a"}


def test_alerts_name_outcomes_that_turns_have():
    outcomes = {"finished", "lost", *get_args(FailedReason), *get_args(Note)}
    named = re.findall(r'companion_turns_total\{outcome=~"([^"]*)"', "\n".join(EXPRESSIONS))

    assert named
    assert {outcome for group in named for outcome in group.split("|")} <= outcomes


def test_every_metric_of_ours_is_seen_by_somebody():
    """A number that no panel and no alert shows is not worth its place."""
    shown = {re.sub(r"_(total|bucket|sum)$", "", name) for expression in EXPRESSIONS for name in names_in(expression)}
    ours = {family.name for family in metrics.REGISTRY.collect() if family.name.startswith("companion_")}

    assert ours - shown == set()


def test_alerts_say_how_bad_it_is_and_what_to_do():
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"].keys() == {"summary", "action"}


def test_settings_named_in_an_alert_exist():
    from bot.core.settings import PREFIX, Settings

    named = set(re.findall(rf"{PREFIX}(\w+)", (ROOT / "deploy" / "prometheus" / "alerts.yml").read_text()))
    assert named <= {name.upper() for name in Settings.model_fields}


def test_panels_have_ids_of_their_own_and_do_not_overlap():
    panels = DASHBOARD["panels"]
    places = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in panels
        for x in range(panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["h"])
    ]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len(set(places)) == len(places)
    assert max(x for x, _ in places) < 24


def test_the_sample_scrapes_the_ports_that_the_processes_have():
    sample = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    targets = [target for job in sample["scrape_configs"] for one in job["static_configs"] for target in one["targets"]]

    assert sample["rule_files"] == ["alerts.yml"]
    for target in targets:
        service, _, port = target.partition(":")
        assert service in compose["services"]
        assert int(port) - 9400 == metrics.PORTS[service]


def test_the_library_is_one_of_all_processes():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert any(one.startswith("prometheus-client==") for one in project["dependencies"])
