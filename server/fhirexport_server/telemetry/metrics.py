"""Owns every metric: its name, its labels and what it means. `docs/metrics.md` lists them.

Every series is there from the start, so that a rate is never missing, and no label takes a value that was not
known then. What is counted is counted on a series that was looked up once: it costs about a microsecond.
"""

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import product
from typing import NamedTuple

from fhirexport._version import __version__
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector

from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.imports import ImportSummary, Severity
from fhirexport_server.domain.outcomes import (
    ClaimOutcome,
    DeletionOutcome,
    ExportAnswer,
    LookupOutcome,
    PublishOutcome,
    RenderingOutcome,
)

_EXPORT_SECONDS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 900.0),
)
_RENDERING_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0)
_SHORT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

_OPERATIONS = {"get": LookupOutcome, "set": PublishOutcome, "delete": DeletionOutcome}
_IMPORTED = ("created", "updated", "unchanged", "deleted")
_STATES = ("available", "read_only", "unavailable", "disabled")


class Answered(NamedTuple):
    """What became of the exports of one dataset that the cache could have answered."""

    hits: int
    misses: int
    stale: int
    """Of the misses, those for which the cache held only another state."""


class Metrics:
    """The metrics of one server process, but for those of its calls."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._answered = dict.fromkeys(Dataset, Answered(0, 0, 0))
        datasets = [dataset.value for dataset in Dataset]
        self._exports = self._histograms(
            "fhir_export_duration_seconds",
            "How long exports took, from the request to the last chunk read.",
            {"type": datasets, "cache": ExportAnswer},
            _EXPORT_SECONDS,
        )
        self._gauge(
            "cache_hit_rate", "Of the exports that the cache could have answered, those it did, in percent."
        ).set_function(self.hit_rate)
        self._operations = self._counters(
            "cache_operations_total",
            "What Redis was asked for, and what came of it.",
            ("operation", "outcome"),
            ((operation, outcome) for operation, known in _OPERATIONS.items() for outcome in known),
        )
        self._broken = self._counter(
            "fhirexport_cache_broken_reads_total",
            "Reads of renderings that were found in Redis, and not to be had to their end.",
        )
        self._claims = self._counters(
            "fhirexport_cache_claims_total",
            "How processes agreed on who makes a rendering.",
            ("outcome",),
            ((outcome,) for outcome in ClaimOutcome),
        )
        self._state = self._gauges(
            "fhirexport_cache_state", "1 for the state that Redis is in.", "state", _STATES
        )
        self._memory = self._counters(
            "fhirexport_memory_lookups_total",
            "What looks into the renderings kept in memory found.",
            ("outcome",),
            ((outcome,) for outcome in (LookupOutcome.HIT, LookupOutcome.MISS, LookupOutcome.STALE)),
        )
        self._rendered = self._histograms(
            "fhirexport_rendering_seconds",
            "How long renderings from the database took, by how they ended.",
            {"type": datasets, "outcome": RenderingOutcome},
            _RENDERING_SECONDS,
        )
        self._rendering = self._gauges(
            "fhirexport_renderings_in_progress", "Renderings from the database under way.", "type", datasets
        )
        self._refused = self._counter(
            "fhirexport_renderings_refused_total", "Renderings that no place came free for in time."
        )
        self._lookups = self._histograms(
            "fhirexport_revision_lookup_seconds",
            "How long exports waited for the database to say what is current.",
            {"outcome": ("answered", "failed")},
            _SHORT_SECONDS,
        )
        self._deltas = self._gauge(
            "fhirexport_revision_deltas", "Changes left to fold, on PostgreSQL; counted to 10000."
        )
        self._upkeep = self._gauge(
            "fhirexport_upkeep_timestamp_seconds",
            "When changes were last folded and told of; before the first time, when the process started.",
        )
        self._upkeep.set_to_current_time()
        self._imported = self._counters(
            "fhirexport_imported_resources_total",
            "Resources of imports that were committed, by what became of them.",
            ("outcome",),
            ((outcome,) for outcome in _IMPORTED),
        )
        self._import_problems = self._counters(
            "fhirexport_import_problems_total",
            "What was said of resources that were to be imported.",
            ("severity",),
            ((severity.value,) for severity in Severity),
        )
        self._importing = self._gauge("fhirexport_imports_in_progress", "Imports that write.")
        self._lag = Histogram(
            "fhirexport_event_loop_lag_seconds",
            "How much later than it was due a task of the event loop went on.",
            buckets=_SHORT_SECONDS,
            registry=registry,
        )
        Info("fhirexport_build", "What runs.", registry=registry).info(
            {"version": __version__, "python": platform.python_version()}
        )
        ProcessCollector(registry=registry)

    # --- what counts ---

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
        """Count a rendering that was to be kept in Redis."""
        self._operations["set", outcome].inc()

    def cache_delete(self, outcome: DeletionOutcome, *, count: int = 1) -> None:
        """Count deletions from Redis."""
        self._operations["delete", outcome].inc(count)

    def broken_read(self) -> None:
        """Counts a rendering of which Redis had the description and not all of the content."""
        self._broken.inc()

    def claimed(self, outcome: ClaimOutcome) -> None:
        """Counts how the right to make a rendering was had, or not."""
        self._claims[outcome,].inc()

    def cache_state(self, state: str) -> None:
        """Says which state Redis is in."""
        for known, gauge in self._state.items():
            gauge.set(known == state)

    def looked_in_memory(self, outcome: LookupOutcome) -> None:
        """Counts a look into what this process has kept."""
        self._memory[outcome,].inc()

    def looked_up(self, seconds: float, *, answered: bool) -> None:
        """Counts an export's question to the database of what is current."""
        self._lookups["answered" if answered else "failed",].observe(seconds)

    def rendering(self, dataset: Dataset) -> None:
        """Says that a rendering has begun; `rendered` must follow."""
        self._rendering[dataset].inc()

    def rendered(self, dataset: Dataset, outcome: RenderingOutcome, seconds: float) -> None:
        """Say that a rendering has ended."""
        self._rendering[dataset].dec()
        self._rendered[dataset, outcome].observe(seconds)

    def rendering_refused(self) -> None:
        """Counts a rendering that found no place."""
        self._refused.inc()

    def folded(self, left: int) -> None:
        """Says that changes were folded and told of, and how many there are left."""
        self._deltas.set(left)
        self._upkeep.set_to_current_time()

    @contextmanager
    def importing(self) -> Iterator[None]:
        """Counts an import under way."""
        with self._importing.track_inprogress():
            yield

    def imported(self, summary: ImportSummary) -> None:
        """Counts what an import came to; what it came to before is counted already."""
        if summary.is_repeated:
            return
        for severity, count in ((Severity.ERROR, summary.errors), (Severity.WARNING, summary.warnings)):
            self._import_problems[severity.value,].inc(count)
        if summary.committed_at is not None:
            for outcome in _IMPORTED:
                self._imported[outcome,].inc(getattr(summary, outcome))

    def import_refused(self, errors: int) -> None:
        """Counts the errors of an import of which nothing was written."""
        self._import_problems[Severity.ERROR.value,].inc(errors)

    def loop_lagged(self, seconds: float) -> None:
        """Takes a sample of the event loop's lag."""
        self._lag.observe(seconds)

    # --- what is looked at when the metrics are read, in another thread ---

    def watch_space(
        self,
        *,
        memory_bytes: Callable[[], float],
        memory_entries: Callable[[], float],
        spool_bytes: Callable[[], float],
        spool_limit: int,
        places: int,
    ) -> None:
        """Says where to read how much of what an exporter has is in use."""
        for name, text, value in (
            ("fhirexport_memory_bytes", "What renderings kept in memory take.", memory_bytes),
            ("fhirexport_memory_entries", "Renderings kept in memory.", memory_entries),
            ("fhirexport_spool_bytes", "What renderings on their way to callers take.", spool_bytes),
            ("fhirexport_spool_limit_bytes", "What they may take, SPOOL_LIMIT.", lambda: spool_limit),
            ("fhirexport_rendering_places", "Renderings that may run at once.", lambda: places),
        ):
            self._gauge(name, text).set_function(value)

    def watch_health(self, services: Iterable[str], serving: Callable[[str], bool]) -> None:
        """Says where to read whether a service is SERVING."""
        text = "1 while the health service says SERVING of a service."
        for name, gauge in self._gauges("fhirexport_serving", text, "grpc_service", services).items():
            gauge.set_function(partial(serving, name))

    # --- what others want to know ---

    def answered(self, dataset: Dataset) -> Answered:
        """Returns what the cache did for a dataset since the start."""
        return self._answered[dataset]

    def hit_rate(self) -> float:
        """Returns the hits among the exports that could have been hits, in percent; 0 before the first."""
        hits = sum(one.hits for one in self._answered.values())
        misses = sum(one.misses for one in self._answered.values())
        return 100.0 * hits / (hits + misses) if hits + misses else 0.0

    def _counter(self, name: str, text: str) -> Counter:
        return Counter(name, text, registry=self._registry)

    def _counters(
        self, name: str, text: str, labels: tuple[str, ...], series: Iterable[tuple[str, ...]]
    ) -> Mapping[tuple[str, ...], Counter]:
        family = Counter(name, text, labels, registry=self._registry)
        return {values: family.labels(*values) for values in series}

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self._registry)

    def _gauges(self, name: str, text: str, label: str, values: Iterable[str]) -> Mapping[str, Gauge]:
        family = Gauge(name, text, (label,), registry=self._registry)
        return {value: family.labels(value) for value in values}

    def _histograms(
        self, name: str, text: str, labels: Mapping[str, Iterable[str]], buckets: tuple[float, ...]
    ) -> Mapping[tuple[str, ...], Histogram]:
        family = Histogram(name, text, tuple(labels), buckets=buckets, registry=self._registry)
        return {values: family.labels(*values) for values in product(*labels.values())}
