"""Shows what comes of imports and exports whose connection to PostgreSQL breaks, at whichever message.

Nothing but DATABASE_UNAVAILABLE is told; an import is written whole or not at all, and well when it is sent
again.
"""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

import psycopg
import pytest
from fhirexport_server.domain.errors import DatabaseUnavailableError
from imports.hospital import EJ, bundle, delete, put
from support.exporting import exporting
from support.importing import exported, exported_of, importing, send_bundle, send_lines
from support.postgres_wire import Break, Wire

HOWS = [how for how in Break if how is not Break.STRANGE]
FIRST = 60
"""How many messages a new connection, or one that is taken again, has at most before it writes."""
SPARSE = 97
"""Of the other messages, one in so many is broken at."""
FORMER = """
    UPDATE org_unit SET name = 'Site'; DELETE FROM patient WHERE id = 7;
    INSERT INTO patient (id, ej_id, birth_family, first_given) VALUES (9, 1, 'X', 'Y') ON CONFLICT DO NOTHING
"""
STATE = "SELECT (SELECT name FROM org_unit), array(SELECT id FROM patient ORDER BY id)"


@asynccontextmanager
async def wired(url: str) -> AsyncIterator[tuple[Wire, str]]:
    """Offer a way to the database of a URL that can break, and its URL by that way."""
    wire = Wire(f"{url.partition('host=')[2]}/.s.PGSQL.5432")
    name = url.partition("?")[0].rpartition("/")[2]
    async with wire.open() as port:
        yield wire, f"postgresql://postgres@127.0.0.1:{port}/{name}"


async def contents(url: str) -> tuple[bytes, bytes]:
    """NDJSON, and a transaction that deletes a patient too: a unit has another name, a patient is new."""
    resources = [json.loads(line) for line in b"".join((await exported(url))[EJ]).splitlines()]
    (patient,) = (one for one in resources if one["resourceType"] == "Patient")
    new = json.loads(json.dumps(patient).replace("8001", "8007")) | {"id": "pat-7"}
    for one in resources:
        if one.get("name") == "Site":
            one["name"] = "Other"
    sent = [*resources, new]
    lines = b"".join(json.dumps(one).encode() + b"\n" for one in sent)
    return lines, bundle("transaction", *map(put, sent), delete("Patient/pat-9"))


@pytest.mark.long
@pytest.mark.parametrize("is_new", [True, False], ids=["a new connection", "one that is taken again"])
@pytest.mark.parametrize("how", HOWS)
async def test_an_import_is_whole_or_not_at_all(
    new_small: Callable[[str], str], how: Break, *, is_new: bool
) -> None:
    url = new_small("postgresql")
    lines, transaction = await contents(url)
    async with wired(url) as (wire, broken_url):
        with psycopg.connect(url, autocommit=True) as connection:
            for number in _numbers():
                is_bundle = number % 2 == 1
                content, send = (transaction, send_bundle) if is_bundle else (lines, send_lines)
                after = ("Other", [1, 7] if is_bundle else [1, 7, 9])
                connection.execute(FORMER.encode())
                async with importing(broken_url) as importer:
                    if not is_new:
                        await send(importer, content, ej_id=EJ, validate_only=True)
                    request_id, is_told = str(uuid4()), False
                    wire.arm(number, how)
                    try:
                        await send(importer, content, ej_id=EJ, request_id=request_id)
                    except DatabaseUnavailableError:
                        is_told = True
                    has_broken = wire.disarm()
                    state = connection.execute(STATE.encode()).fetchone()
                    assert state == after or (is_told and state == ("Site", [1, 9])), number
                    await send(importer, content, ej_id=EJ, request_id=request_id)
                    assert connection.execute(STATE.encode()).fetchone() == after
                if not has_broken:
                    return
    raise AssertionError("every import has broken")


@pytest.mark.long
@pytest.mark.parametrize("how", HOWS)
async def test_an_export_is_whole_or_not_at_all(new_small: Callable[[str], str], how: Break) -> None:
    url = new_small("postgresql")
    whole = (await exported(url))[EJ]
    async with wired(url) as (wire, broken_url), exporting(broken_url) as exporter:
        for number in _numbers():
            wire.arm(number, how)
            with suppress(DatabaseUnavailableError):
                assert await exported_of(exporter, EJ) == whole
            has_broken = wire.disarm()
            assert await exported_of(exporter, EJ) == whole
            if not has_broken:
                return
    raise AssertionError("every export has broken")


async def test_a_connection_whose_test_fails_in_whatever_way_is_replaced(
    new_small: Callable[[str], str],
) -> None:
    url = new_small("postgresql")
    lines, _ = await contents(url)
    async with wired(url) as (wire, broken_url), importing(broken_url) as importer:
        await send_lines(importer, lines, ej_id=EJ)
        wire.arm(0, Break.STRANGE)
        await send_lines(importer, lines, ej_id=EJ)
        assert wire.disarm()


def _numbers() -> list[int]:
    return [*range(0, FIRST, 7), *range(FIRST, 3000, SPARSE)]
