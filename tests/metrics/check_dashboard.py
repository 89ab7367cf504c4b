"""Shows that each panel of the dashboard has something to show. `make rules` runs it.

A real Prometheus reads a real server that is used in every way, and is asked what Grafana would ask it. What
the panels would look like is drawn into build/dashboard.html, for people to look at.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from metrics.dashboard.busy import BusyServer
from metrics.dashboard.drawing import page
from metrics.dashboard.panels import Line, faults, lines, panels
from metrics.dashboard.prometheus import Sample, running_prometheus
from support.documented import ROOT
from support.valkey import Valkey

SECONDS = 20.0
"""How long a round of calls takes."""
ROUNDS = 6
"""At most: on a machine with other work, less happens in each."""
DRAWN = ROOT / "build/dashboard.html"


@pytest.mark.timeout(900)
async def test_each_panel_shows_what_it_is_about(
    new_group: Callable[[str, int], str], own_valkey: Valkey, tmp_path: Path
) -> None:
    server = BusyServer(tmp_path, new_group("postgresql", 60), own_valkey)
    async with server.running(), running_prometheus(tmp_path, server.metrics) as prometheus:
        start, wrong = time.time(), ["nothing was looked at"]
        for _ in range(ROUNDS):
            await server.used(SECONDS)
            end = time.time()
            shown = [
                (panel, await asyncio.to_thread(lines, panel, prometheus, start, end)) for panel in panels()
            ]
            wrong = [fault for panel, found in shown for fault in faults(panel, found)]
            DRAWN.parent.mkdir(exist_ok=True)
            DRAWN.write_text(page(shown, start, end))
            if not wrong:
                break
        groups = (await asyncio.to_thread(prometheus.get, "rules"))["groups"]
    assert wrong == []
    rules = [rule for group in groups for rule in group["rules"]]
    assert [(rule["name"], rule["lastError"]) for rule in rules if rule["health"] == "err"] == []
    assert {rule["health"] for rule in rules} == {"ok"}


def test_what_is_missing_or_cannot_be_told_apart_is_seen() -> None:
    panel = next(panel for panel in panels() if panel.title == "Revision look-ups")
    one, other = panel.queries
    some = [Sample(1.0, 2.0)]
    assert faults(panel, [Line(one, "p50", some), Line(other, "p99", some)]) == []
    assert len(faults(panel, [Line(one, "p50", some), Line(other, "p99", [])])) == 1
    assert len(faults(panel, [Line(one, "p50", some)])) == 1
    assert len(faults(panel, [Line(one, "p50", some), Line(other, "p50", some)])) == 1
    assert len(faults(panel, [Line(one, "p50", some), Line(other, "", some)])) == 1
