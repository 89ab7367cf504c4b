"""Shows what Prometheus itself says of the metrics, the alerts and the dashboard. `make rules` runs it.

It stands beside the suite because `promtool` comes from no package index: the Makefile takes it from Debian.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fhirexport_server.app import running
from fhirexport_server.store.migrate import migrate
from support.metrics import ask
from support.server import settings

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus"


@pytest.fixture
def promtool() -> str:
    found = shutil.which(Path(sys.executable).with_name("promtool")) or shutil.which("promtool")
    assert found is not None, "promtool is missing: it is in Debian's package `prometheus`"
    return found


def _said(*command: str | Path, page: str = "") -> tuple[int, str]:
    done = subprocess.run(command, input=page, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


async def test_the_metrics_are_well_formed(promtool: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'fhirexport.db'}"
    migrate(url)
    async with running(settings(url, metrics_address="127.0.0.1:0")) as app:
        page = ask(str(app.metrics_address)).text
    assert _said(promtool, "check", "metrics", page=page) == (0, "")


@pytest.mark.parametrize("name", ["rules", "objectives"])
def test_the_rules_are_well_formed(name: str, promtool: str) -> None:
    assert _said(promtool, "check", "rules", "--lint-fatal", RULES / f"{name}.yml") == (0, "")


@pytest.mark.parametrize("name", ["rules", "objectives"])
def test_each_alert_fires_when_it_should_and_not_before(name: str, promtool: str) -> None:
    assert _said(promtool, "test", "rules", RULES / f"{name}_test.yml") == (0, "")


def test_the_dashboards_queries_are_well_formed(promtool: str, tmp_path: Path) -> None:
    panels = json.loads((ROOT / "deploy/grafana/fhirexport.json").read_text())["panels"]
    queries = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    rules = [
        {"record": f"query:{number}", "expr": query.replace("$__rate_interval", "5m")}
        for number, query in enumerate(queries)
    ]
    # JSON is YAML.
    (tmp_path / "queries.yml").write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}))
    assert _said(promtool, "check", "rules", tmp_path / "queries.yml") == (0, "")
