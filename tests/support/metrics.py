"""Reads the metrics as Prometheus does: over HTTP, by name and labels."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection

from prometheus_client.parser import text_string_to_metric_families

from support.server import PATIENCE

Series = tuple[str, frozenset[tuple[str, str]]]


@dataclass(frozen=True)
class Answer:
    """What an HTTP server said."""

    status: int
    content_type: str
    text: str


@dataclass(frozen=True)
class Page:
    """One reading of the metrics."""

    series: Mapping[Series, float]
    families: Mapping[str, str]
    """The type of each metric, by its name."""

    def value(self, name: str, **labels: str) -> float:
        """Returns one series, which must be there."""
        return self.series[name, frozenset(labels.items())]

    def counted(self, name: str, *labels: str, **where: str) -> dict[tuple[str, ...], float]:
        """Returns the series of one name that are not 0, by the values of some labels."""
        found = {}
        for (series, pairs), value in self.series.items():
            known = dict(pairs)
            if series == name and value and where.items() <= known.items():
                found[tuple(known[label] for label in labels)] = value
        return found


def ask(address: str, path: str = "/metrics", method: str = "GET", **headers: str) -> Answer:
    """Sends one request."""
    host, _, port = address.rpartition(":")
    connection = HTTPConnection(host.strip("[]"), int(port), timeout=PATIENCE)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.getheader("Content-Type", ""), answer.read().decode())
    finally:
        connection.close()


async def read(address: str | None) -> Page:
    """Reads the metrics at an address."""
    assert address is not None
    answer = await asyncio.to_thread(ask, address)
    assert answer.status == 200
    series, families = {}, {}
    for family in text_string_to_metric_families(answer.text):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        families[name] = family.type
        for sample in family.samples:
            series[sample.name, frozenset(sample.labels.items())] = sample.value
    return Page(series, families)
