"""Shows that an export after a change costs what has changed, and is what a full rendering gives."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest
from fhirexport_server.cache.redis.redis_cache import RedisCache, open_redis_cache
from fhirexport_server.domain.audit import AuditEntry
from fhirexport_server.domain.datasets import Dataset, Detail, Format
from fhirexport_server.domain.outcomes import FullReason
from fhirexport_server.domain.segments import Chunk, Manifest, Segment
from fhirexport_server.exports.exporter import Exporter
from fhirexport_server.exports.rendering import ContentSource
from fhirexport_server.exports.request import Bypass, ExportRequest, Have
from fhirexport_server.telemetry.metrics import Metrics
from prometheus_client import CollectorRegistry
from sqlalchemy import text
from support.exporting import exporting
from support.rows import writing
from support.valkey import Valkey, unhurried

MEMORY = 64 * 1024 * 1024
VENUES = ExportRequest(1, Dataset.VENUES, Format.NDJSON)
PATIENTS = ExportRequest(1, Dataset.PATIENTS, Format.BUNDLE)
EVERY_SHAPE = [
    ExportRequest(1, dataset, layout, detail)
    for dataset in (Dataset.PATIENTS, Dataset.VENUES)
    for layout in Format
    for detail in (Detail if dataset is Dataset.VENUES else (Detail.SUMMARY,))
]


@dataclass(frozen=True)
class Answer:
    """One export, read to its end."""

    chunks: tuple[Chunk, ...]
    rendered: int | None
    source: ContentSource
    root: bytes | None

    @property
    def content(self) -> bytes:
        return b"".join(chunk.text() for chunk in self.chunks if chunk.frame)

    @property
    def segments(self) -> tuple[Segment, ...]:
        return tuple(chunk.segment for chunk in self.chunks if chunk.segment is not None)

    @property
    def sent(self) -> list[Segment]:
        """The segments that came with their content."""
        return [chunk.segment for chunk in self.chunks if chunk.frame and chunk.segment is not None]


class Keeping:
    """An exporter that keeps renderings, and what its metrics say."""

    def __init__(self, exporter: Exporter, registry: CollectorRegistry) -> None:
        self.exporter = exporter
        self._registry = registry

    async def export(self, request: ExportRequest = VENUES) -> Answer:
        return await _export(self.exporter, request)

    async def same_as_full(self, request: ExportRequest = VENUES) -> Answer:
        """Exports, and compares that with a full rendering."""
        answer = await self.export(request)
        full = await _export(self.exporter, replace(request, consistency=Bypass()))
        assert answer.content == full.content
        assert answer.segments == full.segments
        assert answer.root == Manifest(full.segments).root == full.root
        return answer

    def full(self, reason: FullReason, dataset: Dataset = Dataset.VENUES) -> int:
        """Returns how many exports were rendered in full for a reason."""
        labels = {"type": dataset.value, "reason": reason.value}
        return int(self._registry.get_sample_value("fhirexport_full_renderings_total", labels) or 0)


async def _export(exporter: Exporter, request: ExportRequest) -> Answer:
    async with exporter.open(request) as rendering:
        chunks = tuple([chunk async for chunk in rendering.chunks()])
        await rendering.kept()
        return Answer(chunks, rendering.rendered, rendering.snapshot.source, rendering.root)


@asynccontextmanager
async def keeping(url: str, cache: RedisCache | None = None, memory: int = MEMORY) -> AsyncIterator[Keeping]:
    registry = CollectorRegistry()
    async with exporting(url, cache, Metrics(registry), cache_bytes=memory) as exporter:
        yield Keeping(exporter, registry)


@asynccontextmanager
async def shared(valkey: Valkey) -> AsyncIterator[RedisCache]:
    address = unhurried(valkey.url)
    times = dict.fromkeys(Dataset, 300)
    async with open_redis_cache(address, times, Metrics(CollectorRegistry())) as cache:
        yield cache


@pytest.fixture
def url(backend: str, new_group: Callable[[str, int], str]) -> str:
    return new_group(backend, 700)


def run(url: str, *statements: str) -> None:
    """Runs plain SQL, as another program does."""
    with writing(url) as connection:
        for statement in statements:
            connection.execute(text(statement))


LAST_MOVEMENT = "(SELECT max(id) FROM movement WHERE ej_id = 1)"
LAST_PATIENT = "(SELECT max(id) FROM patient WHERE ej_id = 1)"
A_MOVEMENT = f"UPDATE movement SET attending_name = 'Another' WHERE id = {LAST_MOVEMENT}"


@pytest.mark.parametrize(
    "request_", EVERY_SHAPE, ids=lambda shape: f"{shape.dataset} {shape.format} {shape.detail}"
)
@pytest.mark.long
async def test_one_change_renders_one_resource_in_every_shape(url: str, request_: ExportRequest) -> None:
    async with keeping(url) as server:
        before = await server.export(request_)
        if request_.dataset is Dataset.VENUES:
            run(url, A_MOVEMENT)
        else:
            run(
                url,
                f"UPDATE patient SET birth_family = 'Autre' WHERE id = {LAST_PATIENT}",
            )
        after = await server.same_as_full(request_)
        assert after.content != before.content
        assert after.rendered is not None
        # A venue's movements are resources, too.
        assert 1 <= after.rendered <= (1 if request_.detail is Detail.SUMMARY else 12)
        assert len(set(after.segments) - set(before.segments)) == 1
        assert (await server.export(request_)).source is ContentSource.CACHE


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM movement WHERE id = (SELECT max(id) FROM movement WHERE ej_id = 1)",
        "DELETE FROM movement WHERE venue_id IN (SELECT id FROM venue WHERE ej_id = 1 ORDER BY id LIMIT 3)",
        "UPDATE venue SET nda = 'n' || id WHERE ej_id = 1 AND id % 97 = 0",
        "UPDATE movement SET state = 'cancelled' WHERE ej_id = 1 AND id % 89 = 0",
    ],
    ids=["a movement is deleted", "stays lose their movements", "some venues change", "some are cancelled"],
)
async def test_after_a_statement_the_export_is_that_of_a_full_rendering(url: str, statement: str) -> None:
    async with keeping(url) as server:
        whole = await server.export()
        run(url, statement)
        after = await server.same_as_full()
        assert after.rendered is not None
        assert after.rendered < len(whole.content.splitlines()) / 2
        assert sum(server.full(reason) for reason in FullReason) == 1  # the first one


async def test_a_change_of_a_unit_that_no_venue_shows_renders_nothing(url: str) -> None:
    async with keeping(url) as server:
        await server.export()
        run(url, "UPDATE org_unit SET name = 'Autrement' WHERE ej_id = 1 AND kind = 'UF'")
        assert (await server.same_as_full()).rendered == 0
        assert server.full(FullReason.CONTEXT) == 0


async def test_what_all_resources_share_is_compared(url: str) -> None:
    async with keeping(url) as server:
        await server.export()
        run(url, "UPDATE ej SET time_zone = 'Indian/Reunion' WHERE id = 1")
        await server.same_as_full()
        assert server.full(FullReason.CONTEXT) == 1


async def test_an_invalidation_is_rendered_in_full(url: str) -> None:
    async with keeping(url) as server:
        await server.export()
        entry = AuditEntry("", "invalidate", "fhir:*", 1, "a test", "")
        await server.exporter.database.invalidate([(1, Dataset.VENUES)], entry)
        await server.same_as_full()
        assert server.full(FullReason.EVERYTHING) + server.full(FullReason.UNPROVEN) == 1


async def test_a_log_that_was_pruned_proves_nothing(url: str) -> None:
    async with keeping(url) as server:
        await server.export()
        run(url, "UPDATE venue SET nda = 'LOST' WHERE id = (SELECT min(id) FROM venue WHERE ej_id = 1)")
        while (await server.exporter.database.compact()).more:
            pass
        run(url, "DELETE FROM revision_log", A_MOVEMENT)
        await server.same_as_full()
        assert server.full(FullReason.UNPROVEN) == 1


async def test_where_most_has_changed_everything_is_rendered(url: str) -> None:
    async with keeping(url) as server:
        await server.export()
        run(url, "UPDATE venue SET nda = 'n' || id WHERE ej_id = 1")
        await server.same_as_full()
        assert server.full(FullReason.TOO_MANY) == 1


async def test_a_structure_is_rendered_in_full(url: str) -> None:
    async with keeping(url) as server:
        request = ExportRequest(1, Dataset.STRUCTURE, Format.NDJSON)
        await server.export(request)
        run(url, "UPDATE org_unit SET name = 'Autrement' WHERE ej_id = 1 AND kind = 'UF'")
        await server.same_as_full(request)
        assert server.full(FullReason.STRUCTURE, Dataset.STRUCTURE) == 2


async def test_another_process_goes_on_from_what_redis_has(url: str, valkey: Valkey) -> None:
    async with shared(valkey) as cache, shared(valkey) as other_cache:
        async with keeping(url, cache) as first:
            await first.export()
        run(url, A_MOVEMENT)
        async with keeping(url, other_cache) as second:
            assert (await second.same_as_full()).rendered == 1


async def test_a_segment_that_redis_has_lost_is_rendered_and_no_other(url: str, valkey: Valkey) -> None:
    async with shared(valkey) as cache, shared(valkey) as other_cache:
        async with keeping(url, cache) as first:
            whole = await first.export()
        lost = whole.segments[1]
        with valkey.client() as client:
            (key,) = [key for key in client.scan_iter() if lost.digest.hex().encode() in key]
            client.delete(key)
        async with keeping(url, other_cache) as second:
            answer = await second.export()
            assert (answer.content, answer.segments) == (whole.content, whole.segments)
            assert answer.rendered == lost.resource_count


async def test_a_structure_that_redis_has_lost_a_part_of_is_rendered_in_full(
    url: str, valkey: Valkey
) -> None:
    request = ExportRequest(1, Dataset.STRUCTURE, Format.NDJSON)
    async with shared(valkey) as cache, shared(valkey) as other_cache:
        async with keeping(url, cache) as first:
            whole = await first.export(request)
        with valkey.client() as client:
            (key,) = [key for key in client.scan_iter() if whole.segments[0].digest.hex().encode() in key]
            client.delete(key)
        async with keeping(url, other_cache) as second:
            answer = await second.export(request)
            assert (answer.content, answer.rendered) == (whole.content, len(whole.content.splitlines()))


async def test_without_memory_and_redis_everything_is_rendered(url: str) -> None:
    async with keeping(url, memory=0) as server:
        await server.export()
        run(url, A_MOVEMENT)
        await server.same_as_full()
        assert server.full(FullReason.NO_BASE) == 2


@pytest.mark.parametrize("memory", [MEMORY, 0], ids=["kept", "nothing kept"])
async def test_what_a_caller_has_is_told_and_not_sent(url: str, memory: int) -> None:
    async with keeping(url, memory=memory) as server:
        before = await server.export()
        digests = tuple(segment.digest for segment in before.segments)
        have = replace(VENUES, have=Have(digests=digests))
        unchanged = await server.export(have)
        assert (unchanged.sent, unchanged.segments) == ([], before.segments)
        run(url, A_MOVEMENT)
        after = await server.export(have)
        assert after.segments == (await server.export(VENUES)).segments
        assert [segment.digest not in digests for segment in after.sent] == [True]
        assert after.root == Manifest(after.segments).root


async def test_a_root_stands_for_its_segments(url: str) -> None:
    async with keeping(url) as server:
        before = await server.export()
        assert before.root is not None
        have = replace(VENUES, have=Have(root=before.root))
        for name in ("Another", "A third", "A fourth"):
            run(url, A_MOVEMENT.replace("Another", name))
            after = await server.export(have)
            assert len(after.sent) == 1
        unknown = await server.export(replace(VENUES, have=Have(root=bytes(32))))
        assert len(unknown.sent) == len(unknown.segments)
