"""Shows that what is kept is served while it is current and never after, and that bytes are made once."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fhirexport_server.demo.group import batches
from fhirexport_server.domain.datasets import Dataset, Format
from fhirexport_server.domain.rows import EjRow
from fhirexport_server.exports.exporter import Exporter
from fhirexport_server.exports.fill import Fill
from fhirexport_server.exports.rendering import Source
from fhirexport_server.exports.request import Bypass, ExportRequest
from fhirexport_server.exports.spool import Spool
from fhirexport_server.store.database import Interrupt
from fhirexport_server.store.loader import load
from fhirexport_server.store.snapshot import Snapshot
from sqlalchemy import text
from support.exporting import exporting
from support.rows import writing

VENUES = ExportRequest(ej_id=1, dataset=Dataset.VENUES, format=Format.NDJSON)
FRESH = ExportRequest(1, Dataset.VENUES, Format.NDJSON, consistency=Bypass())
RENAME_ONE = "UPDATE venue SET nda = 'another' WHERE id = 1"


class Fills:
    """Counts the renderings that are made, and can hold them up."""

    def __init__(self) -> None:
        self.count = 0

    def counting(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Counts from now on."""
        run = Fill.run

        def counted(fill: Fill, spool: Spool, interrupt: Interrupt) -> None:
            self.count += 1
            run(fill, spool, interrupt)

        monkeypatch.setattr(Fill, "run", counted)


@pytest.fixture
def fills(monkeypatch: pytest.MonkeyPatch) -> Fills:
    fills = Fills()
    fills.counting(monkeypatch)
    return fills


@pytest.fixture
def url(database_url: str) -> str:
    load(database_url, batches(patients=60))
    return database_url


@pytest.fixture
async def exporter(url: str) -> AsyncIterator[Exporter]:
    async with exporting(url, cache_bytes=8 * 1024 * 1024) as exporter:
        yield exporter


async def _export(exporter: Exporter, request: ExportRequest = VENUES) -> tuple[bytes, Source, str]:
    async with exporter.open(request) as rendering:
        content = b"".join([chunk.text() async for chunk in rendering.chunks()])
        assert rendering.totals is not None
        assert rendering.totals.size_bytes == len(content)
        return content, rendering.snapshot.source, rendering.cache_status


async def test_a_miss_is_followed_by_hits_with_the_same_bytes(exporter: Exporter, fills: Fills) -> None:
    content, source, status = await _export(exporter)
    assert (source, status) == (Source.DATABASE, "fhirexport; fwd=miss")
    for _ in range(3):
        assert await _export(exporter) == (content, Source.CACHE, "fhirexport; hit")
    assert fills.count == 1


async def test_a_hit_says_when_the_database_was_read(exporter: Exporter) -> None:
    async with exporter.open(VENUES) as first:
        _ = [chunk async for chunk in first.chunks()]
    async with exporter.open(VENUES) as second:
        assert second.snapshot.source is Source.CACHE
        assert (second.snapshot.etag, second.snapshot.revision, second.snapshot.read_time) == (
            first.snapshot.etag,
            first.snapshot.revision,
            first.snapshot.read_time,
        )


async def test_a_write_in_plain_sql_is_in_the_next_export(url: str, exporter: Exporter, fills: Fills) -> None:
    before, _, _ = await _export(exporter)
    with writing(url) as connection:
        connection.execute(text(RENAME_ONE))
    after, source, status = await _export(exporter)
    assert (source, status) == (Source.DATABASE, "fhirexport; fwd=stale")
    assert after != before
    assert await _export(exporter) == (after, Source.CACHE, "fhirexport; hit")
    assert fills.count == 2


async def test_a_write_elsewhere_outdates_nothing(url: str, exporter: Exporter) -> None:
    content, _, _ = await _export(exporter)
    with writing(url) as connection:
        connection.execute(text("UPDATE patient SET used_family = 'DURAND' WHERE ej_id = 1"))
        connection.execute(text("UPDATE movement SET nature = 'H' WHERE ej_id = 2"))
    assert await _export(exporter) == (content, Source.CACHE, "fhirexport; hit")


