"""Shows that mirrors of a real server are its exports, for what has changed, on either database."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from fhirexport import AsyncClient, AsyncMirror, Change
from fhirexport.cache_models import Dataset
from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from sqlalchemy import text
from support.rows import writing
from support.server import running_server, wait_for_health
from support.valkey import Valkey
from verification.metamorphic.writer import writing as another_program
from verification.mirror.writing import Scribe

SUBJECTS: tuple[tuple[Dataset, bool], ...] = (
    ("patients", False),
    ("venues", False),
    ("venues", True),
    ("structure", False),
)
CHANGES = 25
FIRST = "id = (SELECT min(id) FROM patient WHERE ej_id = 1)"


@pytest.fixture
def url(database_url: str) -> str:
    load(database_url, batches(patients=400))
    return database_url


async def _export(client: AsyncClient, dataset: Dataset, *, movements: bool) -> dict[tuple[str, str], Any]:
    options = {"movements": True} if movements else {}
    content = await getattr(client, dataset)(1, **options).read("ndjson")
    return {(each["resourceType"], each["id"]): each for each in map(json.loads, content.splitlines())}


async def _taken(mirror: AsyncMirror) -> list[Change]:
    async with mirror.changes() as changes:
        return [change async for change in changes]


@pytest.mark.long
async def test_changes_in_plain_sql_are_the_changes_of_a_mirror(url: str, tmp_path: Path) -> None:
    async with running_server(url) as address, AsyncClient(address) as client:
        await wait_for_health(address)
        mirrors = {
            subject: client.mirror(1, subject[0], tmp_path / f"{number}", movements=subject[1])
            for number, subject in enumerate(SUBJECTS)
        }
        states: dict[object, dict[tuple[str, str], Any]] = {subject: {} for subject in SUBJECTS}
        offered = 0
        with another_program(url) as writer:
            scribe = Scribe(writer, Random(7))
            for _ in range(CHANGES):
                scribe.write()
                for subject, mirror in mirrors.items():
                    before, after = states[subject], await _export(client, subject[0], movements=subject[1])
                    changes = {(each.type, each.id): each.resource for each in await _taken(mirror)}
                    upserts = {name: each for name, each in after.items() if before.get(name) != each}
                    assert changes == upserts | dict.fromkeys(before.keys() - after.keys())
                    assert [resource async for resource in mirror] == list(after.values())
                    states[subject] = after
                    offered += len(changes)
        assert offered > sum(map(len, states.values()))


async def test_one_change_costs_one_segment_or_two(url: str, tmp_path: Path) -> None:
    async with running_server(url) as address, AsyncClient(address) as client:
        await wait_for_health(address)
        mirror = client.mirror(1, "venues", tmp_path / "m", movements=True)
        first = await mirror.update()
        assert first.received_segments == first.segments >= 3
        with writing(url) as connection:
            connection.execute(
                text(
                    "UPDATE movement SET trigger_event = 'A02'"
                    " WHERE id = (SELECT min(id) FROM movement WHERE ej_id = 1)"
                )
            )
        update = await mirror.update()
        assert (update.changed, update.received_segments) == (True, 1)
        assert update.received_bytes < first.received_bytes
        assert update.snapshot.incarnation == first.snapshot.incarnation
        assert not (await mirror.update()).changed


async def test_another_server_brings_it_up_to_date_as_well(url: str, valkey: Valkey, tmp_path: Path) -> None:
    redis: dict[str, Any] = {"redis_url": valkey.url}
    async with running_server(url, **redis) as one, running_server(url, **redis, cache_memory=1) as other:
        for address in (one, other):
            await wait_for_health(address)
        segments = []
        for number, address in enumerate((one, other, one, other)):
            with writing(url) as connection:
                connection.execute(text(f"UPDATE patient SET used_family = 'N{number}' WHERE {FIRST}"))
            async with AsyncClient(address) as client:
                mirror = client.mirror(1, "patients", tmp_path / "m")
                segments.append((await mirror.update()).received_segments)
                assert await mirror.read() == await client.patients(1).read("ndjson")
        # At most one more than the one that has changed: by it, a root that is not known is noticed.
        assert segments[0] > 2
        assert all(received in {1, 2} for received in segments[1:])


async def test_a_restored_database_is_noticed(url: str, tmp_path: Path) -> None:
    async with running_server(url) as address, AsyncClient(address) as client:
        await wait_for_health(address)
        mirror = client.mirror(1, "patients", tmp_path / "m")
        first = await mirror.update()
        before = [resource async for resource in mirror]
    with writing(url) as connection:
        connection.execute(text("UPDATE database_incarnation SET id = 'another'"))
        connection.execute(text(f"UPDATE patient SET used_family = 'AUTRE' WHERE {FIRST}"))
    async with running_server(url) as address, AsyncClient(address) as client:
        await wait_for_health(address)
        mirror = client.mirror(1, "patients", tmp_path / "m")
        async with mirror.changes() as changes:
            assert changes.update.mended == "other_database"
            assert changes.update.snapshot.incarnation != first.snapshot.incarnation
            # Equal texts are equal, whichever database they come from.
            assert [change.id async for change in changes] == [before[0]["id"]]
        assert await mirror.read() == await client.patients(1).read("ndjson")
