"""One page of metrics for all workers: what each has counted, added up; of gauges, what makes sense together.

The multiprocess mode of prometheus_client is not used: it has no gauges with functions, no collectors of its
own (those of the process) and no information, and it would write each count to a file.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, Self

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.samples import Sample

from fhirexport_server.domain.outcomes import ExportAnswer

ANY: Final = max
"""Of a gauge that says with 1 that something is so: whether it is, in any worker."""
ALL: Final = min
GAUGES: Final[Mapping[str, Callable[[Iterable[float]], float]]] = {
    "fhirexport_audit_unwritable": ANY,
    "fhirexport_cache_state": ANY,
    "fhirexport_certificate_refused": ANY,
    "fhirexport_certificate_remaining_seconds": min,
    "fhirexport_identities_refused": ANY,
    "fhirexport_insecure": ANY,
    "fhirexport_cache_keys_refused": ANY,
    "fhirexport_policy_refused": ANY,
    "fhirexport_revision_deltas": max,
    "fhirexport_serving": ALL,
    "fhirexport_upkeep_timestamp_seconds": max,
    "process_max_fds": min,
    "process_start_time_seconds": min,
}
"""How the gauges are put together that are not added up."""
_HIT_RATE: Final = "cache_hit_rate"
_EXPORTS: Final = "fhir_export_duration_seconds"
_HITS: Final = frozenset({ExportAnswer.HIT, ExportAnswer.NOT_MODIFIED})
_MISSES: Final = frozenset({ExportAnswer.MISS, ExportAnswer.STALE, ExportAnswer.COLLAPSED})
_COUNTED: Final = frozenset({"counter", "histogram"})

Labels = tuple[tuple[str, str], ...]
Series = tuple[str, Labels]


class MetricFamily(NamedTuple):
    """One metric of one process."""

    name: str
    text: str
    kind: str
    samples: Mapping[Series, float]

    @property
    def is_counted(self) -> bool:
        """Whether its values only grow, and are kept when the process has ended."""
        return self.kind in _COUNTED


class ProcessMetrics(tuple[MetricFamily, ...]):
    """The metrics of one process, at one moment."""

    __slots__ = ()

    @classmethod
    def of(cls, registry: CollectorRegistry) -> Self:
        """Read a registry. It takes some milliseconds."""
        return cls(
            MetricFamily(
                metric.name,
                metric.documentation,
                metric.type,
                {
                    (sample.name, tuple(sample.labels.items())): sample.value
                    for sample in metric.samples
                    if not sample.name.endswith("_created")
                },
            )
            for metric in registry.collect()
        )

    def as_json(self) -> list[Any]:
        """Return what `from_json` reads."""
        return [
            [name, text, kind, [[sample, labels, value] for (sample, labels), value in samples.items()]]
            for name, text, kind, samples in self
        ]

    @classmethod
    def from_json(cls, content: list[Any]) -> Self:
        """Return what `as_json` has written."""
        return cls(
            MetricFamily(
                name,
                text,
                kind,
                {(each, tuple(map(tuple, labels))): value for each, labels, value in samples},
            )
            for name, text, kind, samples in content
        )

    def counted(self) -> Self:
        """Return what stays when the process ends."""
        return type(self)(family for family in self if family.is_counted)


def combined(processes: Iterable[ProcessMetrics]) -> ProcessMetrics:
    """Return the metrics of several processes as those of one."""
    together: dict[str, tuple[MetricFamily, dict[Series, list[float]]]] = {}
    for process in processes:
        for family in process:
            _, values = together.setdefault(family.name, (family, {}))
            for series, value in family.samples.items():
                values.setdefault(series, []).append(value)
    families = ProcessMetrics(
        family._replace(samples={series: _rule(family)(each) for series, each in values.items()})
        for family, values in together.values()
    )
    return ProcessMetrics(_with_hit_rate(families))


def _rule(family: MetricFamily) -> Callable[[Iterable[float]], float]:
    if family.kind == "info":
        return max
    return sum if family.is_counted else GAUGES.get(family.name, sum)


def _with_hit_rate(families: ProcessMetrics) -> Iterator[MetricFamily]:
    """Yield the families, with the hit rate of all: the mean of several rates would be none."""
    exports = next((family.samples for family in families if family.name == _EXPORTS), {})

    def count(answers: frozenset[ExportAnswer]) -> float:
        return sum(
            value
            for (name, labels), value in exports.items()
            if name == f"{_EXPORTS}_count" and dict(labels)["cache"] in answers
        )

    hits, misses = count(_HITS), count(_MISSES)
    for family in families:
        if family.name == _HIT_RATE:
            rate = 100.0 * hits / (hits + misses) if hits + misses else 0.0
            yield family._replace(samples=dict.fromkeys(family.samples, rate))
        else:
            yield family


def as_metrics(families: ProcessMetrics) -> Iterator[Metric]:
    """Yield the families as prometheus_client writes them."""
    for family in families:
        metric = Metric(family.name, family.text, family.kind)
        metric.samples = [
            Sample(name, dict(labels), value) for (name, labels), value in family.samples.items()
        ]
        yield metric
