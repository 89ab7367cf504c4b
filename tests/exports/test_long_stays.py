"""Shows that a segment of long stays is brought up to date in constant memory, however large its text is."""

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from fhirexport_server.domain.datasets import Dataset, Detail, Format
from fhirexport_server.domain.rows import Batch
from fhirexport_server.exports.exporter import Exporter
from fhirexport_server.exports.request import Bypass, ExportRequest
from fhirexport_server.store.loader import load
from sqlalchemy import text
from support.exporting import exporting
from support.rows import EJ_ID, SMALL, small, writing

MIB = 1024 * 1024
VENUES, MOVEMENTS = 64, 400
REQUEST = ExportRequest(EJ_ID, Dataset.VENUES, Format.BUNDLE, Detail.MOVEMENTS)


def stays() -> Iterator[Batch]:
    yield from (batch for batch in small() if batch.table not in {"venue", "movement"})
    yield Batch("venue", [{**SMALL["venue"], "id": n, "venue_no": f"V{n}"} for n in range(1, VENUES + 1)])
    begun = SMALL["movement"]["started_at"]
    for venue in range(1, VENUES + 1):
        rows = [
            {
                **SMALL["movement"],
                "id": venue * MOVEMENTS + number,
                "venue_id": venue,
                "movement_no": f"M{venue}-{number}",
                "started_at": begun + timedelta(hours=number),
                "trigger_event": "A02" if number else "A01",
                "attending_name": f"Dr {number} " + "É" * 80,
            }
            for number in range(MOVEMENTS)
        ]
        yield Batch("movement", rows)


@pytest.fixture
def url(database_url: str) -> str:
    load(database_url, stays())
    return database_url


@contextmanager
def at_most(mebibytes: int) -> Iterator[None]:
    """Expects that Python's memory grows by less, at any time."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < mebibytes * MIB


async def _exported(exporter: Exporter, request: ExportRequest) -> tuple[bytes | None, int, int | None]:
    """Export, and let go of each chunk; return the root, the size of the text and how much was rendered."""
    async with exporter.open(request) as rendering:
        size = sum([chunk.size async for chunk in rendering.chunks()])
        await rendering.kept()
        return rendering.root, size, rendering.rendered


@pytest.mark.parametrize(
    ("memory", "rendered"), [(64 * MIB, 1 + MOVEMENTS), (MIB, VENUES * (1 + MOVEMENTS))], ids=["kept", "lost"]
)
@pytest.mark.long
async def test_a_change_of_a_long_stay_takes_constant_memory(url: str, memory: int, rendered: int) -> None:
    async with exporting(url, cache_bytes=memory) as exporter:
        _, size, _ = await _exported(exporter, REQUEST)
        assert size > 20 * MIB
        with writing(url) as connection:
            connection.execute(text(f"UPDATE movement SET attending_name = 'Another' WHERE id = {MOVEMENTS}"))
        with at_most(12):
            after = await _exported(exporter, REQUEST)
        full, size, _ = await _exported(exporter, replace(REQUEST, consistency=Bypass()))
        assert after == (full, size, rendered)
