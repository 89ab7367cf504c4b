"""Shows what comes of an import where another writer comes in between two of its look-ups."""

import asyncio
import json
from collections.abc import Callable
from uuid import uuid4

import psycopg
import pytest
from fhirexport_server.domain.errors import WriteConflictError
from imports.hospital import EJ, Resource, bundle, put
from support.importing import exported, importing, send_bundle
from support.postgres_wire import Wire
from support.server import PATIENCE

NEW_PLACE = "INSERT INTO place (id, ej_id, kind, code, name) VALUES (77, 1, 'UH', 'H7', 'UH 7');"
NEW_MOVEMENT = """
    INSERT INTO movement (id, ej_id, venue_id, movement_no, started_at, trigger_event, uh_id)
    VALUES (77, 1, 1, 'M7', '2026-01-11T17:00:00Z', 'A02', 77)
"""
NO_VENUE = "DELETE FROM movement; DELETE FROM venue"
Held = tuple[str, bytes, str, type[Exception] | None]
IN_BETWEEN: list[Held] = [
    ("Encounter", b"SELECT venue.id, venue.id", NO_VENUE, None),
    ("Encounter", b"SELECT movement.ej_id, movement.state", NO_VENUE, WriteConflictError),
    ("Encounter", b"SELECT movement.ej_id, movement.state", NEW_PLACE + NEW_MOVEMENT, WriteConflictError),
    ("Location", b"SELECT place.id, place.ej_id", NEW_PLACE, WriteConflictError),
]
"""What is sent; the look-up that waits for another writer; what that does; what comes of it."""


async def with_writer(url: str, content: bytes, held: bytes, writes: str, **options: object) -> None:
    """Import, while another writer comes in before a statement that contains something."""
    wire = Wire(f"{url.partition('host=')[2]}/.s.PGSQL.5432")
    name = url.partition("?")[0].rpartition("/")[2]
    async with wire.open() as port, importing(f"postgresql://postgres@127.0.0.1:{port}/{name}") as importer:
        wire.hold(held)
        sending = asyncio.create_task(send_bundle(importer, content, ej_id=EJ, **options))
        await asyncio.wait_for(wire.reached.wait(), PATIENCE)
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            await connection.execute(writes.encode())
        wire.release()
        await sending


def sent(resources: list[Resource], type_: str) -> bytes:
    """A transaction of those of a type, each a little changed; places are new ones."""
    of_type = [one for one in resources if one["resourceType"] == type_]
    for one in of_type:
        if type_ == "Location":
            one["id"] = one["id"].replace("-1", "-77")
            one["identifier"][0]["value"] = "H8"
        else:
            one["status"] = "finished"
    return bundle("transaction", *map(put, of_type))


@pytest.mark.parametrize(("type_", "held", "writes", "error"), IN_BETWEEN)
async def test_no_import_meets_a_bug(
    new_small: Callable[[str], str], type_: str, held: bytes, writes: str, error: type[Exception] | None
) -> None:
    url = new_small("postgresql")
    lines = b"".join((await exported(url))[EJ]).splitlines()
    content = sent([json.loads(line) for line in lines], type_)
    if error is None:
        await with_writer(url, content, held, writes)
        assert len((await exported(url))[EJ].venues.splitlines()) == 2
    else:
        with pytest.raises(error):
            await with_writer(url, content, held, writes)


async def test_an_answer_that_is_deleted_as_it_is_looked_for(new_small: Callable[[str], str]) -> None:
    url, request_id = new_small("postgresql"), str(uuid4())
    lines = b"".join((await exported(url))[EJ]).splitlines()
    content = bundle("transaction", *(put(json.loads(line)) for line in lines))
    async with importing(url) as importer:
        first = await send_bundle(importer, content, ej_id=EJ, request_id=request_id)
        with pytest.raises(WriteConflictError):
            await with_writer(
                url, content, b"SELECT import_request", "DELETE FROM import_request", request_id=request_id
            )
        again = await send_bundle(importer, content, ej_id=EJ, request_id=request_id)
    assert (first.errors, again.is_repeated) == (0, False)
