"""Metric families with all their series made at once."""

from collections.abc import Iterable, Mapping
from itertools import product

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Families:
    """Makes families in a registry. Each returns the series, so that counting needs no look-up."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def counter(self, name: str, text: str) -> Counter:
        """Return a counter without labels."""
        return Counter(name, text, registry=self._registry)

    def counters(
        self, name: str, text: str, labels: tuple[str, ...], series: Iterable[tuple[str, ...]]
    ) -> Mapping[tuple[str, ...], Counter]:
        """Return a counter for each combination of labels."""
        family = Counter(name, text, labels, registry=self._registry)
        return {values: family.labels(*values) for values in series}

    def gauge(self, name: str, text: str) -> Gauge:
        """Return a gauge without labels."""
        return Gauge(name, text, registry=self._registry)

    def gauges(self, name: str, text: str, label: str, values: Iterable[str]) -> Mapping[str, Gauge]:
        """Return a gauge for each value of one label."""
        family = Gauge(name, text, (label,), registry=self._registry)
        return {value: family.labels(value) for value in values}

    def histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        """Return a histogram without labels."""
        return Histogram(name, text, buckets=buckets, registry=self._registry)

    def histograms(
        self, name: str, text: str, labels: Mapping[str, Iterable[str]], buckets: tuple[float, ...]
    ) -> Mapping[tuple[str, ...], Histogram]:
        """Return a histogram for each combination of labels."""
        family = Histogram(name, text, tuple(labels), buckets=buckets, registry=self._registry)
        return {values: family.labels(*values) for values in product(*labels.values())}