async def test_bypass_reads_the_database_and_refreshes_what_is_kept(exporter: Exporter, fills: Fills) -> None:
    content, _, _ = await _export(exporter)
    assert await _export(exporter, FRESH) == (content, Source.DATABASE, "fhirexport; fwd=bypass")
    assert await _export(exporter) == (content, Source.CACHE, "fhirexport; hit")
    assert fills.count == 2


async def test_not_modified_renders_nothing(exporter: Exporter, fills: Fills) -> None:
    async with exporter.open(VENUES) as first:
        etag = first.snapshot.etag
        _ = [chunk async for chunk in first.chunks()]
    request = ExportRequest(1, Dataset.VENUES, Format.NDJSON, if_none_match=etag)
    for _ in range(3):
        async with exporter.open(request) as rendering:
            assert rendering.not_modified
            assert [chunk async for chunk in rendering.chunks()] == []
    assert fills.count == 1


async def test_many_callers_of_a_cold_export_share_one_rendering(exporter: Exporter, fills: Fills) -> None:
    answers = await asyncio.gather(*(_export(exporter) for _ in range(50)))
    assert len({content for content, _, _ in answers}) == 1
    assert fills.count == 1
    assert any(status.endswith("; collapsed") for _, _, status in answers)


async def test_a_caller_that_leaves_takes_nothing_from_the_others(exporter: Exporter, fills: Fills) -> None:
    first = asyncio.create_task(_export(exporter))
    others = [asyncio.create_task(_export(exporter)) for _ in range(5)]
    await asyncio.sleep(0.005)
    first.cancel()
    answers = await asyncio.gather(*others)
    assert len({content for content, _, _ in answers}) == 1
    assert fills.count == 1


async def test_a_caller_that_comes_after_a_write_does_not_join_a_rendering_from_before(
    url: str, exporter: Exporter
) -> None:
    for number in range(10):
        before = asyncio.create_task(_export(exporter))
        await asyncio.sleep(0.002 * (number % 3))
        mark = f"mark-{number}"

        def write(mark: str = mark) -> None:
            with writing(url) as connection:
                connection.execute(text(f"UPDATE venue SET nda = '{mark}' WHERE id = 1"))

        await asyncio.to_thread(write)
        after, _, _ = await _export(exporter)
        assert mark.encode() in after
        await before


async def test_a_write_during_a_rendering_is_in_the_next_export(
    url: str, exporter: Exporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Snapshot.ej
    written = False

    def read_and_written(snapshot: Snapshot, ej_id: int) -> EjRow | None:
        nonlocal written
        row = read(snapshot, ej_id)
        if not written:
            written = True
            with writing(url) as connection:
                connection.execute(text(RENAME_ONE))
        return row

    monkeypatch.setattr(Snapshot, "ej", read_and_written)
    before, _, _ = await _export(exporter)
    assert b"another" not in before
    for _ in range(2):
        assert b"another" in (await _export(exporter))[0]


async def test_a_failed_rendering_is_not_kept(url: str, exporter: Exporter, fills: Fills) -> None:
    with writing(url) as connection:
        connection.execute(text("ALTER TABLE movement RENAME TO away"))
    for _ in range(2):
        with pytest.raises(Exception):  # noqa: B017, PT011 - what it is does not matter here
            await _export(exporter)
    with writing(url) as connection:
        connection.execute(text("ALTER TABLE away RENAME TO movement"))
    content, source, _ = await _export(exporter)
    assert (source, bool(content)) == (Source.DATABASE, True)
    assert fills.count == 3


async def test_switched_off_it_keeps_nothing(url: str, fills: Fills) -> None:
    async with exporting(url, cache_bytes=0) as exporter:
        first = await _export(exporter)
        while exporter._flights._tasks:  # noqa: SLF001 - a rendering that is still ending would be joined
            await asyncio.sleep(0.01)
        assert await _export(exporter) == first
        assert first[1:] == (Source.DATABASE, "fhirexport; fwd=miss")
    assert fills.count == 2
