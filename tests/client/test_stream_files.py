"""Shows that a stream that is saved is a whole file, or the one that was there."""

import asyncio
import json
from pathlib import Path

import pytest
from fhirexport import (
    AsyncClient,
    IncompleteError,
)
from fhirexport.v1 import export_service_pb2, types_pb2
from support.scripted import (
    COMPLETE,
    WHOLE,
    Event,
    chunk,
    finished,
    playing,
    started,
)


async def test_a_file_is_whole_private_and_under_its_name(tmp_path: Path) -> None:
    target = tmp_path / "patients.ndjson"
    async with playing(COMPLETE) as (address, _), AsyncClient(address) as client:
        export = client.patients(1)
        assert await export.save(target) == target
    assert target.read_bytes() == WHOLE
    assert target.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [target]
    assert export.snapshot is not None
    assert (export.snapshot.resource_count, export.snapshot.size_bytes) == (4, len(WHOLE))


async def test_a_failed_export_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    target = tmp_path / "patients.ndjson"
    target.write_text("yesterday's")
    async with playing([started(), chunk(0)]) as (address, _), AsyncClient(address) as client:
        with pytest.raises(IncompleteError):
            await client.patients(1).save(target)
    assert target.read_text() == "yesterday's"
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_in_place_of_the_part_is_not_written_through(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / "patients.ndjson.part").symlink_to(elsewhere)

    async def save() -> None:
        async with playing(COMPLETE) as (address, _), AsyncClient(address) as client:
            await client.patients(1).save(tmp_path / "patients.ndjson")

    asyncio.run(save())
    assert not elsewhere.exists()
    assert (tmp_path / "patients.ndjson").read_bytes() == WHOLE


async def test_a_file_of_an_export_that_was_not_modified_is_left_as_it_is(tmp_path: Path) -> None:
    target = tmp_path / "patients.ndjson"
    target.write_text("today's")
    holds = Event(finished=export_service_pb2.StreamExportResponse.Finished(not_modified=True))
    async with playing([started(), holds]) as (address, server), AsyncClient(address) as client:
        export = client.patients(1, if_none_match='"1-2-3"')
        await export.save(target)
        assert server.requests[0].if_none_match == '"1-2-3"'
    assert export.not_modified
    assert target.read_text() == "today's"


async def test_a_bundle_is_read_as_one() -> None:
    content = b'{"resourceType":"Bundle","type":"collection"}\n'
    message = export_service_pb2.StreamExportResponse.Chunk(json=content.decode())
    script = [started(), Event(chunk=message), finished(content, count=0, root="")]
    async with playing(script) as (address, server), AsyncClient(address) as client:
        assert await client.structure(1).bundle() == json.loads(content)
        assert server.requests[0].format == types_pb2.FORMAT_BUNDLE
