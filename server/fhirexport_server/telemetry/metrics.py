"""All metrics of exports, the cache, imports and the process. `docs/metrics.md` lists them.

Every series exists from the start, so that a rate never misses the first event, and labels never take other
values. Series are looked up once, so that counting costs about a microsecond.
"""

import platform
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

from fhirexport._version import __version__
from prometheus_client import CollectorRegistry, Histogram, Info, ProcessCollector

from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.imports import ImportSummary, Severity
from fhirexport_server.domain.outcomes import (
    ClaimOutcome,
    DeletionOutcome,
    ExportAnswer,
    LookupOutcome,
    PublishOutcome,
    SegmentOutcome,
)
from fhirexport_server.telemetry.families import Families
from fhirexport_server.telemetry.rendering_metrics import RenderingMetrics

_EXPORT_SECONDS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 900.0),
)
_SHORT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

_OPERATIONS = {"get": LookupOutcome, "set": PublishOutcome, "delete": DeletionOutcome}
_IMPORTED = ("created", "updated", "unchanged", "deleted")
_STATES = ("available", "read_only", "unavailable", "disabled")


class Answered(NamedTuple):
    """The exports of one dataset that the cache could have answered, by result."""

    hits: int
    misses: int
    stale: int
    """How many of the misses found another state in the cache."""


