"""Shows that the metrics of several processes come together as those of one: nothing counts twice."""

import json
import math
from collections.abc import Mapping

import pytest
from fhirexport_server.app import running
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.outcomes import ExportAnswer
from fhirexport_server.telemetry.metrics import Metrics
from fhirexport_server.telemetry.security_metrics import SecurityMetrics
from fhirexport_server.workers.combined_metrics import GAUGES, ProcessMetrics, as_metrics, combined
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from support.server import settings


def _page(registry: CollectorRegistry) -> ProcessMetrics:
    """What a parent gets: through JSON, as the channel carries it."""
    return ProcessMetrics.from_json(json.loads(json.dumps(ProcessMetrics.of(registry).as_json())))


def _values(families: ProcessMetrics) -> Mapping[str, float]:
    return {
        f"{name}{dict(labels) or ''}": value
        for family in families
        for (name, labels), value in family.samples.items()
    }


def _process() -> tuple[CollectorRegistry, Metrics]:
    registry = CollectorRegistry()
    return registry, Metrics(registry)


def test_counts_and_durations_are_added_up() -> None:
    (one, first), (other, second) = _process(), _process()
    first.exported(Dataset.VENUES, ExportAnswer.HIT, 0.002)
    first.exported(Dataset.VENUES, ExportAnswer.HIT, 0.3)
    second.exported(Dataset.VENUES, ExportAnswer.HIT, 0.002)
    values = _values(combined([_page(one), _page(other)]))
    labels = {"type": "venues", "cache": "hit"}
    assert values[f"fhir_export_duration_seconds_count{labels}"] == 3
    assert values[f"fhir_export_duration_seconds_sum{labels}"] == pytest.approx(0.304)
    assert values[f"fhir_export_duration_seconds_bucket{labels | {'le': '0.0025'}}"] == 2
    assert values[f"fhir_export_duration_seconds_bucket{labels | {'le': '+Inf'}}"] == 3


def test_the_hit_rate_is_that_of_all_exports() -> None:
    (one, first), (other, second) = _process(), _process()
    for _ in range(9):
        first.exported(Dataset.VENUES, ExportAnswer.HIT, 0.002)
    second.exported(Dataset.PATIENTS, ExportAnswer.STALE, 0.002)
    second.exported(Dataset.PATIENTS, ExportAnswer.BYPASS, 0.002)
    assert _values(combined([_page(one), _page(other)]))["cache_hit_rate"] == 90.0
    assert _values(combined([_page(CollectorRegistry())])) == {}
    assert _values(combined([_page(_process()[0])]))["cache_hit_rate"] == 0.0


def test_gauges_are_put_together_by_what_they_mean() -> None:
    (one, first), (other, second) = _process(), _process()
    for metrics, entries in ((first, 3), (second, 4)):
        metrics.watch_space(
            memory_bytes=lambda: 10,
            memory_entries=lambda entries=entries: entries,  # type: ignore[misc] # a value of its own each time
            spool_bytes=lambda: 0,
            spool_limit=100,
            places=2,
        )
    first.watch_health(["x"], lambda _: True)
    second.watch_health(["x"], lambda _: False)
    first.cache_state("available")
    second.cache_state("unavailable")
    for registry, seconds in ((one, 50.0), (other, 40.0)):
        security = SecurityMetrics(registry, (), ())
        security.insecure(exposed=True)
        security.watch("certificate", lambda seconds=seconds: seconds)  # type: ignore[misc] # as above
    values = _values(combined([_page(one), _page(other)]))
    assert values["fhirexport_memory_entries"] == 7
    assert values["fhirexport_spool_limit_bytes"] == 200
    assert values["fhirexport_serving{'grpc_service': 'x'}"] == 0
    states = {
        state: values[f"fhirexport_cache_state{{'state': '{state}'}}"]
        for state in ("available", "unavailable")
    }
    assert states == {"available": 1, "unavailable": 1}
    assert values["fhirexport_insecure"] == 1
    assert values["fhirexport_certificate_remaining_seconds{'file': 'certificate'}"] == 40
    assert values["fhirexport_certificate_remaining_seconds{'file': 'client_ca'}"] == math.inf
    assert [value for name, value in values.items() if name.startswith("fhirexport_build_info")] == [1]


def test_what_a_process_has_counted_stays_when_it_ends_and_what_it_held_does_not() -> None:
    registry, metrics = _process()
    metrics.exported(Dataset.VENUES, ExportAnswer.HIT, 0.002)
    names = {family.name for family in _page(registry).counted()}
    assert "fhir_export_duration_seconds" in names
    assert "process_cpu_seconds" in names
    assert not names & {"cache_hit_rate", "process_resident_memory_bytes", "fhirexport_build"}


def test_the_page_is_written_as_a_process_by_itself_writes_it() -> None:
    registry = CollectorRegistry()
    Counter("shown_total", "What is shown.", ["kind"], registry=registry).labels('a "b"\n').inc(3)

    class _Combined:
        def collect(self) -> object:
            return as_metrics(combined([_page(registry)]))

    expected = generate_latest(registry).decode().split("# HELP shown_created")[0]
    assert generate_latest(_Combined()).decode() == expected  # type: ignore[arg-type] # a collector will do


async def test_every_gauge_that_says_that_something_is_so_has_a_rule(small_url: str) -> None:
    """A 1 from each of two workers must not become 2; a new gauge of this kind belongs into GAUGES."""
    async with running(settings(small_url)) as app:
        families = list(text_string_to_metric_families(generate_latest(app.registry).decode()))
    gauges = {family.name: family.documentation for family in families if family.type == "gauge"}
    told = {name for name, text in gauges.items() if text.startswith("1 ")}
    unruled = {
        name for name in gauges if "timestamp" in name or name.endswith(("_refused", "_remaining_seconds"))
    }
    assert (told | unruled) - GAUGES.keys() == set()
    assert GAUGES.keys() - gauges.keys() == set()
