"""A program that another interpreter runs to render everything of a database."""

from fhirexport_server.domain.datasets import Dataset, Detail, Format
from fhirexport_server.exports.request import ExportRequest
from support.exporting import exporting


async def everything(url: str) -> bytes:
    """Returns every dataset of EJ 1 in every format, end to end."""
    found = []
    async with exporting(url, max_renderings=2) as exporter:
        for dataset in Dataset:
            for wanted in Format:
                detail = Detail.MOVEMENTS if dataset is Dataset.VENUES else Detail.SUMMARY
                request = ExportRequest(1, dataset, wanted, detail)
                async with exporter.open(request) as rendering:
                    found.extend([chunk.text() async for chunk in rendering.chunks()])
    return b"".join(found)
