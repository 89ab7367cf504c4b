"""Settings of PostgreSQL that would change what is read, and a hospital whose rows they would change."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
from fhirexport_server.domain.datasets import Dataset, Detail, Format
from fhirexport_server.exports.exporter import Exporter
from fhirexport_server.exports.request import ExportRequest
from fhirexport_server.store.loader import load
from support.exporting import exporting
from support.rows import EJ_ID, small, writing

Export = tuple[str, bytes]

HOSTILE = {
    "extra_float_digits": "-15",
    "client_encoding": "LATIN1",
    "DateStyle": "SQL, DMY",
    "IntervalStyle": "sql_standard",
    "TimeZone": "Pacific/Apia",
    "bytea_output": "escape",
    "standard_conforming_strings": "off",
    "array_nulls": "off",
    "transform_null_equals": "on",
    "search_path": "shadow, public",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
}
"""Each setting that might change what is read, with a value that would."""


def fill(url: str) -> None:
    """Writes a hospital that settings can spoil: numbers, days, letters, and another's tables beside it."""
    load(url, small())
    with writing(url) as connection:
        for statement in (
            "UPDATE place SET latitude = 48.856612345678912, longitude = 2.3522219000000123",
            # A day that Apia has left out.
            "UPDATE patient SET birth_date = '2011-12-30', birth_family = 'LEFÈVRE œ \\'",
            "UPDATE patient SET deceased = true, deceased_at = '2020-03-29T01:30:00Z'",
            "CREATE SCHEMA shadow",
            "CREATE TABLE shadow.patient (LIKE public.patient)",
            "CREATE TABLE shadow.revision_base (LIKE public.revision_base)",
            "CREATE TABLE shadow.ej (LIKE public.ej)",
            "CREATE TABLE shadow.import_request (LIKE public.import_request)",
        ):
            connection.exec_driver_sql(statement)


@contextmanager
def altered(url: str, whose: str, settings: dict[str, str]) -> Iterator[None]:
    """Gives a role or a database other settings, for every session that begins from now on."""
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        target = f"DATABASE {connection.info.dbname}" if whose == "DATABASE" else "ROLE postgres"
        for name, value in settings.items():
            quoted = value if name == "search_path" else f"'{value}'"
            connection.execute(f"ALTER {target} SET {name} = {quoted}".encode())
        try:
            yield
        finally:
            connection.execute(f"ALTER {target} RESET ALL".encode())


async def export(exporter: Exporter, dataset: Dataset) -> Export:
    request = ExportRequest(EJ_ID, dataset, Format.BUNDLE, Detail.SUMMARY)
    async with exporter.open(request) as rendering:
        return rendering.snapshot.etag, b"".join([chunk.text() async for chunk in rendering.chunks()])


async def export_all(url: str) -> list[Export]:
    async with exporting(url) as exporter:
        return [await export(exporter, dataset) for dataset in Dataset]
