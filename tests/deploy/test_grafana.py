"""The dashboard can be imported and draws what is counted."""

import itertools
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy import expressions
from tests.e2e.conftest import require

DASHBOARD: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "deploy" / "grafana" / "dashboard.json").read_text(encoding="utf-8")
)
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
DRAWN = [panel for panel in PANELS if panel["type"] != "row"]
FILLED_IN = {"$__rate_interval": "5m", "$instance": ".*"}


def queries() -> Iterator[str]:
    """Yield every expression as Prometheus would get it."""
    written = [target["expr"] for panel in DRAWN for target in panel["targets"]]
    written += [annotation["expr"] for annotation in DASHBOARD["annotations"]["list"]]
    for expression in written:
        yield re.sub(r"\$\w+", lambda variable: FILLED_IN[variable[0]], expression)


def test_prometheus_can_read_every_expression(tmp_path: Path) -> None:
    """Each is taken as a rule, which promtool parses."""
    rules = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(queries())]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    command = [require("promtool", "prometheus"), "check", "rules", file]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rules found" in done.stdout


@pytest.mark.parametrize("expression", sorted(set(queries())))
def test_each_expression_asks_for_what_is_counted(expression: str) -> None:
    """A panel that asks for a metric or a label that is not there stays empty for ever."""
    assert list(expressions.asked(expression))
    assert expressions.problems(expression) == []
    assert all('instance=~".*"' in selector for selector in re.findall(r"dlp_\w+\{[^}]*\}", expression))
    assert re.findall(r"dlp_\w+(?!\w*\{)", expression) == []


def test_each_panel_is_itself() -> None:
    """Ids are unique, titles too, and each says what it shows, in which unit, from the chosen source."""
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)
    for panel in DRAWN:
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, panel["title"]
        letters = [target["refId"] for target in panel["targets"]]
        assert letters == sorted(set(letters)), panel["title"]
        assert all(target["datasource"] == panel["datasource"] for target in panel["targets"]), panel["title"]


def cells(panel: dict[str, Any]) -> set[tuple[int, int]]:
    """Return the squares of Grafana's grid, 24 wide, that a panel covers."""
    place = panel["gridPos"]
    columns = range(place["x"], place["x"] + place["w"])
    return set(itertools.product(columns, range(place["y"], place["y"] + place["h"])))


def test_no_panel_lies_over_another() -> None:
    """The grid is 24 wide; Grafana would move what overlaps."""
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        assert max(column for column, _ in cells(panel)) < 24, panel["title"]
        assert not cells(panel) & taken, panel["title"]
        taken |= cells(panel)


def test_source_and_gateway_can_be_chosen() -> None:
    """The variables that the expressions use are there, and no other."""
    variables = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    assert set(variables) == {"datasource", "instance"}
    assert variables["datasource"]["type"] == "datasource"
    assert expressions.problems(re.findall(r"label_values\((\w+),", variables["instance"]["definition"])[0]) == []
