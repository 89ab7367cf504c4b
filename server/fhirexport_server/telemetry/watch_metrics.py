"""The metrics of watches: what is watched, the look-ups for it, and what they find."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry

from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.telemetry.families import Families

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class WatchMetrics:
    """The metrics of the watches of one server process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        families = Families(registry)
        self._watched = families.gauge(
            "fhirexport_watched_exports", "Datasets of EJs that are watched, each counted once."
        )
        self._lookups = families.histograms(
            "fhirexport_watch_lookup_seconds",
            "Duration of look-ups of the current revisions of all that is watched.",
            {"outcome": ("answered", "failed")},
            _SECONDS,
        )
        self._noticed = families.counters(
            "fhirexport_watch_revisions_total",
            "New revisions of what is watched, as they were noticed.",
            ("type",),
            ((dataset.value,) for dataset in Dataset),
        )

    def count_watched(self, count: Callable[[], float]) -> None:
        """Register the function that returns how many datasets are watched; another thread calls it."""
        self._watched.set_function(count)

    def looked_up(self, seconds: float, *, answered: bool) -> None:
        """Record a look-up for all watches."""
        self._lookups["answered" if answered else "failed",].observe(seconds)

    def noticed(self, dataset: Dataset) -> None:
        """Count a new revision of what is watched."""
        self._noticed[dataset,].inc()