class Metrics:
    """The metrics of one server process, without those of its calls."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._families = Families(registry)
        self._answered = dict.fromkeys(Dataset, Answered(0, 0, 0))
        datasets = [dataset.value for dataset in Dataset]
        self._exports = self._families.histograms(
            "fhir_export_duration_seconds",
            "Duration of exports, from the request to the last chunk read.",
            {"type": datasets, "cache": ExportAnswer},
            _EXPORT_SECONDS,
        )
        self._families.gauge(
            "cache_hit_rate",
            "Percentage of the exports that the cache has answered, of those that it could have.",
        ).set_function(self.hit_rate)
        self._operations = self._families.counters(
            "cache_operations_total",
            "Operations on Redis, by outcome.",
            ("operation", "outcome"),
            ((operation, outcome) for operation, outcomes in _OPERATIONS.items() for outcome in outcomes),
        )
        self._segments = self._families.counters(
            "fhirexport_cache_segments_total",
            "Segments of renderings read from Redis, by outcome.",
            ("outcome",),
            ((outcome,) for outcome in SegmentOutcome),
        )
        self._claims = self._families.counters(
            "fhirexport_cache_claims_total",
            "Claims of the right to produce a rendering, by outcome.",
            ("outcome",),
            ((outcome,) for outcome in ClaimOutcome),
        )
        self._state = self._families.gauges(
            "fhirexport_cache_state", "1 for the present state of Redis, 0 for the others.", "state", _STATES
        )
        self._memory = self._families.counters(
            "fhirexport_memory_lookups_total",
            "Look-ups of renderings in memory, by outcome.",
            ("outcome",),
            ((outcome,) for outcome in (LookupOutcome.HIT, LookupOutcome.MISS, LookupOutcome.STALE)),
        )
        self.renderings = RenderingMetrics(self._families)
        """The metrics of renderings from the database."""
        self._lookups = self._families.histograms(
            "fhirexport_revision_lookup_seconds",
            "Duration of look-ups of the current revision in the database.",
            {"outcome": ("answered", "failed")},
            _SHORT_SECONDS,
        )
        self._deltas = self._families.gauge(
            "fhirexport_revision_deltas",
            "Deltas of revisions that are not folded yet, on PostgreSQL; counted up to 10000.",
        )
        self._upkeep = self._families.gauge(
            "fhirexport_upkeep_timestamp_seconds",
            "Time of the last successful upkeep; at first, the start of the process.",
        )
        self._upkeep.set_to_current_time()
        self._imported = self._families.counters(
            "fhirexport_imported_resources_total",
            "Resources of committed imports, by outcome.",
            ("outcome",),
            ((outcome,) for outcome in _IMPORTED),
        )
        self._import_problems = self._families.counters(
            "fhirexport_import_problems_total",
            "Problems reported for resources of imports, by severity.",
            ("severity",),
            ((severity.value,) for severity in Severity),
        )
        self._importing = self._families.gauge(
            "fhirexport_imports_in_progress", "Imports that are writing to the database."
        )
        self._lag = Histogram(
            "fhirexport_event_loop_lag_seconds",
            "Lag of the event loop: how late a task resumed after it was due.",
            buckets=_SHORT_SECONDS,
            registry=registry,
        )
        Info("fhirexport_build", "Versions of the server and of Python, as labels.", registry=registry).info(
            {"version": __version__, "python": platform.python_version()}
        )
        ProcessCollector(registry=registry)

    # --- counting ---

    def exported(self, dataset: Dataset, answer: ExportAnswer, seconds: float) -> None:
        """Count an export."""
        self._exports[dataset, answer].observe(seconds)
        hits, misses, stale = self._answered[dataset]
        if answer in {ExportAnswer.HIT, ExportAnswer.NOT_MODIFIED}:
            self._answered[dataset] = Answered(hits + 1, misses, stale)
        elif answer in {ExportAnswer.MISS, ExportAnswer.STALE, ExportAnswer.COLLAPSED}:
            stale += answer is ExportAnswer.STALE
            self._answered[dataset] = Answered(hits, misses + 1, stale)

    def cache_get(self, outcome: LookupOutcome) -> None:
        """Count a look-up in Redis."""
        self._operations["get", outcome].inc()

    def cache_set(self, outcome: PublishOutcome) -> None:
        """Count an attempt to keep a rendering in Redis."""
        self._operations["set", outcome].inc()

    def cache_delete(self, outcome: DeletionOutcome, *, count: int = 1) -> None:
        """Count deletions from Redis."""
        self._operations["delete", outcome].inc(count)

    def segment_read(self, outcome: SegmentOutcome) -> None:
        """Count a segment that was to be read from Redis."""
        self._segments[outcome,].inc()

    def claimed(self, outcome: ClaimOutcome) -> None:
        """Count the outcome of a claim."""
        self._claims[outcome,].inc()

    def cache_state(self, state: str) -> None:
        """Set the state of Redis."""
        for name, gauge in self._state.items():
            gauge.set(name == state)

    def looked_in_memory(self, outcome: LookupOutcome) -> None:
        """Count a look-up in memory."""
        self._memory[outcome,].inc()

    def looked_up(self, seconds: float, *, answered: bool) -> None:
        """Record a look-up of the current revision."""
        self._lookups["answered" if answered else "failed",].observe(seconds)

    def folded(self, left: int) -> None:
        """Record that deltas were folded, and how many are left."""
        self._deltas.set(left)
        self._upkeep.set_to_current_time()

    @contextmanager
    def importing(self) -> Iterator[None]:
        """Count an import as in progress, for the context."""
        with self._importing.track_inprogress():
            yield

    def imported(self, summary: ImportSummary) -> None:
        """Count the results of an import. Those of a repeated one are counted already."""
        if summary.is_repeated:
            return
        for severity, count in ((Severity.ERROR, summary.errors), (Severity.WARNING, summary.warnings)):
            self._import_problems[severity.value,].inc(count)
        if summary.committed_at is not None:
            for outcome in _IMPORTED:
                self._imported[outcome,].inc(getattr(summary, outcome))

    def import_refused(self, errors: int) -> None:
        """Count the errors of an import that wrote nothing."""
        self._import_problems[Severity.ERROR.value,].inc(errors)

    def loop_lagged(self, seconds: float) -> None:
        """Record a sample of the event loop's lag."""
        self._lag.observe(seconds)

    # --- values that are read with the page, in another thread ---

    def watch_space(
        self,
        *,
        memory_bytes: Callable[[], float],
        memory_entries: Callable[[], float],
        spool_bytes: Callable[[], float],
        spool_limit: int,
        places: int,
    ) -> None:
        """Register the functions that return the space in use by an exporter."""
        for name, text, value in (
            ("fhirexport_memory_bytes", "Memory that kept renderings take.", memory_bytes),
            ("fhirexport_memory_entries", "Renderings kept in memory.", memory_entries),
            (
                "fhirexport_spool_bytes",
                "Space that renderings on their way to callers take, in memory and on disk.",
                spool_bytes,
            ),
            (
                "fhirexport_spool_limit_bytes",
                "The limit of fhirexport_spool_bytes: SPOOL_LIMIT.",
                lambda: spool_limit,
            ),
            (
                "fhirexport_rendering_places",
                "Renderings that may run at once: MAX_RENDERINGS.",
                lambda: places,
            ),
        ):
            self._families.gauge(name, text).set_function(value)

    def watch_health(self, services: Iterable[str], serving: Callable[[str], bool]) -> None:
        """Register the function that returns whether a service is SERVING."""
        text = "1 while the health service reports SERVING for a service."
        for name, gauge in self._families.gauges(
            "fhirexport_serving", text, "grpc_service", services
        ).items():
            gauge.set_function(partial(serving, name))

    # --- values for other parts of the server ---

    def answered(self, dataset: Dataset) -> Answered:
        """Return how the cache has answered exports of a dataset since the start."""
        return self._answered[dataset]

    def hit_rate(self) -> float:
        """Return the percentage of hits among exports that could have been hits; 0 before the first."""
        hits = sum(counts.hits for counts in self._answered.values())
        misses = sum(counts.misses for counts in self._answered.values())
        return 100.0 * hits / (hits + misses) if hits + misses else 0.0
