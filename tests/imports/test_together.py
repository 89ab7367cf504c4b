"""Shows imports beside other writers, and what they do to one another."""

import asyncio
from collections.abc import Callable
from threading import Barrier

import pytest
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.errors import TooManyImportsError, WriteConflictError
from fhirexport_server.domain.imports import ImportOptions
from fhirexport_server.domain.revision import Token
from fhirexport_server.imports import importer as importer_module
from fhirexport_server.store.database import Database
from imports.hospital import EJ, Hospital, bundle, counts, put
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from support.importing import Exported, import_lines, importing
from support.rows import writing

RENAME = text("UPDATE org_unit SET name = 'Other' WHERE id = :id")


@pytest.fixture
async def on_postgresql(new_database: Callable[[str], str], small_exports: dict[int, Exported]) -> str:
    url = new_database("postgresql")
    await import_lines(url, b"".join(small_exports[EJ]))
    return url


async def test_nobody_writes_between_the_check_of_a_revision_and_the_import(on_postgresql: str) -> None:
    with Database.open(on_postgresql) as database:
        revision = database.revision(EJ, Dataset.STRUCTURE)
        assert revision is not None
        token = Token(EJ, Dataset.STRUCTURE, revision)
        with database.importing() as session:
            session.require(token)
            with writing(on_postgresql) as other:
                other.execute(text("SET lock_timeout = '100ms'"))
                with pytest.raises(OperationalError):
                    other.execute(RENAME, {"id": 1})


async def test_writers_who_meet_are_told_to_try_again(on_postgresql: str) -> None:
    """Two transactions that each wait for the other's row: one of them is ended by the database."""
    with Database.open(on_postgresql, imports=2) as database:
        one, two = _units(on_postgresql)
        met = Barrier(2)

        def write(first: int, second: int) -> str:
            try:
                with database.importing() as session:
                    session.update("org_unit", ("id", "name"), [(first, "One")])
                    met.wait(30)
                    session.update("org_unit", ("id", "name"), [(second, "Two")])
            except WriteConflictError:
                return "conflict"
            return "written"

        both = await asyncio.gather(asyncio.to_thread(write, one, two), asyncio.to_thread(write, two, one))
    assert sorted(both) == ["conflict", "written"]


def _units(url: str) -> list[int]:
    with writing(url) as connection:
        return list(connection.execute(text("SELECT id FROM org_unit ORDER BY id LIMIT 2")).scalars())


async def test_imports_wait_for_a_place_and_not_for_ever(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = hospital.first("Organization", "service")
    content, options = bundle("transaction", put(service)), ImportOptions(ej_id=EJ)
    async with importing(hospital.url) as importer:
        many = await asyncio.gather(*(importer.bundle(content, options) for _ in range(6)))
        assert [counts(one) for one in many] == [(0, 0, 1, 0)] * 6

        monkeypatch.setattr(importer_module, "PLACE_SECONDS", 0.05)
        async with importer._place(), importer._place():  # noqa: SLF001 - what takes places for long is none of this test
            with pytest.raises(TooManyImportsError):
                await importer.bundle(content, options)
        assert counts(await importer.bundle(content, options)) == (0, 0, 1, 0)


async def test_an_import_that_nobody_waits_for_leaves_nothing(hospital: Hospital) -> None:
    before = await hospital.exports()
    services = [one for id_, one in hospital.resources.items() if id_.startswith(("service", "uf", "bed"))]
    content = bundle("transaction", *(put(one | {"name": "Renamed"}) for one in services))
    async with importing(hospital.url) as importer:
        for delay in (0.0, 0.005, 0.01, 0.02, 0.03):
            task = asyncio.create_task(importer.bundle(content, ImportOptions(ej_id=EJ)))
            await asyncio.sleep(delay)
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled():
                break
        now = await hospital.exports()
    renamed = now.structure.count(b'"name":"Renamed"')
    assert (renamed, now.patients, now.venues) in [(0, *before[1:]), (len(services), *now[1:])]
