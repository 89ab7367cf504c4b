"""Shows that what is kept is served while it is current and never after, and that bytes are made once."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from threading import Event

import pytest
from fhirexport_server.domain.datasets import Dataset, Format
from fhirexport_server.domain.errors import SchemaMismatchError
from fhirexport_server.domain.revision import Revision
from fhirexport_server.domain.rows import EjRow
from fhirexport_server.exports.exporter import Exporter
from fhirexport_server.exports.producing.full_rendering import FullRendering
from fhirexport_server.exports.rendering import ContentSource
from fhirexport_server.exports.request import Bypass, ExportRequest
from fhirexport_server.exports.spool import Spool
from fhirexport_server.runtime.interrupt import Interrupt
from fhirexport_server.store import queries
from fhirexport_server.store.database import Database
from fhirexport_server.store.snapshot import SnapshotReader
from sqlalchemy import text
from support.exporting import exporting
from support.rows import writing

VENUES = ExportRequest(ej_id=1, dataset=Dataset.VENUES, format=Format.NDJSON)
FRESH = ExportRequest(1, Dataset.VENUES, Format.NDJSON, consistency=Bypass())
PATIENCE = 60.0
RENAME_ONE = "UPDATE venue SET nda = 'another' WHERE id = 1"


class Fills:
    """Counts the renderings that are made, and can hold them up."""

    def __init__(self) -> None:
        self.count = 0

    def counting(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Counts from now on."""
        run = FullRendering.run

        def counted(fill: FullRendering, spool: Spool, interrupt: Interrupt) -> None:
            self.count += 1
            run(fill, spool, interrupt)

        monkeypatch.setattr(FullRendering, "run", counted)


@pytest.fixture
def fills(monkeypatch: pytest.MonkeyPatch) -> Fills:
    fills = Fills()
    fills.counting(monkeypatch)
    return fills


