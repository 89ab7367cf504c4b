"""The metrics of renderings from the database: in full, or of what has changed."""

from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.outcomes import FullReason, RenderingOutcome
from fhirexport_server.telemetry.families import Families

_FULL_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0)
_CHANGED_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class RenderingMetrics:
    """The metrics of renderings."""

    def __init__(self, families: Families) -> None:
        datasets = [dataset.value for dataset in Dataset]
        self._ended = families.histograms(
            "fhirexport_rendering_seconds",
            "Duration of full renderings from the database, by outcome.",
            {"type": datasets, "outcome": RenderingOutcome},
            _FULL_SECONDS,
        )
        self._in_progress = families.gauges(
            "fhirexport_renderings_in_progress",
            "Full renderings from the database in progress.",
            "type",
            datasets,
        )
        self._refused = families.counter(
            "fhirexport_renderings_refused_total", "Renderings refused because no place became free in time."
        )
        self._full = families.counters(
            "fhirexport_full_renderings_total",
            "Exports that could not be brought up to date and were rendered in full, by reason.",
            ("type", "reason"),
            ((dataset, reason) for dataset in datasets for reason in FullReason),
        )
        self._changed = families.histograms(
            "fhirexport_changed_rendering_seconds",
            "Duration of renderings of what has changed since a kept rendering.",
            {"type": datasets},
            _CHANGED_SECONDS,
        )
        self._resources = families.counters(
            "fhirexport_changed_resources_total",
            "Resources rendered because they had changed since a kept rendering.",
            ("type",),
            ((dataset,) for dataset in datasets),
        )

    def begun(self, dataset: Dataset) -> None:
        """Record that a full rendering has begun. `ended` must follow."""
        self._in_progress[dataset].inc()

    def ended(self, dataset: Dataset, outcome: RenderingOutcome, seconds: float) -> None:
        """Record that a full rendering has ended."""
        self._in_progress[dataset].dec()
        self._ended[dataset, outcome].observe(seconds)

    def refused(self) -> None:
        """Count a rendering that got no place."""
        self._refused.inc()

    def full(self, dataset: Dataset, reason: FullReason) -> None:
        """Count an export that is rendered in full."""
        self._full[dataset, reason].inc()

    def changed(self, dataset: Dataset, resources: int, seconds: float) -> None:
        """Record that a rendering was brought up to date."""
        self._changed[dataset,].observe(seconds)
        self._resources[dataset,].inc(resources)
