"""Owns the program that another interpreter runs to render everything of a database."""

from fhirexport_server.domain.datasets import Dataset, Detail, Format
from fhirexport_server.exports.exporter import open_exporter
from fhirexport_server.exports.request import ExportRequest
from fhirexport_server.store.database import Database


async def everything(url: str) -> bytes:
    """Returns every dataset of EJ 1 in every format, end to end."""
    found = []
    with Database.open(url) as database:
        async with open_exporter(
            database,
            base_url="http://localhost:8000/fhir",
            max_renderings=2,
            rendering_timeout=60,
            spool_limit_bytes=64 * 1024 * 1024,
            cache_bytes=0,
        ) as exporter:
            for dataset in Dataset:
                for wanted in Format:
                    detail = Detail.MOVEMENTS if dataset is Dataset.VENUES else Detail.SUMMARY
                    request = ExportRequest(1, dataset, wanted, detail)
                    async with exporter.open(request) as rendering:
                        found.extend([chunk.text() async for chunk in rendering.chunks()])
    return b"".join(found)