class Held:
    """Holds the first rendering up once it has begun to read, and counts the look-ups of the revision."""

    def __init__(self) -> None:
        self.go_on = Event()
        self.look_ups = 0
        self._has_read = Event()

    async def wait(self) -> None:
        """Waits until it is held up."""
        assert await asyncio.to_thread(self._has_read.wait, PATIENCE)

    def hold(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Begins."""
        read, look_up = SnapshotReader.ej, Database.revision

        def held(snapshot: SnapshotReader, ej_id: int) -> EjRow | None:
            row = read(snapshot, ej_id)
            if not self._has_read.is_set():
                self._has_read.set()
                self.go_on.wait(PATIENCE)
            return row

        def counted(
            database: Database, ej_id: int, dataset: Dataset, interrupt: Interrupt | None = None
        ) -> Revision | None:
            found = look_up(database, ej_id, dataset, interrupt)
            self.look_ups += 1
            return found

        monkeypatch.setattr(SnapshotReader, "ej", held)
        monkeypatch.setattr(Database, "revision", counted)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    held = Held()
    held.hold(monkeypatch)
    yield held
    held.go_on.set()


@pytest.fixture
def url(backend: str, new_group: Callable[[str, int], str]) -> str:
    return new_group(backend, 60)


@pytest.fixture
async def exporter(url: str) -> AsyncIterator[Exporter]:
    async with exporting(url, cache_bytes=8 * 1024 * 1024) as exporter:
        yield exporter


async def _export(exporter: Exporter, request: ExportRequest = VENUES) -> tuple[bytes, ContentSource, str]:
    async with exporter.open(request) as rendering:
        content = b"".join([chunk.text() async for chunk in rendering.chunks()])
        assert rendering.totals is not None
        assert rendering.totals.size_bytes == len(content)
        return content, rendering.snapshot.source, rendering.cache_status


async def test_a_miss_is_followed_by_hits_with_the_same_bytes(exporter: Exporter, fills: Fills) -> None:
    content, source, status = await _export(exporter)
    assert (source, status) == (ContentSource.DATABASE, "fhirexport; fwd=miss")
    for _ in range(3):
        assert await _export(exporter) == (content, ContentSource.CACHE, "fhirexport; hit")
    assert fills.count == 1


async def test_a_hit_says_when_the_database_was_read(exporter: Exporter) -> None:
    async with exporter.open(VENUES) as first:
        _ = [chunk async for chunk in first.chunks()]
    async with exporter.open(VENUES) as second:
        assert second.snapshot.source is ContentSource.CACHE
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
    assert (source, status) == (ContentSource.DATABASE, 'fhirexport; fwd=stale; detail="rendered=1"')
    assert after != before
    assert await _export(exporter) == (after, ContentSource.CACHE, "fhirexport; hit")
    assert fills.count == 1


async def test_a_write_elsewhere_outdates_nothing(url: str, exporter: Exporter) -> None:
    content, _, _ = await _export(exporter)
    with writing(url) as connection:
        connection.execute(text("UPDATE patient SET used_family = 'DURAND' WHERE ej_id = 1"))
        connection.execute(text("UPDATE movement SET nature = 'H' WHERE ej_id = 2"))
    assert await _export(exporter) == (content, ContentSource.CACHE, "fhirexport; hit")


async def test_bypass_reads_the_database_and_refreshes_what_is_kept(exporter: Exporter, fills: Fills) -> None:
    content, _, _ = await _export(exporter)
    assert await _export(exporter, FRESH) == (content, ContentSource.DATABASE, "fhirexport; fwd=bypass")
    assert await _export(exporter) == (content, ContentSource.CACHE, "fhirexport; hit")
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


async def test_many_callers_of_a_cold_export_share_one_rendering(
    exporter: Exporter, fills: Fills, held: Held
) -> None:
    calls = [asyncio.create_task(_export(exporter)) for _ in range(50)]
    await held.wait()
    async with asyncio.timeout(PATIENCE):
        while held.look_ups < len(calls):
            await asyncio.sleep(0.01)
    held.go_on.set()
    answers = await asyncio.gather(*calls)
    assert len({content for content, _, _ in answers}) == 1
    assert fills.count == 1
    assert any(status.endswith("; collapsed") for _, _, status in answers)


async def test_a_caller_that_leaves_takes_nothing_from_the_others(
    exporter: Exporter, fills: Fills, held: Held
) -> None:
    first = asyncio.create_task(_export(exporter))
    others = [asyncio.create_task(_export(exporter)) for _ in range(5)]
    await held.wait()
    async with asyncio.timeout(PATIENCE):
        while held.look_ups < 1 + len(others):
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)  # whoever has the revision joins at once
    first.cancel()
    await asyncio.wait({first})
    held.go_on.set()
    answers = await asyncio.gather(*others)
    assert len({content for content, _, _ in answers}) == 1
    assert fills.count == 1


async def test_a_caller_that_comes_after_a_write_does_not_join_a_rendering_from_before(
    url: str, exporter: Exporter, held: Held
) -> None:
    before = asyncio.create_task(_export(exporter))
    await held.wait()
    with writing(url) as connection:
        connection.execute(text(RENAME_ONE))
    async with asyncio.timeout(PATIENCE):
        after, _, _ = await _export(exporter)
    assert not before.done()
    held.go_on.set()
    assert b"another" in after
    assert b"another" not in (await before)[0]


async def test_a_write_during_a_rendering_is_in_the_next_export(
    url: str, exporter: Exporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = SnapshotReader.ej
    written = False

    def read_and_written(snapshot: SnapshotReader, ej_id: int) -> EjRow | None:
        nonlocal written
        row = read(snapshot, ej_id)
        if not written:
            written = True
            with writing(url) as connection:
                connection.execute(text(RENAME_ONE))
        return row

    monkeypatch.setattr(SnapshotReader, "ej", read_and_written)
    before, _, _ = await _export(exporter)
    assert b"another" not in before
    for _ in range(2):
        assert b"another" in (await _export(exporter))[0]


async def test_a_failed_rendering_is_not_kept(
    exporter: Exporter, fills: Fills, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        # The rows are read with names of columns that are not there.
        patched.setattr(queries, "movements", lambda *_: text("SELECT missing FROM movement"))
        for _ in range(2):
            with pytest.raises(SchemaMismatchError):
                await _export(exporter)
    content, source, _ = await _export(exporter)
    assert (source, bool(content)) == (ContentSource.DATABASE, True)
    assert fills.count == 3


async def test_switched_off_it_keeps_nothing(url: str, fills: Fills) -> None:
    async with exporting(url, cache_bytes=0) as exporter:
        first = await _export(exporter)
        while exporter._flights._tasks:  # noqa: SLF001 - a rendering that is still ending would be joined
            await asyncio.sleep(0.01)
        assert await _export(exporter) == first
        assert first[1:] == (ContentSource.DATABASE, "fhirexport; fwd=miss")
    assert fills.count == 2
