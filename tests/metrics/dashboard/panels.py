"""The dashboard's panels: what Grafana would ask for them, and what is wrong with the answers."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from metrics.dashboard.prometheus import Prometheus, Sample
from support.documented import ROOT

RATE_INTERVAL = "8s"
"""What Grafana would put in for `$__rate_interval`: a few times as long as between two readings."""
_FILE = ROOT / "deploy/grafana/fhirexport.json"


@dataclass(frozen=True)
class Query:
    """One query of a panel."""

    expression: str
    legend: str
    """With labels in double braces."""
    is_instant: bool
    """Whether only what is so at the end is asked for."""


@dataclass(frozen=True)
class Panel:
    """One panel."""

    title: str
    description: str
    unit: str
    kind: str
    """`timeseries`, `stat` or `row`, which is a heading."""
    column: int
    row: int
    width: int
    """Of 24."""
    height: int
    is_stacked: bool
    has_names_alone: bool
    """Whether a `stat` shows what things are called, and no numbers."""
    queries: tuple[Query, ...]


@dataclass(frozen=True)
class Line:
    """What a query has for one set of labels."""

    query: Query
    name: str
    """As the legend shows it."""
    samples: Sequence[Sample]
    """Those that are numbers."""


def panels() -> Iterator[Panel]:
    """Yield the panels of the dashboard, as they stand in its file."""
    for written in json.loads(_FILE.read_text())["panels"]:
        defaults = written.get("fieldConfig", {}).get("defaults", {})
        place = written["gridPos"]
        yield Panel(
            written["title"],
            written.get("description", ""),
            defaults.get("unit", ""),
            written["type"],
            place["x"],
            place["y"],
            place["w"],
            place["h"],
            defaults.get("custom", {}).get("stacking", {}).get("mode") == "normal",
            written.get("options", {}).get("textMode") == "name",
            tuple(
                Query(_resolved(target["expr"]), target.get("legendFormat", ""), target["instant"])
                for target in written.get("targets", [])
            ),
        )


def _resolved(expression: str) -> str:
    """Return a query with the dashboard's variables as they are for all servers of the job."""
    values = {"$job": "fhirexport", "$instance": ".*", "$__rate_interval": RATE_INTERVAL}
    for name, value in values.items():
        expression = expression.replace(name, value)
    return expression


def lines(panel: Panel, prometheus: Prometheus, start: float, end: float) -> list[Line]:
    """Ask for everything that a panel shows of some time.

    Raises:
        QueryError: Prometheus refuses a query.
    """
    return [
        Line(query, _name(query.legend, labels), [sample for sample in samples if isfinite(sample.value)])
        for query in panel.queries
        for labels, samples in prometheus.ranged(query.expression, end if query.is_instant else start, end)
    ]


def _name(legend: str, labels: Mapping[str, Any]) -> str:
    return re.sub(r"{{ *(\w+) *}}", lambda name: str(labels.get(name[1], "")), legend)


def faults(panel: Panel, found: Sequence[Line]) -> list[str]:
    """Return what is wrong with what a panel shows: nothing to see, or nobody can tell what it is."""
    wrong = []
    for query in panel.queries:
        of_query = [line for line in found if line.query is query]
        if not any(line.samples for line in of_query):
            wrong.append(f"{panel.title}: nothing to see: {query.expression}")
    names = Counter(line.name for line in found)
    twice = [name for name, count in names.items() if count > 1]
    wrong += [f"{panel.title}: several lines are called {name!r}" for name in twice]
    if panel.kind == "timeseries":
        nameless = [name for name in names if name != name.strip() or not name]
        wrong += [f"{panel.title}: a line whose name lacks something: {name!r}" for name in nameless]
    return wrong
