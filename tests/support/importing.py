"""Imports and exports for a test: real threads and a real database, without a server."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from fhir_reading.hospital_rows import EjRows
from fhirexport_server.domain.datasets import Dataset, Detail, Format
from fhirexport_server.domain.imports import ImportOptions, ImportSummary
from fhirexport_server.domain.rows import EjRow
from fhirexport_server.exports.exporter import Exporter
from fhirexport_server.exports.request import ExportRequest
from fhirexport_server.imports.importer import Importer, open_importer
from fhirexport_server.store.database import Database
from fhirexport_server.telemetry.metrics import Metrics
from prometheus_client import CollectorRegistry

from support.exporting import BASE, exporting

COMPUTED = {"parent_kind", "depth", "uf_kind"}
SPOOL = 256 * 1024 * 1024


@asynccontextmanager
async def importing(
    url: str, spool_limit_bytes: int = SPOOL, metrics: Metrics | None = None
) -> AsyncIterator[Importer]:
    """Offers an importer for a database."""
    metrics = metrics or Metrics(CollectorRegistry())
    with Database.open(url, imports=2) as database:
        async with open_importer(
            database, metrics, base_url=BASE, spool_limit_bytes=spool_limit_bytes
        ) as importer:
            yield importer


async def pieces(content: bytes, size: int = 60_000) -> AsyncIterator[bytes]:
    """Yields bytes in pieces."""
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def send_lines(importer: Importer, content: bytes, **options: object) -> ImportSummary:
    """Import NDJSON, by an importer that is there."""
    return await importer.resources(pieces(content), ImportOptions(**options))  # type: ignore[arg-type]  # as a test has them


async def send_bundle(importer: Importer, content: bytes, **options: object) -> ImportSummary:
    """Import a Bundle, by an importer that is there."""
    return await importer.bundle(content, ImportOptions(**options))  # type: ignore[arg-type]  # as above


async def import_lines(url: str, content: bytes, **options: object) -> ImportSummary:
    """Imports NDJSON."""
    async with importing(url) as importer:
        return await send_lines(importer, content, **options)


async def import_bundle(url: str, content: bytes, **options: object) -> ImportSummary:
    """Imports a Bundle."""
    async with importing(url) as importer:
        return await send_bundle(importer, content, **options)


class Exported(NamedTuple):
    """What there is to export of one EJ."""

    structure: bytes
    patients: bytes
    venues: bytes


async def _export(exporter: Exporter, ej_id: int, dataset: Dataset, wanted: Format, detail: Detail) -> bytes:
    request = ExportRequest(ej_id, dataset, wanted, detail if dataset is Dataset.VENUES else Detail.SUMMARY)
    async with exporter.open(request) as rendering:
        return b"".join([chunk.text() async for chunk in rendering.chunks()])


async def exported(
    url: str, wanted: Format = Format.NDJSON, detail: Detail = Detail.MOVEMENTS
) -> dict[int, Exported]:
    """Exports everything of a database, by EJ; venues with their movements."""
    async with exporting(url) as exporter:
        return {
            ej_id: await exported_of(exporter, ej_id, wanted, detail)
            for ej_id in await exporter.database.ej_ids()
        }


async def exported_of(
    exporter: Exporter, ej_id: int, wanted: Format = Format.NDJSON, detail: Detail = Detail.MOVEMENTS
) -> Exported:
    """Export everything of one EJ, by an exporter that is there."""
    return Exported(*[await _export(exporter, ej_id, dataset, wanted, detail) for dataset in Dataset])


def load_rows(url: str, rows: EjRows) -> None:
    """Writes the rows of one EJ."""
    ej_id = rows.ej.id
    with Database.open(url) as database, database.importing() as writing:
        writing.insert("ej", EjRow._fields, [rows.ej])
        of_ej: dict[str, Sequence[tuple[object, ...]]] = {
            "org_unit": rows.units,
            "place": rows.places,
            "patient": rows.patients,
            "patient_identifier": rows.identifiers,
            "patient_contact": rows.contacts,
            "venue": rows.venues,
            "movement": rows.movements,
        }
        namespaces = [(ej_id, kind, system) for kind, system in rows.namespaces.items()]
        writing.insert("namespace", ("ej_id", "kind", "system"), namespaces)
        for table, of_table in of_ej.items():
            rows_of_table = [
                {k: v for k, v in row._asdict().items() if k not in COMPUTED} | {"ej_id": ej_id}  # type: ignore[attr-defined]  # rows are NamedTuples
                for row in of_table
            ]
            if rows_of_table:
                writing.insert(table, list(rows_of_table[0]), [list(row.values()) for row in rows_of_table])
        members = [(ej_id, one.parent_id, one.child_id) for one in rows.members]
        writing.insert("org_member", ("ej_id", "parent_id", "child_id"), members)
