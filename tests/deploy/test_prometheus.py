"""The alerts are valid, fire when they should and not otherwise, and tell the reader what to do."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy import expressions
from tests.e2e.conftest import require
from tests.test_docs import OPERATING, anchors

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "prometheus"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"] for rule in group["rules"]
]
TESTS = sorted(FOLDER.glob("*.test.yaml"))


def promtool(*arguments: str | Path) -> None:
    """Run promtool, which must find nothing."""
    command = [require("promtool", "prometheus"), *arguments]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_files_are_valid() -> None:
    """Rules and the example of a configuration are what Prometheus reads."""
    promtool("check", "rules", "alerts.yaml")
    promtool("check", "config", "prometheus.yaml")


@pytest.mark.slow
@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.name)
def test_alerts_fire_when_they_should(file: Path) -> None:
    """Series as they would be scraped, and which alerts stand at the end."""
    promtool("test", "rules", file.name)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_alert_is_shown_to_fire_and_not_to_fire(rule: dict[str, Any]) -> None:
    """Its test has an ill gateway and one that is well; only a missing target has no name."""
    tests = [test for file in TESTS for test in yaml.safe_load(file.read_text())["tests"]]
    (found,) = (test for test in tests if test["name"] == rule["alert"])
    series = " ".join(one["series"] for one in found["input_series"])
    wanted = {"GatewayAbsent": {"well"}}.get(rule["alert"], {"ill", "well"})
    assert set(re.findall(r'instance="(\w+)"', series)) == wanted
    assert any(expected["exp_samples"] for expected in found["promql_expr_test"])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_alert_asks_for_what_is_counted(rule: dict[str, Any]) -> None:
    """Metrics and labels are those of /metrics: a misspelt one would never fire."""
    assert list(expressions.asked(rule["expr"]))
    assert expressions.problems(rule["expr"]) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    """A summary that names the gateway, what to do, where more is told, and how much it hurries."""
    notes = rule["annotations"]
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert "$labels.instance" in notes["summary"] or rule["alert"] == "GatewayAbsent"
    assert len(notes["description"]) > 60
    page, _, anchor = notes["runbook"].partition("#")
    assert (ROOT / page).exists()
    assert anchor in anchors(ROOT / page)


def test_what_the_manual_asks_to_alert_on_has_an_alert() -> None:
    """Each metric in bold stands in an expression."""
    bold = set(re.findall(r"^\| \*\*`(dlp_\w+)`\*\*", OPERATING, re.MULTILINE))
    assert "dlp_store_errors_total" in bold
    assert bold - {name for rule in RULES for name, _ in expressions.asked(rule["expr"])} == set()


def test_the_job_has_the_name_that_the_alerts_ask_for() -> None:
    """A gateway that is scraped under another name would count as absent."""
    jobs = yaml.safe_load((FOLDER / "prometheus.yaml").read_text())["scrape_configs"]
    asked = {job for rule in RULES for job in re.findall(r'job="([^"]+)"', rule["expr"])}
    assert asked == {job["job_name"] for job in jobs}
