"""Shows that the documentation, the alerts and the dashboard name every metric there is, and no other."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fhirexport_server.app import running
from support.metrics import Page, read
from support.promql import selectors, unknown
from support.server import settings

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs/metrics.md").read_text()
DASHBOARD = json.loads((ROOT / "deploy/grafana/fhirexport.json").read_text())
RULES = [
    rule
    for file in ("rules.yml", "objectives.yml")
    for group in yaml.safe_load((ROOT / "deploy/prometheus" / file).read_text())["groups"]
    for rule in group["rules"]
]
ALERTS = [rule for rule in RULES if "alert" in rule]
# What Prometheus makes: by our own rules, and for every target.
MADE = frozenset({"up", *(rule["record"] for rule in RULES if "record" in rule)})
_OPEN = {"le", "version", "python", "grpc_service", "grpc_method", "grpc_code", "reason"}


def _record(rule: dict[str, Any]) -> str:
    return "-".join([rule["record"], *rule.get("labels", {}).values()])


@pytest.fixture(scope="module")
def page(new_small: Callable[[str], str]) -> Page:
    """The page of a server that has done nothing yet."""

    async def of_new_server() -> Page:
        async with running(settings(new_small("sqlite"), metrics_address="127.0.0.1:0")) as app:
            return await read(app.metrics_address)

    return asyncio.run(of_new_server())


def _panels() -> Iterator[dict[str, Any]]:
    for panel in DASHBOARD["panels"]:
        yield panel
        yield from panel.get("panels", [])


def _queries() -> list[str]:
    return [target["expr"] for panel in _panels() for target in panel.get("targets", [])]


def _labels(page: Page, metric: str) -> set[str]:
    names = {metric, f"{metric}_count"}
    return {label for name, pairs in page.series if name in names for label, _ in pairs}


def test_the_documentation_has_every_metric_with_its_type_and_labels(page: Page) -> None:
    rows = re.findall(r"^\| `(\w+)` \| (counter|gauge|histogram) \| (.*?) ?\| ", DOCUMENT, re.MULTILINE)
    documented = {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    assert len(documented) == len(rows)
    assert documented == {name: (kind, _labels(page, name)) for name, kind in page.families.items()}


def test_the_documentation_has_every_word_that_a_label_holds(page: Page) -> None:
    held = {value for _, pairs in page.series for label, value in pairs if label not in _OPEN}
    assert held - set(re.findall(r"`(\w+)`", DOCUMENT)) == set()


def test_a_misspelled_query_is_seen(page: Page) -> None:
    assert unknown('sum(rate(fhir_export_duration_seconds_count{cache=~"hit|mis"}[5m])) / nothing', page) == [
        "fhir_export_duration_seconds_count{cache=mis}",
        "nothing",
    ]
    with pytest.raises(ValueError, match="unclosed"):
        selectors("sum(rate(x[5m])")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or _record(rule))
def test_a_rule_names_what_there_is(rule: dict[str, Any], page: Page) -> None:
    assert unknown(rule["expr"], page, also=MADE) == []


def test_the_dashboard_names_what_there_is(page: Page) -> None:
    assert [wrong for query in _queries() for wrong in unknown(query, page)] == []


def test_the_dashboard_shows_every_metric_of_ours(page: Page) -> None:
    shown = {str(selector.name) for query in _queries() for selector in selectors(query)}
    shown = {re.sub(r"_(bucket|count|sum)$", "", name) for name in shown}
    # The rest of what the middleware names, and of what every process has, is there for whoever looks for it.
    ours = {name for name in page.families if not name.startswith(("process_", "grpc_server_"))}
    assert ours - shown == set()


def test_the_dashboard_can_be_used_with_any_data_source() -> None:
    assert DASHBOARD["schemaVersion"] >= 39
    sources = [
        part["datasource"]["uid"]
        for panel in _panels()
        for part in (panel, *panel.get("targets", []))
        if panel["type"] != "row"
    ]
    assert set(sources) == {"${datasource}"}
    assert [variable["name"] for variable in DASHBOARD["templating"]["list"]] == [
        "datasource",
        "job",
        "instance",
    ]
    ids = [panel["id"] for panel in _panels()]
    assert len(set(ids)) == len(ids)


def test_no_panel_covers_another() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in _panels():
        at = panel["gridPos"]
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]
                assert x < 24


def test_every_alert_says_how_bad_it_is_and_what_to_do() -> None:
    for alert in ALERTS:
        assert alert["labels"]["severity"] in {"critical", "warning"}
        assert alert["annotations"].keys() == {"summary", "description", "runbook_url"}
        url = re.fullmatch(
            r"\{\{ \$externalLabels.documentation \}\}/(\w+)\.html#([\w-]+)",
            alert["annotations"]["runbook_url"],
        )
        assert url is not None, alert["alert"]
        headings = re.findall(r"^#+ (.+)$", (ROOT / f"docs/{url[1]}.md").read_text(), re.MULTILINE)
        assert url[2] in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
