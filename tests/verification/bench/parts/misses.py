"""Measures misses of 1,000 venues and patients beside the drivers' own fetch, and beside an ORM."""

import statistics
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Final

from fhirexport_server.domain.datasets import Dataset, Format
from fhirexport_server.exports import pipeline
from fhirexport_server.exports.request import ExportRequest
from fhirexport_server.formats.chunker import Chunker
from fhirexport_server.formats.layout import layout
from fhirexport_server.store.connection.engine import create
from fhirexport_server.store.database import Database
from rich.table import Table
from verification.bench.measuring.databases import BACKENDS, Bench
from verification.bench.measuring.figures import ratio
from verification.bench.measuring.results import Results
from verification.bench.rivals import floor, orm

EJ_ID: Final = 1
BASE_URL: Final = "http://localhost:8000/fhir"
PATIENTS: Final = 1_250
"""Of a group, of whom EJ 1 has about 1,000."""


def misses(bench: Bench) -> Results:
    """Measures renderings in this process."""
    results = Results()
    table = Table(
        title="A miss, as a ratio to the raw driver fetch of the same rows (with its 95 % interval)"
    )
    for heading in ("database", "dataset", "rows", "floor ms", "ours", "ORM eager", "ORM N+1"):
        table.add_column(heading, justify="left" if heading in ("database", "dataset") else "right")
    results.tables.append(table)
    orm.map_entities()
    for backend in BACKENDS:
        url = bench.database(backend, PATIENTS)
        for dataset in (Dataset.VENUES, Dataset.PATIENTS):
            rows, seconds = _miss(url, dataset, bench.rounds)
            ratios = [ratio(one, seconds[0]) for one in seconds[1:]]
            floor_ms = statistics.median(seconds[0]) * 1000
            table.add_row(backend, dataset, f"{rows:,}", f"{floor_ms:.1f}", *map(str, ratios))
            results.figures[f"{backend} {dataset}"] = {
                "floor_ms": floor_ms,
                **dict(
                    zip(("ours", "orm_eager", "orm_lazy"), (one._asdict() for one in ratios), strict=True)
                ),
            }
    return results


def _miss(url: str, dataset: Dataset, rounds: int) -> tuple[int, list[list[float]]]:
    naive = orm.venues if dataset is Dataset.VENUES else orm.patients
    sql = floor.statements(url, EJ_ID, dataset)
    engine = create(url)
    with closing(floor.connect(url)) as connection, Database.open(url) as database:
        rows = floor.fetch(connection, sql)
        ways: list[Callable[[], object]] = [
            partial(floor.fetch, connection, sql),
            partial(_ours, database, dataset),
            partial(naive, engine, EJ_ID, eager=True),
            partial(naive, engine, EJ_ID, eager=False),
        ]
        taken: list[list[float]] = [[] for _ in ways]
        for _ in range(rounds):
            for way, seconds in zip(ways, taken, strict=True):
                begun = time.perf_counter()
                way()
                seconds.append(time.perf_counter() - begun)
    engine.dispose()
    return rows, taken


def _ours(database: Database, dataset: Dataset) -> int:
    """Renders the dataset as a fill does, without a server; returns the bytes made."""
    request = ExportRequest(ej_id=EJ_ID, dataset=dataset, format=Format.BUNDLE)
    with database.snapshot() as rows:
        ej = rows.ej(EJ_ID)
        if ej is None:
            raise SystemExit("the demo group has no EJ 1")
        blocks = pipeline.blocks(rows, ej, request, pipeline.context(rows, ej, request, BASE_URL))
        return sum(len(chunk.frame) for chunk in Chunker(layout(Format.BUNDLE, BASE_URL)).chunks(blocks))
