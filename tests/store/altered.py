"""Exports the patients of the small hospital, for tests of a database that is altered meanwhile."""

from fhirexport_server.domain.datasets import Dataset, Detail, Format
from fhirexport_server.exports.exporter import Exporter
from fhirexport_server.exports.request import ExportRequest
from support.rows import EJ_ID

PATIENTS = ExportRequest(EJ_ID, Dataset.PATIENTS, Format.BUNDLE, Detail.SUMMARY)
CACHE_BYTES = 10_000_000
CHANGE = "UPDATE patient SET birth_family = 'DURAND'"
"""Changes every patient's name, which is MARTIN."""

AS_VIEW = "ALTER TABLE patient RENAME TO patients; CREATE VIEW patient AS SELECT * FROM patients"


async def export_patients(exporter: Exporter) -> bytes:
    """Export them."""
    async with exporter.open(PATIENTS) as rendering:
        return b"".join([chunk.text() async for chunk in rendering.chunks()])


async def is_cached(exporter: Exporter) -> bool:
    """Say whether they are answered from memory."""
    async with exporter.open(PATIENTS) as rendering:
        return rendering.answer == "hit"
